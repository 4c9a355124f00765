package manifest

import (
	"fmt"
	"testing"

	"exporter/internal/store"
	"exporter/pipeline"
)

// benchRows returns the rows of files with a hundred assets each, beginning with a file.
func benchRows(first, files int) []*pipeline.Row {
	rows := make([]*pipeline.Row, 0, 100*files)
	for file := range files {
		for page := range 50 {
			id := fmt.Sprintf("file-%08d", first+file)
			rows = append(rows, storedRow(id, int32(page)), figureRow(id, int32(page), "page_1_figure_1.jpg"))
		}
	}
	return rows
}

func benchLedger(b *testing.B) (*Ledger, *store.Dir) {
	b.Helper()
	dir, err := store.OwnDir(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { dir.Close() })
	l, err := Open(b.Context(), dir, testInfo)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	return l, dir
}

// BenchmarkLedger_Commit commits 5,000 rows, as a run of small assets does, now and then with a roll-up.
func BenchmarkLedger_Commit(b *testing.B) {
	l, _ := benchLedger(b)
	first := 0
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		rows := benchRows(first, 50)
		first += 50
		b.StartTimer()
		if err := l.Commit(b.Context(), pipeline.Rows{Assets: rows}); err != nil {
			b.Fatal(err)
		}
	}
	reportPerRow(b, 5000)
}

// BenchmarkLedger_Compact merges 50,000 rows in parts into a manifest.
func BenchmarkLedger_Compact(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		l, _ := benchLedger(b)
		for part := range 10 {
			if err := l.Commit(b.Context(), pipeline.Rows{Assets: benchRows(50*part, 50)}); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		if err := l.Compact(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	reportPerRow(b, 50_000)
}

// BenchmarkOpenSnapshot loads what a run that resumes has to know of 50,000 rows.
func BenchmarkOpenSnapshot(b *testing.B) {
	l, dir := benchLedger(b)
	if err := l.Commit(b.Context(), pipeline.Rows{Assets: benchRows(0, 500)}); err != nil {
		b.Fatal(err)
	}
	if err := l.Compact(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		s, err := OpenSnapshot(b.Context(), dir)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	reportPerRow(b, 50_000)
}

func reportPerRow(b *testing.B, rows int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
}
