package interop

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// column is a column as docs/format.md specifies it.
type column struct {
	name string
	// typ is one of string, JSON, int32, int64, double, boolean and timestamp.
	typ                  string
	nullable, dictionary bool
}

// specified returns the columns of manifest.parquet or files.parquet in the order of the specification's table.
func specified(t *testing.T, file string) []column {
	t.Helper()
	doc, err := os.ReadFile("../../docs/format.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(doc), "\n## "+file+"\n")
	if !found {
		t.Fatalf("docs/format.md has no section %s", file)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	quoted := regexp.MustCompile("`([a-z0-9_]+)`")
	var columns []column
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if !strings.HasPrefix(line, "| `") || len(cells) < 5 {
			continue
		}
		names := quoted.FindAllStringSubmatch(cells[1], -1)
		if strings.Contains(cells[1], "…") {
			columns = append(columns, between(t, names[0][1], names[1][1])...)
			continue
		}
		typ, dictionary := strings.CutSuffix(strings.TrimSpace(cells[2]), " (dictionary)")
		for _, name := range names {
			columns = append(columns, column{name[1], typ, strings.TrimSpace(cells[3]) == "yes", dictionary})
		}
	}
	if len(columns) == 0 {
		t.Fatalf("docs/format.md has no table of the columns of %s", file)
	}
	return columns
}

// between returns the columns of manifest.parquet from first to last.
func between(t *testing.T, first, last string) []column {
	t.Helper()
	all := specified(t, "manifest.parquet")
	is := func(name string) func(column) bool { return func(c column) bool { return c.name == name } }
	from, to := slices.IndexFunc(all, is(first)), slices.IndexFunc(all, is(last))
	if from < 0 || to < from {
		t.Fatalf("manifest.parquet has no columns from %s to %s", first, last)
	}
	return all[from : to+1]
}
