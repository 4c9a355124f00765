package interop

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"exporter/internal/emulator"
)

// sortedBy returns the columns by which each table is sorted.
func sortedBy() map[string][]string {
	return map[string][]string{
		"manifest.parquet": {"file_id", "job_id", "kind", "page_index", "figure_name", "origin", "upstream_name"},
		"files.parquet":    {"file_id", "directory_file_id"},
	}
}

// rewrite replaces both tables by what a writer of python/rewriters.py makes of them.
func (e *export) rewrite(t *testing.T, writer string) {
	t.Helper()
	for name, key := range sortedBy() {
		target := filepath.Join(t.TempDir(), name)
		output(t, python(t, append([]string{filepath.Join("python", "rewriters.py"), writer, e.path(name), target}, key...)...))
		if err := os.Rename(target, e.path(name)); err != nil {
			t.Fatal(err)
		}
	}
}

// hasChecksums tells whether a table is as only exporter writes it.
func (e *export) hasChecksums(t *testing.T, name string) bool {
	t.Helper()
	data, err := os.ReadFile(e.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Contains(data, []byte("EXPRXXH1"))
}

// Tables that another program rewrote are read, and the next run fetches nothing and writes them anew.
func TestPython_RewrittenTables_GoOn(t *testing.T) {
	t.Parallel()
	e := exported(t, hostileCorpus(t))
	assets, files := e.readDuckDB(t)
	for _, writer := range []string{"DuckDB", "PyArrow", "Polars", "DataFusion", "pandas with dtype_backend"} {
		t.Run(writer, func(t *testing.T) {
			e.rewrite(t, writer)
			for name := range sortedBy() {
				if e.hasChecksums(t, name) {
					t.Fatalf("%s is as it was", name)
				}
			}
			verify, stderr := e.exporter(t.Context(), "verify", "--out", e.out)
			e.finish(t, verify, stderr, 0)
			before := len(e.emulator.Requests())
			e.run(t, 0)
			for _, r := range e.emulator.Requests()[before:] {
				if r.Route == emulator.RouteGetPageScreenshot || r.Route == emulator.RouteGetPageFigure {
					t.Errorf("%s was fetched", r.Path)
				}
			}
			for name := range sortedBy() {
				if !e.hasChecksums(t, name) {
					t.Errorf("%s was not written anew", name)
				}
			}
			gotAssets, gotFiles := e.readDuckDB(t)
			// A file that lacks pictures was asked for them again.
			asked := cmpopts.IgnoreFields(file{}, "AskedAt")
			if diff := cmp.Diff(assets, gotAssets) + cmp.Diff(files, gotFiles, asked); diff != "" {
				t.Errorf("rows (-before +after):\n%s", head(diff))
			}
		})
	}
}

// pandas makes floating-point numbers of integers beside nulls, unless it is told otherwise. The program says whose table it
// refuses, and which column, and changes nothing.
func TestPython_RewrittenTables_WithOtherTypes_AreRefused(t *testing.T) {
	t.Parallel()
	e := exported(t, hostileCorpus(t))
	e.rewrite(t, "pandas")
	before, err := os.ReadFile(e.manifest())
	if err != nil {
		t.Fatal(err)
	}
	c, stderr := e.command(t.Context())
	e.finish(t, c, stderr, 7)
	for _, want := range []string{`"parquet-cpp-arrow version `, "screenshots", "double"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("stderr has no %q:\n%s", want, stderr)
		}
	}
	if after, err := os.ReadFile(e.manifest()); err != nil || !slices.Equal(before, after) {
		t.Errorf("manifest.parquet has changed: %v", err)
	}
}
