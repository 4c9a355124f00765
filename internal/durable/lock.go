package durable

import (
	"io/fs"
	"os"
)

// lockFile opens and locks a file without waiting. The file may have been removed between the two, by a run that cleaned
// up after itself; then the lock would guard nothing, and another file is tried.
func lockFile(root *os.Root, name string) (*os.File, error) {
	const tries = 10
	for try := 1; ; try++ {
		if info, err := root.Lstat(name); err == nil && !info.Mode().IsRegular() {
			return nil, &fs.PathError{Op: "lock", Path: name, Err: ErrNotRegular}
		}
		f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE, filePermissions)
		if err != nil {
			return nil, err
		}
		if err := tryLock(f); err != nil {
			f.Close()
			return nil, &fs.PathError{Op: "lock", Path: name, Err: err}
		}
		mine, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, err
		}
		if current, err := root.Lstat(name); err == nil && os.SameFile(mine, current) {
			return f, nil
		}
		f.Close()
		if try == tries {
			return nil, &fs.PathError{Op: "lock", Path: name, Err: ErrLocked}
		}
	}
}
