//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"exporter/internal/emulator"
	"exporter/internal/emulator/sample"
)

// mkfifo makes a pipe with a name.
func mkfifo(t *testing.T, name string) {
	t.Helper()
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Whatever file is a pipe to which nobody writes, or from which nobody reads, an interrupt ends the wait for it.
func TestRun_InterruptWhileAPipeIsAwaited_Ends(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	mkfifo(t, "open")
	// Nothing comes from this one, though it can be opened.
	f, err := os.OpenFile("open", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := newCLI(t, "https://api.invalid")
	close(c.stop)
	for i, line := range []string{
		"run --project --config pipe", "run --project --config open", "config check pipe", "run --project --log-file pipe",
		"run --project --files-from pipe", "plan --project --files-from open", "run --project --ping-url-file pipe", "run --project --ping-url-file open",
		"run --project --api-key-file pipe", "sources --api-key-file open", "run --project --ca-cert pipe", "sources --ca-cert open",
		"dataset x y --format parquet --split-file pipe", "files add d f --yes --metadata @pipe",
	} {
		name := "open"
		if !strings.HasSuffix(line, name) {
			// Each has a pipe of its own, wherever this process is later: the other end of what was given up may still be waited for.
			name = filepath.Join(dir, fmt.Sprint("pipe", i))
			mkfifo(t, name)
			line = strings.TrimSuffix(line, "pipe") + name
		}
		want := fmt.Sprintf("exporter: interrupted while %q was waited for\n", name)
		if code, _, stderr := c.run(strings.Fields(line)...); code != exitInterrupted || !strings.HasSuffix(stderr, want) {
			t.Errorf("exporter %s: exit %d, want %d and %q at the end:\n%s", line, code, exitInterrupted, want, stderr)
		}
	}
}

// What comes out of a pipe is read as if it were a file, and a log goes into one.
func TestRun_Pipes_AreReadAndWritten(t *testing.T) {
	t.Chdir(t.TempDir())
	_, url := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, sample.FS())})
	const id = "03517320-10c7-8d4f-9eb6-6e4a09466ae3"
	texts := map[string]string{"config": "[source]\nproject = true\n", "ids": id + "\n", "key": canaryKey + "\n"}
	for name, text := range texts {
		mkfifo(t, name)
		go func() {
			if err := os.WriteFile(name, []byte(text), 0); err != nil {
				t.Error(err)
			}
		}()
	}
	mkfifo(t, "log")
	logged := make(chan string)
	go func() {
		text, err := os.ReadFile("log")
		if err != nil {
			t.Error(err)
		}
		logged <- string(text)
	}()
	stdout := newCLI(t, url).mustRun("run", "--config", "config", "--files-from", "ids", "--api-key-file", "key", "--log-file", "log", "-v")
	if !strings.Contains(stdout, "files    1 listed") {
		t.Errorf("want one file:\n%s", stdout)
	}
	if text := <-logged; !strings.Contains(text, "committed") {
		t.Errorf("the log does not say what was committed:\n%s", text)
	}
}
