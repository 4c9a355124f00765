package config

import "testing"

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
