package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exporter/internal/emulator"
	"exporter/internal/export"
	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/internal/store/bucket/buckettest"
	"exporter/internal/store/place"
	"exporter/internal/testmain"
	"exporter/manifest"
	"exporter/pipeline"
)

// runParts makes all parts of an export of the sample's directories, and returns what the tasks were given.
func runParts(t *testing.T, c *cli, out string, count int, args ...string) {
	t.Helper()
	for i := range count {
		c.mustRun(append(append([]string{"run", "--out", out, "--part", fmt.Sprintf("%d/%d", i, count)}, corpusDirectories(t, testCorpus())...), args...)...)
	}
}

// wantMergedRows compares a merged export with one that one run has made: all rows, whatever is stored where.
func wantMergedRows(t *testing.T, c *cli, merged, plain string) {
	t.Helper()
	got, want := readExport(t, merged).rows, readExport(t, plain).rows
	if len(want) == 0 || len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for key, row := range want {
		have := got[key]
		if have == nil || have.Status != row.Status || have.Content != row.Content {
			t.Errorf("%v is %v, want %v", key, have, row)
			continue
		}
		if prefix, rest := parts.Cut(have.Location.Path); row.Status == pipeline.Stored && (prefix == "" || !strings.HasPrefix(rest, "blobs/") && !strings.HasPrefix(rest, "shards/")) {
			t.Errorf("%v is at %q, which is in no part", key, have.Location.Path)
		}
	}
	if text := c.mustRun("verify", merged); !strings.Contains(text, "verified") || strings.Contains(text, "orphans") {
		t.Errorf("verify says %s", text)
	}
}

// Parts in a bucket, each with a log of its own, are merged as those in a directory are, and read as one export.
func TestMerge_Bucket_IsThatOfADirectory(t *testing.T) {
	testmain.Long(t)
	b := newTestBucket(t, buckettest.Vices{})
	_, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
	c, plain := newCLI(t, api), filepath.Join(t.TempDir(), "plain")
	c.mustRun(append([]string{"run", "--out", plain}, corpusDirectories(t, testCorpus())...)...)
	for _, sink := range []string{"local", "archive"} {
		out := b.url + "/" + sink
		runParts(t, c, out, 3, "--sink", sink)
		unmerged := c.mustRun("ls", out, "--where", "kind <> ''")
		if text := c.mustRun("merge", out); !strings.Contains(text, "of 3 of 3 parts") {
			t.Errorf("%s: merge says %s", sink, text)
		}
		if text := c.mustRun("merge", out); !strings.Contains(text, "nothing has changed") {
			t.Errorf("%s: a second merge says %s", sink, text)
		}
		wantMergedRows(t, c, out, plain)
		if merged := c.mustRun("ls", out, "--where", "kind <> ''"); merged != unmerged || !strings.Contains(merged, "stored") {
			t.Errorf("%s: merged, it is\n%s, and before it was\n%s", sink, merged, unmerged)
		}
		for key, row := range readExport(t, plain).rows {
			if row.Status != pipeline.Stored || key.Kind != pipeline.Screenshot {
				continue
			}
			args := []string{"cat", "--out", out, string(key.FileID), fmt.Sprint(key.PageIndex)}
			if got := c.mustRun(args...); got == "" || got != c.mustRun(withOther(args, out, plain)...) {
				t.Errorf("%s: %q shows %d bytes, which are others in the directory", sink, args, len(got))
			}
		}
		ds := filepath.Join(t.TempDir(), "ds")
		c.mustRun("dataset", out, ds, "--format", "webdataset")
		// Parts go on beside the merged tables, and the next merge has them. Of few files, chance may leave a part none.
		for i := range 3 {
			c.mustRun("run", "--out", out, "--part", fmt.Sprintf("%d/3", i), "--refetch")
		}
		if text := c.mustRun("merge", out); strings.Contains(text, "nothing has changed") {
			t.Errorf("%s: a merge after another commit says %s", sink, text)
		}
		if got, want := len(readExport(t, out).rows), len(readExport(t, plain).rows); got != want {
			t.Errorf("%s: %d rows, want %d", sink, got, want)
		}
		c.mustRun("verify", out)
	}
}

// Who merges owns the export, and who runs owns its part alone.
func TestMerge_OwnersBeside_KeepApart(t *testing.T) {
	t.Parallel()
	_, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
	c, out := newCLI(t, api), filepath.Join(t.TempDir(), "out")
	runParts(t, c, out, 2)
	merging, err := store.OwnDir(out)
	if err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := c.run("merge", out); code != exitOwned {
		t.Errorf("beside another merge, exit %d, want %d: %s", code, exitOwned, stderr)
	}
	// A task goes on beside a merge.
	c.mustRun("run", "--out", out, "--part", "1/2")
	if err := merging.Close(); err != nil {
		t.Fatal(err)
	}
	running, err := store.OwnDir(filepath.Join(out, filepath.FromSlash(parts.Path(1))))
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	code, stdout, stderr := c.run("merge", out)
	if code != exitIncomplete || !strings.Contains(stdout, "running     parts/part=0001: ") || !strings.Contains(stdout, "of 2 of 2 parts") {
		t.Errorf("beside a task, exit %d, want %d: %s%s", code, exitIncomplete, stdout, stderr)
	}
}

