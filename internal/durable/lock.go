package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

// maxOwner bounds what is read of a lock file, in bytes.
const maxOwner = 512

// takeLock opens and locks the lock file, and has it say who has the lock. Where another process has it, the error says who that is.
//
// An owner that has just come, or is about to go, may not have said so yet, and then the file has the words of one that was killed.
// So the owner is believed when it is the same twice, and until then the lock is tried again.
func (d *Dir) takeLock() (*os.File, error) {
	const tries, pause = 20, 50 * time.Millisecond
	owner := ""
	for try := 1; ; try++ {
		f, said, err := d.tryTakeLock()
		switch {
		case !errors.Is(err, ErrLocked):
			return f, err
		case said != "" && said == owner:
			return nil, locked(fmt.Errorf("%w: %s", ErrLocked, owner))
		case try == tries:
			return nil, err
		}
		owner = said
		<-time.After(pause)
	}
}

// IsOwned tells whether some process has the lock. It changes nothing, and who takes the lock meanwhile only waits a little.
func (d *Dir) IsOwned() (bool, error) {
	f, err := d.root.OpenFile(LockName, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return false, errors.Join(err, locked(ErrNotRegular))
	}
	err = trySharedLock(f)
	if errors.Is(err, ErrLocked) {
		return true, nil
	}
	return false, err
}

// TryLock locks a file, which is open for writing, until it is closed or the process ends; ErrLocked where another has it.
func TryLock(f *os.File) error { return tryLock(f) }

func locked(err error) error { return &fs.PathError{Op: "lock", Path: LockName, Err: err} }

// tryTakeLock is one try of takeLock. Where another process has the lock, owner is what the file says.
//
// A run that cleans up after itself may remove what it made at any time: a directory that is missing is as a lock that is taken, and so
// is a file that is no longer there when it is locked, as it would guard nothing.
func (d *Dir) tryTakeLock() (f *os.File, owner string, err error) {
	d.forget()
	if _, err := d.Lstat(PrivateDir); errors.Is(err, fs.ErrNotExist) {
		d.isNew = true
	}
	if err := d.MkdirAll(TempDir); errors.Is(err, fs.ErrNotExist) {
		return nil, "", locked(ErrLocked)
	} else if err != nil {
		return nil, "", err
	}
	if info, err := d.Lstat(LockName); err == nil && !info.Mode().IsRegular() {
		return nil, "", locked(ErrNotRegular)
	}
	f, err = d.root.OpenFile(LockName, os.O_RDWR|os.O_CREATE, filePermissions)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", locked(ErrLocked)
	}
	if err != nil {
		return nil, "", err
	}
	if err = tryLock(f); err == nil {
		err = d.sign(f)
	} else {
		// What cannot be read is as good as nothing.
		said, _ := io.ReadAll(io.NewSectionReader(f, 0, maxOwner))
		owner, err = strings.TrimSpace(string(said)), locked(err)
	}
	if err != nil {
		return nil, owner, errors.Join(err, f.Close())
	}
	return f, "", nil
}

// sign has the locked file say who has the lock.
func (d *Dir) sign(f *os.File) error {
	mine, err := f.Stat()
	if err != nil {
		return err
	}
	if current, err := d.Lstat(LockName); err != nil || !os.SameFile(mine, current) {
		return locked(ErrLocked)
	}
	text := fmt.Sprintf("process %d on %q, since %s\n", os.Getpid(), Host(), time.Now().UTC().Format(time.RFC3339))
	if _, err := f.WriteAt([]byte(text), 0); err != nil {
		return err
	}
	return f.Truncate(int64(len(text)))
}

// unlock gives up a lock. What the file says of the owner goes with it, so that only one that was killed leaves it.
func unlock(f *os.File) {
	_ = f.Truncate(0)
	f.Close()
}

// Host returns the name of this machine.
func Host() string {
	host, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return host
}
