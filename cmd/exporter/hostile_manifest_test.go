package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/store"
	"exporter/internal/testmain"
	"exporter/manifest"
	"exporter/pipeline"
)

// hostilePaths lead from an export to canaries outside of it.
func (s *surroundings) hostilePaths() []pipeline.Location {
	inShard := func(path string) pipeline.Location {
		return pipeline.Location{Path: path, Shard: &pipeline.ShardLocation{Member: "f/page_screenshots/0.jpg"}}
	}
	return []pipeline.Location{
		{Path: "../canary"}, {Path: "../../canary"}, {Path: "../canaries/canary"}, {Path: "blobs/../../canary"},
		{Path: "blobs/./../../canary"},
		{Path: "blobs/../../../blobs/canary"}, {Path: filepath.Join(s.base, "canary")},
		{Path: "blobs/" + filepath.Join(s.base, "canary")},
		{Path: "../out/../canary"}, {Path: "link/canary"}, {Path: "blobs/link/canary"}, {Path: "blobs/canary"},
		inShard("../canary"), inShard("shards/../../shards/canary"), inShard("../shards/canary"), inShard("shards/link/canary"),
	}
}

// forge makes an export whose manifest says that blobs are stored at such paths, one for each page, and that they are what is
// found there.
func (s *surroundings) forge(sink string) {
	s.t.Helper()
	dir, err := store.OwnDir(s.out)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, name := range []string{"link", "blobs/link", "blobs/canary", "shards/link"} {
		name = filepath.Join(s.out, filepath.FromSlash(name))
		err = errors.Join(err, os.MkdirAll(filepath.Dir(name), 0o755))
		target := filepath.Join(s.base, "beside", "canaries")
		if filepath.Base(name) == "canary" {
			target = filepath.Join(s.base, "canary")
		}
		err = errors.Join(err, os.Symlink(target, name))
	}
	ledger, openErr := manifest.Open(s.t.Context(), dir, manifest.Info{Version: "forged", Source: "{}",
		Sink: `{"output.sink":"` + sink + `"}`})
	if err = errors.Join(err, openErr); err != nil {
		s.t.Fatal(err)
	}
	file := &pipeline.File{ID: "f", DirectoryID: "d", DirectoryFileID: "e"}
	var rows []*pipeline.Row
	for page, at := range s.hostilePaths() {
		outside := filepath.Join(s.out, filepath.FromSlash(at.Path))
		if filepath.IsAbs(at.Path) {
			outside = at.Path
		}
		if _, err := os.Stat(outside); err != nil {
			outside = filepath.Join(s.base, "canary")
		}
		content, err := os.ReadFile(outside)
		if err != nil {
			s.t.Fatal(err)
		}
		rows = append(rows, &pipeline.Row{
			Asset: pipeline.Asset{FileID: "f", Kind: pipeline.Screenshot, Origin: pipeline.OriginFile, PageIndex: int32(page)}, File: file,
			Status: pipeline.Stored, Location: at, FetchedAt: time.Now(),
			Content: pipeline.Content{Size: int64(len(content)), SHA256: sha256.Sum256(content), MediaType: "image/jpeg"},
		})
	}
	// It was missing once before, so that it vanishes as soon as it is not listed again.
	settled := &pipeline.FileRow{
		File: *file, Status: pipeline.Complete, Counts: pipeline.Counts{Stored: int64(len(rows))},
		Gone: pipeline.Gone{MissedAt: time.Now()},
	}
	err = ledger.Commit(s.t.Context(), pipeline.Rows{Assets: rows, Files: []*pipeline.FileRow{settled}})
	if err = errors.Join(err, ledger.Compact(s.t.Context()), ledger.Close(), dir.Close()); err != nil {
		s.t.Fatal(err)
	}
}

// A manifest may come from somebody else. Whatever paths are in it, nothing outside the export is shown, taken for a blob,
// replaced or removed.
func TestExport_ForgedManifest_LeadsNowhere(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for _, sink := range []string{"local", "archive"} {
		run := []string{"run", "--directory", "d", "--sink", sink, "--force"}
		for _, tt := range []struct {
			exit int
			args []string
		}{
			{exitDamage, []string{"verify"}},
			{exitDamage, []string{"verify", "--quick"}},
			{exitDamage, []string{"cat", "f", "0"}},
			{exitDamage, []string{"cat", "f", "12"}},
			{0, append(run, "--repair")},
			// What was planted in the place of an old blob is refused when the new ones are committed.
			{exitStorage, append(run, "--refetch")},
			{exitStorage, append(run, "--prune")},
		} {
			t.Run(sink+" "+strings.Join(tt.args, " "), func(t *testing.T) {
				s := newSurroundings(t)
				s.forge(sink)
				// Upstream the pages have other pictures, or there is only another file.
				file := emulator.FileSpec{ID: "e", FileID: "f"}
				if tt.args[len(tt.args)-1] == "--prune" {
					file.FileID = "other"
				}
				for page := range s.hostilePaths() {
					picture := emulator.AssetSpec{Kind: emulator.Screenshot, Page: int64(page), Data: fmt.Append(nil,
						"\xff\xd8\xff", page)}
					file.Assets = append(file.Assets, picture)
				}
				corpus := emulator.NewCorpus()
				mustAdd(t, corpus, file)
				_, url := startEmulator(t, emulator.Options{Corpus: corpus})
				code, stdout, stderr := newCLI(t, url).run(append(tt.args, "--out", s.out)...)
				if code != tt.exit || strings.Contains(stdout+stderr, "canary of") {
					t.Errorf("exit %d, want %d, and nothing of what is outside\n%s%s", code, tt.exit, stdout, stderr)
				}
				s.check()
				if code == 0 {
					rows := readExport(t, s.out).rows
					if checkSafe(t, rows); len(rows) != len(s.hostilePaths()) {
						t.Errorf("%d rows, want %d", len(rows), len(s.hostilePaths()))
					}
				}
			})
		}
	}
}
