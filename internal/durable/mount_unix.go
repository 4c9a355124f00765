//go:build unix

package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// CheckMount fails with an error that is syscall.EXDEV where a directory is on another file system than TempDir, from which
// files are renamed into it. What is a mount of the same file system is found out by renaming only. The directory may be
// missing.
func CheckMount(fsys FS, name string) error {
	info, err := fsys.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	temp, err := fsys.Lstat(TempDir)
	if err != nil {
		return err
	}
	there, ok := info.Sys().(*syscall.Stat_t)
	here, ok2 := temp.Sys().(*syscall.Stat_t)
	if ok && ok2 && info.IsDir() && there.Dev != here.Dev {
		return &fs.PathError{Op: "use", Path: name, Err: fmt.Errorf("%w: it is a mount of another file system", syscall.EXDEV)}
	}
	return nil
}
