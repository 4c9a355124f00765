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

// What lies in parts/ and is none of the parts is told of in the same words, and counts for nothing, in a directory and in a bucket.
func TestMerge_Strays_AreNamed(t *testing.T) {
	testmain.Long(t)
	b := newTestBucket(t, buckettest.Vices{})
	_, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
	for where, out := range map[string]string{"directory": filepath.Join(t.TempDir(), "out"), "bucket": b.url + "/out"} {
		t.Run(where, func(t *testing.T) {
			c := newCLI(t, api)
			runParts(t, c, out, 2)
			c.mustRun("merge", out)
			for _, key := range []string{"part=3/x", "part=0001 copy/manifest.parquet", "part=9999/blobs/x", "note.txt", "part=0002", ".DS_Store"} {
				putBeside(t, out, parts.Dir+"/"+key, 'x')
			}
			for command, want := range map[string]string{"merge": "nothing has changed: the tables are those of 2 of 2 parts", "verify": "verified"} {
				code, stdout, stderr := c.run(command, out)
				if code != 0 || !strings.Contains(stdout, want) ||
					!strings.Contains(stderr, `folders are passed over that are called as parts are, and are none of them`) ||
					!strings.Contains(stderr, `parts=2 folders="part=0001 copy, part=3, part=9999"`) ||
					!strings.Contains(stderr, `files are passed over that lie beside the parts, where no export has any: move them away" folder=parts files="note.txt, part=0002"`) {
					t.Errorf("%s: exit %d\n%s%s", command, code, stdout, stderr)
				}
			}
		})
	}
}

// A file in the place of a part is no part, in a directory as in a bucket.
func TestMerge_FileInThePlaceOfAPart_IsNoPart(t *testing.T) {
	testmain.Long(t)
	b := newTestBucket(t, buckettest.Vices{})
	_, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
	for where, out := range map[string]string{"directory": filepath.Join(t.TempDir(), "out"), "bucket": b.url + "/out"} {
		t.Run(where, func(t *testing.T) {
			c := newCLI(t, api)
			c.mustRun(append([]string{"run", "--out", out, "--part", "0/2"}, corpusDirectories(t, testCorpus())...)...)
			putBeside(t, out, parts.Path(1))
			code, stdout, stderr := c.run("merge", out)
			if code != exitIncomplete || !strings.Contains(stdout, "missing     parts/part=0001: it has no table yet") || !strings.Contains(stderr, `files="part=0001"`) {
				t.Errorf("merge: exit %d, want %d\n%s%s", code, exitIncomplete, stdout, stderr)
			}
			c.mustRun("verify", out)
		})
	}
}

// putBeside puts an object, or else a file, under a key of an export as a stranger would, whatever the export knows of.
func putBeside(t *testing.T, out, key string, content ...byte) {
	t.Helper()
	if !place.IsBucket(out) {
		name := filepath.Join(out, filepath.FromSlash(key))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o777), os.WriteFile(name, content, 0o666)); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := place.CreateOnce(t.Context(), out+"/"+key, content, place.Options{}); err != nil {
		t.Fatal(err)
	}
}

// Where a part goes on, all who read the export say in the same words that it is to be merged again, in a directory and in a bucket.
func TestMerge_PartGoesOn_ReadersSaySo(t *testing.T) {
	testmain.Long(t)
	b := newTestBucket(t, buckettest.Vices{})
	_, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
	for where, out := range map[string]string{"directory": filepath.Join(t.TempDir(), "out"), "bucket": b.url + "/out"} {
		t.Run(where, func(t *testing.T) {
			c := newCLI(t, api)
			putBeside(t, out, parts.PlanName, parts.Plan{Count: 2, Salt: "0000000000000069"}.Encode()...)
			runParts(t, c, out, 2, "--limit", "1")
			c.mustRun("merge", out, "--partial-ok")
			var id, page string
			part := readExport(t, out+"/"+parts.Path(0))
			for key, row := range readExport(t, out).rows {
				if row.Status == pipeline.Stored && key.Kind == pipeline.Screenshot && part.rows[key] != nil {
					id, page = string(key.FileID), fmt.Sprint(key.PageIndex)
				}
			}
			want := "parts of the export have committed since their tables were merged: what is shown is as of then, and exporter merge " +
				place.QuotePath(out) + ` brings it up to date" parts=1`
			commands := map[string][]string{
				"ls": {"ls", out}, "cat": {"cat", "--out", out, id, page}, "report": {"report", out},
				"dataset": {"dataset", out, filepath.Join(t.TempDir(), "dataset"), "--format", "parquet"}, "view": {"view", out, "--static", filepath.Join(t.TempDir(), "view")},
			}
			read := func() map[string]string {
				all := map[string]string{}
				for name, args := range commands {
					code, stdout, stderr := c.run(args...)
					if code != 0 {
						t.Errorf("%s: exit %d\n%s%s", name, code, stdout, stderr)
					}
					all[name] = stderr
				}
				return all
			}
			for name, stderr := range read() {
				if strings.Contains(stderr, "committed since") {
					t.Errorf("merged, %s says %s", name, stderr)
				}
			}
			c.mustRun(append([]string{"run", "--out", out, "--part", "0/2"}, corpusDirectories(t, testCorpus())...)...)
			commands["view"][3], commands["dataset"][2] = filepath.Join(t.TempDir(), "view"), filepath.Join(t.TempDir(), "dataset")
			for name, stderr := range read() {
				if !strings.Contains(stderr, want) {
					t.Errorf("%s says %s, want %s", name, stderr, want)
				}
			}
			want = "their blobs were verified, and exporter merge " + place.QuotePath(out) + ` brings the tables up to date" parts=1`
			if code, stdout, stderr := c.run("verify", out); code != 0 || !strings.Contains(stderr, want) {
				t.Errorf("verify: exit %d, %s%s, want %s", code, stdout, stderr, want)
			}
		})
	}
}
