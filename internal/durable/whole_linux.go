package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// wholeTypes are the local file systems, by the magic number of statfs, on which syncfs makes all durable that was written.
// On others, such as those in user space and of networks, it may return before that, or do nothing.
var wholeTypes = []int64{
	unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.TMPFS_MAGIC,
}

// openWhole returns a file for SyncAll, which is told of every error of writing back since it was opened; nil where SyncAll
// cannot vouch for anything: on other file systems, and before Linux 5.8, which reports no such errors from syncfs.
func openWhole(root *os.Root) (*os.File, error) {
	var kernel unix.Utsname
	if err := unix.Uname(&kernel); err != nil || !isFrom(unix.ByteSliceToString(kernel.Release[:]), 5, 8) {
		return nil, nil
	}
	f, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	var stat unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &stat); err != nil || !slices.Contains(wholeTypes, int64(stat.Type)) {
		return nil, f.Close()
	}
	return f, nil
}

// isFrom tells whether a release of a kernel, such as "5.10.0-19-amd64", is a version or a later one.
func isFrom(release string, major, minor int) bool {
	var x, y int
	if _, err := fmt.Sscanf(release, "%d.%d", &x, &y); err != nil {
		return false
	}
	return x > major || x == major && y >= minor
}

// SyncAll implements FS.
func (d *Dir) SyncAll() error {
	if d.whole == nil {
		return errors.ErrUnsupported
	}
	if err := unix.Syncfs(int(d.whole.Fd())); err != nil {
		return &fs.PathError{Op: "syncfs", Path: d.path, Err: err}
	}
	return nil
}
