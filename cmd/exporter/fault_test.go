package main

import (
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"exporter/internal/durable"
	"exporter/internal/durable/durabletest"
	"exporter/internal/testmain"
)

// fault makes one operation of a run go wrong.
type fault struct {
	// pattern is for the operation, such as "sync shards/*"; the first one that matches goes wrong as fail does.
	pattern string
	fail    func() error

	mu sync.Mutex
	// operation is the one that went wrong; empty while there is none. later are those that came after it.
	operation string
	later     []string
}

func (f *fault) wrap(fsys durable.FS) durable.FS {
	return durabletest.Hook(fsys, durabletest.Hooks{Before: f.before})
}

func (f *fault) before(o durabletest.Operation) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	operation := o.Kind + " " + o.Name
	if f.operation != "" {
		f.later = append(f.later, operation)
		return nil
	}
	if matches, err := path.Match(f.pattern, operation); err != nil || !matches {
		return err
	}
	f.operation = operation
	return f.fail()
}

// A goroutine panics in the middle of a run. The others end, the program says that this is a bug, and nothing is lost.
func TestRun_WorkerPanics_CommitsWhatIsFinished(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	tests := []struct {
		sink, pattern, stage string
		// rows bounds what is not committed.
		rows int
		// committed says that all blobs are committed that had been fetched, but the one that was being stored.
		committed bool
	}{
		{"local", "create .exporter/tmp/1[2-9]-*.jpg", "fetch", 8, true},
		{"local", "sync .exporter/tmp/1[2-9]-*.jpg", "commit", 8, false},
		// A shard of which nobody knows where it ends is not committed.
		{"archive", "write shards/shard-000000.tar.zst.partial", "fetch", 0, false},
		{"archive", "sync .exporter/tmp/*-00000002.assets.parquet", "commit", 8, false},
	}
	for _, tt := range tests {
		t.Run(tt.sink+"/"+tt.pattern, func(t *testing.T) {
			s := exportSettings{sink: tt.sink, files: 4, each: 6, workers: 2, checkpoint: time.Hour}
			server, url := startEmulator(t, s.emulator())
			out := filepath.Join(t.TempDir(), "out")
			c := newCLI(t, url)
			f := &fault{pattern: tt.pattern, fail: func() error { panic("injected") }}
			c.wrapFS, c.checkpointRows = f.wrap, tt.rows
			code, _, stderr := c.run(s.args(out)...)
			for _, want := range []string{"panic in stage " + tt.stage + ": injected", "; this is a bug", "goroutine "} {
				if code != exitInternal || !strings.Contains(stderr, want) {
					t.Errorf("exit %d, want %d and %q\n%s", code, exitInternal, want, stderr)
				}
			}
			if rows, fetched := len(readExport(t, out).rows), blobRequests(server); tt.committed && rows != fetched-1 {
				t.Errorf("%d of %d blobs are committed, want all but one", rows, fetched)
			}
			c.wrapFS = nil
			c.mustRun(s.args(out)...)
			readExportedSet(t, out).check(t, s.undisturbed(t))
		})
	}
}
