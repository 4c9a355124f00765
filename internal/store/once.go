package store

import (
	"errors"
	"io/fs"

	"exporter/internal/durable"
)

// RenameFile gives a file whose bytes are durable its name, durably, in place of one that has it.
func RenameFile(from, to string) error { return durable.Replace(from, to) }

// CreateFile stores a small file at a path of the file system if none has it, durably, without owning the directory that it is in. Of several that try at
// once one succeeds. Others get ErrExists.
func CreateFile(path string, data []byte) error {
	err := durable.CreateOnce(path, data)
	if errors.Is(err, fs.ErrExist) {
		return &fs.PathError{Op: "create", Path: path, Err: ErrExists}
	}
	return err
}
