package interop

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The README names the programs and libraries that these tests read with. Of a library it has to be that version, of a
// program, which the system brings, that one or a later one.
func TestReadme_ReadersHaveTheVersionsThatItNames(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	readme := strings.Join(strings.Fields(string(text)), " ")
	duckdb := query(t, openDuckDB(t), "SELECT version()", scalar[string])[0]
	for _, reader := range []struct {
		named, have string
		orLater     bool
	}{
		{`DuckDB ([0-9.]*[0-9])`, duckdb, false},
		{`Apache Arrow for Go ([0-9.]*[0-9])`, required(t, "github.com/apache/arrow-go/v18"), false},
		{`GNU tar \(([0-9.]*[0-9]) or later\)`, string(output(t, program(t, "tar", "--version"))), true},
		{`zstd \(([0-9.]*[0-9]) or later\)`, string(output(t, program(t, "zstd", "--version"))), true},
	} {
		found := regexp.MustCompile(reader.named).FindStringSubmatch(readme)
		if found == nil {
			t.Errorf("README.md does not match %q", reader.named)
			continue
		}
		want, have := versionNumbers(found[1]), versionNumbers(reader.have)
		// What README.md leaves out may be anything.
		if c := slices.Compare(have[:min(len(have), len(want))], want); c < 0 || c > 0 && !reader.orLater {
			t.Errorf("README.md says %q, and it is %v here", found[0], have)
		}
	}
}

// docs/readers.md and docs/datasets.md name the packages of Python that these tests read with, in the versions that are installed.
func TestReaders_PythonPackages_HaveTheVersionsThatItNames(t *testing.T) {
	t.Parallel()
	for name, packages := range map[string][]string{
		"readers.md":  {"datafusion", "duckdb", "fastparquet", "pandas", "polars", "pyarrow", "pyiceberg", "webdataset", "zstandard"},
		"datasets.md": {"datasets", "duckdb", "mlcroissant", "pillow", "polars", "pyarrow", "webdataset"},
	} {
		doc, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, pkg := range packages {
			pinned := pinnedPython(t, pkg)
			if named := regexp.MustCompile(pkg + "`?( \\| | )" + regexp.QuoteMeta(pinned)); !named.Match(doc) {
				t.Errorf("docs/%s does not say that %s is %s", name, pkg, pinned)
			}
		}
	}
}

// required returns the version of a module that these tests are built with.
func required(t *testing.T, module string) string {
	t.Helper()
	return string(output(t, program(t, "go", "list", "-m", "-f", "{{.Version}}", module)))
}

// versionNumbers returns the numbers of the first version in a text.
func versionNumbers(text string) (numbers []int) {
	for part := range strings.SplitSeq(regexp.MustCompile(`[0-9]+(\.[0-9]+)+`).FindString(text), ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil
		}
		numbers = append(numbers, n)
	}
	return numbers
}
