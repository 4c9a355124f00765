package interop

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"exporter/internal/emulator"
)

const (
	// earlierFiles and earlierAssets are how many files the exports of schema 1 have, and assets each.
	earlierFiles, earlierAssets = 8, 6
)

// raised returns an export of schema 1 that was raised by a run.
func raised(t *testing.T, sink string) *export {
	t.Helper()
	e := serve(t, nil, emulator.Options{Corpus: emulator.Synthetic(emulator.SyntheticOptions{
		Files: earlierFiles, AssetsPerFile: earlierAssets, BlobSize: 600, Seed: 1,
	})})
	e.corpus = &corpus{directories: []string{emulator.SyntheticDirectory}}
	earlier := filepath.Join("..", "..", "cmd", "exporter", "testdata", "exports", "schema1-"+sink)
	if err := os.CopyFS(e.out, os.DirFS(earlier)); err != nil {
		t.Fatal(err)
	}
	e.run(t, 0, "--sink", sink, "--force", "source")
	return e
}

// Of an export of schema 1 that was raised, the view at the end of docs/format.md has the rows that the old manifest has.
func TestDuckDB_ViewOfSchema1_HasTheOldRows(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "format.md"))
	if err != nil {
		t.Fatal(err)
	}
	view := regexp.MustCompile("(?s)```sql\n(CREATE VIEW assets1 AS.+?)```").FindSubmatch(doc)
	if view == nil {
		t.Fatal("docs/format.md has no view assets1")
	}
	for _, sink := range []string{"local", "archive"} {
		t.Run(sink, func(t *testing.T) {
			e := raised(t, sink)
			db := openDuckDB(t)
			out := strings.TrimSuffix(quoteSQL(e.out), "'") + "/"
			if _, err := db.ExecContext(t.Context(), strings.ReplaceAll(string(view[1]), "'OUT/", out)); err != nil {
				t.Fatal(err)
			}
			old := quoteSQL(e.path("manifest.schema1.parquet"))
			// INTERSECT compares all columns, by name: what the old manifest calls them, the view has to have.
			columns := strings.Join(query(t, db, `SELECT '"' || column_name || '"' FROM (DESCRIBE FROM `+old+`)`, scalar[string]), ", ")
			counts := query(t, db, "SELECT (SELECT count(*) FROM "+old+"), (SELECT count(*) FROM assets1), "+
				"(SELECT count(*) FROM (SELECT "+columns+" FROM assets1 INTERSECT SELECT "+columns+" FROM "+old+"))",
				func(c *[3]int64) []any { return []any{&c[0], &c[1], &c[2]} })[0]
			if counts[0] == 0 || counts[1] != counts[0] || counts[2] != counts[0] {
				t.Errorf("the old manifest has %d rows, the view %d, and they share %d", counts[0], counts[1], counts[2])
			}
		})
	}
}
