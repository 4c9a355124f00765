package inventory

import (
	"context"
	"errors"
	"iter"
	"slices"

	"exporter/internal/accepted"
	"exporter/manifest"
	"exporter/pipeline"
)

// Inventory is what an export holds. It is safe for concurrent use.
type Inventory struct {
	snapshot      *manifest.Snapshot
	files, assets *table
	ofFile        fileColumns
	ofAsset       assetColumns
	accepted      *accepted.Set
	// shown are the columns of files that are read of what is listed.
	shown []int
}

// New returns the inventory of an export, of which the snapshot is to stay open. The set is what was accepted to fail.
func New(snapshot *manifest.Snapshot, set *accepted.Set) *Inventory {
	v := &Inventory{snapshot: snapshot, accepted: set, files: newTable(manifest.FileColumns()), assets: newTable(manifest.AssetColumns())}
	v.ofFile, v.shown = newFileColumns(v.files)
	v.ofAsset = newAssetColumns(v.assets)
	return v
}

// HasFailed tells whether any row of assets or files is one that failed, and reads little beside what says so.
func HasFailed(ctx context.Context, snapshot *manifest.Snapshot) (bool, error) {
	v := New(snapshot, nil)
	for _, failed := range []iter.Seq2[manifest.Record, error]{
		snapshot.QueryAssets(ctx, manifest.Query{Only: v.ofAsset.status, Values: []string{string(Failed)}}),
		snapshot.QueryFiles(ctx, manifest.Query{Only: v.ofFile.status, Values: []string{string(Failed)}}),
	} {
		for _, err := range failed {
			return err == nil, err
		}
	}
	return false, nil
}

// Options says what to list. The zero value lists every file.
type Options struct {
	// Failed lists files and assets that failed, with files of which something failed; Skipped those that were left out.
	Failed, Skipped bool
	// MissingPages lists the files that lack pages between others, and which these are.
	MissingPages bool
	// Where leaves those for which a condition holds; nil for all.
	Where *Where
	// IDs are those of files, as file_id or directory_file_id has them, or of parse jobs: they are listed, and then their assets.
	IDs []string
	// Tree lists assets, by file, and not files.
	Tree bool
	// SummaryOnly lists nothing, and sums up what would be.
	SummaryOnly bool
	// AllColumns reads all columns, for JSON.
	AllColumns bool
}

// isFiltered tells whether something is left out.
func (o *Options) isFiltered() bool { return o.Failed || o.Skipped || o.MissingPages || o.Where != nil }

// Validate says what makes no sense together.
func (o *Options) Validate() error {
	switch {
	case o.MissingPages && (o.Failed || o.Skipped || o.Tree || len(o.IDs) > 0):
		return errors.New("files that lack pages are listed by themselves: give nothing beside it but a condition")
	case o.MissingPages && o.Where != nil && !o.Where.FitsFiles():
		return errors.New("files that lack pages are listed: a condition is to be on files")
	case len(o.IDs) > 0 && o.Where != nil && !o.Where.FitsAssets():
		return errors.New("the assets of files are listed: a condition is to be on assets")
	}
	return nil
}

// Listener is told what is listed, in order. What it is given is valid until it returns. An error ends the listing.
type Listener interface {
	File(*File) error
	Asset(*Asset) error
}

// UnknownError says that the export has nothing of an id.
type UnknownError struct{ ID string }

func (e *UnknownError) Error() string { return "the export has no file and no parse job " + e.ID }

// List tells a listener what is listed, and sums it up. Where nothing is left out, the summary is of all files and assets, whatever of them
// is listed.
func (v *Inventory) List(ctx context.Context, o Options, to Listener) (*Summary, error) {
	l := &listing{Inventory: v, Options: o, to: to, sum: newSummary()}
	l.count = counter{Summary: l.sum, of: &v.ofAsset}
	if o.SummaryOnly {
		l.to = nobody{}
	}
	if len(o.IDs) > 0 {
		return l.sum, l.owners(ctx)
	}
	filtersFiles := o.Where == nil || o.Where.FitsFiles()
	filtersAssets := o.Where == nil || o.Where.FitsAssets()
	byState := o.Failed || o.Skipped
	var err error
	switch {
	case o.MissingPages, o.isFiltered() && !byState && filtersFiles && !(o.Tree && filtersAssets):
		err = l.someFiles(ctx, manifest.Query{}, l.to)
	case o.isFiltered() && !byState:
		err = l.someAssets(ctx, manifest.Query{}, l.to)
	case o.isFiltered():
		if filtersFiles {
			err = l.someFiles(ctx, manifest.Query{}, l.to)
		}
		if err == nil && filtersAssets {
			err = l.someAssets(ctx, manifest.Query{}, l.to)
		}
	case o.Tree:
		if err = l.someAssets(ctx, manifest.Query{}, l.to); err == nil {
			err = l.someFiles(ctx, manifest.Query{}, withoutAssets{l.to})
		}
	default:
		if err = l.someFiles(ctx, manifest.Query{}, l.to); err == nil {
			err = l.countAssets(ctx)
		}
	}
	if err == nil && l.sum.Accepted == 0 {
		err = l.countAccepted(ctx)
	}
	return l.sum, err
}

