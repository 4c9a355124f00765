package manifest

import (
	"context"
	"errors"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"exporter/internal/store"
	"exporter/pipeline"
)

// Damage is a file of the ledger that is not as it was written, and what is lost with it.
type Damage struct {
	// Path is relative to the export directory. Err says what is wrong.
	Path string
	Err  error
	// Rows is the number of rows that are lost: UnknownRows where nothing in the file can be trusted, and 0 where only
	// what no row needs is damaged, such as a bloom filter.
	Rows int64
	// Assets are the keys of lost rows of assets, as far as they can be read. Those are left out of which another file has a
	// newer row.
	Assets []pipeline.AssetKey
}

// LosesUnnamed tells whether rows of assets may be lost of which not even the key is known.
func (d *Damage) LosesUnnamed() bool {
	return !strings.HasSuffix(d.Path, FilesName) && !strings.HasSuffix(d.Path, PagesName) && d.Rows != int64(len(d.Assets))
}

// UnknownRows is the number of rows of a file that is lost as a whole.
const UnknownRows = -1

// Salvage opens the ledger of the export in r like OpenSnapshot, but takes what is sound of damaged files, and says what
// is lost. It changes nothing.
//
// Every row of the snapshot is one that was written. Where a lost row replaced an older one and its key cannot be read, the
// older one comes to light again: what it says of a blob may be out of date, but not unnoticed, as the blob's hash differs.
// A file that was complete is partial if its assets' rows are not those that it had, so that the next run lists them.
func Salvage(ctx context.Context, r store.Reader) (*Snapshot, []Damage, error) {
	var damages []Damage
	s, err := retry(func() (*Snapshot, error) {
		damages = nil
		note := func(d Damage) { damages = append(damages, d) }
		s, err := openSnapshot(ctx, r, salvaging(note), salvaging(note))
		if err != nil {
			return s, err
		}
		if err = s.missPages(ctx, note); err == nil && len(damages) > 0 {
			err = s.takeStock(ctx, damages)
		}
		if err != nil {
			err = errors.Join(err, s.Close())
		}
		return s, err
	})
	return s, damages, err
}

// missPages notes where there are no pages at all, although files or jobs have some.
func (s *Snapshot) missPages(ctx context.Context, note func(Damage)) error {
	lost, err := s.findLostPages(ctx)
	if lost != nil {
		note(Damage{Path: lost.Path, Err: lost.Err, Rows: UnknownRows})
	}
	return err
}

// salvaging loads what is sound of a table.
func salvaging(note func(Damage)) loader {
	return func(ctx context.Context, r store.Reader, name string, fit func(*table) error) (*table, error) {
		var changes error
		t, err := loadTable(ctx, r, name, func(t *table, damaged spans) error {
			changes = changed(damaged)
			return t.salvage(damaged, fit)
		})
		if damage, ok := errors.AsType[*pipeline.DamageError](err); ok {
			note(Damage{Path: name, Err: damage.Err, Rows: UnknownRows})
			return nil, nil
		}
		if err == nil && changes != nil {
			note(Damage{Path: name, Err: changes, Rows: t.lost.count()})
		}
		return t, err
	}
}

// salvage opens a table, and finds the rows that are lost with damaged bytes of its body.
func (t *table) salvage(damaged spans, fit func(*table) error) (err error) {
	defer catch(&err)
	if err := t.open(); err != nil {
		return err
	}
	if err := fit(t); err != nil {
		return err
	}
	if len(damaged) == 0 {
		return nil
	}
	keys := map[int]bool{}
	for _, key := range t.layout.keys {
		keys[t.layout.from[key]] = true
	}
	var lost, lostKeys []span
	group := span{}
	for g, rows := range t.parquet.Metadata().RowGroups {
		group = span{group.end(), rows.NumRows}
		for c := range rows.Columns {
			pages, err := t.parquet.RowGroups()[g].ColumnChunks()[c].OffsetIndex()
			if err != nil {
				return err
			}
			in := lostWith(damaged, &rows.Columns[c], pages, group)
			lost = append(lost, in...)
			if keys[c] {
				lostKeys = append(lostKeys, in...)
			}
		}
	}
	t.lost, t.lostKeys = union(lost), union(lostKeys)
	return nil
}

// lostWith returns the rows of a row group of which a column chunk cannot be read: those of its damaged pages, or all where
// its dictionary is damaged.
func lostWith(damaged spans, chunk *format.ColumnChunk, pages parquet.OffsetIndex, group span) []span {
	if at := chunk.MetaData.DictionaryPageOffset; at > 0 && damaged.touch(between(at, pages.Offset(0))) {
		return []span{group}
	}
	var lost []span
	end := group.end()
	for page := pages.NumPages() - 1; page >= 0; page-- {
		first := group.first + pages.FirstRowIndex(page)
		if damaged.touch(span{pages.Offset(page), pages.CompressedPageSize(page)}) {
			lost = append(lost, between(first, end))
		}
		end = first
	}
	return lost
}
