package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"exporter/internal/testmain"
)

// A file is in the place of a directory of an export, or a directory in that of a file. A run says what is in its way, touches nothing of
// it, and completes once it is gone.
func TestExport_OtherThingInThePlace_IsNamed(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	tests := map[string]struct {
		sink, name string
		isDir      bool
	}{
		"private folder": {sink: "local", name: ".exporter"},
		"commit log":     {sink: "local", name: ".exporter/parts"},
		"temporary":      {sink: "local", name: ".exporter/tmp"},
		"blobs":          {sink: "local", name: "blobs"},
		"shards":         {sink: "archive", name: "shards"},
		"manifest":       {sink: "local", name: "manifest.parquet", isDir: true},
		"files":          {sink: "archive", name: "files.parquet", isDir: true},
		"a shard":        {sink: "archive", name: "shards/shard-000000.tar.zst", isDir: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := exportSettings{sink: tt.sink, files: 2, each: 4, workers: 2, checkpoint: time.Hour}
			want := s.undisturbed(t)
			_, url := startEmulator(t, s.emulator())
			out := filepath.Join(t.TempDir(), "out")
			inTheWay := filepath.Join(out, filepath.FromSlash(tt.name))
			canary := inTheWay
			if tt.isDir {
				canary = filepath.Join(inTheWay, "canary")
			}
			err := os.MkdirAll(filepath.Dir(canary), 0o755)
			if err == nil {
				err = os.WriteFile(canary, []byte("somebody's"), 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
			c := newCLI(t, url)
			code, _, stderr := c.run(s.args(out)...)
			if code != exitStorage && code != exitUsage || !strings.Contains(stderr, tt.name) {
				t.Errorf("exit %d, want %d or %d and the name %q\n%s", code, exitStorage, exitUsage, tt.name, stderr)
			}
			if got, err := os.ReadFile(canary); err != nil || string(got) != "somebody's" {
				t.Errorf("what was in the way is now %q, %v", got, err)
			}
			if err := os.RemoveAll(inTheWay); err != nil {
				t.Fatal(err)
			}
			c.mustRun(s.args(out)...)
			readExportedSet(t, out).check(t, want)
		})
	}
}
