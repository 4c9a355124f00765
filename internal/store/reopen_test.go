//go:build unix

package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// What a copy made of hard links has is not written.
func TestDir_Reopen_HardLink_StaysAsItIs(t *testing.T) {
	path := t.TempDir()
	d, err := OwnDir(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := PutBytes(t.Context(), d, "shards/1", []byte("one; end")); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(path, "shards", "1"), filepath.Join(path, "copy")); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Reopen(t.Context(), "shards/1"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got error %v, want %v", err, errors.ErrUnsupported)
	}
	if err := os.Remove(filepath.Join(path, "copy")); err != nil {
		t.Fatal(err)
	}
	g, err := d.Reopen(t.Context(), "shards/1")
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Finish(t.Context()); err != nil {
		t.Error(err)
	}
}
