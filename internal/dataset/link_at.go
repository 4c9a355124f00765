//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package dataset

import (
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// linkBelow makes a name below root a hard link to the file from.
func linkBelow(from string, root *os.Root, name string) error {
	folder, err := root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer folder.Close()
	return unix.Linkat(unix.AT_FDCWD, from, int(folder.Fd()), path.Base(name), 0)
}
