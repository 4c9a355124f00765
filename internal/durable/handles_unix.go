//go:build unix

package durable

import (
	"io/fs"
	"os"
	"path"
	"sync"

	"golang.org/x/sys/unix"
)

// maxHandles bounds the directories that are kept open.
const maxHandles = 128

// handles keeps directories open. os.Root walks to every name from the root, with system calls for each directory on the way;
// from an open one it is a single call. A handle was come by through the root, after its name had been checked to be that of a
// directory and no link. It is safe for concurrent use.
type handles struct {
	mu   sync.RWMutex
	open map[string]*os.File
}

// with calls use with the descriptor of a directory.
func (h *handles) with(root *os.Root, dir string, use func(fd int) error) error {
	return h.withBoth(root, dir, dir, func(fd, _ int) error { return use(fd) })
}

// withBoth calls use with the descriptors of two directories.
func (h *handles) withBoth(root *os.Root, a, b string, use func(a, b int) error) error {
	for {
		if done, err := h.tryBoth(a, b, use); done {
			return err
		}
		for _, dir := range []string{a, b} {
			if err := h.add(root, dir); err != nil {
				return err
			}
		}
	}
}

// tryBoth calls use where both directories are open.
func (h *handles) tryBoth(a, b string, use func(a, b int) error) (done bool, err error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	first, second := h.open[a], h.open[b]
	if first == nil || second == nil {
		return false, nil
	}
	return true, use(int(first.Fd()), int(second.Fd()))
}

func (h *handles) add(root *os.Root, dir string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open[dir] != nil {
		return nil
	}
	if len(h.open) >= maxHandles {
		h.closeAll()
	}
	f, err := h.openDir(root, dir)
	if err != nil {
		return err
	}
	if h.open == nil {
		h.open = map[string]*os.File{}
	}
	h.open[dir] = f
	return nil
}

// openDir opens a directory from the one that it is in, where that is open.
func (h *handles) openDir(root *os.Root, dir string) (*os.File, error) {
	parent := h.open[dirOf(dir)]
	if parent == nil {
		return root.Open(dir)
	}
	return openAt(int(parent.Fd()), dir, unix.O_RDONLY|unix.O_DIRECTORY)
}

// openAt opens a name, which is no link, in an open directory.
func openAt(dir int, name string, flags int) (*os.File, error) {
	fd, err := retryInterrupted(func() (int, error) {
		return unix.Openat(dir, path.Base(name), flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, filePermissions)
	})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// drop forgets a directory, which may be gone.
func (h *handles) drop(dir string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f := h.open[dir]; f != nil {
		f.Close()
		delete(h.open, dir)
	}
}

func (h *handles) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closeAll()
}

func (h *handles) closeAll() {
	for _, f := range h.open {
		f.Close()
	}
	clear(h.open)
}

// create makes a new file.
func (d *Dir) create(name string) (f *os.File, err error) {
	err = d.handles.with(d.root, dirOf(name), func(dir int) (err error) {
		f, err = openAt(dir, name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL)
		return err
	})
	return f, err
}

// mkdir makes a new directory.
func (d *Dir) mkdir(name string) error {
	return d.handles.with(d.root, dirOf(name), func(dir int) error {
		_, err := retryInterrupted(func() (int, error) { return 0, unix.Mkdirat(dir, path.Base(name), dirPermissions) })
		if err != nil {
			return &fs.PathError{Op: "mkdir", Path: name, Err: err}
		}
		return nil
	})
}

// rename gives a file another name, unless something has it that is no file.
func (d *Dir) rename(oldName, newName string) error {
	return d.handles.withBoth(d.root, dirOf(oldName), dirOf(newName), func(from, to int) error {
		// Mostly there is nothing in the place of the new name, which one call finds out and uses.
		err := renameNew(from, path.Base(oldName), to, path.Base(newName))
		if err == nil {
			return nil
		}
		var stat unix.Stat_t
		err = unix.Fstatat(to, path.Base(newName), &stat, unix.AT_SYMLINK_NOFOLLOW)
		if kind := stat.Mode & unix.S_IFMT; err == nil && kind != unix.S_IFREG && kind != unix.S_IFDIR {
			return &fs.PathError{Op: "rename", Path: newName, Err: ErrNotRegular}
		}
		_, err = retryInterrupted(func() (int, error) {
			return 0, unix.Renameat(from, path.Base(oldName), to, path.Base(newName))
		})
		if err != nil {
			return &os.LinkError{Op: "rename", Old: oldName, New: newName, Err: err}
		}
		return nil
	})
}

// retryInterrupted makes a system call again that a signal has interrupted.
func retryInterrupted(call func() (int, error)) (n int, err error) {
	for {
		if n, err = call(); err != unix.EINTR {
			return n, err
		}
	}
}
