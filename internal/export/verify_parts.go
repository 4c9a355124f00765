package export

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"sync"

	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/internal/verify"
	"exporter/internal/whole"
	"exporter/manifest"
	"exporter/pipeline"
)

// partsVerification is that of an export in parts: of each part by its own tables, of what lies beside the parts, and of the merged tables.
type partsVerification struct {
	VerifyOptions
	parts *whole.Export
	// states are those of the parts before they were verified, ofParts what their rows come to, and ofTables what those of the merged tables do.
	states            map[string]string
	ofParts, ofTables map[string]rowSum
	seed              maphash.Seed

	mu sync.Mutex
	// done is what was counted of parts that were verified, and now counts what is being verified.
	done Verified
	now  func() verify.Counts
}

func newPartsVerification(o VerifyOptions, e *whole.Export) *partsVerification {
	return &partsVerification{
		VerifyOptions: o, parts: e, states: map[string]string{}, ofParts: map[string]rowSum{}, ofTables: map[string]rowSum{}, seed: maphash.MakeSeed(),
	}
}

func (v *partsVerification) run(ctx context.Context) (c Verified, err error) {
	stop := v.Watcher.Verification(v.counts)
	defer stop()
	if err := warnOfStrays(ctx, v.parts, v.Log); err != nil {
		return v.done, err
	}
	v.done.Whole = v.Path
	isExport := false
	for _, folder := range v.parts.Folders() {
		has, err := v.verifyPart(ctx, folder)
		if err != nil {
			return v.done, &manifest.PartError{Folder: folder, Err: err}
		}
		isExport = isExport || has
	}
	dir, err := openPlace(ctx, v.Path, v.Log)
	if err != nil {
		return v.done, err
	}
	isMerged, err := v.verifyMerged(ctx, dir)
	if err == nil && !isExport && !isMerged {
		err = noManifestError(v.Path)
	}
	if err == nil {
		err = v.verifyBeside(ctx, dir)
	}
	if err == nil {
		err = warnOfCopies(ctx, dir, v.Log)
	}
	return v.done, errors.Join(err, dir.Close())
}

// counts returns what has been counted by now.
func (v *partsVerification) counts() verify.Counts {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.now == nil {
		return v.done.Counts
	}
	return sumCounts(v.done.Counts, v.now())
}

func (v *partsVerification) begin(counts func() verify.Counts) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now = counts
}

// add counts what was verified.
func (v *partsVerification) add(c Verified) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.done.Counts, v.now = sumCounts(v.done.Counts, c.Counts), nil
	v.done.Pages += c.Pages
}

func sumCounts(a, b verify.Counts) verify.Counts {
	return verify.Counts{
		Blobs: a.Blobs + b.Blobs, Bytes: a.Bytes + b.Bytes, Documents: a.Documents + b.Documents,
		CheckedBlobs: a.CheckedBlobs + b.CheckedBlobs, CheckedBytes: a.CheckedBytes + b.CheckedBytes,
		Lost: a.Lost + b.Lost, Damaged: a.Damaged + b.Damaged, Orphans: a.Orphans + b.Orphans,
	}
}

// verifyPart verifies the export in a folder, and tells whether there is one.
func (v *partsVerification) verifyPart(ctx context.Context, folder string) (isExport bool, err error) {
	dir, err := v.parts.Open(ctx, folder)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	if v.states[folder], err = manifest.State(ctx, dir); err != nil {
		return false, err
	}
	prefix, sum := parts.Prefix(folder), rowSum{}
	of := &verification{
		VerifyOptions: v.VerifyOptions, isPart: true, begin: v.begin, look: func(row *pipeline.Row) { sum.add(v.seed, row, row.Location.Path) },
		open: func(ctx context.Context) (store.ReadCloser, error) { return v.parts.Open(ctx, folder) },
	}
	of.Found = func(f verify.Finding) {
		f.Path = prefix + f.Path
		v.Found(f)
	}
	of.Table = func(d manifest.Damage) {
		d.Path = prefix + d.Path
		v.Table(d)
	}
	c, isExport, err := of.run(ctx, dir)
	if err == nil && !isExport {
		isExport, err = v.lostTables(ctx, dir, folder, &c)
	}
	v.ofParts[folder] = sum
	if c.Lost+c.Damaged > 0 {
		v.done.Parts = append(v.done.Parts, folder)
	}
	v.add(c)
	return isExport, err
}

// lostTables tells whether a part without tables has had some, by what its last run says, and counts the damage then.
func (v *partsVerification) lostTables(ctx context.Context, dir store.Reader, folder string, c *Verified) (isExport bool, err error) {
	err = lostTables(ctx, dir)
	damage, isDamage := errors.AsType[*pipeline.DamageError](err)
	if !isDamage {
		return false, err
	}
	v.Table(manifest.Damage{Path: parts.Prefix(folder) + damage.Path, Err: damage.Err, Rows: manifest.UnknownRows})
	c.Damaged++
	return true, nil
}

// noRows is what no row names.
type noRows struct{}

// Rows implements verify.Rows.
func (noRows) Rows(context.Context) iter.Seq2[*pipeline.Row, error] {
	return func(func(*pipeline.Row, error) bool) {}
}

