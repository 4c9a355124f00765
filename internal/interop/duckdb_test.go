package interop

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/google/go-cmp/cmp"

	"exporter/internal/emulator"
)

// duckDB is a database in memory.
type duckDB struct{ *sql.DB }

func openDuckDB(t *testing.T) duckDB {
	t.Helper()
	db, err := sql.Open("duckdb", "?autoinstall_known_extensions=false&autoload_known_extensions=false")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return duckDB{db}
}

// query returns the rows of a statement. fields gives pointers to the fields of a row, in the order of the columns.
func query[T any](t *testing.T, db duckDB, statement string, fields func(*T) []any) []T {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var row T
		if err := rows.Scan(fields(&row)...); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return all
}

// scalar is a row of one column.
func scalar[T any](v *T) []any { return []any{v} }

// quoteSQL returns a string literal.
func quoteSQL(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// selection returns SELECT and its columns, such that a timestamp comes as microseconds since the epoch.
func selection(columns []column) string {
	var list []string
	for _, c := range columns {
		if c.typ == "timestamp" {
			list = append(list, "epoch_us("+c.name+")")
			continue
		}
		list = append(list, c.name)
	}
	return "SELECT " + strings.Join(list, ", ") + " "
}

// readDuckDB reads both files of an export, in the order in which they are written.
func (e *export) readDuckDB(t *testing.T) ([]asset, []file) {
	t.Helper()
	db := openDuckDB(t)
	ordered := func(name string) string {
		return fmt.Sprintf("FROM read_parquet(%s, file_row_number = true) ORDER BY file_row_number", quoteSQL(name))
	}
	assets := query(t, db, selection(specified(t, "manifest.parquet"))+ordered(e.manifest()), (*asset).fields)
	files := query(t, db, selection(specified(t, "files.parquet"))+ordered(e.filesManifest()), (*file).fields)
	return assets, files
}

func TestDuckDB_Describe_IsAsSpecified(t *testing.T) {
	t.Parallel()
	e, db := exported(t, hostileCorpus(t)), openDuckDB(t)
	types := map[string]string{
		"string": "VARCHAR", "int32": "INTEGER", "int64": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN",
		"timestamp": "TIMESTAMP WITH TIME ZONE",
	}
	for _, name := range []string{"manifest.parquet", "files.parquet"} {
		var want [][2]string
		for _, c := range specified(t, name) {
			want = append(want, [2]string{c.name, types[c.typ]})
		}
		got := query(t, db, "SELECT column_name, column_type FROM (DESCRIBE FROM "+quoteSQL(e.path(name))+")",
			func(c *[2]string) []any { return []any{&c[0], &c[1]} })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("DESCRIBE %s (-want +got):\n%s", name, diff)
		}
	}
}

func TestDuckDB_ParquetSchema_IsAsSpecified(t *testing.T) {
	t.Parallel()
	e, db := exported(t, hostileCorpus(t)), openDuckDB(t)
	type element struct{ Name, Physical, Repetition, Converted string }
	physical := map[string][2]string{
		"string": {"BYTE_ARRAY", "UTF8"}, "int32": {"INT32", "INT_32"},
		"int64": {"INT64", "INT_64"}, "double": {"DOUBLE", ""}, "boolean": {"BOOLEAN", ""},
		"timestamp": {"INT64", "TIMESTAMP_MICROS"},
	}
	for _, name := range []string{"manifest.parquet", "files.parquet"} {
		var want []element
		for _, c := range specified(t, name) {
			repetition := map[bool]string{false: "REQUIRED", true: "OPTIONAL"}[c.nullable]
			want = append(want, element{c.name, physical[c.typ][0], repetition, physical[c.typ][1]})
		}
		got := query(t, db, "SELECT name, type, repetition_type, coalesce(converted_type, '') FROM parquet_schema("+
			quoteSQL(e.path(name))+") WHERE column_id > 0 ORDER BY column_id",
			func(x *element) []any { return []any{&x.Name, &x.Physical, &x.Repetition, &x.Converted} })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("parquet_schema of %s (-want +got):\n%s", name, diff)
		}
		local := query(t, db, "SELECT name FROM parquet_schema("+quoteSQL(e.path(name))+") "+
			"WHERE logical_type LIKE 'TimestampType%' AND logical_type NOT LIKE '%isAdjustedToUTC=1%'", scalar[string])
		if len(local) > 0 {
			t.Errorf("%s: %v are not in UTC", name, local)
		}
	}
}

func TestDuckDB_Rows_EqualTheCorpus(t *testing.T) {
	t.Parallel()
	for name, corpus := range map[string]func(*testing.T) *corpus{"recorded": recordedCorpus, "hostile": hostileCorpus} {
		for layout, flags := range layouts() {
			t.Run(name+"/"+layout.String(), func(t *testing.T) {
				e := exported(t, corpus(t), flags...)
				assets, files := e.readDuckDB(t)
				e.checkAssets(t, layout, assets, e.assets)
				e.checkFiles(t, files, e.files)
			})
		}
	}
}

