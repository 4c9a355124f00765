package main

import (
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"exporter/internal/emulator"
	"exporter/internal/export"
	"exporter/pipeline"
)

func TestRun_Corpus_IsCompleteAndExact(t *testing.T) {
	t.Parallel()
	corpus := testCorpus()
	recorded := recordedAssets(t, corpus)
	tests := []struct {
		name string
		args []string
		// wanted says whether an asset is to have a row, stored whether it is to be stored.
		wanted, stored func(recordedAsset) bool
	}{
		{"defaults", nil, notDeleted, always},
		{"include deleted", []string{"--include-deleted"}, always, always},
		{"skip noise", []string{"--skip-noise"}, notDeleted, notNoise},
	}
	for _, sink := range [][]string{
		{"--sink", "local"},
		{"--sink", "archive"},
		{"--sink", "archive", "--shard-size", "256KiB", "--frame-size", "64KiB"},
		{"--sink", "archive", "--compression", "none", "--shard-size", "4MiB"},
	} {
		for _, tt := range tests {
			t.Run(filepath.Join(sink[1:]...)+"/"+tt.name, func(t *testing.T) {
				server, url := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, corpus)})
				c, out := newCLI(t, url), filepath.Join(t.TempDir(), "out")
				args := append([]string{"run", "--out", out, "--rate", "unlimited"}, corpusDirectories(t, corpus)...)
				args = append(append(args, sink...), tt.args...)
				c.mustRun(args...)
				got := readExport(t, out)
				stored := 0
				for key, want := range recorded {
					row := got.rows[key]
					if (row != nil) != tt.wanted(want) {
						t.Errorf("%v: has a row: %v, want %v", key, row != nil, tt.wanted(want))
					}
					if row == nil {
						continue
					}
					delete(got.rows, key)
					checkRow(t, row, want, tt.stored(want))
					if row.Status == pipeline.Stored {
						stored++
					}
				}
				for key := range got.rows {
					t.Errorf("%v: a row that nobody listed", key)
				}
				if n := blobRequests(server); n != stored {
					t.Errorf("%d requests for %d blobs", n, stored)
				}
				for _, r := range server.Requests() {
					if r.Method != http.MethodGet || r.Status != http.StatusOK {
						t.Errorf("%s %s was answered %d", r.Method, r.Path, r.Status)
					}
				}

				server.Reset()
				c.mustRun(args...)
				if n := len(server.Requests()); n != perDirectory*len(corpusDirectories(t, corpus))/2 {
					t.Errorf("the second run made %d requests, want %d for each directory", n, perDirectory)
				}
			})
		}
	}
}

func always(recordedAsset) bool       { return true }
func notDeleted(a recordedAsset) bool { return !a.deleted }
func notNoise(a recordedAsset) bool   { return a.noise == nil || !*a.noise }

func checkRow(t *testing.T, row *pipeline.Row, want recordedAsset, stored bool) {
	t.Helper()
	switch {
	case stored && (row.Status != pipeline.Stored || hex.EncodeToString(row.Content.SHA256[:]) != want.sha256):
		t.Errorf("%v: %s, SHA-256 %x, want %s", row.Key(), row.Status, row.Content.SHA256, want.sha256)
	case !stored && (row.Status != pipeline.Skipped || row.Reason != pipeline.ReasonNoise):
		t.Errorf("%v: %s (%s), want skipped (noise)", row.Key(), row.Status, row.Reason)
	}
	if (row.IsLikelyNoise == nil) != (want.noise == nil) || want.noise != nil && *row.IsLikelyNoise != *want.noise {
		t.Errorf("%v: is_likely_noise differs from what was listed", row.Key())
	}
}

// All sources in one run: each file once, and what the deleted file has is reached by its id alone.
func TestRun_AllSources_EachFileOnce(t *testing.T) {
	t.Parallel()
	corpus := testCorpus()
	recorded := recordedAssets(t, corpus)
	server, url := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, corpus)})
	c, out := newCLI(t, url), filepath.Join(t.TempDir(), "out")
	directories := corpusDirectories(t, corpus)
	var file string
	for key := range recorded {
		file = string(key.FileID)
	}
	args := append([]string{"run", "--out", out, "--project", "--pipeline", directories[1], "--file", file}, directories...)
	c.mustRun(args...)
	rows := readExport(t, out).rows
	if len(rows) != len(recorded) || blobRequests(server) != len(recorded) {
		t.Errorf("%d rows and %d blob requests, want %d each", len(rows), blobRequests(server), len(recorded))
	}
}

func TestDemo_Default_ExportsTheSample(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out")
	c := newCLI(t, "https://192.0.2.1:1")
	c.mustRun("demo", "--out", out)
	files, screenshots, figures, noise := map[pipeline.ID]bool{}, 0, 0, 0
	for key, row := range readExport(t, out).rows {
		files[key.FileID] = true
		if row.Status != pipeline.Stored {
			t.Errorf("%v is %s", key, row.Status)
		}
		if key.Kind == pipeline.Screenshot {
			screenshots++
		} else {
			figures++
		}
		if row.IsLikelyNoise != nil && *row.IsLikelyNoise {
			noise++
		}
	}
	if len(files) < 6 || screenshots < 40 || figures < 40 || noise == 0 {
		t.Errorf("%d documents, %d pages, %d figures, %d noise; want at least 6, 40, 40, 1", len(files), screenshots, figures, noise)
	}
	if _, err := os.Stat(filepath.Join(out, export.ReportName)); err != nil {
		t.Error(err)
	}
}
