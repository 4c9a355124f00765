package store

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"exporter/internal/durable"
)

// Dir is the Store of a file system: every object is a file.
type Dir struct {
	fsys  durable.FS
	close func() error
	isNew bool
	// serial numbers temporary files.
	serial atomic.Int64

	// naming is held for reading while files get their names, and for writing while directories that are empty are removed.
	naming sync.RWMutex

	// syncing chooses between syncing all and one by one.
	syncing syncing

	// creating is held by Create.
	creating sync.Mutex

	mu sync.Mutex
	// settled are directories whose names are durable.
	settled map[string]struct{}
}

var _ Store = (*Dir)(nil)

// maxSettled bounds the memory of Dir.settled.
const maxSettled = 1 << 14

// TryLock locks a file of no store, which is open for writing, until it is closed or the process ends. It fails with ErrOwned where another has it locked.
func TryLock(f *os.File) error { return durable.TryLock(f) }

// OwnDir opens the directory at path for writing, and makes it where it is missing. It fails with ErrOwned while another process
// has it open so, and with an error that is syscall.EXDEV where one of the folders, into which objects are to be put, is a mount
// of another file system.
func OwnDir(path string, folders ...string) (*Dir, error) {
	dir, err := durable.Open(path)
	if err != nil {
		return nil, err
	}
	for _, folder := range folders {
		if err := durable.CheckMount(dir, folder); err != nil {
			return nil, errors.Join(err, dir.Close())
		}
	}
	d := OnFS(dir)
	d.close, d.isNew = dir.Close, dir.IsNew()
	return d, nil
}

// IsNew implements Store.
func (d *Dir) IsNew() bool { return d.isNew }

// Generation implements store.Store: what an owner has asked for is over when it has ended.
func (d *Dir) Generation() string { return "" }

// IsOwned tells whether somebody has the export at path open for writing. It changes nothing.
func IsOwned(path string) (owned bool, err error) {
	dir, err := durable.OpenReadOnly(path)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	return dir.IsOwned()
}

// IsNew tells whether nobody has owned the directory at path, which need not exist. It changes nothing.
func IsNew(path string) bool {
	info, err := os.Stat(filepath.Join(path, durable.PrivateDir))
	return err != nil || !info.IsDir()
}

// KeepsUnfinished implements Store.
func (d *Dir) KeepsUnfinished() bool { return true }

// Host returns the name of this machine, as owners of an export give it.
func Host() string { return durable.Host() }

// OpenDir opens an existing directory for reading and changes nothing in it.
func OpenDir(path string) (ReadCloser, error) {
	dir, err := durable.OpenReadOnly(path)
	if err != nil {
		return nil, err
	}
	d := OnFS(dir)
	d.close = dir.Close
	return d, nil
}

// ReadCloser is a Reader that is to be closed.
type ReadCloser interface {
	Reader
	io.Closer
}

// OnFS returns a Store on a file system that has a durable.TempDir and is the caller's.
func OnFS(fsys durable.FS) *Dir {
	return &Dir{fsys: fsys, close: func() error { return nil }, settled: map[string]struct{}{}}
}

// Close implements Store.
func (d *Dir) Close() error { return d.close() }

// Open implements Reader.
func (d *Dir) Open(_ context.Context, key string) (Object, error) {
	f, err := d.fsys.Open(key)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return object{f, info.Size()}, nil
}

// object is an open file and its size when it was opened.
type object struct {
	durable.File
	size int64
}

func (o object) Size() int64 { return o.size }

// List implements Reader. It holds the names of a directory, and of those above it, at once.
func (d *Dir) List(ctx context.Context, prefix string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		dir := strings.TrimSuffix(prefix, "/")
		if dir == "" {
			dir = "."
		}
		d.list(ctx, dir, prefix, yield)
	}
}

// list yields what is below a directory, and tells whether more is wanted.
func (d *Dir) list(ctx context.Context, dir, prefix string, yield func(Entry, error) bool) bool {
	entries, err := d.fsys.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		yield(Entry{Key: dir}, err)
		return false
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(sortKey(a), sortKey(b)) })
	for _, e := range entries {
		key := prefix + e.Name()
		if key == durable.TempDir || key == durable.LockName {
			continue
		}
		if e.IsDir() {
			if !d.list(ctx, key, key+"/", yield) {
				return false
			}
			continue
		}
		entry := Entry{Key: key, Irregular: !e.Type().IsRegular()}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			yield(entry, err)
			return false
		}
		entry.Size = info.Size()
		if !yield(entry, nil) {
			return false
		}
	}
	return true
}

