//go:build !race

package main

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"exporter/internal/testmain"
)

// A sync fails. The run stops: what failed is not synced again, and nothing is given a name that was not durable before.
// The next run completes the export.
func TestExport_SyncFails_StopsForGood(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	tests := []struct{ sink, pattern string }{
		{"local", "syncdir ."},
		{"local", "sync .exporter/tmp/*.jpg"},
		{"local", "syncdir blobs/*/*/page_screenshots"},
		{"local", "sync .exporter/tmp/*.assets.parquet"},
		{"local", "sync .exporter/tmp/*.files.parquet"},
		{"local", "syncdir .exporter/parts"},
		{"local", "sync .exporter/tmp/*-manifest.parquet"},
		{"local", "sync .exporter/tmp/*-files.parquet"},
		{"local", "sync .exporter/tmp/*-run.json"},
		{"archive", "sync shards/shard-000000.tar.zst.partial"},
		{"archive", "syncdir shards"},
		{"archive", "sync .exporter/tmp/*.assets.parquet"},
	}
	undisturbed := map[string]exportedSet{}
	for _, tt := range tests {
		t.Run(tt.sink+"/"+tt.pattern, func(t *testing.T) {
			s := exportSettings{sink: tt.sink, files: 4, each: 6, workers: 2, checkpoint: time.Hour}
			if _, known := undisturbed[tt.sink]; !known {
				undisturbed[tt.sink] = s.undisturbed(t)
			}
			_, url := startEmulator(t, s.emulator())
			out := filepath.Join(t.TempDir(), "out")
			c := newCLI(t, url)
			f := &fault{pattern: tt.pattern, fail: func() error { return syscall.EIO }}
			c.wrapFS, c.checkpointRows = f.wrap, 8
			code, _, stderr := c.run(s.args(out)...)
			if f.operation == "" || code != exitStorage || !strings.Contains(stderr, syscall.EIO.Error()) {
				t.Errorf("%q failed, exit %d, want %d\n%s", f.operation, code, exitStorage, stderr)
			}
			for _, operation := range f.later {
				if operation == f.operation || strings.HasPrefix(operation, "rename ") {
					t.Errorf("%q after %q failed", operation, f.operation)
				}
			}
			c.wrapFS = nil
			c.mustRun(s.args(out)...)
			readExportedSet(t, out).check(t, undisturbed[tt.sink])
		})
	}
}
