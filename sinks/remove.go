package sinks

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"exporter/internal/durable"
	"exporter/pipeline"
)

// RemoveBlobs removes the files of rows that the local sink stored, and the directories that are empty then. Blobs in
// shards stay: a sealed shard is never touched again. What is gone already is no error.
func RemoveBlobs(fsys durable.FS, rows []*pipeline.Row) error {
	for _, row := range rows {
		name := row.Location.Path
		if row.Location.Shard != nil || !strings.HasPrefix(name, LocalDir+"/") {
			continue
		}
		if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := removeEmpty(fsys, path.Dir(name)); err != nil {
			return err
		}
	}
	return nil
}

// removeEmpty removes a directory of the local sink and those above it, as far as they are empty.
func removeEmpty(fsys durable.FS, dir string) error {
	for ; dir != LocalDir; dir = path.Dir(dir) {
		entries, err := fsys.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if len(entries) > 0 {
			return nil
		}
		if err := fsys.Remove(dir); err != nil {
			return err
		}
	}
	return nil
}