// Rows of merged tables that lead elsewhere than those of the parts do are found, whoever wrote them, and whatever checksums they have.
func TestMerge_ForgedRows_AreFound(t *testing.T) {
	t.Parallel()
	_, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
	c, out := newCLI(t, api), filepath.Join(t.TempDir(), "out")
	runParts(t, c, out, 2)
	c.mustRun("merge", out)
	dir, err := store.OwnDir(out)
	if err != nil {
		t.Fatal(err)
	}
	merged, err := manifest.ReadMerged(t.Context(), dir)
	if err != nil || merged == nil {
		t.Fatal(merged, err)
	}
	forged := 0
	ledger, err := manifest.Open(t.Context(), dir, manifest.Info{Version: "forged", Source: "{}", Sink: "{}"})
	if err != nil {
		t.Fatal(err)
	}
	for row, err := range ledger.Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if row.Status != pipeline.Stored || forged > 0 {
			continue
		}
		forged++
		row.Location.Path = "parts/part=0000/blobs/../../../../secret"
		if err := ledger.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{row}}); err != nil {
			t.Fatal(err)
		}
		break
	}
	if err := dir.Close(); err != nil || forged == 0 {
		t.Fatal(forged, err)
	}
	code, stdout, _ := c.run("verify", out)
	if code != exitDamage || !strings.Contains(stdout, "are not those of the part") {
		t.Errorf("exit %d, want %d: %s", code, exitDamage, stdout)
	}
	if n := strings.Count(stdout, "secret"); n > 0 {
		t.Errorf("it looked at what the row leads to: %s", stdout)
	}
}

// Of many parts that are missing, people are told of some, and programs of all.
func TestMerge_ManyMissing_AreCounted(t *testing.T) {
	t.Parallel()
	_, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
	c, out := newCLI(t, api), filepath.Join(t.TempDir(), "out")
	c.mustRun(append([]string{"run", "--out", out, "--part", "0/40"}, corpusDirectories(t, testCorpus())...)...)
	code, stdout, _ := c.run("merge", out)
	if code != exitIncomplete || strings.Count(stdout, "missing     parts/") != mostShown || !strings.Contains(stdout, "missing     and 29 more, which --json names\n") {
		t.Errorf("exit %d: %s", code, stdout)
	}
	if _, stdout, _ := c.run("merge", out, "--json"); strings.Count(stdout, `"state":"missing"`) != 39 {
		t.Errorf("JSON names others than 39: %s", stdout)
	}
}

// A link in parts/ is named, and not followed: what is behind it has no path in the export.
func TestMerge_Link_IsRefused(t *testing.T) {
	t.Parallel()
	_, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
	c, out := newCLI(t, api), filepath.Join(t.TempDir(), "out")
	runParts(t, c, out, 1)
	if err := os.Symlink(t.TempDir(), filepath.Join(out, "parts", "before")); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"merge", "ls", "verify"} {
		if code, _, stderr := c.run(command, out); code != exitUsage || !strings.Contains(stderr, "is a link, and links are not followed there") {
			t.Errorf("%s: exit %d, want %d: %s", command, code, exitUsage, stderr)
		}
	}
}

// In a bucket, a part that was merged and is gone is damage, too, and so is one that has lost a table.
func TestVerify_PartIsGone_InABucket(t *testing.T) {
	testmain.Long(t)
	b := newTestBucket(t, buckettest.Vices{})
	_, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
	c, out := newCLI(t, api), b.url+"/out"
	runParts(t, c, out, 2)
	c.mustRun("merge", out)
	remove := func(names ...string) {
		t.Helper()
		part, err := place.Own(t.Context(), out+"/parts/part=0001", place.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(part.Remove(t.Context(), names...), part.Close()); err != nil {
			t.Fatal(err)
		}
	}
	remove(manifest.AssetsName)
	if code, stdout, _ := c.run("verify", out); code != exitDamage || !strings.Contains(stdout, `damaged  "parts/part=0001/manifest.parquet": it is missing, and files.parquet is there`) {
		t.Errorf("without manifest.parquet, exit %d, want %d: %s", code, exitDamage, stdout)
	}
	remove(manifest.FilesName)
	code, stdout, stderr := c.run("verify", out)
	if code != exitDamage || !strings.Contains(stdout, `damaged  "parts/part=0001/manifest.parquet": it is missing, and by run.json`) || !strings.Contains(stderr, "--out "+out+"/parts/part=0001 ") {
		t.Errorf("without tables, exit %d, want %d: %s%s", code, exitDamage, stdout, stderr)
	}
	remove(export.ReportName)
	code, stdout, stderr = c.run("verify", out)
	if code != exitDamage || !strings.Contains(stdout, `damaged  "parts/part=0001/": it is gone`) || strings.Contains(stderr, "have committed since") {
		t.Errorf("without all of it, exit %d, want %d: %s%s", code, exitDamage, stdout, stderr)
	}
}
