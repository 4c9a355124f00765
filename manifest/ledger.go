package manifest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"exporter/internal/store"
	"exporter/pipeline"
)

// Ledger is the commit log of a run, and what earlier runs recorded. The caller holds the export directory's lock.
type Ledger struct {
	*Snapshot
	store store.Store
	info  Info
	// next is the number of the next part.
	next int
	// torn is the number of a part of files that was written, and that does not count before one of assets is; 0 where there is none.
	torn int
	// clean says that left-overs of earlier runs have been removed.
	clean bool
	// occupied is filled by Compact.
	occupied map[string]Occupied

	assets rollup
	files  rollup
	pages  rollup
}

var _ pipeline.Ledger = (*Ledger)(nil)

// Open opens the ledger of the export in st. info is written to every file from now on. Nothing that is there is changed
// before the first Commit or Compact.
func Open(ctx context.Context, st store.Store, info Info) (*Ledger, error) {
	snapshot, err := OpenSnapshot(ctx, st)
	if err != nil {
		return nil, err
	}
	return &Ledger{
		Snapshot: snapshot,
		store:    st,
		info:     info,
		next:     1 + max(snapshot.assets.last, snapshot.files.last, snapshot.pages.last),
		assets:   newRollup(st, snapshot.assets),
		files:    newRollup(st, snapshot.files),
		pages:    newRollup(st, snapshot.pages),
	}, nil
}

// IsEarlier tells whether tables are of an earlier schema than what Compact will write.
func (l *Ledger) IsEarlier() bool {
	for _, t := range slices.Concat(l.Snapshot.assets.tables(), l.Snapshot.files.tables(), l.Snapshot.pages.tables()) {
		if t.meta.schema != Schema {
			return true
		}
	}
	return false
}

// removeLeftOvers removes, once, parts that do not count, and files.parquet and pages.parquet beside which there is no manifest.parquet:
// they vouch for assets that nobody knows any more, and must not come back to life when there is a new one.
func (l *Ledger) removeLeftOvers(ctx context.Context) error {
	if l.clean {
		return nil
	}
	l.clean = true
	err := errors.Join(l.Snapshot.assets.removeStale(ctx, l.store), l.Snapshot.files.removeStale(ctx, l.store),
		l.Snapshot.pages.removeStale(ctx, l.store))
	if err != nil {
		return err
	}
	if !isMissing(ctx, l.store, AssetsName) {
		return nil
	}
	return l.store.Remove(ctx, FilesName, PagesName)
}

// removeTorn removes the part of files of a Commit that did not come to its end, unless that of assets is there.
func (l *Ledger) removeTorn(ctx context.Context) error {
	if l.torn == 0 || !isMissing(ctx, l.store, l.assets.partName(l.torn)) {
		return nil
	}
	l.files.parts = slices.DeleteFunc(l.files.parts, func(p tieredPart) bool { return p.number == l.torn })
	return l.store.Remove(ctx, l.files.partName(l.torn))
}

func (l *log) removeStale(ctx context.Context, from store.Store) error {
	if err := from.Remove(ctx, l.partNames(l.stale)...); err != nil {
		return err
	}
	l.stale = nil
	return nil
}

// Commit implements pipeline.Ledger: it writes the next part, and rolls up what has become too many. Rows of files do not count before
// those of pages and of assets are there.
func (l *Ledger) Commit(ctx context.Context, rows pipeline.Rows) error {
	assets, files := rows.Assets, rows.Files
	if len(assets) == 0 && len(files) == 0 && len(rows.Pages) == 0 {
		return nil
	}
	if err := l.removeLeftOvers(ctx); err != nil {
		return err
	}
	number := l.next
	l.next++
	p := tieredPart{from: number, number: number}
	if len(assets) > 0 && len(files) > 0 {
		l.torn = number
	}
	if err := l.pages.add(ctx, l.info, p, false, sorted(l.pages.schema, rows.Pages, (*pipeline.PageRow).Compare, fromPageRow)); err != nil {
		return err
	}
	byFileKey := func(a, b *pipeline.FileRow) int { return a.Key().Compare(b.Key()) }
	if err := l.files.add(ctx, l.info, p, len(assets) > 0, sorted(l.files.schema, files, byFileKey, fromFileRow)); err != nil {
		return err
	}
	byAssetKey := func(a, b *pipeline.Row) int { return a.Key().Compare(b.Key()) }
	if err := l.assets.add(ctx, l.info, p, false, sorted(l.assets.schema, assets, byAssetKey, fromRow)); err != nil {
		return err
	}
	l.torn = 0
	if err := l.pages.rollUpDue(ctx, l.info); err != nil {
		return err
	}
	if err := l.files.rollUpDue(ctx, l.info); err != nil {
		return err
	}
	return l.assets.rollUpDue(ctx, l.info)
}

