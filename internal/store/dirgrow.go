package store

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"

	"exporter/internal/durable"
)

// growing is a Growing of a Dir.
type growing struct {
	dir  *Dir
	key  string
	file durable.File
	size int64
	// named says that the file's name is durable.
	named bool
}

// Grow implements Store.
func (d *Dir) Grow(_ context.Context, key string) (Growing, error) {
	g := &growing{dir: d, key: key}
	var err error
	g.file, err = d.fsys.Edit(g.name())
	if errors.Is(err, fs.ErrNotExist) {
		g.file, err = d.create(g.name())
	}
	if err != nil {
		return nil, err
	}
	if g.size, err = g.file.Seek(0, io.SeekEnd); err != nil {
		return nil, errors.Join(err, g.file.Close())
	}
	return g, nil
}

// Reopen implements Store. Before the file may change, its new name is durable: a crash must not bring the old one back for other bytes.
// A file that may not be written keeps its name, and so does one that has another name, under which it is to stay as it is.
func (d *Dir) Reopen(ctx context.Context, key string) (Growing, error) {
	f, err := d.fsys.Edit(key)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	// Windows renames no file that is open.
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if durable.IsLinked(info) {
		return nil, &fs.PathError{Op: "grow", Path: key, Err: errors.ErrUnsupported}
	}
	if err := d.fsys.Rename(key, key+PartialSuffix); err != nil {
		return nil, err
	}
	if err := d.syncDirsOf(key + PartialSuffix); err != nil {
		return nil, err
	}
	return d.Grow(ctx, key)
}

func (d *Dir) create(name string) (durable.File, error) {
	d.naming.RLock()
	defer d.naming.RUnlock()
	if err := d.fsys.MkdirAll(path.Dir(name)); err != nil {
		return nil, err
	}
	return d.fsys.Create(name)
}

func (g *growing) name() string { return g.key + PartialSuffix }

// Size implements Growing.
func (g *growing) Size() int64 { return g.size }

// Write implements io.Writer.
func (g *growing) Write(p []byte) (int, error) {
	n, err := g.file.Write(p)
	g.size += int64(n)
	return n, err
}

// ReadAt implements io.ReaderAt.
func (g *growing) ReadAt(p []byte, at int64) (int, error) { return g.file.ReadAt(p, at) }

// Truncate implements Growing.
func (g *growing) Truncate(size int64) error {
	if err := g.file.Truncate(size); err != nil {
		return err
	}
	g.size = size
	_, err := g.file.Seek(size, io.SeekStart)
	return err
}

// Sync implements Growing.
func (g *growing) Sync() error {
	if err := g.file.Sync(); err != nil {
		return err
	}
	if g.named {
		return nil
	}
	if err := g.dir.syncDirsOf(g.name()); err != nil {
		return err
	}
	g.named = true
	return nil
}

// syncDirsOf makes the name of a file durable.
func (d *Dir) syncDirsOf(name string) error {
	dirs := d.unsettled(func(yield func(string) bool) { yield(name) })
	for _, dir := range dirs {
		if err := d.fsys.SyncDir(dir); err != nil {
			return err
		}
	}
	d.settle(dirs)
	return nil
}

// Finish implements Growing.
func (g *growing) Finish(context.Context) error {
	if err := errors.Join(g.file.Sync(), g.file.Close()); err != nil {
		return err
	}
	if err := g.dir.nameFile(g.name(), g.key); err != nil {
		return err
	}
	return g.dir.syncDirsOf(g.key)
}

// Close implements Growing.
func (g *growing) Close() error { return g.file.Close() }
