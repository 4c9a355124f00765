package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// Who is compared with verify reads every file, whichever process it is given to, and behind a pipe as well.
func TestSumAll_ReadsAllFiles(t *testing.T) {
	for _, name := range []string{"sh", "xargs"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("%v: install it, as verify is compared with what it runs", err)
		}
	}
	dir := t.TempDir()
	b := &bench{temp: dir}
	var files []string
	for n := range 5 {
		name := filepath.Join(dir, "with space "+strconv.Itoa(n))
		writeBlob(t, name, 100)
		files = append(files, name)
	}
	for _, sum := range []string{"xargs -0 cat >> ", "xargs -0 cat | cat >> "} {
		read := filepath.Join(dir, "read")
		if _, err := b.sumAll(t.Context(), sum+"'"+read+"'", files); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(read); err != nil || info.Size() != 500 {
			t.Errorf("%q: %v, %v, want 500 bytes", sum, info, err)
		}
		if err := os.Remove(read); err != nil {
			t.Fatal(err)
		}
	}
}