// sorted yields rows by key in the form in which they are written. None is converted before it is asked for: a checkpoint
// may have many. Where there are no rows, it returns nil.
func sorted[R, T any](schema *parquet.Schema, rows []R, compare func(a, b R) int, convert func(R) T) batches {
	if len(rows) == 0 {
		return nil
	}
	rows = slices.SortedFunc(slices.Values(rows), compare)
	return encoded(schema, func(yield func(*T, error) bool) {
		var row T
		for _, r := range rows {
			row = convert(r)
			if !yield(&row, nil) {
				return
			}
		}
	})
}

// Compact merges everything into manifest.parquet, files.parquet and pages.parquet and ends the ledger: only Close may be called
// afterwards. An export that has none of the first two yet gets both, even if nothing was committed; pages.parquet comes with the first
// page.
func (l *Ledger) Compact(ctx context.Context) error {
	if err := l.removeLeftOvers(ctx); err != nil {
		return err
	}
	if err := l.removeTorn(ctx); err != nil {
		return err
	}
	hasPages := l.Snapshot.pages.base != nil || len(l.pages.parts) > 0
	if err := l.Snapshot.Close(); err != nil {
		return err
	}
	through := l.next - 1
	occupancy := newOccupancy(l.assets.schema)
	merged, err := l.assets.compact(ctx, l.info, through, occupancy.add, occupancy.columns()...)
	if err != nil {
		return err
	}
	if merged {
		l.occupied = occupancy.shards()
	}
	if _, err = l.files.compact(ctx, l.info, through, func(row) {}); err != nil || !hasPages {
		return err
	}
	_, err = l.pages.compact(ctx, l.info, through, func(row) {})
	return err
}

// compact merges a series into its file, without rows that are to go, and calls kept with those that stay, of which some may have
// no other columns than it needs. Its parts are removed when the file is durable. Where the file is as it should be, it is not merged
// anew.
func (r *rollup) compact(ctx context.Context, info Info, through int, kept func(row), needs ...int) (merged bool, err error) {
	if err := r.reduce(ctx, info); err != nil {
		return false, err
	}
	log, err := r.open(ctx, openTable, false)
	if err != nil {
		return false, err
	}
	if log.base != nil && len(log.parts) == 0 && log.base.isCurrent(info) {
		return false, log.close()
	}
	if err := r.keepEarlier(ctx, log.base); err != nil {
		return false, errors.Join(err, log.close())
	}
	m := merging{log: log, kept: kept, needs: needs}
	err = r.writeSections(ctx, r.store, r.name, fileMeta{Info: info, through: through}, m.sections(ctx, info))
	if err := errors.Join(err, log.close()); err != nil {
		return false, err
	}
	for _, p := range log.parts {
		log.stale = append(log.stale, p.number)
	}
	return true, log.removeStale(ctx, r.store)
}

// isCurrent tells whether a table is as a run with the info would write it.
func (t *table) isCurrent(info Info) bool {
	return t.meta.schema == Schema && !t.foreign && t.meta.Info == info
}

// keepEarlier keeps a copy of a table of an earlier schema, which is to be replaced; nil stands for none.
func (r *rollup) keepEarlier(ctx context.Context, t *table) error {
	if t == nil || t.meta.schema == Schema {
		return nil
	}
	return r.store.Put(ctx, earlierName(t.name), store.ContentOf(t.file), t.file.Size())
}

