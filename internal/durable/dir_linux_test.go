package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// The folder of a new export has a name that survives a crash, or is not made: here nobody may open the one above it, and so cannot
// sync it.
func TestOpen_FolderAboveCannotBeSynced_IsRefused(t *testing.T) {
	path := t.TempDir()
	outer := filepath.Join(path, "outer")
	if err := os.Mkdir(outer, 0o300); err != nil {
		t.Fatal(err)
	}
	// Of a user who may not do everything, in this thread alone, which ends with the test.
	runtime.LockOSThread()
	if os.Geteuid() == 0 {
		const nobody = 65534
		if err := errors.Join(os.Chmod(filepath.Dir(path), 0o755), os.Chown(outer, nobody, nobody)); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.SetfsuidRetUid(nobody); err != nil {
			t.Fatal(err)
		}
		defer unix.Setfsuid(0)
	}
	if err := errors.Join(os.Mkdir(filepath.Join(outer, "other"), 0o700), os.Remove(filepath.Join(outer, "other"))); err != nil {
		t.Fatal(err)
	}
	d, err := Open(filepath.Join(outer, "out"))
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got error %v, want %v", err, fs.ErrPermission)
	}
	if d != nil {
		d.Close()
	}
	if _, err := os.Lstat(filepath.Join(outer, "out")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is there: %v", err)
	}
}
