package manifest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"

	"exporter/internal/durable"
	"exporter/pipeline"
)

// Ledger is the commit log of a run, and what earlier runs recorded. The caller holds the export directory's lock.
type Ledger struct {
	*Snapshot
	fsys durable.FS
	info Info
	// next is the number of the next part.
	next   int
	assets rollup[assetRow]
	files  rollup[fileRow]
}

var _ pipeline.Ledger = (*Ledger)(nil)

// Open opens the ledger of the export in fsys. info is written to every file from now on.
func Open(ctx context.Context, fsys durable.FS, info Info) (*Ledger, error) {
	if err := fsys.MkdirAll(partsDir); err != nil {
		return nil, err
	}
	if err := removeOrphan(fsys); err != nil {
		return nil, err
	}
	snapshot, err := OpenSnapshot(ctx, fsys)
	if err != nil {
		return nil, err
	}
	l := &Ledger{
		Snapshot: snapshot,
		fsys:     fsys,
		info:     info,
		next:     1 + max(snapshot.assets.last(), snapshot.files.last()),
		assets:   newRollup(snapshot.assets),
		files:    newRollup(snapshot.files),
	}
	if err := errors.Join(snapshot.assets.removeStale(), snapshot.files.removeStale()); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	// The first commit must not find that its own directory was not durable.
	if err := errors.Join(fsys.SyncDir(durable.PrivateDir), fsys.SyncDir(".")); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// removeOrphan removes a files.parquet beside which there is no manifest.parquet: it vouches for assets that nobody
// knows any more, and must not come back to life when a new manifest.parquet is written.
func removeOrphan(fsys durable.FS) error {
	if _, err := fsys.Lstat(AssetsName); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := fsys.Remove(FilesName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fsys.SyncDir(".")
}

func (l *log[T]) removeStale() error {
	for _, number := range l.stale {
		if err := l.fsys.Remove(l.partName(number)); err != nil {
			return err
		}
	}
	l.stale = nil
	return nil
}

// Commit implements pipeline.Ledger: it writes the next part, and rolls up what has become too many.
func (l *Ledger) Commit(ctx context.Context, assets []*pipeline.Row, files []*pipeline.FileRow) error {
	if len(assets) == 0 && len(files) == 0 {
		return nil
	}
	assetRows := make([]assetRow, len(assets))
	for i, r := range assets {
		assetRows[i] = fromRow(r)
	}
	fileRows := make([]fileRow, len(files))
	for i, r := range files {
		fileRows[i] = fromFileRow(r)
	}
	number := l.next
	l.next++
	if err := l.assets.add(ctx, l.info, number, assetRows); err != nil {
		return err
	}
	return l.files.add(ctx, l.info, number, fileRows)
}

// Compact merges everything into manifest.parquet and files.parquet and ends the ledger: only Close may be called
// afterwards. An export that has neither file yet gets both, even if nothing was committed.
func (l *Ledger) Compact(ctx context.Context) error {
	if err := l.Snapshot.Close(); err != nil {
		return err
	}
	through := l.next - 1
	if err := compact(ctx, assetSeries(l.fsys), l.info, through); err != nil {
		return err
	}
	return compact(ctx, fileSeries(l.fsys), l.info, through)
}

// compact merges a series into its file. Its parts are removed when the file is durable.
func compact[T any](ctx context.Context, s series[T], info Info, through int) (err error) {
	log, err := s.open(false)
	if err != nil {
		return err
	}
	if log.base != nil && len(log.parts) == 0 && log.base.meta.Info == info {
		return log.close()
	}
	m := fileMeta{Info: info, through: through}
	err = writeTable(s.fsys, s.name, m, s.sorting, log.all(ctx))
	if err := errors.Join(err, log.close()); err != nil {
		return err
	}
	for _, p := range log.parts {
		log.stale = append(log.stale, p.number)
	}
	return log.removeStale()
}

// rollup keeps the number of parts small.
type rollup[T any] struct {
	series[T]
	// parts are those there are, oldest first.
	parts []tieredPart
}

type tieredPart struct{ number, tier int }

func newRollup[T any](l *log[T]) rollup[T] {
	r := rollup[T]{series: l.series}
	for _, p := range l.parts {
		r.parts = append(r.parts, tieredPart{p.number, p.meta.tier})
	}
	return r
}

// add writes a part, and rolls up as long as the newest parts are too many of one tier. Rows of one key may not occur
// twice in it.
func (r *rollup[T]) add(ctx context.Context, info Info, number int, rows []T) error {
	if len(rows) == 0 {
		return nil
	}
	slices.SortFunc(rows, func(a, b T) int { return r.compare(&a, &b) })
	sorted := func(yield func(*T, error) bool) {
		for i := range rows {
			if !yield(&rows[i], nil) {
				return
			}
		}
	}
	if err := r.write(info, tieredPart{number: number}, sorted); err != nil {
		return err
	}
	r.parts = append(r.parts, tieredPart{number: number})
	for r.isDue() {
		if err := r.rollUp(ctx, info); err != nil {
			return fmt.Errorf("roll up parts: %w", err)
		}
	}
	return nil
}

func (r *rollup[T]) write(info Info, p tieredPart, rows iter.Seq2[*T, error]) error {
	return writeTable(r.fsys, r.partName(p.number), fileMeta{Info: info, tier: p.tier}, r.sorting, rows)
}

// isDue tells whether the newest fanIn parts are of one tier.
func (r *rollup[T]) isDue() bool {
	if len(r.parts) < fanIn {
		return false
	}
	newest := r.parts[len(r.parts)-fanIn:]
	return !slices.ContainsFunc(newest, func(p tieredPart) bool { return p.tier != newest[0].tier })
}

// rollUp merges the newest fanIn parts into one, which replaces the newest of them.
func (r *rollup[T]) rollUp(ctx context.Context, info Info) error {
	first := len(r.parts) - fanIn
	merged := r.parts[first:]
	newest := tieredPart{number: merged[fanIn-1].number, tier: merged[0].tier + 1}
	if err := r.mergeInto(ctx, info, newest, merged); err != nil {
		return err
	}
	for _, p := range merged[:fanIn-1] {
		if err := r.fsys.Remove(r.partName(p.number)); err != nil {
			return err
		}
	}
	r.parts = append(r.parts[:first], newest)
	return nil
}

func (r *rollup[T]) mergeInto(ctx context.Context, info Info, target tieredPart, parts []tieredPart) (err error) {
	var tables []*table[T]
	defer func() {
		for _, t := range tables {
			err = errors.Join(err, t.close())
		}
	}()
	for _, p := range parts {
		t, err := openTable[T](r.fsys, r.partName(p.number))
		if err != nil {
			return err
		}
		tables = append(tables, t)
	}
	return r.write(info, target, withContext(ctx, mergeTables(tables, r.compare)))
}
