package manifest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"

	"exporter/internal/store"
	"exporter/pipeline"
)

// Snapshot is what an export's ledger said at one moment. It can be taken of an export that is running, needs no lock
// and changes nothing. It keeps few rows in memory.
type Snapshot struct {
	assets  *log
	files   *log
	pages   *log
	sources sourceSets
	cache   assetCache
	// tallies counts the rows of the assets of each file, and pagesLeft those of its pages; nil unless some may have been lost.
	tallies   map[pipeline.FileKey]tally
	pagesLeft map[pipeline.FileKey]int64
	// pagesDamage says why the pages cannot be read, and is the error of who reads them; nil where they can.
	pagesDamage error
	// widowed says that there is a files.parquet, which does not count as manifest.parquet is missing.
	widowed bool
}

var _ pipeline.History = (*Snapshot)(nil)

// OpenSnapshot reads the ledger of the export in r, which may be empty. Files that cannot be read, or are not as they were
// written, are a *pipeline.DamageError.
func OpenSnapshot(ctx context.Context, r store.Reader) (*Snapshot, error) {
	return retry(func() (*Snapshot, error) {
		return openSnapshot(ctx, r, openTable, openTable)
	})
}

// Glance opens the ledger of the export in r like OpenSnapshot, for a few look-ups: it reads no more of its files than what these need,
// and finds no damage elsewhere. That of the tables of pages is an error of what reads pages, and of nothing else.
func Glance(ctx context.Context, r store.Reader) (*Snapshot, error) {
	return retry(func() (*Snapshot, error) {
		var damage error
		s, err := openSnapshot(ctx, r, glanceTable, func(ctx context.Context, r store.Reader, name string, fit func(*table) error) (*table, error) {
			t, err := glanceTable(ctx, r, name, fit)
			if _, isDamage := errors.AsType[*pipeline.DamageError](err); isDamage {
				damage = errors.Join(damage, err)
				return nil, nil
			}
			return t, err
		})
		if err == nil {
			s.pagesDamage = damage
		}
		return s, err
	})
}

// retry opens a snapshot again where a file was gone: a running export may roll up or merge parts between the listing and
// the opening, and then another listing is right.
func retry(open func() (*Snapshot, error)) (*Snapshot, error) {
	const tries = 5
	for try := 1; ; try++ {
		s, err := open()
		if err == nil || !errors.Is(err, fs.ErrNotExist) || try == tries {
			return s, err
		}
	}
}

// openSnapshot opens all files that count, and those of pages by a loader of their own.
func openSnapshot(ctx context.Context, r store.Reader, load, loadPages loader) (s *Snapshot, err error) {
	s = &Snapshot{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
			s = nil
		}
	}()
	// Without manifest.parquet, files.parquet would vouch for assets that nobody knows any more. Files are opened first: what is
	// complete here has its assets and pages below, also while a run goes on.
	ignoreBase := isMissing(ctx, r, AssetsName)
	s.widowed = ignoreBase && !isMissing(ctx, r, FilesName)
	if s.files, err = fileSeries(r).open(ctx, load, ignoreBase); err != nil {
		return s, err
	}
	if s.pages, err = pageSeries(r).open(ctx, loadPages, ignoreBase); err != nil {
		return s, err
	}
	if s.assets, err = assetSeries(r).open(ctx, load, false); err != nil {
		return s, err
	}
	if ignoreBase && s.assets.base != nil {
		// The first merge of a run has put it since.
		return s, &fs.PathError{Op: "open", Path: FilesName, Err: fs.ErrNotExist}
	}
	return s, s.files.dropTorn(s.assets.last)
}

// isMissing tells whether there is no object. Who cannot know says no, and fails when it is opened.
func isMissing(ctx context.Context, r store.Reader, name string) bool {
	o, err := r.Open(ctx, name)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	// Nothing was written, so that nothing can be lost.
	_ = o.Close()
	return false
}

// Info returns what the newest file of the ledger says of the run that wrote it; nil where nothing has been recorded.
func (s *Snapshot) Info() *Info {
	assets, files := s.assets.info(), s.files.info()
	if files == nil || assets != nil && assets.Source != "" {
		return assets
	}
	return files
}

// LacksBase tells whether manifest.parquet is missing although parts follow one: rows that were merged into it are not known.
func (s *Snapshot) LacksBase() bool {
	parts := slices.Concat(s.assets.parts, s.files.parts)
	return s.assets.base == nil && len(parts) > 0 && !slices.ContainsFunc(parts, func(p part) bool { return p.meta.from <= 1 })
}

