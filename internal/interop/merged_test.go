package interop

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"exporter/internal/emulator"
)

// exportedInParts exports a corpus in so many parts, and merges them.
func exportedInParts(t *testing.T, c *corpus, count int, args ...string) *export {
	t.Helper()
	e := serve(t, c, emulator.Options{})
	for i := range count {
		e.run(t, 0, append([]string{"--part", fmt.Sprintf("%d/%d", i, count)}, args...)...)
	}
	output(t, program(t, "exporter", "merge", "--quiet", e.out))
	return e
}

// DuckDB reads the merged tables as those of one export, and those of the parts as one table that has the number of the part in the column "part", which no
// column of ours has the name of.
func TestDuckDB_Merged_IsOneExport(t *testing.T) {
	t.Parallel()
	c := recordedCorpus(t)
	for l, flags := range layouts() {
		e := exportedInParts(t, c, 3, flags...)
		merged, _ := e.readDuckDB(t)
		byKey := map[key]asset{}
		for _, a := range merged {
			byKey[a.key()] = a
		}
		for _, want := range e.assets {
			got, ok := byKey[want.key()]
			if !ok || *got.SHA256 != *want.SHA256 || *got.Size != *want.Size {
				t.Fatalf("%v: %v is %v, want %v", l, want.key(), got, want)
			}
			at := got.FileName
			if at == nil {
				at = got.Shard
			}
			if !strings.HasPrefix(*at, "parts/part=000") {
				t.Errorf("%v: %v is at %q", l, want.key(), *at)
			}
		}
		db := openDuckDB(t)
		pattern := quoteSQL(e.path("parts/*/manifest.parquet"))
		type counted struct {
			part int64
			rows int64
		}
		var rows int64
		counts := query(t, db, "SELECT part, count(*) FROM read_parquet("+pattern+") GROUP BY part ORDER BY part",
			func(c *counted) []any { return []any{&c.part, &c.rows} })
		for _, c := range counts {
			rows += c.rows
		}
		if rows != int64(len(merged)) || len(counts) < 2 || counts[len(counts)-1].part > 2 {
			t.Errorf("%v: the parts have %v, and the merged table %d rows", l, counts, len(merged))
		}
	}
}

// docs/reader.py finds every blob of a merged export; PyArrow and Polars read its table, and those of the parts.
func TestPython_Merged_IsOneExport(t *testing.T) {
	t.Parallel()
	e := exportedInParts(t, recordedCorpus(t), 3)
	e.checkReader(t, e.assets)
	const script = `
import sys, polars, pyarrow.dataset, pyarrow.parquet
out = sys.argv[1]
print(pyarrow.parquet.read_table(out + "/manifest.parquet").num_rows)
print(polars.read_parquet(out + "/manifest.parquet").height)
parts = polars.scan_parquet(out + "/parts/*/manifest.parquet", hive_partitioning=True).collect()
print(parts.height, set(parts["part"]) <= {0, 1, 2})
import glob
print(pyarrow.dataset.dataset(sorted(glob.glob(out + "/parts/*/manifest.parquet")), partitioning="hive").count_rows())
`
	rows := len(e.assets)
	want := fmt.Sprintf("%d\n%d\n%d True\n%d\n", rows, rows, rows, rows)
	if got := string(output(t, python(t, "-c", script, filepath.Clean(e.out)))); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
