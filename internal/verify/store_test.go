package verify

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"

	"exporter/pipeline"
)

// book is what ledgers in memory have in common.
type book struct {
	mu    sync.Mutex
	rows  map[pipeline.AssetKey]*pipeline.Row
	files map[pipeline.FileKey]*pipeline.FileRow
}

func newBook() *book {
	return &book{rows: map[pipeline.AssetKey]*pipeline.Row{}, files: map[pipeline.FileKey]*pipeline.FileRow{}}
}

func (s *book) add(rows []*pipeline.Row, files []*pipeline.FileRow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range rows {
		s.rows[row.Key()] = new(*row)
	}
	for _, f := range files {
		s.files[f.Key()] = new(*f)
	}
}

// count sums up the rows by file.
func (s *book) count() map[pipeline.FileKey]pipeline.Counts {
	files := map[pipeline.FileKey]pipeline.Counts{}
	for _, row := range s.rows {
		c := files[row.File.Key()]
		switch row.Status {
		case pipeline.Stored:
			c.Stored++
			c.Bytes += row.Content.Size
		case pipeline.Skipped:
			c.Skipped++
		case pipeline.Failed:
			c.Failed++
		}
		files[row.File.Key()] = c
	}
	return files
}

// settle makes all files complete, with the counts that they have.
func (s *book) settle() {
	for key, c := range s.count() {
		s.files[key].Status, s.files[key].Counts = pipeline.Complete, c
	}
}

// stored returns the number of stored rows.
func (s *book) stored() int {
	n := 0
	for _, row := range s.rows {
		if row.Status == pipeline.Stored {
			n++
		}
	}
	return n
}

// Rows yields copies of the present rows.
func (s *book) Rows(ctx context.Context) iter.Seq2[*pipeline.Row, error] {
	return s.open().Rows(ctx)
}

// open returns a ledger that sees what is in the store now.
func (s *book) open() *ledger {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &ledger{book: s, rows: maps.Clone(s.rows), files: maps.Clone(s.files)}
}

// ledger is a Ledger.
type ledger struct {
	book  *book
	rows  map[pipeline.AssetKey]*pipeline.Row
	files map[pipeline.FileKey]*pipeline.FileRow
}

var _ Ledger = (*ledger)(nil)

func (l *ledger) Rows(ctx context.Context) iter.Seq2[*pipeline.Row, error] {
	return values(ctx, l.rows, pipeline.AssetKey.Compare)
}

func (l *ledger) Files(ctx context.Context) iter.Seq2[*pipeline.FileRow, error] {
	return values(ctx, l.files, pipeline.FileKey.Compare)
}

func (l *ledger) Commit(_ context.Context, c pipeline.Rows) error {
	rows, files := c.Assets, c.Files
	l.book.add(rows, files)
	return nil
}

func (l *ledger) Close() error { return nil }

// values yields copies of a map's values in the order of their keys.
func values[K comparable, V any](ctx context.Context, m map[K]*V, compare func(a, b K) int) iter.Seq2[*V, error] {
	return func(yield func(*V, error) bool) {
		for _, key := range slices.SortedFunc(maps.Keys(m), compare) {
			if err := context.Cause(ctx); err != nil {
				yield(nil, err)
				return
			}
			if !yield(new(*m[key]), nil) {
				return
			}
		}
	}
}
