package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exporter/internal/emulator"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// Exports that earlier versions made, finished or killed, are read by all commands, go on without anything being fetched again
// that is there, and have the tables of today afterwards. The old tables stay beside them.
func TestRun_ExportOfAnEarlierVersion_GoesOn(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	const files, assets = 8, 6
	exports, err := os.ReadDir("testdata/exports")
	if err != nil || len(exports) == 0 {
		t.Fatalf("there are no exports: %v", err)
	}
	for _, e := range exports {
		t.Run(e.Name(), func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			if err := os.CopyFS(out, os.DirFS("testdata/exports/"+e.Name())); err != nil {
				t.Fatal(err)
			}
			server, url := startEmulator(t, emulator.Options{
				Corpus: emulator.Synthetic(emulator.SyntheticOptions{Files: files, AssetsPerFile: assets, BlobSize: 600, Seed: 1}),
			})
			c := newCLI(t, url)
			stored := len(readExport(t, out).rows)
			if wasKilled := strings.HasSuffix(e.Name(), "-killed"); stored == 0 || wasKilled != (stored < files*assets) {
				t.Fatalf("the export has %d rows", stored)
			}
			c.mustRun("verify", "--out", out)
			run := []string{"run", "--out", out, "--directory", emulator.SyntheticDirectory, "--force", "source"}
			if strings.Contains(e.Name(), "archive") {
				run = append(run, "--sink", "archive")
			}
			code, _, stderr := c.run(run...)
			if code != 0 {
				t.Fatalf("exit %d\n%s", code, stderr)
			}
			isEarlier := strings.HasPrefix(e.Name(), "schema1")
			if strings.Contains(stderr, "raising the tables of the export") != isEarlier {
				t.Errorf("what is said of the tables:\n%s", stderr)
			}
			if got := blobRequests(server); got != files*assets-stored {
				t.Errorf("%d blobs were fetched, want the %d that were not stored", got, files*assets-stored)
			}
			for key, row := range readExport(t, out).rows {
				if row.Status != pipeline.Stored {
					t.Errorf("%v is %s (%s)", key, row.Status, row.Reason)
				}
			}
			c.mustRun("verify", "--out", out)
			for _, name := range []string{"manifest.schema1.parquet", "files.schema1.parquet"} {
				if _, err := os.Stat(filepath.Join(out, name)); (err == nil) != (isEarlier && !strings.HasSuffix(e.Name(), "-killed")) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if stdout := c.mustRun(run...); !strings.Contains(stdout, "nothing to do") {
				t.Errorf("the run after it:\n%s", stdout)
			}
		})
	}
}

// What is removed for good is in no table that an earlier version made either.
func TestRm_ExportOfAnEarlierVersion_KeepsNoOldTable(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out")
	if err := os.CopyFS(out, os.DirFS("testdata/exports/schema1-local")); err != nil {
		t.Fatal(err)
	}
	newCLI(t, "").mustRun("rm", out, "--file-id", "file-00000003")
	old, err := filepath.Glob(filepath.Join(out, "*.schema1.parquet"))
	if err != nil || len(old) > 0 {
		t.Errorf("%v are left, %v", old, err)
	}
	for key := range readExport(t, out).rows {
		if key.FileID == "file-00000003" {
			t.Errorf("%v is left", key)
		}
	}
}