// sortKey is what a name is sorted by among those of its directory, for keys to come in order.
func sortKey(e fs.DirEntry) string {
	if e.IsDir() {
		return e.Name() + "/"
	}
	return e.Name()
}

// Put implements Store.
func (d *Dir) Put(ctx context.Context, key string, c Content, size int64) error {
	b := d.NewBatch()
	if err := b.Put(ctx, key, c, size); err != nil {
		return err
	}
	return b.Sync(ctx)
}

// Create implements Store. Nobody else writes, so that it is enough to look.
func (d *Dir) Create(ctx context.Context, key string, data []byte) error {
	d.creating.Lock()
	defer d.creating.Unlock()
	_, err := d.fsys.Lstat(key)
	if err == nil {
		return &fs.PathError{Op: "create", Path: key, Err: ErrExists}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return PutBytes(ctx, d, key, data)
}

// Remove implements Store. Directories that are empty then go as well, but for those at the top.
func (d *Dir) Remove(ctx context.Context, keys ...string) error {
	changed := map[string]bool{}
	for _, key := range keys {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		err := d.fsys.Remove(key)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		changed[path.Dir(key)] = true
	}
	left, err := d.removeEmpty(changed)
	if err != nil {
		return err
	}
	return d.syncChanged(ctx, left)
}

// removeEmpty removes those directories that have nothing, and those above them that have nothing then, each of which is tried once for
// all that were in it. It returns the ones that are left.
func (d *Dir) removeEmpty(dirs map[string]bool) (left []string, err error) {
	for len(dirs) > 0 {
		above := map[string]bool{}
		for _, dir := range slices.Sorted(maps.Keys(dirs)) {
			isLeft, err := d.keepsDir(dir)
			switch {
			case err != nil:
				return nil, err
			case isLeft:
				left = append(left, dir)
			default:
				above[path.Dir(dir)] = true
			}
		}
		dirs = above
	}
	return left, nil
}

// keepsDir tells whether a directory has to stay, and removes it otherwise. The file system is asked to remove it, as to list one that
// has much takes long.
func (d *Dir) keepsDir(dir string) (bool, error) {
	if !strings.Contains(dir, "/") || strings.HasPrefix(dir, durable.PrivateDir+"/") {
		return true, nil
	}
	d.naming.Lock()
	defer d.naming.Unlock()
	err := d.fsys.Remove(dir)
	if errors.Is(err, fs.ErrExist) {
		return true, nil
	}
	d.forget(dir)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	// It may not be ours to remove.
	entries, failed := d.fsys.ReadDir(dir)
	if failed == nil && len(entries) > 0 {
		return true, nil
	}
	return false, err
}

// syncChanged makes durable what was removed from directories, some of which may be gone since.
func (d *Dir) syncChanged(ctx context.Context, dirs []string) error {
	return d.sync(len(dirs), 0, func() error {
		return each(ctx, dirs, func(dir string) error {
			if err := d.fsys.SyncDir(dir); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return nil
		})
	})
}

// tempName returns the name of a new temporary file, which says what it is for.
func (d *Dir) tempName(of string) string {
	return durable.TempDir + "/" + strconv.FormatInt(d.serial.Add(1), 10) + "-" + path.Base(of)
}

// nameFile gives a file the name of its key, and makes the directories that lack.
func (d *Dir) nameFile(temp, key string) error {
	d.naming.RLock()
	defer d.naming.RUnlock()
	if err := d.fsys.MkdirAll(path.Dir(key)); err != nil {
		return err
	}
	return d.fsys.Rename(temp, key)
}

// unsettled returns the directories, each once, that are to be synced for some keys to be durable: their own, and those above of
// which the name of the one below is not.
func (d *Dir) unsettled(keys iter.Seq[string]) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	seen := map[string]bool{}
	var dirs []string
	for key := range keys {
		for dir := path.Dir(key); !seen[dir]; dir = path.Dir(dir) {
			seen[dir] = true
			dirs = append(dirs, dir)
			if _, ok := d.settled[dir]; ok {
				break
			}
		}
	}
	return dirs
}

// settle notes that directories have been synced with those above them.
func (d *Dir) settle(dirs []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.settled)+len(dirs) > maxSettled {
		clear(d.settled)
	}
	for _, dir := range dirs[:min(len(dirs), maxSettled)] {
		d.settled[dir] = struct{}{}
	}
}

// forget drops what is known of a directory.
func (d *Dir) forget(dir string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.settled, dir)
}