// verifyBeside finds blobs and shards that are in no part.
func (v *partsVerification) verifyBeside(ctx context.Context, dir store.Reader) error {
	beside := verify.New(verify.Options{Export: dir, Rows: noRows{}, Quick: true, Found: v.Found})
	err := beside.Run(ctx)
	v.add(Verified{Counts: beside.Counts()})
	return err
}

// verifyMerged reads the merged tables, if there are any, and compares what they say of each part with what the part itself does, unless the part has
// committed since. It tells whether there are some.
func (v *partsVerification) verifyMerged(ctx context.Context, dir store.Reader) (isMerged bool, err error) {
	snapshot, damages, err := manifest.Salvage(ctx, dir)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	for _, d := range damages {
		v.Table(d)
	}
	if len(damages) > 0 {
		// The rows that are lost are in the parts.
		v.add(Verified{Counts: verify.Counts{Damaged: int64(len(damages))}})
		return true, nil
	}
	merged, err := manifest.ReadMerged(ctx, dir)
	switch {
	case err != nil:
		return true, err
	case merged == nil && snapshot.Info() == nil:
		return false, nil
	case merged == nil:
		v.differs("it is that of a run, not of a merge of the parts")
		return true, nil
	}
	for row, err := range snapshot.Blobs(ctx) {
		if err != nil {
			return true, err
		}
		if row.Status == pipeline.Stored {
			prefix, rest := parts.Cut(row.Location.Path)
			sum := v.ofTables[prefix]
			sum.add(v.seed, row, rest)
			v.ofTables[prefix] = sum
		}
	}
	v.compareMerged(merged)
	return true, nil
}

// compareMerged compares what the rows of the merged tables come to with what those of the parts do.
func (v *partsVerification) compareMerged(merged *manifest.Merged) {
	v.findGone(merged)
	changed := 0
	for _, folder := range v.parts.Folders() {
		prefix := parts.Prefix(folder)
		of, own := v.ofTables[prefix], v.ofParts[folder]
		delete(v.ofTables, prefix)
		_, isNumbered := parts.ParseName(folder)
		switch {
		case v.states[folder] == "" && merged.Parts[folder] != "":
		case merged.Parts[folder] != v.states[folder]:
			changed++
		case of == own, !isNumbered && of.count < own.count:
			// Of an export that was moved there, rows may not count.
		default:
			v.differs("its rows of " + prefix + " are not those of the part")
		}
	}
	for prefix := range v.ofTables {
		v.differs(fmt.Sprintf("it has rows of blobs in %q, where there is no part", prefix))
	}
	if merged.IsTorn() && v.Log != nil {
		v.Log.Warn("the merged tables are not those of one merge, which was killed, or is under way: " + whole.MergeCommand(v.Path) + " makes them anew")
		return
	}
	if changed > 0 && v.Log != nil {
		v.Log.Warn("parts of the export have committed since their tables were merged: their blobs were verified, and "+whole.MergeCommand(v.Path)+" brings the tables up to date",
			"parts", changed)
	}
}

// findGone finds parts of which the merged tables have rows, and of which there are no tables any more.
func (v *partsVerification) findGone(merged *manifest.Merged) {
	for _, folder := range slices.Sorted(maps.Keys(merged.Parts)) {
		if v.states[folder] != "" {
			continue
		}
		prefix := parts.Prefix(folder)
		delete(v.ofTables, prefix)
		if slices.Contains(v.done.Parts, folder) {
			// It is named already.
			continue
		}
		v.Found(verify.Finding{
			Path: prefix, Err: fmt.Errorf("it is gone, and the merged tables have rows of it: bring it back, or remove %s and merge again", manifest.AssetsName),
		})
		v.add(Verified{Counts: verify.Counts{Damaged: 1}})
		v.done.Gone = append(v.done.Gone, parts.Dir+"/"+folder)
	}
}

// differs counts damage of the merged tables.
func (v *partsVerification) differs(what string) {
	v.Found(verify.Finding{
		Path: manifest.AssetsName, Err: errors.New(what + ": remove the table, and exporter merge makes it anew"),
	})
	v.add(Verified{Counts: verify.Counts{Damaged: 1}})
}

// rowSum is what the rows of stored assets come to, in whatever order they are added: of other rows it is another one.
type rowSum struct {
	count int64
	sum   uint64
}

// add adds the row of an asset that is stored at a path. Nobody knows a seed before, so that nobody makes other rows that come to the same.
func (s *rowSum) add(seed maphash.Seed, row *pipeline.Row, path string) {
	if row.Status != pipeline.Stored {
		return
	}
	var room [512]byte
	b := room[:0]
	key := row.Key()
	for _, text := range []string{
		string(key.FileID), string(key.JobID), string(key.Kind), key.FigureName, string(key.Origin), key.UpstreamName, path, row.Content.MediaType,
	} {
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	}
	b = append(binary.AppendVarint(binary.AppendVarint(b, int64(key.PageIndex)), row.Content.Size), row.Content.SHA256[:]...)
	if at := row.Location.Shard; at != nil {
		b = append(binary.AppendVarint(b, at.Offset), at.Member...)
		if f := at.Frame; f != nil {
			b = binary.AppendVarint(binary.AppendVarint(binary.AppendVarint(b, f.Offset), f.Size), f.Start)
		}
	}
	s.count++
	s.sum += maphash.Bytes(seed, b)
}
