// Package durabletest has a durable.FS in memory that can crash: it stops at a chosen operation, and what comes back
// afterwards is what a disk may have kept. Hook calls functions around the operations of any other one.
package durabletest

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"exporter/internal/durable"
)

// ErrCrashed is what every operation returns once the file system has crashed.
var ErrCrashed = errors.New("the file system has crashed")

// Memory is a durable.FS in memory. It keeps apart what has been synced and what has not, for the bytes of files as well
// as for the entries of directories.
type Memory struct {
	mu   sync.Mutex
	root *node
	// operations counts those that change something. Fail, where not nil, is asked before each of them: an error that it
	// returns is that of the operation, which is then not carried out.
	operations int
	fail       func(Operation) error
	crashed    bool
}

var _ durable.FS = (*Memory)(nil)

// Operation is something that is about to be done.
type Operation struct {
	// Number counts operations from 1; Kind is "create", "write", "sync", "truncate", "close", "rename", "remove", "mkdir",
	// "syncdir" or "syncall"; Name is the file's, or the new name of a rename.
	Number     int
	Kind, Name string
}

// node is a file or a directory.
type node struct {
	isDir bool
	// content is what a reader sees, synced what is on the disk for sure.
	content, synced []byte
	// entries are what a reader sees. pending are the changes to them that are not on the disk for sure, oldest first.
	entries map[string]*node
	pending []*change
}

// change is a change of a directory's entries.
type change struct {
	name string
	// node is the new one, nil where the entry is removed.
	node, old *node
	// after is the change without which this one cannot have happened: a rename removes the old name only where it has made
	// the new one.
	after *change
	// durable says that the change is on the disk for sure, lost that a crash dropped it.
	durable, lost bool
}

// NewMemory returns an empty file system that asks fail, which may be nil, before every operation that changes something.
func NewMemory(fail func(Operation) error) *Memory {
	return &Memory{root: newDir(), fail: fail}
}

// FailWith makes the file system ask another function from now on.
func (m *Memory) FailWith(fail func(Operation) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = fail
}

// CrashAt returns a function for NewMemory that lets operation number n, and all after it, crash.
func CrashAt(n int) func(Operation) error {
	return func(o Operation) error {
		if o.Number >= n {
			return ErrCrashed
		}
		return nil
	}
}

func newDir() *node { return &node{isDir: true, entries: map[string]*node{}} }

// Operations returns the number of operations so far.
func (m *Memory) Operations() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.operations
}

// begin counts an operation and asks whether it may be carried out. The caller holds the lock.
func (m *Memory) begin(kind, name string) error {
	if m.crashed {
		return &fs.PathError{Op: kind, Path: name, Err: ErrCrashed}
	}
	m.operations++
	if m.fail == nil {
		return nil
	}
	if err := m.fail(Operation{m.operations, kind, name}); err != nil {
		m.crashed = errors.Is(err, ErrCrashed)
		return &fs.PathError{Op: kind, Path: name, Err: err}
	}
	return nil
}

// find returns the node of a name, or nil.
func (m *Memory) find(name string) *node {
	n := m.root
	if name == "." {
		return n
	}
	for part := range strings.SplitSeq(name, "/") {
		if n == nil || !n.isDir {
			return nil
		}
		n = n.entries[part]
	}
	return n
}

func (m *Memory) dir(op, name string) (*node, error) {
	n := m.find(name)
	switch {
	case n == nil:
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	case !n.isDir:
		return nil, &fs.PathError{Op: op, Path: name, Err: syscall.ENOTDIR}
	}
	return n, nil
}

// set changes an entry; a nil target removes it.
func (n *node) set(name string, target *node, after *change) *change {
	c := &change{name: name, node: target, old: n.entries[name], after: after}
	n.pending = append(n.pending, c)
	if target == nil {
		delete(n.entries, name)
	} else {
		n.entries[name] = target
	}
	return c
}

