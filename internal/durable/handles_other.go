//go:build !unix

package durable

import (
	"io/fs"
	"os"
)

// handles keeps nothing open: every name is walked to from the root.
type handles struct{}

func (handles) drop(string) {}
func (handles) close()      {}

// create makes a new file.
func (d *Dir) create(name string) (*os.File, error) {
	return d.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, filePermissions)
}

// mkdir makes a new directory.
func (d *Dir) mkdir(name string) error { return d.root.Mkdir(name, dirPermissions) }

// rename gives a file another name, unless something has it that is no file.
func (d *Dir) rename(oldName, newName string) error {
	if info, err := d.root.Lstat(newName); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return &fs.PathError{Op: "rename", Path: newName, Err: ErrNotRegular}
	}
	return d.root.Rename(oldName, newName)
}
