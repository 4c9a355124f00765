package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// job is a table that a reader of python/readers.py has to read, and the rows that it has to find in it.
type job struct {
	Path string `json:"path"`
	// Columns are names and types.
	Columns [][2]string `json:"columns"`
	// Where is a column and its value, or empty.
	Where []string `json:"where"`

	check func(t *testing.T, rows [][]json.RawMessage)
}

// What readers of Python make of both tables, those of an export of schema 1 that was raised too, and of parts of the commit log is what the program's own reader makes of them.
func TestPython_Rows_EqualTheProgramsOwn(t *testing.T) {
	t.Parallel()
	jobs := newJobs(t)
	for _, reader := range []string{
		"pandas with pyarrow", "pandas with fastparquet", "Polars", "DuckDB", "PyArrow", "DataFusion", "PyIceberg",
	} {
		t.Run(reader, func(t *testing.T) { jobs.check(t, python(t), reader) })
	}
}

// readerJobs are what every reader has to read.
type readerJobs struct {
	jobs []job
	// found is how many rows the parts of the commit log were found to have, of wanted.
	found, wanted int
}

func newJobs(t *testing.T) *readerJobs {
	t.Helper()
	all := &readerJobs{}
	var jobs []job
	for _, e := range []*export{exported(t, recordedCorpus(t)), exported(t, hostileCorpus(t), layouts()[compressedShards]...)} {
		assets, files := e.ownAssets(t), newJob(t, e, "files.parquet")
		files.check = func(t *testing.T, rows [][]json.RawMessage) {
			got := decodeRows(t, rows, (*file).fields)
			slices.SortFunc(got, func(a, b file) int { return a.compare(&b) })
			e.checkFiles(t, got, e.files)
		}
		jobs = append(jobs, files, assetsJob(newJob(t, e, "manifest.parquet"), assets))
		one := assets[len(assets)/2]
		jobs = append(jobs,
			assetsJob(newJob(t, e, "manifest.parquet", "sha256", *one.SHA256), only(assets, func(a *asset) bool {
				return *a.SHA256 == *one.SHA256
			})),
			assetsJob(newJob(t, e, "manifest.parquet", "file_id", one.FileID), only(assets, func(a *asset) bool {
				return a.FileID == one.FileID
			})))
	}
	for _, sink := range []string{"local", "archive"} {
		e := raised(t, sink)
		files := newJob(t, e, "files.parquet")
		files.check = func(t *testing.T, rows [][]json.RawMessage) {
			got := map[string]string{}
			for _, f := range decodeRows(t, rows, (*file).fields) {
				got[*f.FileID] = f.Status
			}
			want := map[string]string{}
			for i := range earlierFiles {
				want[fmt.Sprintf("file-%08d", i)] = "complete"
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("files of an export that was raised (-want +got):\n%s", diff)
			}
		}
		assets := e.ownAssets(t)
		if len(assets) != earlierFiles*earlierAssets {
			t.Fatalf("an export that was raised has %d rows, want %d", len(assets), earlierFiles*earlierAssets)
		}
		jobs = append(jobs, files, assetsJob(newJob(t, e, "manifest.parquet"), assets))
	}
	killed := kill(t, recordedCorpus(t), localFiles)
	parts, err := filepath.Glob(killed.path(".exporter/parts/*.assets.parquet"))
	if err != nil || len(parts) == 0 {
		t.Fatalf("%d parts: %v", len(parts), err)
	}
	own := killed.ownAssets(t)
	all.wanted = len(own)
	for _, part := range parts {
		of := newJob(t, killed.export, "manifest.parquet")
		of.Path = part
		of.check = func(t *testing.T, rows [][]json.RawMessage) {
			got := decodeRows(t, rows, (*asset).fields)
			all.found += len(got)
			keys := map[key]bool{}
			for i := range got {
				keys[got[i].key()] = true
			}
			compareAssets(t, only(own, func(a *asset) bool { return keys[a.key()] }), got)
		}
		jobs = append(jobs, of)
	}
	all.jobs = jobs
	return all
}

// check has a reader of python/readers.py do the jobs, with the Python that has its packages.
func (r *readerJobs) check(t *testing.T, python *exec.Cmd, reader string) {
	t.Helper()
	in, err := json.Marshal(r.jobs)
	if err != nil {
		t.Fatal(err)
	}
	python.Args = append(python.Args, filepath.Join("python", "readers.py"), reader)
	python.Stdin = bytes.NewReader(in)
	var results [][][]json.RawMessage
	if err := json.Unmarshal(output(t, python), &results); err != nil || len(results) != len(r.jobs) {
		t.Fatalf("%d results of %d jobs: %v", len(results), len(r.jobs), err)
	}
	r.found = 0
	for i, rows := range results {
		r.jobs[i].check(t, rows)
	}
	if r.found != r.wanted {
		t.Errorf("the parts have %d rows, want %d", r.found, r.wanted)
	}
}

func newJob(t *testing.T, e *export, name string, where ...string) job {
	t.Helper()
	j := job{Path: e.path(name), Where: append([]string{}, where...)}
	for _, c := range specified(t, name) {
		j.Columns = append(j.Columns, [2]string{c.name, c.typ})
	}
	return j
}

// assetsJob expects rows of assets, all columns of them.
func assetsJob(j job, want []asset) job {
	j.check = func(t *testing.T, rows [][]json.RawMessage) {
		t.Helper()
		compareAssets(t, want, decodeRows(t, rows, (*asset).fields))
	}
	return j
}

func compareAssets(t *testing.T, want, got []asset) {
	t.Helper()
	slices.SortFunc(got, func(a, b asset) int { return a.key().compare(b.key()) })
	if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
		t.Errorf("%d rows, want %d (-want +got):\n%s", len(got), len(want), head(diff))
	}
	for i := range got {
		if m := got[i].Metadata; m != nil && !json.Valid([]byte(*m)) {
			t.Errorf("%v: metadata is %q", got[i].key(), *m)
		}
	}
}

func only(assets []asset, is func(*asset) bool) (some []asset) {
	for i := range assets {
		if is(&assets[i]) {
			some = append(some, assets[i])
		}
	}
	return some
}

func decodeRows[T any](t *testing.T, rows [][]json.RawMessage, fields func(*T) []any) []T {
	t.Helper()
	decoded := make([]T, len(rows))
	for i, row := range rows {
		targets := fields(&decoded[i])
		if len(row) != len(targets) {
			t.Fatalf("row %d has %d columns, want %d", i, len(row), len(targets))
		}
		for j, target := range targets {
			if err := json.Unmarshal(row[j], target); err != nil {
				t.Fatalf("row %d, column %d: %v", i, j, err)
			}
		}
	}
	return decoded
}
