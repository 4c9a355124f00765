package interop

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"exporter/internal/emulator"
)

// What DuckDB says of the Parquet files themselves.

func TestDuckDB_KeyValueMetadata_IsAsSpecified(t *testing.T) {
	t.Parallel()
	e, db := exported(t, hostileCorpus(t), "--sink", "archive"), openDuckDB(t)
	version, stderr := e.exporter(t.Context(), "version")
	out, err := version.Output()
	if err != nil {
		t.Fatalf("exporter version: %v\n%s", err, stderr)
	}
	for _, name := range []string{e.manifest(), e.filesManifest()} {
		pairs := query(t, db, "SELECT key::VARCHAR, decode(value) FROM parquet_kv_metadata("+quoteSQL(name)+")",
			func(p *[2]string) []any { return []any{&p[0], &p[1]} })
		got := map[string]string{}
		for _, p := range pairs {
			got[p[0]] = p[1]
		}
		if got["exporter.schema"] != "2.2" || got["exporter.through"] == "" {
			t.Errorf("%s: schema is %q, through %q; want 2.2 and a number", name, got["exporter.schema"], got["exporter.through"])
		}
		if v := got["exporter.version"]; v == "" || !slices.Contains(strings.Fields(string(out)), v) {
			t.Errorf("%s: version is %q, the program says %q", name, v, out)
		}
		for key, member := range map[string]string{"exporter.source": e.url, "exporter.sink": "archive"} {
			var settings map[string]string
			if err := json.Unmarshal([]byte(got[key]), &settings); err != nil {
				t.Errorf("%s: %s is %q: %v", name, key, got[key], err)
			}
			if !strings.Contains(got[key], `"`+member+`"`) {
				t.Errorf("%s: %s is %s, want it to have %q", name, key, got[key], member)
			}
		}
	}
}

func TestDuckDB_Columns_AreCompressedAndEncodedAsSpecified(t *testing.T) {
	t.Parallel()
	e, db := exported(t, recordedCorpus(t)), openDuckDB(t)
	type chunk struct {
		Name, Compression, Encodings string
		Bloom                        bool
	}
	filtered := map[string][]string{"manifest.parquet": {"file_id", "sha256"}, "files.parquet": {"file_id"}}
	for _, name := range []string{"manifest.parquet", "files.parquet"} {
		columns := specified(t, name)
		chunks := query(t, db, "SELECT path_in_schema, compression, encodings, bloom_filter_offset IS NOT NULL "+
			"FROM parquet_metadata("+quoteSQL(e.path(name))+") ORDER BY row_group_id, column_id",
			func(c *chunk) []any { return []any{&c.Name, &c.Compression, &c.Encodings, &c.Bloom} })
		if len(chunks) != len(columns) {
			t.Fatalf("%s has %d column chunks, want one row group of %d columns", name, len(chunks), len(columns))
		}
		for i, c := range chunks {
			if c.Name != columns[i].name || c.Compression != "ZSTD" || c.Bloom != slices.Contains(filtered[name], c.Name) ||
				columns[i].dictionary && !strings.Contains(c.Encodings, "DICTIONARY") {
				t.Errorf("%s: column chunk %+v does not fit %+v", name, c, columns[i])
			}
		}
	}
}

