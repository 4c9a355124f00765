package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"exporter/internal/emulator"
	"exporter/internal/testmain"
)

// canaries are what is to be nowhere when a file is gone, by a name for it.
type canaries map[string][]byte

// text adds a text, and returns it.
func (c canaries) text(name string) string {
	text := "canary-" + name + "-5f0c"
	c[name] = []byte(text)
	return text
}

// picture adds a picture and its SHA-256, and returns the picture.
func (c canaries) picture(name string) []byte {
	// The frame's header says that it has 16 pixels a side.
	pixels := []byte("\xff\xd8\xff\xc0\x00\x0b\x08\x00\x10\x00\x10\x01\x01\x11\x00\xff" + c.text(name+" pixels"))
	for i := range 2000 {
		pixels = append(pixels, byte(i*i>>3))
	}
	pixels = append(pixels, "\xff\xd9"...)
	sum := sha256.Sum256(pixels)
	c[name+" sum"], c[name+" sum in hex"] = sum[:], []byte(hex.EncodeToString(sum[:]))
	return pixels
}

// found returns where in an export there is some of each canary: in names of files, in their bytes, and in what can be decompressed of
// them.
func (c canaries) found(t *testing.T, out string) map[string][]string {
	t.Helper()
	decoder, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer decoder.Close()
	found := map[string][]string{}
	err = fs.WalkDir(os.DirFS(out), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		texts := [][]byte{[]byte(name)}
		if !d.IsDir() {
			content, err := os.ReadFile(filepath.Join(out, name))
			if err != nil {
				return err
			}
			texts = append(append(texts, content), frames(decoder, content)...)
		}
		for what, canary := range c {
			if slices.ContainsFunc(texts, func(text []byte) bool { return bytes.Contains(text, canary) }) {
				found[what] = append(found[what], name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// frames decompresses whatever may be a zstd frame: those of shards, and the pages of tables.
func frames(decoder *zstd.Decoder, content []byte) (frames [][]byte) {
	const magic = "\x28\xb5\x2f\xfd"
	for at := 0; ; at++ {
		next := bytes.Index(content[at:], []byte(magic))
		if next < 0 {
			return frames
		}
		at += next
		if err := decoder.Reset(bytes.NewReader(content[at:])); err != nil {
			continue
		}
		// Behind a frame of a table is no other one: what was read until then counts.
		frame, _ := io.ReadAll(decoder)
		frames = append(frames, frame)
	}
}

// newCanaryCorpus returns a corpus in which a file has canaries wherever texts or bytes can be, and others have none.
func newCanaryCorpus(t *testing.T) (*emulator.Corpus, canaries) {
	t.Helper()
	c, corpus := canaries{}, emulator.Synthetic(emulator.SyntheticOptions{Files: 30, AssetsPerFile: 2, BlobSize: 3000})
	metadata := func(name string) json.RawMessage { return fmt.Appendf(nil, `{"note":%q}`, c.text(name)) }
	wrong := int64(7)
	err := corpus.AddFile(emulator.SyntheticDirectory, emulator.FileSpec{
		ID: "dfl-" + c.text("directory file"), FileID: c.text("file"), DisplayName: c.text("display name"), UniqueID: c.text("unique id"),
		Metadata: metadata("file metadata"), UpdatedAt: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC),
		Assets: []emulator.AssetSpec{
			{Kind: emulator.Screenshot, Page: 0, Data: c.picture("page"), Metadata: metadata("page metadata")},
			{Kind: emulator.Figure, Page: 0, Name: c.text("figure") + ".jpg", Data: c.picture("figure"), Metadata: metadata("figure metadata")},
			{Kind: emulator.Figure, Page: 1, Name: c.text("failing figure") + ".jpg", Data: c.picture("failing figure"), ListedSize: &wrong},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return corpus, c
}

// After a file was removed, by --prune --compact or by rm and compact, nothing that was ever stored of it is anywhere in the export: no byte
// of its pictures, whatever version, no text, no hash.
func TestCompact_WhatIsGone_IsNowhere(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for _, sink := range []string{"local", "archive", "archive uncompressed"} {
		for _, way := range []string{"prune", "rm", "rm of a killed run"} {
			t.Run(sink+"/"+way, func(t *testing.T) {
				corpus, c := newCanaryCorpus(t)
				_, url := startEmulator(t, emulator.Options{Corpus: corpus})
				out := filepath.Join(t.TempDir(), "out")
				run := []string{"run", "--directory", emulator.SyntheticDirectory, "--out", out, "--max-attempts", "1", "--sink", strings.Fields(sink)[0]}
				if strings.HasSuffix(sink, "uncompressed") {
					run = append(run, "--compression", "none")
				}
				cli := newCLI(t, url)
				mustFailSome(t, cli, run)
				id := string(c["file"])
				changed := emulator.AssetSpec{Kind: emulator.Screenshot, Page: 0, Data: c.picture("another version of the page"), Metadata: json.RawMessage(`{}`)}
				if err := corpus.PutAsset(id, changed); err != nil {
					t.Fatal(err)
				}
				mustFailSome(t, cli, append(run, "--refetch"))
				cli.mustRun("dataset", out, filepath.Join(t.TempDir(), "dataset"), "--format", "parquet", "--decode")
				c.mustFindAll(t, out, sink)
				if sums := c.found(t, out)["another version of the page sum"]; !slices.Contains(sums, ".exporter/derived/pictures.parquet") {
					t.Errorf("the sum of a decoded picture is in %q, want it among what was found out", sums)
				}
				switch way {
				case "prune":
					if err := corpus.RemoveFile(id); err != nil {
						t.Fatal(err)
					}
					cli.mustRun(run...)
					cli.mustRun(append(run, "--prune", "--compact")...)
				case "rm":
					cli.mustRun("rm", out, "--file-id", id)
					cli.mustRun("compact", out)
				default:
					leaveKilled(t, out, id)
					cli.mustRun("rm", out, "--file-id", id)
					cli.mustRun("compact", out)
					mustKeepReports(t, out)
				}
				if found := c.found(t, out); len(found) > 0 {
					for _, what := range slices.Sorted(maps.Keys(found)) {
						t.Errorf("%s is in %q", what, found[what])
					}
				}
				if stdout := cli.mustRun("verify", out); strings.Contains(stdout, "orphans") {
					t.Errorf("after a compaction:\n%s", stdout)
				}
			})
		}
	}
}

// leaveKilled makes an export look as a killed run leaves it, after others whose reports name a file in all ways.
func leaveKilled(t *testing.T, out, id string) {
	t.Helper()
	path := filepath.Join(out, "run.json")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var report map[string]any
	if err := json.Unmarshal(content, &report); err != nil {
		t.Fatal(err)
	}
	counts := report["counts"].(map[string]any)
	counts["errors"] = map[string]any{"http_404": map[string]any{"count": 3, "first": "http_404: there is no " + id}}
	report["error"] = "list " + id
	report["accepted"] = []any{map[string]any{"kind": "prune", "what": "known only of file:" + id}}
	report["incomplete_sources"] = []any{map[string]any{"source": "file:" + id, "error": id + " is gone"}, map[string]any{"source": "project"}}
	last, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	report["source"].(map[string]any)["source.files"] = id
	old, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"run.json": string(last), ".exporter/running.json": string(old), ".exporter/tmp/7-left": id,
		"runs/20250101T000000.000000Z-ABCDEFGH.json": string(old), "runs.jsonl": string(old) + "\n" + `{"error":"` + id,
	} {
		if err := os.WriteFile(filepath.Join(out, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// mustKeepReports fails unless the reports still say what names nothing.
func mustKeepReports(t *testing.T, out string) {
	t.Helper()
	for _, name := range []string{"run.json", "runs/20250101T000000.000000Z-ABCDEFGH.json", "runs.jsonl"} {
		content, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		var report struct {
			Source     map[string]string `json:"source"`
			ExitCode   int               `json:"exit_code"`
			Incomplete []struct{ Source string }
			Counts     struct {
				Errors map[string]struct{ Count int }
			}
		}
		if err := json.Unmarshal(content, &report); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if report.ExitCode != exitIncomplete || report.Counts.Errors["http_404"].Count != 3 ||
			report.Source["source.directories"] != emulator.SyntheticDirectory {
			t.Errorf("%s says %+v", name, report)
		}
		if !bytes.Contains(content, []byte(`"project"`)) {
			t.Errorf("%s has lost the name of a source", name)
		}
	}
}

// mustFindAll fails unless the search finds every canary that an export has: else it would not show that one is gone.
func (c canaries) mustFindAll(t *testing.T, out, sink string) {
	t.Helper()
	found := c.found(t, out)
	for what := range c {
		// Sums are in tables as text, what fails is not stored, and the local sink keeps no old version.
		isStored := !strings.HasSuffix(what, " sum") && !strings.HasPrefix(what, "failing figure ")
		isOld := what == "page metadata" || what == "page sum in hex" || what == "page pixels" && sink == "local"
		if isStored && !isOld && len(found[what]) == 0 {
			t.Errorf("%s is not found in the export", what)
		}
	}
}

// mustFailSome runs a command of which some assets fail.
func mustFailSome(t *testing.T, c *cli, args []string) {
	t.Helper()
	if code, stdout, stderr := c.run(args...); code != exitIncomplete {
		t.Fatalf("exporter %q: exit %d, want %d\n%s%s", args, code, exitIncomplete, stdout, stderr)
	}
}
