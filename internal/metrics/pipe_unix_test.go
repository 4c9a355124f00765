//go:build unix

package metrics

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Whoever opens a pipe waits for the other end, and a run would wait with it.
func TestWriteFile_Pipe_IsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.prom")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, families); err == nil {
		t.Error("a pipe was replaced")
	}
	if info, err := os.Lstat(path); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("%v, %v, want the pipe", info, err)
	}
	if _, _, err := ReadValue(path, "x", nil); err == nil {
		t.Error("a pipe was read")
	}
}
