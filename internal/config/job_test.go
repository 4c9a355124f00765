package config

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// Jobs whose directories are one, or one in the other, are refused, and so are those whose metrics are in one file; that they are is seen
// through links, and where nothing exists yet.
func TestLoad_JobsThatShareAPlace_AreRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("there", 0o700); err != nil {
		t.Fatal(err)
	}
	// Not everybody may make links everywhere.
	linked := os.Symlink("there", "link") == nil
	for _, tt := range []struct {
		a, b, key, want string
		needsLink       bool
	}{
		{"x", "x", "output.dir", `the jobs a and b both export to "x" (give each one of its own)`, false},
		{"there/x", "link/x", "output.dir", `the jobs a and b both export to "link/x" (give each one of its own)`, true},
		{"x", "x/sub", "output.dir", `the job b exports to "x/sub", which is in "x", the directory of the job a (give each one of its own)`, false},
		{"link/x/sub", "there/x", "output.dir", `the job a exports to "link/x/sub", which is in "there/x", the directory of the job b (give each one of its own)`, true},
		{"x", "xy", "output.dir", "", false},
		{"there/m.prom", "link/m.prom", "metrics.file", `the jobs a and b both write what they measure to "link/m.prom" (give each one of its own)`, true},
		{"m.prom", "m.prom/n.prom", "metrics.file", "", false},
		{"there/r.md", "link/r.md", "run.report", `the jobs a and b both write their report to "link/r.md" (give each one of its own)`, true},
	} {
		if tt.needsLink && !linked {
			continue
		}
		var text strings.Builder
		for i, path := range []string{tt.a, tt.b} {
			fmt.Fprintf(&text, "[job.%c]\n%s = %q\n", 'a'+i, tt.key, path)
			if tt.key != "output.dir" {
				fmt.Fprintf(&text, "output.dir = \"d%d\"\n", i)
			}
		}
		_, err := load(t, text.String(), nil)
		got := ""
		if err != nil {
			_, got, _ = strings.Cut(err.Error(), tt.key+": ")
		}
		if got != tt.want {
			t.Errorf("%s of %q and %q: %q, want %q", tt.key, tt.a, tt.b, got, tt.want)
		}
	}
}

// A job's values beat those for all, whatever comes first in the file, and lists are replaced as a whole.
func TestLoad_Job_BeatsTheFileAndNothingElse(t *testing.T) {
	const text = `
[job.a.limits]
rate = "1/s"
concurrency = 3
[job.a.source]
directories = ["x"]
[limits]
rate = "2/s"
memory = "64MiB"
concurrency = 4
[source]
directories = ["y", "z"]
[job.b]
output.dir = "b"
`
	for _, tt := range []struct {
		environ              []string
		rate, dirs, conc, at string
	}{
		{nil, "2/s", "y,z", "4", "config.toml:8"},
		{[]string{"EXPORTER_JOB=a"}, "1/s", "x", "3", "config.toml:3"},
		{[]string{"EXPORTER_JOB=b"}, "2/s", "y,z", "4", "config.toml:8"},
		{[]string{"EXPORTER_JOB=a", "EXPORTER_LIMITS_RATE=9/s"}, "9/s", "x", "3", "EXPORTER_LIMITS_RATE"},
	} {
		c, err := load(t, text, tt.environ)
		if err != nil {
			t.Fatal(err)
		}
		texts := allTexts(c)
		if texts["limits.rate"] != tt.rate || texts["source.directories"] != tt.dirs || texts["limits.concurrency"] != tt.conc ||
			texts["limits.memory"] != "64MiB" || c.origins["limits.rate"].text != tt.at {
			t.Errorf("%q: %v, rate from %s, want %+v", tt.environ, texts, c.origins["limits.rate"].text, tt)
		}
	}
}