// earlierName is what a table is called that was kept when its columns were replaced by those of schema 2.
func earlierName(name string) string {
	return strings.TrimSuffix(name, ".parquet") + ".schema1.parquet"
}

// EarlierTables returns the names of the tables, as far as they are there, that were kept when they were replaced by those of schema 2: they
// have rows that are removed since.
func EarlierTables(ctx context.Context, r store.Reader) (names []string) {
	for _, name := range []string{earlierName(AssetsName), earlierName(FilesName)} {
		if !isMissing(ctx, r, name) {
			names = append(names, name)
		}
	}
	return names
}

// rollup keeps the number of parts small.
type rollup struct {
	series
	store store.Store
	// fanIn is how many parts of one tier are rolled up into one of the next, and the most tables that are merged at once.
	fanIn int
	// parts are those there are, oldest first.
	parts []tieredPart
}

// tieredPart is a part that contains those from one number to its own.
type tieredPart struct{ from, number, tier int }

func newRollup(st store.Store, l *log) rollup {
	r := rollup{series: l.series, store: st, fanIn: fanIn}
	for _, p := range l.parts {
		r.parts = append(r.parts, tieredPart{p.meta.from, p.number, p.meta.tier})
	}
	return r
}

// add writes a part, which counts only with one of assets where so it says. The rows are sorted, and each key occurs once; nil stands
// for none.
func (r *rollup) add(ctx context.Context, info Info, p tieredPart, withAssets bool, rows batches) error {
	if rows == nil {
		return nil
	}
	m := p.meta(info)
	m.withAssets = withAssets
	if err := r.write(ctx, r.store, r.partName(p.number), m, rows); err != nil {
		return err
	}
	r.parts = append(r.parts, p)
	return nil
}

// rollUpDue rolls up as long as the newest parts are too many of one tier.
func (r *rollup) rollUpDue(ctx context.Context, info Info) error {
	for r.isDue() {
		if err := r.rollUp(ctx, info, r.fanIn); err != nil {
			return err
		}
	}
	return nil
}

// reduce rolls up the newest parts until a merge of all and the file is no wider than a roll-up.
func (r *rollup) reduce(ctx context.Context, info Info) error {
	for excess := len(r.parts) + 1 - r.fanIn; excess > 0; excess = len(r.parts) + 1 - r.fanIn {
		if err := r.rollUp(ctx, info, min(excess+1, r.fanIn)); err != nil {
			return err
		}
	}
	return nil
}

func (p tieredPart) meta(info Info) fileMeta {
	return fileMeta{Info: info, from: p.from, through: p.number, tier: p.tier}
}

// isDue tells whether the newest fanIn parts are of one tier.
func (r *rollup) isDue() bool {
	if len(r.parts) < r.fanIn {
		return false
	}
	newest := r.parts[len(r.parts)-r.fanIn:]
	return !slices.ContainsFunc(newest, func(p tieredPart) bool { return p.tier != newest[0].tier })
}

// rollUp merges so many of the newest parts into one, which replaces the newest of them.
func (r *rollup) rollUp(ctx context.Context, info Info, count int) error {
	first := len(r.parts) - count
	merged := r.parts[first:]
	newest := merged[count-1]
	target := tieredPart{from: merged[0].from, number: newest.number, tier: newest.tier + 1}
	if err := r.mergeInto(ctx, info, target, merged); err != nil {
		return fmt.Errorf("roll up parts: %w", err)
	}
	var left []string
	for _, p := range merged[:count-1] {
		left = append(left, r.partName(p.number))
	}
	if err := r.store.Remove(ctx, left...); err != nil {
		return err
	}
	r.parts = append(r.parts[:first], target)
	return nil
}

func (r *rollup) mergeInto(ctx context.Context, info Info, target tieredPart, parts []tieredPart) (err error) {
	var tables []*table
	defer func() {
		for _, t := range tables {
			err = errors.Join(err, t.close())
		}
	}()
	for _, p := range parts {
		t, err := r.load(ctx, openTable, r.partName(p.number))
		if err != nil {
			return err
		}
		tables = append(tables, t)
	}
	return r.write(ctx, r.store, r.partName(target.number), target.meta(info), withContext(ctx, mergeTables(tables, r.compare)))
}
