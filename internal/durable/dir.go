package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// Dir is the FS of a real directory. All its paths go through os.Root, or from a directory that was opened through it to a
// name in it, so that nothing outside is ever touched.
type Dir struct {
	path    string
	root    *os.Root
	lock    *os.File
	handles handles
	// whole is for syncing the whole file system; nil where that is not done.
	whole *os.File
	// made lists the directories above PrivateDir that Open made, outermost first; isNew says that it made PrivateDir.
	// Close removes what stayed empty.
	made  []string
	isNew bool
	// used says that a file outside TempDir and PrivateDir was made.
	used atomic.Bool

	mu sync.Mutex
	// checked holds directories that are known to be directories and no links.
	checked map[string]struct{}
}

var _ FS = (*Dir)(nil)

const (
	// maxChecked bounds the memory of Dir.checked.
	maxChecked = 1 << 14
	// opens bounds how often Open begins anew after the directory went away under it.
	opens = 10
)

// Open makes the export directory at path where it is missing, takes its lock, and empties its TempDir. It fails with
// ErrLocked, and says whose it is, while another process has it open, and before anything is written to a path that cannot be used.
func Open(path string) (d *Dir, err error) {
	// A run that ends unused removes the directories that it made, perhaps while this one begins to use them.
	for range opens {
		if d, err = open(path); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return d, err
}

func open(path string) (*Dir, error) {
	made, err := makeOuter(path)
	if err != nil {
		return nil, err
	}
	d, err := OpenReadOnly(path)
	if err != nil {
		removeEmpty(made)
		return nil, err
	}
	d.made = made
	if err := d.own(); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// OpenReadOnly opens an existing export directory without its lock and changes nothing in it.
func OpenReadOnly(path string) (*Dir, error) {
	if _, err := missing(path); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.ENOTDIR}
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &Dir{path: path, root: root, checked: map[string]struct{}{".": {}}}, nil
}

// makeOuter makes the directory at path and those above it, and returns the ones that were missing, outermost first.
func makeOuter(path string) (made []string, err error) {
	dirs, err := missing(path)
	if err != nil {
		return nil, err
	}
	for _, dir := range dirs {
		err := os.Mkdir(dir, dirPermissions)
		if errors.Is(err, fs.ErrExist) {
			// Another program was faster. What it made is not ours to remove.
			continue
		}
		if err == nil {
			made = append(made, dir)
			// Its name has to be durable before anything in it counts.
			err = syncOuter(filepath.Dir(dir))
		}
		if err != nil {
			removeEmpty(made)
			return nil, err
		}
	}
	return made, nil
}

// missing returns the directory at path and those above it that are not there, outermost first. It fails with ErrDangling where
// one of them is a symbolic link that leads nowhere: what was made in its place would be on the wrong disk.
func missing(path string) (dirs []string, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	for dir := path; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			break
		}
		if info, err := os.Lstat(dir); err == nil && info.IsDir() {
			// Another program made it since.
			break
		} else if err == nil {
			return nil, &fs.PathError{Op: "open", Path: dir, Err: ErrDangling}
		}
		dirs = append(dirs, dir)
	}
	slices.Reverse(dirs)
	return dirs, nil
}

func syncOuter(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return syncDir(f)
}

// syncDir syncs an open directory. Where directories cannot be synced, on Windows and on some file systems, it does
// nothing.
func syncDir(f *os.File) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	err := f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// removeEmpty removes directories, innermost first, as far as they are empty.
func removeEmpty(dirs []string) {
	for _, dir := range slices.Backward(dirs) {
		_ = os.Remove(dir)
	}
}

func (d *Dir) own() error {
	lock, err := d.takeLock()
	if err != nil {
		return err
	}
	d.lock = lock
	if d.whole, err = openWhole(d.root); err != nil {
		return err
	}
	// A run that cleaned up after itself may have removed it before this one had the lock.
	d.forget()
	return Prepare(d)
}

// forget drops what is known of directories.
func (d *Dir) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.checked = map[string]struct{}{".": {}}
	d.handles.close()
}

// Path returns the path that the directory was opened by.
func (d *Dir) Path() string { return d.path }

// IsNew tells whether no run has had the directory before: Open made PrivateDir.
func (d *Dir) IsNew() bool { return d.isNew }

// Close gives up the lock. What Open made is gone again if nothing was written since.
func (d *Dir) Close() error {
	d.handles.close()
	if d.whole != nil {
		d.whole.Close()
	}
	if d.lock != nil {
		d.removeUnused()
		unlock(d.lock)
	}
	err := d.root.Close()
	removeEmpty(d.made)
	return err
}

