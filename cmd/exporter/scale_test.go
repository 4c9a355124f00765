package main

import (
	"path/filepath"
	"testing"

	"exporter/internal/emulator"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// Thousands of small assets: complete, exact, one request each, in both sinks.
func TestRun_ManyAssets_IsComplete(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	const files, each = 15, 200
	for _, sink := range []string{"local", "archive"} {
		t.Run(sink, func(t *testing.T) {
			corpus := emulator.Synthetic(emulator.SyntheticOptions{Files: files, AssetsPerFile: each, BlobSize: 300, Seed: 7})
			server, url := startEmulator(t, emulator.Options{Corpus: corpus})
			out := filepath.Join(t.TempDir(), "out")
			c := newCLI(t, url)
			// Small frames, since the test reads every blob by itself, each time from the beginning of its frame.
			args := []string{"run", "--directory", emulator.SyntheticDirectory, "--out", out, "--sink", sink, "--frame-size", "32KiB"}
			c.mustRun(args...)
			if n := blobRequests(server); n != files*each {
				t.Errorf("%d blob requests, want %d", n, files*each)
			}
			rows := readExport(t, out).rows
			stored := 0
			for _, row := range rows {
				if row.Status == pipeline.Stored && row.Content.Size == 300 {
					stored++
				}
			}
			if stored != files*each || len(rows) != files*each {
				t.Errorf("%d of %d rows are stored, want %d", stored, len(rows), files*each)
			}
			server.Reset()
			c.mustRun(args...)
			if n := len(server.Requests()); n != perDirectory {
				t.Errorf("the second run made %d requests, want %d", n, perDirectory)
			}
		})
	}
}
