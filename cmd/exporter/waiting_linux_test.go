//go:build waiting

package main

import (
	"flag"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/emulator/sample"
)

var waiting = flag.Duration("waiting", time.Hour, "how long the run waits")

// A run that waits for a quota on a terminal, with metrics in a file and served, takes a second of the processor in an hour.
func TestWaiting_AnHour_TakesASecond(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(newEmulator(t, emulator.Options{
		Corpus: loadCorpus(t, sample.FS()),
		Limit: &emulator.RateLimit{
			Requests: 20, Used: 20, Window: 2 * *waiting, RetryAfter: emulator.RetryAfterSeconds, QuotaHeaders: emulator.QuotaIETF,
		},
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	screen, tty := openTerminal(t, 120)
	cmd := exec.Command("exporter", "run", "--project", "--rate", "auto", "--max-pause", "1000h", "--out", filepath.Join(dir, "out"),
		"--metrics-file", filepath.Join(dir, "x.prom"), "--metrics-listen", ":0")
	cmd.Env = []string{childEnv + "={}", "LLAMA_CLOUD_API_KEY=" + canaryKey, "LLAMA_CLOUD_BASE_URL=" + server.URL}
	cmd.Stdout, cmd.Stderr = tty, tty
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	tty.Close()
	var written strings.Builder
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&written, screen)
	}()
	time.Sleep(*waiting)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	<-read
	took := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	t.Logf("%v of waiting: %v of the processor, of which its beginning and its end are a part, %d times on it, %d bytes to the terminal",
		*waiting, took, usage.Nvcsw+usage.Nivcsw, written.Len())
	if !strings.Contains(written.String(), "paused until ") {
		t.Errorf("the run never waited: %s", written.String())
	}
	if most := time.Duration(float64(time.Second) * waiting.Hours()); *waiting >= time.Hour && took > most {
		t.Errorf("%v of the processor in %v, want %v at most", took, *waiting, most)
	}
}
