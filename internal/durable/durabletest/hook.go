package durabletest

import (
	"io/fs"
	"path"

	"exporter/internal/durable"
)

// Hooks are called around every operation that changes something. Each may be nil, and is called by many goroutines at
// once.
type Hooks struct {
	// Before is asked before the operation: an error that it returns is that of the operation, which is then not carried
	// out. It may also panic, or never return.
	Before func(Operation) error
	// After is told of an operation that succeeded.
	After func(Operation)
}

// Hook returns a file system that does what fsys does, and calls the hooks. Operations have no Number.
func Hook(fsys durable.FS, h Hooks) durable.FS { return &hooked{fsys, h} }

type hooked struct {
	durable.FS
	hooks Hooks
}

func (h *hooked) do(kind, name string, operate func() error) error {
	o := Operation{Kind: kind, Name: name}
	if h.hooks.Before != nil {
		if err := h.hooks.Before(o); err != nil {
			return &fs.PathError{Op: kind, Path: name, Err: err}
		}
	}
	err := operate()
	if err == nil && h.hooks.After != nil {
		h.hooks.After(o)
	}
	return err
}

// Create implements durable.FS.
func (h *hooked) Create(name string) (f durable.File, err error) {
	err = h.do("create", name, func() (err error) {
		f, err = h.FS.Create(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &hookedFile{f, h, name}, nil
}

// Edit implements durable.FS.
func (h *hooked) Edit(name string) (durable.File, error) {
	f, err := h.FS.Edit(name)
	if err != nil {
		return nil, err
	}
	return &hookedFile{f, h, name}, nil
}

// Rename implements durable.FS.
func (h *hooked) Rename(oldName, newName string) error {
	return h.do("rename", newName, func() error { return h.FS.Rename(oldName, newName) })
}

// Remove implements durable.FS.
func (h *hooked) Remove(name string) error {
	return h.do("remove", name, func() error { return h.FS.Remove(name) })
}

// MkdirAll implements durable.FS. It is an operation only where the directory is missing.
func (h *hooked) MkdirAll(name string) error {
	if _, err := h.Lstat(name); err == nil {
		return h.FS.MkdirAll(name)
	}
	if parent := path.Dir(name); parent != name {
		if err := h.MkdirAll(parent); err != nil {
			return err
		}
	}
	return h.do("mkdir", name, func() error { return h.FS.MkdirAll(name) })
}

// SyncDir implements durable.FS.
func (h *hooked) SyncDir(name string) error {
	return h.do("syncdir", name, func() error { return h.FS.SyncDir(name) })
}

// SyncAll implements durable.FS.
func (h *hooked) SyncAll() error { return h.do("syncall", ".", h.FS.SyncAll) }

// hookedFile is a file that can be changed.
type hookedFile struct {
	durable.File
	fs   *hooked
	name string
}

func (f *hookedFile) Write(p []byte) (n int, err error) {
	err = f.fs.do("write", f.name, func() (err error) {
		n, err = f.File.Write(p)
		return err
	})
	return n, err
}

func (f *hookedFile) Sync() error { return f.fs.do("sync", f.name, f.File.Sync) }

func (f *hookedFile) Truncate(size int64) error {
	return f.fs.do("truncate", f.name, func() error { return f.File.Truncate(size) })
}

func (f *hookedFile) Close() error { return f.fs.do("close", f.name, f.File.Close) }
