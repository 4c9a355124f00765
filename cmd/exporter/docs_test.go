package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The commands of a page for newcomers are those of a script, in the same order.
func TestDocs_FirstExport_IsRun(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/first-export.md")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("testdata/script/first_export.txtar")
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile(`(?m)^ +(exporter [^>\n]*)`).FindAllStringSubmatch(string(page), -1)
	if len(commands) < 8 {
		t.Fatalf("%d commands, want those of the page", len(commands))
	}
	rest := string(script)
	for _, c := range commands {
		_, after, found := strings.Cut(rest, "exec "+strings.TrimSpace(c[1])+"\n")
		if !found {
			t.Fatalf("the script does not run %q there", c[1])
		}
		rest = after
	}
}