// removeUnused removes the private files of a new export directory that stayed unused.
func (d *Dir) removeUnused() {
	if !d.isNew || d.used.Load() {
		return
	}
	private, err := d.ReadDir(PrivateDir)
	if err != nil {
		return
	}
	for _, e := range private {
		// Directories go only when they are empty.
		if name := PrivateDir + "/" + e.Name(); e.IsDir() && d.root.Remove(name) != nil {
			return
		}
	}
	_ = d.root.Remove(LockName)
	_ = d.root.Remove(PrivateDir)
}

// Create implements FS.
func (d *Dir) Create(name string) (File, error) {
	if err := d.checkDir(dirOf(name)); err != nil {
		return nil, err
	}
	d.use(name)
	return file(d.create(name))
}

// Open implements FS.
func (d *Dir) Open(name string) (File, error) { return d.open(name, os.O_RDONLY) }

// Edit implements FS.
func (d *Dir) Edit(name string) (File, error) { return d.open(name, os.O_RDWR) }

func (d *Dir) open(name string, flag int) (File, error) {
	if err := d.checkDir(dirOf(name)); err != nil {
		return nil, err
	}
	info, err := d.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: ErrNotRegular}
	}
	return file(d.root.OpenFile(name, flag, 0))
}

// file keeps a nil *os.File from becoming a File that is not nil.
func file(f *os.File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Rename implements FS. A symbolic link is not replaced: whoever made it is to say what it is for.
func (d *Dir) Rename(oldName, newName string) error {
	for _, name := range []string{oldName, newName} {
		if err := d.checkDir(dirOf(name)); err != nil {
			return err
		}
	}
	d.use(newName)
	return d.rename(oldName, newName)
}

// use notes that something was written that is to stay. What is in PrivateDir itself is of the run alone.
func (d *Dir) use(name string) {
	if dir := dirOf(name); dir != TempDir && dir != PrivateDir {
		d.used.Store(true)
	}
}

// Remove implements FS. A symbolic link stays: whoever made it is to say what it is for.
func (d *Dir) Remove(name string) error {
	if !fs.ValidPath(name) {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrInvalid}
	}
	if info, err := d.root.Lstat(name); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return &fs.PathError{Op: "remove", Path: name, Err: ErrNotRegular}
	}
	d.mu.Lock()
	delete(d.checked, name)
	d.mu.Unlock()
	d.handles.drop(name)
	return d.root.Remove(name)
}

// MkdirAll implements FS. A symbolic link on the way is refused even where it leads to a place inside.
func (d *Dir) MkdirAll(name string) error {
	if d.isChecked(name) {
		return nil
	}
	if parent := dirOf(name); parent != name {
		if err := d.MkdirAll(parent); err != nil {
			return err
		}
	}
	err := d.mkdir(name)
	if errors.Is(err, fs.ErrExist) {
		var info fs.FileInfo
		if info, err = d.root.Lstat(name); err == nil && !info.IsDir() {
			err = &fs.PathError{Op: "mkdir", Path: name, Err: ErrNotRegular}
		}
	}
	if err != nil {
		return err
	}
	d.remember(name)
	return nil
}

// dirOf is path.Dir of a name that is clean; checkDir refuses the directory of one that is not.
func dirOf(name string) string {
	slash := strings.LastIndexByte(name, '/')
	if slash < 0 {
		return "."
	}
	return name[:slash]
}

// checkDir fails unless the name, and each above it, is a directory and no link.
func (d *Dir) checkDir(name string) error {
	if name == "." || d.isChecked(name) {
		return nil
	}
	if !fs.ValidPath(name) {
		return &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if err := d.checkDir(dirOf(name)); err != nil {
		return err
	}
	info, err := d.root.Lstat(name)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &fs.PathError{Op: "open", Path: name, Err: ErrNotRegular}
	}
	d.remember(name)
	return nil
}

// remember notes that a name is a directory.
func (d *Dir) remember(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.checked) >= maxChecked {
		clear(d.checked)
	}
	d.checked[name] = struct{}{}
}

func (d *Dir) isChecked(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.checked[name]
	return ok
}

// ReadDir implements FS.
func (d *Dir) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := d.checkDir(name); err != nil {
		return nil, err
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

// Lstat implements FS.
func (d *Dir) Lstat(name string) (fs.FileInfo, error) { return d.root.Lstat(name) }

// SyncDir implements FS. Where directories cannot be synced, on Windows and on some file systems, it does nothing.
func (d *Dir) SyncDir(name string) error {
	f, err := d.root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return syncDir(f)
}
