package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/emulator/sample"
	"exporter/internal/export"
	"exporter/internal/store"
)

// Beside the first run of an export nobody knows yet what it is made of: that run is what is in the way.
func TestRun_BesideTheFirstRun_IsOwned(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out")
	first, err := store.OwnDir(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"run", "plan"} {
		if code, _, stderr := newCLI(t, "https://api.invalid").run(command, "--out", out); code != exitOwned || !strings.Contains(stderr, "process ") {
			t.Errorf("exporter %s: exit %d, want %d and who has it\n%s", command, code, exitOwned, stderr)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := newCLI(t, "https://api.invalid").run("run", "--out", out); code != exitUsage || !strings.Contains(stderr, "nothing to export") {
		t.Errorf("exporter run behind it: exit %d, want %d and that there is nothing to export\n%s", code, exitUsage, stderr)
	}
}

// The note of a run under way can be told from that of one that was killed.
func TestRunningIn_UnderWayAndKilled(t *testing.T) {
	t.Parallel()
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
