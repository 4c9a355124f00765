package store

import (
	"errors"
	"io/fs"

	"exporter/internal/durable"
)

// CreateFile stores a small file at a path of the file system if none has it, durably, without owning the directory that it is in. Of several that try at
// once one succeeds. Others get ErrExists.
func CreateFile(path string, data []byte) error {
	err := durable.CreateOnce(path, data)
	if errors.Is(err, fs.ErrExist) {
		return &fs.PathError{Op: "create", Path: path, Err: ErrExists}
	}
	return err
}
