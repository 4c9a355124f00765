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

// FileDir returns the directory of a file's blobs in the local sink.
func FileDir(id pipeline.ID) string { return LocalDir + "/" + idName(id) }

// RemoveFileDir removes whatever is left in the directory of a file's blobs, and makes durable that it is gone. Nothing there is no
// error.
func RemoveFileDir(fsys durable.FS, id pipeline.ID) error {
	if err := removeAll(fsys, FileDir(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := fsys.SyncDir(LocalDir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func removeAll(fsys durable.FS, dir string) error {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := dir + "/" + e.Name()
		if e.IsDir() {
			err = removeAll(fsys, name)
		} else {
			err = fsys.Remove(name)
		}
		if err != nil {
			return err
		}
	}
	return fsys.Remove(dir)
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
