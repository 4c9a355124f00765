package interop

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// column is a column as docs/format.md specifies it.
type column struct {
	name string
	// typ is one of string, int32, int64, double, boolean and timestamp.
	typ string
	// json says that the strings are JSON.
	nullable, dictionary, json bool
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
		typ, how, _ := strings.Cut(strings.TrimSpace(cells[2]), " ")
		for _, name := range names {
			columns = append(columns, column{name[1], typ, strings.TrimSpace(cells[3]) == "yes", how == "(dictionary)", how == "(JSON)"})
		}
	}
	if len(columns) == 0 {
		t.Fatalf("docs/format.md has no table of the columns of %s", file)
	}
	return columns
}
