package durable

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// CreateOnce makes a small file as a whole if none has its path, with the directories above it that are missing, and without a lock. Of several that
// try at once one succeeds; others get fs.ErrExist. When it has returned nil, the file survives a crash.
//
// A file gets its name by a link to one that is complete. Where a file system has no links, it is written under its own name: there a crash may leave
// one that is cut short, and another may read it so for a moment.
func CreateOnce(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	if _, err := makeOuter(dir); err != nil {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	temp := filepath.Join(dir, "."+filepath.Base(path)+"-"+rand.Text())
	defer os.Remove(temp)
	if err := writeNew(temp, data); err != nil {
		return err
	}
	if err = os.Link(temp, path); hasNoLinks(err) {
		err = writeNew(path, data)
	}
	if err != nil {
		return err
	}
	return syncOuter(dir)
}

// hasNoLinks tells whether an error says that the file system knows no hard links.
func hasNoLinks(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EMLINK)
}

// writeNew makes a file that no path has, and makes its bytes durable.
func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, filePermissions)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// Replace gives a file that was synced another name in place of the file that has it. When it has returned nil, that survives a crash.
func Replace(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncOuter(filepath.Dir(to))
}
