//go:build !race

package main

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"exporter/internal/emulator"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// exportHeavy runs an export in a process of its own, as it is run by people, and returns the exit code and the most memory that it had.
func exportHeavy(t *testing.T, o emulator.SyntheticOptions, args ...string) (code int, peak int64, out string) {
	t.Helper()
	o.BlobSize = 300
	_, url := startEmulator(t, emulator.Options{Corpus: emulator.Synthetic(o)})
	out = filepath.Join(t.TempDir(), "out")
	c := startChild(t, url, childOptions{Peak: true}, append([]string{"run", "--directory", emulator.SyntheticDirectory, "--out", out}, args...)...)
	code, stdout, _ := c.wait()
	lines := strings.Fields(stdout)
	peak, err := strconv.ParseInt(lines[len(lines)-1], 10, 64)
	if err != nil || peak == 0 {
		t.Fatalf("the run says nothing of its memory: %s", stdout)
	}
	return code, peak, out
}

// What a run has in memory is bounded by limits.memory and what the program itself takes, whatever the API lists.
func TestExport_HeavyMetadata_StaysWithinMemory(t *testing.T) {
	testmain.Long(t)
	const mib = 1 << 20
	for name, test := range map[string]struct {
		corpus emulator.SyntheticOptions
		memory string
		most   int64
		exit   int
	}{
		"metadata of files":            {emulator.SyntheticOptions{Files: 24, AssetsPerFile: 4, Metadata: mib}, "64MiB", 144 * mib, 0},
		"metadata of assets":           {emulator.SyntheticOptions{Files: 10, AssetsPerFile: 80, AssetMetadata: 100_000}, "64MiB", 128 * mib, 0},
		"the least memory":             {emulator.SyntheticOptions{Files: 8, AssetsPerFile: 10, Metadata: mib, AssetMetadata: 200_000}, "1B", 128 * mib, 0},
		"a listing larger than memory": {emulator.SyntheticOptions{Files: 1, AssetsPerFile: 400_000}, "16MiB", 96 * mib, exitIncomplete},
	} {
		t.Run(name, func(t *testing.T) {
			code, peak, out := exportHeavy(t, test.corpus, "--memory", test.memory, "--sink", "archive")
			if code != test.exit || peak > test.most {
				t.Errorf("exit %d with a peak of %d MiB, want %d with %d at most", code, peak/mib, test.exit, test.most/mib)
			}
			if testing.Verbose() {
				t.Logf("a peak of %d MiB", peak/mib)
			}
			want := test.corpus.Files * test.corpus.AssetsPerFile
			if test.exit == exitIncomplete {
				want = 0
			}
			if stored := countStored(t, out, test.exit == exitIncomplete); stored != want {
				t.Errorf("%d assets are stored, want %d", stored, want)
			}
		})
	}
}

// countStored returns how many assets are stored, and looks whether all files, or none, are too large.
func countStored(t *testing.T, out string, tooLarge bool) (stored int) {
	t.Helper()
	_, snapshot, closed := openExport(t, out)
	defer closed()
	for file, err := range snapshot.Files(t.Context()) {
		if err != nil || strings.HasPrefix(file.Error, pipeline.ClassTooLarge+": ") != tooLarge {
			t.Errorf("a file has the error %q, %v", file.Error, err)
		}
	}
	for row, err := range snapshot.Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if row.Status == pipeline.Stored {
			stored++
		}
	}
	return stored
}
