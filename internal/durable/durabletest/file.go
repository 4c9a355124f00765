package durabletest

import (
	"io"
	"io/fs"
	"path"
	"slices"
)

// file is an open file.
type file struct {
	fs     *Memory
	node   *node
	name   string
	offset int64
}

func (f *file) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, f.offset)
	f.offset += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

func (f *file) ReadAt(p []byte, offset int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.fs.crashed {
		return 0, &fs.PathError{Op: "read", Path: f.name, Err: ErrCrashed}
	}
	if offset >= int64(len(f.node.content)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.content[offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) Write(p []byte) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.begin("write", f.name); err != nil {
		return 0, err
	}
	if missing := f.offset + int64(len(p)) - int64(len(f.node.content)); missing > 0 {
		f.node.content = append(f.node.content, make([]byte, missing)...)
	}
	copy(f.node.content[f.offset:], p)
	f.offset += int64(len(p))
	return len(p), nil
}

func (f *file) Seek(offset int64, whence int) (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		offset += f.offset
	case io.SeekEnd:
		offset += int64(len(f.node.content))
	}
	f.offset = offset
	return offset, nil
}

func (f *file) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.begin("sync", f.name); err != nil {
		return err
	}
	f.node.synced = slices.Clone(f.node.content)
	return nil
}

func (f *file) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.begin("truncate", f.name); err != nil {
		return err
	}
	if size < int64(len(f.node.content)) {
		f.node.content = f.node.content[:size:size]
	}
	return nil
}

func (f *file) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return f.fs.begin("close", f.name)
}

func (f *file) Stat() (fs.FileInfo, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return f.node.info(path.Base(f.name)), nil
}
