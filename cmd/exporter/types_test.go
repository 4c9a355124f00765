package main

import (
	"path"
	"path/filepath"
	"strings"
	"testing"

	"exporter/internal/emulator"
	"exporter/internal/media/mediatest"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// Whatever they are declared as, and called, pictures of every format are stored under names that say what they are, and
// nothing else is stored.
func TestRun_EveryFormat_IsKnownByItsBytes(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	declared := []string{"image/jpeg", "application/octet-stream", "text/html"}
	want := map[string]mediatest.File{}
	corpus := emulator.NewCorpus()
	spec := emulator.FileSpec{ID: "e", FileID: "f"}
	for i, f := range append(mediatest.Pictures(t), mediatest.Others(t)...) {
		for _, name := range []string{f.Name, f.Name + ".jpg", f.Name + f.Extension} {
			if _, known := want[name]; known {
				continue
			}
			want[name] = f
			spec.Assets = append(spec.Assets, emulator.AssetSpec{
				Kind: emulator.Figure, Name: name, Data: f.Data, ContentType: declared[i%len(declared)],
			})
		}
	}
	mustAdd(t, corpus, spec)
	_, url := startEmulator(t, emulator.Options{Corpus: corpus})
	for _, sink := range []string{"local", "archive"} {
		t.Run(sink, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			c := newCLI(t, url)
			if code, _, stderr := c.run("run", "--directory", "d", "--out", out, "--sink", sink); code != exitIncomplete {
				t.Fatalf("exit %d, want %d\n%s", code, exitIncomplete, stderr)
			}
			rows := readExport(t, out).rows
			if len(rows) != len(want) {
				t.Errorf("%d rows, want %d", len(rows), len(want))
			}
			for key, row := range rows {
				checkFormat(t, row, want[key.FigureName])
			}
			c.mustRun("verify", "--out", out)
		})
	}
}

func checkFormat(t *testing.T, row *pipeline.Row, want mediatest.File) {
	t.Helper()
	if want.MediaType == "" {
		if row.Status != pipeline.Failed || !strings.HasPrefix(row.Reason, "not_image: ") {
			t.Errorf("%s is %s (%s), want it failed as not_image", row.FigureName, row.Status, row.Reason)
		}
		return
	}
	name := row.Location.Path
	if row.Location.Shard != nil {
		name = row.Location.Shard.Member
	}
	c := row.Content
	if row.Status != pipeline.Stored || c.MediaType != want.MediaType || path.Ext(name) != want.Extension ||
		c.Width != want.Width || c.Height != want.Height || c.Orientation != want.Orientation {
		t.Errorf("%s is %s as %s, %d by %d, orientation %d, in %s, want %s, %d by %d, %d, in a name with %s", row.FigureName,
			row.Status, c.MediaType, c.Width, c.Height, c.Orientation, name, want.MediaType, want.Width, want.Height,
			want.Orientation, want.Extension)
	}
}