// Create implements durable.FS.
func (m *Memory) Create(name string) (durable.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin("create", name); err != nil {
		return nil, err
	}
	parent, err := m.dir("create", path.Dir(name))
	if err != nil {
		return nil, err
	}
	if parent.entries[path.Base(name)] != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	n := &node{}
	parent.set(path.Base(name), n, nil)
	return &file{fs: m, node: n, name: name}, nil
}

// Open implements durable.FS.
func (m *Memory) Open(name string) (durable.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.crashed {
		return nil, &fs.PathError{Op: "open", Path: name, Err: ErrCrashed}
	}
	n := m.find(name)
	switch {
	case n == nil:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case n.isDir:
		return nil, &fs.PathError{Op: "open", Path: name, Err: durable.ErrNotRegular}
	}
	return &file{fs: m, node: n, name: name}, nil
}

// Edit implements durable.FS.
func (m *Memory) Edit(name string) (durable.File, error) { return m.Open(name) }

// Rename implements durable.FS.
func (m *Memory) Rename(oldName, newName string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin("rename", newName); err != nil {
		return err
	}
	from, err := m.dir("rename", path.Dir(oldName))
	if err != nil {
		return err
	}
	to, err := m.dir("rename", path.Dir(newName))
	if err != nil {
		return err
	}
	n := from.entries[path.Base(oldName)]
	if n == nil {
		return &fs.PathError{Op: "rename", Path: oldName, Err: fs.ErrNotExist}
	}
	made := to.set(path.Base(newName), n, nil)
	from.set(path.Base(oldName), nil, made)
	return nil
}

// Remove implements durable.FS.
func (m *Memory) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin("remove", name); err != nil {
		return err
	}
	parent, err := m.dir("remove", path.Dir(name))
	if err != nil {
		return err
	}
	n := parent.entries[path.Base(name)]
	switch {
	case n == nil:
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	case n.isDir && len(n.entries) > 0:
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
	}
	parent.set(path.Base(name), nil, nil)
	return nil
}

// MkdirAll implements durable.FS.
func (m *Memory) MkdirAll(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mkdirAll(name)
}

func (m *Memory) mkdirAll(name string) error {
	if n := m.find(name); n != nil {
		if !n.isDir {
			return &fs.PathError{Op: "mkdir", Path: name, Err: durable.ErrNotRegular}
		}
		return nil
	}
	if err := m.mkdirAll(path.Dir(name)); err != nil {
		return err
	}
	if err := m.begin("mkdir", name); err != nil {
		return err
	}
	m.find(path.Dir(name)).set(path.Base(name), newDir(), nil)
	return nil
}

// ReadDir implements durable.FS.
func (m *Memory) ReadDir(name string) ([]fs.DirEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.crashed {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: ErrCrashed}
	}
	n, err := m.dir("readdir", name)
	if err != nil {
		return nil, err
	}
	var entries []fs.DirEntry
	for base, child := range n.entries {
		entries = append(entries, fs.FileInfoToDirEntry(child.info(base)))
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// Lstat implements durable.FS.
func (m *Memory) Lstat(name string) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.crashed {
		return nil, &fs.PathError{Op: "lstat", Path: name, Err: ErrCrashed}
	}
	n := m.find(name)
	if n == nil {
		return nil, &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
	}
	return n.info(path.Base(name)), nil
}

// SyncDir implements durable.FS.
func (m *Memory) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin("syncdir", name); err != nil {
		return err
	}
	n, err := m.dir("syncdir", name)
	if err != nil {
		return err
	}
	for _, c := range n.pending {
		c.durable = true
	}
	n.pending = nil
	return nil
}

// SyncAll implements durable.FS.
func (m *Memory) SyncAll() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin("syncall", "."); err != nil {
		return err
	}
	m.root.syncAll()
	return nil
}

func (n *node) syncAll() {
	n.synced = slices.Clone(n.content)
	for _, c := range n.pending {
		c.durable = true
	}
	n.pending = nil
	for _, child := range n.entries {
		child.syncAll()
	}
}

// info describes a node.
type info struct {
	name string
	size int64
	dir  bool
}

func (n *node) info(name string) info { return info{name, int64(len(n.content)), n.isDir} }

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) IsDir() bool        { return i.dir }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o755
	}
	return 0o644
}
