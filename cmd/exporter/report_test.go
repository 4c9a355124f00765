package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"exporter/internal/emulator"
	"exporter/internal/store/bucket/buckettest"
	"exporter/internal/store/place"
)

// In a bucket as in a directory, a report replaces nothing but a report.
func TestReport_InABucket_ReplacesReportsAlone(t *testing.T) {
	b := newTestBucket(t, buckettest.Vices{})
	_, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
	c, out := newCLI(t, api), filepath.Join(t.TempDir(), "out")
	victim := b.url + "/other/manifest.parquet"
	err := place.WriteObject(t.Context(), victim, func(w io.Writer) error {
		_, err := io.WriteString(w, "PAR1")
		return err
	}, place.Options{})
	if err != nil {
		t.Fatal(err)
	}
	run := append([]string{"run", "--out", out}, corpusDirectories(t, testCorpus())...)
	if code, _, stderr := c.run(append(run, "--report", victim)...); code != exitUsage || !strings.Contains(stderr, "what is there is no report, and is not replaced") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	c.mustRun(append(run, "--report", b.url+"/report.md")...)
	c.mustRun("report", out, "--to", b.url+"/report.md")
	if code, _, stderr := c.run("report", out, "--to", victim); code != exitUsage || !strings.Contains(stderr, "what is there is no report, and is not replaced") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	for name, want := range map[string]string{victim: "PAR1", b.url + "/report.md": "<!-- exporter report -->"} {
		text, err := place.ReadObject(t.Context(), name, 1<<20, place.Options{})
		if err != nil || !strings.HasPrefix(string(text), want) {
			t.Errorf("%s has %.40q, %v, want %q", name, text, err, want)
		}
	}
}