// nobody listens to nothing, and withoutAssets to files that have none.
type nobody struct{}

func (nobody) File(*File) error   { return nil }
func (nobody) Asset(*Asset) error { return nil }

type withoutAssets struct{ Listener }

func (w withoutAssets) File(f *File) error {
	if f.Stored+f.Skipped+f.Failed > 0 {
		return nil
	}
	return w.Listener.File(f)
}

// listing is a List under way.
type listing struct {
	*Inventory
	Options
	to    Listener
	sum   *Summary
	count counter
}

// someFiles lists the files that a query and the options leave.
func (l *listing) someFiles(ctx context.Context, q manifest.Query, to Listener) error {
	l.testFiles(&q)
	q.Columns = l.shown
	if l.AllColumns {
		q.Columns = l.files.all()
	}
	for r, err := range l.snapshot.QueryFiles(ctx, q) {
		if err != nil {
			return err
		}
		f := l.file(r)
		if l.MissingPages {
			if f.Gaps, err = l.gaps(ctx, f); err != nil {
				return err
			}
		}
		l.sum.addFile(f)
		if !f.AcceptedAt.IsZero() {
			l.sum.Accepted++
		}
		if err := to.File(f); err != nil {
			return err
		}
	}
	return nil
}

// testFiles has a query leave what the options say.
func (l *listing) testFiles(q *manifest.Query) {
	c := &l.ofFile
	q.Only = c.status
	if l.Failed {
		q.Values = append(q.Values, string(Failed), string(Partial))
	}
	if l.Skipped {
		q.Values = append(q.Values, string(Skipped))
	}
	if l.Failed || l.Skipped || l.MissingPages {
		q.Tests = []int{c.vanished, c.expired, c.missingPages}
		q.Matches = func(r manifest.Record) bool {
			return r.IsNull(c.vanished) && r.IsNull(c.expired) && (!l.MissingPages || r.Int(c.missingPages) > 0)
		}
	}
	if l.Where != nil {
		l.Where.test(l.files, l.Where.files, q)
	}
}

// someAssets lists the assets that a query and the options leave.
func (l *listing) someAssets(ctx context.Context, q manifest.Query, to Listener) error {
	l.testAssets(&q)
	c := &l.ofAsset
	switch {
	case l.SummaryOnly:
		q.Columns = c.summed()
	case l.AllColumns:
		q.Columns = l.assets.all()
	case l.Failed && !l.Skipped && len(l.IDs) == 0 && (l.Where == nil || l.Where.FitsFiles()):
		// Their files were listed by their names already, which are long to read.
		q.Columns = slices.Concat(c.summed(), c.keys())
	case l.Failed || l.Skipped:
		q.Columns = append(slices.Concat(c.summed(), c.keys()), c.name)
	default:
		q.Columns = append(slices.Concat(c.summed(), c.keys(), c.content()), c.name)
	}
	for r, err := range l.snapshot.QueryAssets(ctx, q) {
		if err != nil {
			return err
		}
		l.count.add(r)
		if l.SummaryOnly {
			continue
		}
		a := l.asset(r)
		if !a.AcceptedAt.IsZero() {
			l.sum.Accepted++
		}
		if err := to.Asset(a); err != nil {
			return err
		}
	}
	return nil
}

// testAssets has a query leave what the options say.
func (l *listing) testAssets(q *manifest.Query) {
	c := &l.ofAsset
	q.Only = c.status
	if l.Failed {
		q.Values = append(q.Values, string(Failed))
	}
	if l.Skipped {
		q.Values = append(q.Values, string(Skipped))
	}
	if len(q.Values) > 0 {
		q.Tests = []int{c.vanished, c.expired}
		q.Matches = func(r manifest.Record) bool { return r.IsNull(c.vanished) && r.IsNull(c.expired) }
	}
	if l.Where != nil {
		l.Where.test(l.assets, l.Where.assets, q)
	}
}

