// Package durable is the export directory as package store sees it: a file system of which every write can be made to survive a
// power cut.
//
// It imports nothing of this module. Names are relative to the export directory and separated by '/'.
package durable

import (
	"errors"
	"io"
	"io/fs"
)

// The private places of an export directory.
const (
	// PrivateDir holds what is no output.
	PrivateDir = ".exporter"
	// TempDir holds files that do not count yet; Open empties it.
	TempDir = PrivateDir + "/tmp"
	// LockName is the file that the run which owns the directory locks.
	LockName = PrivateDir + "/lock"
)

// What the umask leaves of these is what others may do with an export: nothing, or, where a group shares it, everything.
const (
	filePermissions = 0o666
	dirPermissions  = 0o777
)

var (
	// ErrDangling says that the export directory, or one above it, is a symbolic link that leads nowhere, such as to a disk that
	// is not mounted.
	ErrDangling = errors.New("a symbolic link that leads nowhere")
	// ErrLocked says that another run owns the export directory.
	ErrLocked = errors.New("another run is using this export")
	// ErrNotRegular says that a name is taken by something that is neither a plain file nor a directory, such as a
	// symbolic link, which is never followed.
	ErrNotRegular = errors.New("not a plain file or directory")
)

// FS is a file system below one directory. Nothing is durable before it is synced: a file's bytes by File.Sync, its
// name (as well as a rename or a removal) by SyncDir of the directory that holds it. All methods are safe for
// concurrent use, follow no symbolic link, and return errors that name operation and file.
type FS interface {
	// Create makes a new file for reading and writing; it is an error if the name is taken.
	Create(name string) (File, error)
	// Open opens a file for reading.
	Open(name string) (File, error)
	// Edit opens an existing file for reading and writing.
	Edit(name string) (File, error)
	// Rename gives a file another name, replacing the file that has it.
	Rename(oldName, newName string) error
	// Remove removes a file or an empty directory.
	Remove(name string) error
	// MkdirAll makes a directory and those above it where they are missing.
	MkdirAll(name string) error
	// ReadDir lists a directory in the order of names; a missing one is an error that is fs.ErrNotExist.
	ReadDir(name string) ([]fs.DirEntry, error)
	// Lstat describes what has the name.
	Lstat(name string) (fs.FileInfo, error)
	// SyncDir makes the entries of a directory durable.
	SyncDir(name string) error
	// SyncAll makes everything durable, bytes and names, at the cost of whatever else there is to write to the same disk. Where
	// that cannot be vouched for, it does nothing and returns an error that is errors.ErrUnsupported.
	SyncAll() error
}

// File is an open file of an FS.
type File interface {
	io.Reader
	io.ReaderAt
	io.Writer
	io.Seeker
	io.Closer
	// Sync makes the file's bytes durable. After an error nothing is known of them, and calling it again proves nothing.
	Sync() error
	Truncate(size int64) error
	Stat() (fs.FileInfo, error)
}

// Prepare makes TempDir where it is missing, and empties it. The caller owns the file system.
func Prepare(fsys FS) error {
	if err := fsys.MkdirAll(TempDir); err != nil {
		return err
	}
	entries, err := fsys.ReadDir(TempDir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := fsys.Remove(TempDir + "/" + e.Name()); err != nil {
			return err
		}
	}
	return nil
}

// Write makes a new file and fills it. It syncs nothing. Where it fails, the file is gone again.
func Write(fsys FS, name string, write func(File) error) (err error) {
	f, err := fsys.Create(name)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			// Temporary files do not count; the next run removes it if this cannot.
			_ = fsys.Remove(name)
		}
	}()
	return write(f)
}
