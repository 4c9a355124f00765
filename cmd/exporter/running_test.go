package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/emulator/sample"
	"exporter/internal/export"
)

// The note of a run under way can be told from that of one that was killed.
func TestRunningIn_UnderWayAndKilled(t *testing.T) {
	server := httptest.NewServer(newEmulator(t, emulator.Options{
		Corpus: loadCorpus(t, sample.FS()),
		Limit:  &emulator.RateLimit{Requests: 5, Used: 5, Window: time.Minute, RetryAfter: emulator.RetryAfterSeconds},
	}))
	t.Cleanup(server.Close)
	out := filepath.Join(t.TempDir(), "out")
	if _, _, err := export.RunningIn(t.Context(), out); err == nil {
		t.Error("no error where there is no export")
	}
	c := startChild(t, server.URL, childOptions{}, "run", "--project", "--out", out)
	var r *export.Running
	for deadline := time.Now().Add(20 * time.Second); r == nil && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(out, export.RunningName)); err != nil {
			continue
		}
		var isStale bool
		var err error
		if r, isStale, err = export.RunningIn(t.Context(), out); err != nil || isStale {
			t.Fatalf("under way: stale %t, %v", isStale, err)
		}
	}
	if r == nil || r.Process != c.cmd.Process.Pid || r.StartedAt.IsZero() || r.Version != export.Version() {
		t.Fatalf("under way: %+v, want process %d", r, c.cmd.Process.Pid)
	}
	c.kill()
	killed, isStale, err := export.RunningIn(t.Context(), out)
	if err != nil || !isStale || killed == nil || killed.Process != r.Process {
		t.Errorf("killed: %+v, stale %t, %v", killed, isStale, err)
	}
	_, url := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, sample.FS())})
	newCLI(t, url).mustRun("run", "--out", out, "--project", "--force", "source")
	if r, isStale, err := export.RunningIn(t.Context(), out); r != nil || isStale || err != nil {
		t.Errorf("after a good run: %+v, stale %t, %v", r, isStale, err)
	}
}