// LostTable says which table is missing of those that there were, by what the others say; nil where none is. Before its first merge an export has none
// but a commit log, and in the midst of that one manifest.parquet and what the log has of files.
func (s *Snapshot) LostTable() *pipeline.DamageError {
	covers := func(through int) func(part) bool { return func(p part) bool { return p.meta.from <= through } }
	base := s.assets.base
	switch {
	case s.LacksBase():
		return &pipeline.DamageError{Path: AssetsName, Err: errors.New("it is missing, and parts that follow it are there")}
	case s.widowed && !slices.ContainsFunc(slices.Concat(s.assets.parts, s.files.parts), covers(1)):
		return &pipeline.DamageError{Path: AssetsName, Err: fmt.Errorf("it is missing, and %s is there", FilesName)}
	case base != nil && base.parquet.NumRows() > 0 && s.files.base == nil && !slices.ContainsFunc(s.files.parts, covers(base.meta.through)):
		return &pipeline.DamageError{Path: FilesName, Err: fmt.Errorf("it is missing, and %s is there", AssetsName)}
	}
	return nil
}

// Count returns how many assets and files have rows. Where parts were committed since the last merge, isExact is false: a row that takes the place of an
// older one counts twice.
func (s *Snapshot) Count() (assets, files int64, isExact bool) {
	return s.assets.rows(), s.files.rows(), len(s.assets.tables()) <= 1 && len(s.files.tables()) <= 1
}

// Files yields the rows of all files in the order of their keys.
func (s *Snapshot) Files(ctx context.Context) iter.Seq2[*pipeline.FileRow, error] {
	return func(yield func(*pipeline.FileRow, error) bool) {
		for r, err := range s.fileRows(ctx) {
			var row *pipeline.FileRow
			if err == nil {
				row = r.fileRow(s.sources.parsed)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// Assets implements pipeline.History.
func (s *Snapshot) Assets(ctx context.Context, of pipeline.Owner) ([]*pipeline.Row, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	var tables [][]*assetRow
	for _, t := range s.assets.tables() {
		rows, isWhole, err := []*assetRow(nil), false, error(nil)
		if len(t.lost)+len(t.lostKeys) == 0 {
			rows, isWhole, err = s.cache.rowsOf(&s.assets.series, t, of)
		}
		if err != nil {
			return nil, err
		}
		if !isWhole {
			return s.assetsOf(ctx, of)
		}
		if len(rows) > 0 {
			tables = append(tables, rows)
		}
	}
	var found []*pipeline.Row
	for _, row := range newestOf(tables) {
		r, err := row.row()
		if err != nil {
			return nil, &pipeline.DamageError{Path: AssetsName, Err: err}
		}
		found = append(found, r)
	}
	return found, nil
}

// assetsOf returns the rows of an owner of which some table has lost rows, or many.
func (s *Snapshot) assetsOf(ctx context.Context, of pipeline.Owner) ([]*pipeline.Row, error) {
	var inputs []batches
	for _, t := range s.assets.tables() {
		at, err := s.assets.find(t, rowOf(s.assets.schema, wantedOwner(of)), ownerParts)
		if err != nil {
			return nil, err
		}
		if at.count > 0 {
			inputs = append(inputs, t.rows(at))
		}
	}
	var found []*pipeline.Row
	for row, err := range s.toRows(withoutLost(withContext(ctx, merge(inputs, s.assets.compare)))) {
		if err != nil {
			return nil, err
		}
		found = append(found, row)
	}
	return found, nil
}

// Asset returns the row of an asset; nil where there is none. Of a table with a million of them it reads a few pages.
func (s *Snapshot) Asset(_ context.Context, key pipeline.AssetKey) (*pipeline.Row, error) {
	at, err := s.assets.lookUp(rowOf(s.assets.schema, wantedAsset(key)))
	if err != nil || at == nil {
		return nil, err
	}
	for row, err := range s.toRows(at) {
		return row, err
	}
	return nil, nil
}

// Has tells whether any asset of an owner has a row.
func (s *Snapshot) Has(_ context.Context, of pipeline.Owner) (bool, error) {
	for _, t := range s.assets.tables() {
		if at, err := s.assets.find(t, rowOf(s.assets.schema, wantedOwner(of)), ownerParts); err != nil || at.count > 0 {
			return err == nil, err
		}
	}
	return false, nil
}

// Rows yields every asset's row, sorted by key.
func (s *Snapshot) Rows(ctx context.Context) iter.Seq2[*pipeline.Row, error] {
	return s.toRows(s.assets.all(ctx))
}

func (s *Snapshot) toRows(all batches) iter.Seq2[*pipeline.Row, error] {
	return func(yield func(*pipeline.Row, error) bool) {
		for r, err := range decoded[assetRow](all) {
			var row *pipeline.Row
			if err == nil {
				row, err = r.row()
				if err != nil {
					err = &pipeline.DamageError{Path: AssetsName, Err: err}
				}
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// Close closes the files.
func (s *Snapshot) Close() error {
	var err error
	if s.assets != nil {
		err = s.assets.close()
	}
	if s.files != nil {
		err = errors.Join(err, s.files.close())
	}
	if s.pages != nil {
		err = errors.Join(err, s.pages.close())
	}
	s.assets, s.files, s.pages = nil, nil, nil
	return err
}
