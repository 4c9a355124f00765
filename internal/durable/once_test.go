package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestCreateOnce_OfManyOneSucceeds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "once")
	const writers = 16
	var all sync.WaitGroup
	errs := make([]error, writers)
	for i := range writers {
		all.Go(func() { errs[i] = CreateOnce(path, fmt.Appendf(nil, "writer %02d", i)) })
	}
	all.Wait()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner < 0:
			winner = i
		case err == nil:
			t.Errorf("writers %d and %d have both made the file", winner, i)
		case !errors.Is(err, fs.ErrExist):
			t.Errorf("writer %d: %v, want fs.ErrExist", i, err)
		}
	}
	got, err := os.ReadFile(path)
	if want := fmt.Sprintf("writer %02d", winner); err != nil || string(got) != want {
		t.Errorf("the file holds %q, %v, want %q", got, err, want)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the file there are %v, %v, want nothing", entries, err)
	}
}

func TestCreateOnce_RefusesWhatIsInTheWay(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := CreateOnce(filepath.Join(dir, "file", "once"), nil); err == nil {
		t.Error("a file below a file was made")
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := CreateOnce(filepath.Join(dir, "link"), nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a link that leads nowhere: %v, want fs.ErrExist", err)
	}
	if err := CreateOnce(filepath.Join(dir, "link", "once"), nil); !errors.Is(err, ErrDangling) {
		t.Errorf("below a link that leads nowhere: %v, want ErrDangling", err)
	}
}