func TestDuckDB_SkippedRows_HaveAReasonAndNoBlob(t *testing.T) {
	t.Parallel()
	e := exported(t, recordedCorpus(t), "--skip-noise")
	wantAssets, wantFiles := e.except(func(a *asset) {
		if a.IsLikelyNoise != nil && *a.IsLikelyNoise {
			a.Status, a.Reason, a.Attempts = "skipped", new("noise"), 0
		}
	})
	assets, files := e.readDuckDB(t)
	e.checkAssets(t, localFiles, assets, wantAssets)
	e.checkFiles(t, files, wantFiles)
	if n := countStatus(assets, "skipped"); n == 0 {
		t.Error("the corpus has no noise to skip")
	}
}

func TestDuckDB_FailedRows_HaveAReasonAndNoBlob(t *testing.T) {
	t.Parallel()
	e := serve(t, recordedCorpus(t), emulator.Options{
		Faults: emulator.Faults{Rate: 0.1, Times: -1, Kinds: []emulator.FaultKind{emulator.FaultStatus404}}, Seed: 3,
	})
	e.run(t, 3)
	failed := e.failedRoutes(t)
	assets, files := e.readDuckDB(t)
	reasons := map[key]*string{}
	for _, a := range assets {
		reasons[a.key()] = a.Reason
	}
	wantAssets, wantFiles := e.except(func(a *asset) {
		if failed[a.key().route()] {
			a.Status, a.Reason = "failed", reasons[a.key()]
			if a.Reason == nil || !strings.HasPrefix(*a.Reason, "http_404: ") {
				t.Errorf("%v: reason is %s, want its class and a message", a.key(), cmp.Diff(nil, a.Reason))
			}
		}
	})
	e.checkAssets(t, localFiles, assets, wantAssets)
	e.checkFiles(t, files, wantFiles)
	if n := countStatus(assets, "failed"); n == 0 || n != len(failed) {
		t.Errorf("%d rows are failed, %d assets could not be fetched", n, len(failed))
	}
}

// A file one of whose listings fails has the rows of the other one.
func TestDuckDB_FailedFiles_SayWhy(t *testing.T) {
	t.Parallel()
	e := serve(t, recordedCorpus(t), emulator.Options{Faults: emulator.Faults{
		Rate: 0.5, Times: -1, Kinds: []emulator.FaultKind{emulator.FaultStatus403},
		Routes: []emulator.Route{emulator.RouteListPageScreenshots},
	}})
	e.run(t, 3)
	failed := e.failedRoutes(t)
	gotAssets, gotFiles := e.readDuckDB(t)
	var assets []asset
	files := slices.Clone(e.files)
	if len(gotFiles) != len(files) {
		t.Fatalf("files.parquet has %d rows, want %d", len(gotFiles), len(files))
	}
	for i := range files {
		f := &files[i]
		if f.FileID == nil || !failed["/api/v1/files/"+*f.FileID+"/page_screenshots"] {
			continue
		}
		f.Status, f.Screenshots, f.Error = "failed", nil, gotFiles[i].Error
		if f.Error == nil || !strings.HasPrefix(*f.Error, "http_403: ") {
			t.Errorf("file %s: error is %s, want its class and a message", *f.FileID, cmp.Diff(nil, f.Error))
		}
		f.Stored, f.Bytes = 0, 0
	}
	for _, a := range e.assets {
		f := fileOf(files, a.FileID)
		if f.Status == "failed" && a.Kind == "screenshot" {
			continue
		}
		assets = append(assets, a)
		if f.Status == "failed" {
			f.Stored++
			f.Bytes += *a.Size
		}
	}
	e.checkAssets(t, localFiles, gotAssets, assets)
	e.checkFiles(t, gotFiles, files)
	if len(failed) == 0 || len(failed) == len(files) {
		t.Errorf("%d of %d files failed, want some", len(failed), len(files))
	}
}

func TestDuckDB_Metadata_KeepsSpelling(t *testing.T) {
	t.Parallel()
	e, db := exported(t, hostileCorpus(t)), openDuckDB(t)
	of := " WHERE file_id = " + quoteSQL(hostileFileID)
	file := " FROM " + quoteSQL(e.filesManifest()) + of
	for _, statement := range []string{
		"SELECT file_metadata" + file,
		"SELECT metadata FROM " + quoteSQL(e.manifest()) + of + " AND kind = 'screenshot' AND page_index = 2",
	} {
		got := query(t, db, statement, scalar[string])
		if diff := cmp.Diff([]string{hostileMetadataStored}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", statement, diff)
		}
	}
	members := query(t, db, "SELECT file_metadata->>'$.z', file_metadata->>'$.escaped'"+file,
		func(m *[2]string) []any { return []any{&m[0], &m[1]} })
	if diff := cmp.Diff([][2]string{{"1", "A/😀 <&>"}}, members); diff != "" {
		t.Errorf("members of file_metadata (-want +got):\n%s", diff)
	}
}

func countStatus(assets []asset, status string) int {
	n := 0
	for _, a := range assets {
		if a.Status == status {
			n++
		}
	}
	return n
}
