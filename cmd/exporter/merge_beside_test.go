package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"exporter/internal/emulator"
	"exporter/internal/parts"
	"exporter/internal/store/bucket/buckettest"
	"exporter/internal/store/place"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

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

// Where it would take many requests to a bucket, no reader but verify asks each part whether it has committed since, and one of a blob asks its own.
func TestMerge_ManyPartsInABucket_AreNotAsked(t *testing.T) {
	testmain.Long(t)
	b := newTestBucket(t, buckettest.Vices{})
	_, api := startEmulator(t, emulator.Options{Corpus: emulator.Synthetic(emulator.SyntheticOptions{Files: 200, AssetsPerFile: 1, BlobSize: 100})})
	c, out := newCLI(t, api), b.url+"/out"
	putBeside(t, out, parts.PlanName, parts.Plan{Count: 65, Salt: "0000000000000069"}.Encode()...)
	run := []string{"run", "--out", out, "--part", "0/65", "--directory", emulator.SyntheticDirectory}
	c.mustRun(append(run, "--limit", "1")...)
	c.mustRun("merge", out, "--partial-ok")
	id := ""
	for key := range readExport(t, out+"/"+parts.Path(0)).rows {
		id = string(key.FileID)
	}
	c.mustRun(run...)
	for _, tt := range []struct {
		args []string
		says bool
	}{
		{[]string{"ls", out}, false}, {[]string{"cat", "--out", out, id, "0"}, true}, {[]string{"verify", out}, true},
	} {
		if code, _, stderr := c.run(tt.args...); code != 0 || strings.Contains(stderr, "committed since") != tt.says {
			t.Errorf("%s: exit %d, it says that a part has committed: %t, want %t\n%s", tt.args[0], code, !tt.says, tt.says, stderr)
		}
	}
}

// What parts accepted to fail is shown of the export as it is of one that is not in parts, merged or not, in a directory and in a bucket.
func TestMerge_AcceptedFailures_AreShown(t *testing.T) {
	testmain.Long(t)
	b := newTestBucket(t, buckettest.Vices{})
	_, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus()), Seed: 3, Faults: emulator.Faults{
		Rate: 0.4, Times: -1, Kinds: []emulator.FaultKind{"status_404"},
	}})
	c, folder := newCLI(t, api), t.TempDir()
	// with returns the lines of a text that have another in them, without dates: exports are made at other times.
	date := regexp.MustCompile(`accepted 20[0-9-]+`)
	with := func(text, part string) string {
		var lines []string
		for line := range strings.Lines(text) {
			if strings.Contains(line, part) {
				lines = append(lines, date.ReplaceAllString(line, "accepted DATE"))
			}
		}
		return strings.Join(lines, "")
	}
	accepted := func(out string) string { return with(c.mustRun("ls", out, "--failed"), "accepted") }
	reported := func(out string) string { return with(c.mustRun("report", out, "--format", "markdown"), `| http\_404 `) }
	plain := filepath.Join(folder, "plain")
	c.mustRun(append([]string{"run", "--out", plain, "--accept-failed"}, corpusDirectories(t, testCorpus())...)...)
	want := accepted(plain)
	if strings.Count(want, "attempts: 1, accepted DATE") < 2 || !strings.Contains(want, " http_404, ") {
		t.Fatalf("of a plain export, ls says %s", want)
	}
	for where, out := range map[string]string{"directory": filepath.Join(folder, "out"), "bucket": b.url + "/out"} {
		t.Run(where, func(t *testing.T) {
			runParts(t, c, out, 3, "--accept-failed")
			if got := accepted(out); got != want {
				t.Errorf("not merged, ls says\n%s, want\n%s", got, want)
			}
			c.mustRun("merge", out)
			if got := accepted(out); got != want {
				t.Errorf("merged, ls says\n%s, want\n%s", got, want)
			}
			if got, want := reported(out), reported(plain); got != want || got == "" {
				t.Errorf("the report says\n%s, want\n%s", got, want)
			}
		})
	}
}