// countAssets counts all assets.
func (l *listing) countAssets(ctx context.Context) error {
	for r, err := range l.snapshot.QueryAssets(ctx, manifest.Query{Columns: l.ofAsset.summed()}) {
		if err != nil {
			return err
		}
		l.count.add(r)
	}
	return nil
}

// countAccepted counts what was accepted of the assets that were counted, and not listed.
func (l *listing) countAccepted(ctx context.Context) error {
	if l.accepted.IsEmpty() || l.sum.Assets[Failed] == 0 {
		return nil
	}
	q := manifest.Query{Columns: append(l.ofAsset.keys(), l.ofAsset.kind, l.ofAsset.reason)}
	counted := l.Options
	counted.Failed, counted.Skipped = true, false
	(&listing{Inventory: l.Inventory, Options: counted}).testAssets(&q)
	for r, err := range l.snapshot.QueryAssets(ctx, q) {
		if err != nil {
			return err
		}
		if a := l.asset(r); !a.AcceptedAt.IsZero() {
			l.sum.Accepted++
		}
	}
	return nil
}

// owners lists files and jobs by their ids, each with its assets.
func (l *listing) owners(ctx context.Context) error {
	for _, id := range l.IDs {
		owner, err := l.find(ctx, id, l.owner)
		if err != nil {
			return err
		}
		if err := l.someAssets(ctx, manifest.Query{Of: &owner}, l.to); err != nil {
			return err
		}
	}
	return nil
}

// owner lists the file or the job whose assets are listed.
func (l *listing) owner(ctx context.Context, f *File) (err error) {
	if l.isFiltered() {
		return nil
	}
	if f.Gaps, err = l.gaps(ctx, f); err != nil {
		return err
	}
	l.sum.addFile(f)
	return l.to.File(f)
}

// find calls a function with the file or the job of an id, unless only assets of it are known, and returns what these have in common.
func (v *Inventory) find(ctx context.Context, id string, do func(context.Context, *File) error) (owner pipeline.Owner, err error) {
	for _, key := range []pipeline.FileKey{{FileID: id}, {JobID: id}, {DirectoryFileID: id}} {
		for r, err := range v.snapshot.QueryFiles(ctx, manifest.Query{From: &key, Columns: v.files.all()}) {
			if err != nil {
				return owner, err
			}
			if f := v.file(r); f.Key == key {
				return pipeline.Owner{FileID: pipeline.ID(f.FileID), JobID: pipeline.ID(key.JobID)}, do(ctx, f)
			}
			break
		}
	}
	owner = pipeline.Owner{FileID: pipeline.ID(id)}
	for _, err := range v.snapshot.QueryAssets(ctx, manifest.Query{Of: &owner, Columns: v.assets.some("file_id")}) {
		return owner, err
	}
	return owner, &UnknownError{id}
}

// gaps returns the pages that a file lacks between those that it has screenshots of, which begin with 0 or 1.
func (v *Inventory) gaps(ctx context.Context, f *File) (gaps []Gap, err error) {
	if f.MissingPages == nil || *f.MissingPages == 0 || f.FileID == "" && f.Key.JobID == "" {
		return nil, nil
	}
	c := &v.ofAsset
	owner := pipeline.Owner{FileID: pipeline.ID(f.FileID), JobID: pipeline.ID(f.Key.JobID)}
	q := manifest.Query{
		Of: &owner, Only: c.kind, Values: []string{string(pipeline.Screenshot)}, Tests: []int{c.jobID, c.vanished, c.missed, c.page},
		Matches: func(r manifest.Record) bool {
			return r.Is(c.jobID, f.Key.JobID) && r.IsNull(c.vanished) && r.IsNull(c.missed) && r.Int(c.page) >= 0
		},
	}
	var pages []int32
	for r, err := range v.snapshot.QueryAssets(ctx, q) {
		if err != nil {
			return nil, err
		}
		pages = append(pages, int32(r.Int(c.page)))
	}
	return gapsBetween(pages), nil
}

// gapsBetween returns what is missing between some pages, from 1 on unless there is a page 0.
func gapsBetween(pages []int32) (gaps []Gap) {
	slices.Sort(pages)
	next := int32(1)
	for _, page := range pages {
		if page > next {
			gaps = append(gaps, Gap{next, page - 1})
		}
		next = max(next, page+1)
	}
	return gaps
}