// A manifest of 60,000 assets, nearly all of them skipped, so that few requests are made.
func TestDuckDB_RowGroups_AreSmallSortedAndFiltered(t *testing.T) {
	t.Parallel()
	const files, each = 60, 1000
	synthetic := emulator.Synthetic(emulator.SyntheticOptions{Files: files, AssetsPerFile: each})
	e, db := serve(t, nil, emulator.Options{Corpus: synthetic}), openDuckDB(t)
	e.corpus = &corpus{directories: []string{emulator.SyntheticDirectory}}
	e.run(t, 0, "--pages", "0")

	name := quoteSQL(e.manifest())
	groups := query(t, db, "SELECT DISTINCT row_group_id, row_group_num_rows FROM parquet_metadata("+name+") ORDER BY ALL",
		func(g *[2]int64) []any { return []any{&g[0], &g[1]} })
	total := int64(0)
	for _, g := range groups {
		total += g[1]
		if g[1] > 50_000 {
			t.Errorf("row group %d has %d rows, want at most 50000", g[0], g[1])
		}
	}
	if len(groups) < 2 || total != files*each {
		t.Errorf("%d rows in %d row groups, want %d in at least 2", total, len(groups), files*each)
	}
	for _, c := range []struct {
		id   string
		want bool
	}{{"file-00000000", false}, {fmt.Sprintf("file-%08d", files-1), false}, {"file-absent", true}} {
		probe := fmt.Sprintf("SELECT bool_and(bloom_filter_excludes) FROM parquet_bloom_probe(%s, 'file_id', %s)",
			name, quoteSQL(c.id))
		if got := query(t, db, probe, scalar[bool]); !slices.Equal(got, []bool{c.want}) {
			t.Errorf("the bloom filters exclude %q: %v, want %v", c.id, got, c.want)
		}
	}
	unsorted := query(t, db, `SELECT count(*) FROM (SELECT file_row_number AS n,
		row_number() OVER (ORDER BY file_id, kind, page_index, figure_name NULLS FIRST) - 1 AS want
		FROM read_parquet(`+name+`, file_row_number = true)) WHERE n <> want`, scalar[int64])
	if !slices.Equal(unsorted, []int64{0}) {
		t.Errorf("%v rows are not where their key belongs", unsorted)
	}
}

func TestDuckDB_GroupByAll_CountsTheCorpus(t *testing.T) {
	t.Parallel()
	e, db := exported(t, recordedCorpus(t), "--skip-noise"), openDuckDB(t)
	type group struct {
		Name, Kind, Status string
		Assets, Bytes      int64
	}
	totals := map[[3]string]*group{}
	assets, _ := e.except(func(a *asset) {
		if a.IsLikelyNoise != nil && *a.IsLikelyNoise {
			a.Status = "skipped"
		}
	})
	for _, a := range assets {
		k := [3]string{*fileOf(e.files, a.FileID).UniqueID, a.Kind, a.Status}
		if totals[k] == nil {
			totals[k] = &group{Name: k[0], Kind: k[1], Status: k[2]}
		}
		totals[k].Assets++
		if a.Size != nil {
			totals[k].Bytes += *a.Size
		}
	}
	var want []group
	for _, g := range totals {
		want = append(want, *g)
	}
	slices.SortFunc(want, func(a, b group) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Status, b.Status))
	})
	got := query(t, db, fmt.Sprintf(`SELECT f.unique_id, kind, m.status, count(*), coalesce(sum(size), 0)::BIGINT
		FROM %s AS m JOIN %s AS f USING (file_id) GROUP BY ALL ORDER BY ALL`,
		quoteSQL(e.manifest()), quoteSQL(e.filesManifest())),
		func(g *group) []any { return []any{&g.Name, &g.Kind, &g.Status, &g.Assets, &g.Bytes} })
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
}

// A folder that is called like a column hides what the file has in it, unless DuckDB is told otherwise.
func TestDuckDB_FolderNamedLikeAColumn_HidesIt(t *testing.T) {
	t.Parallel()
	e, db := exported(t, recordedCorpus(t)), openDuckDB(t)
	name := filepath.Join(t.TempDir(), "kind=figure", "manifest.parquet")
	if err := os.Mkdir(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(e.manifest(), name); err != nil {
		t.Fatal(err)
	}
	for options, want := range map[string][]string{"": {"figure"}, ", hive_partitioning = false": {"figure", "screenshot"}} {
		statement := "SELECT DISTINCT kind FROM read_parquet(" + quoteSQL(name) + options + ") ORDER BY kind"
		if got := query(t, db, statement, scalar[string]); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", statement, got, want)
		}
	}
}

// The statements that README.md shows run as they stand.
func TestDuckDB_Readme_Runs(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	statements := regexp.MustCompile(`duckdb -c "([^"]+)"`).FindAllStringSubmatch(string(readme), -1)
	if len(statements) == 0 {
		t.Fatal("README.md shows no duckdb -c")
	}
	e, db := exported(t, recordedCorpus(t)), openDuckDB(t)
	for _, s := range statements {
		statement := strings.ReplaceAll(s[1], "'export/", "'"+strings.ReplaceAll(e.out, "'", "''")+"/")
		if n := query(t, db, "SELECT count(*) FROM ("+statement+")", scalar[int64]); n[0] == 0 {
			t.Errorf("%s: no rows", s[1])
		}
	}
}
