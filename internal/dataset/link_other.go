//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package dataset

import (
	"os"
	"path/filepath"
)

// linkBelow makes a name below root a hard link to the file from. The folders of the name are no links.
func linkBelow(from string, root *os.Root, name string) error {
	return os.Link(from, filepath.Join(root.Name(), filepath.FromSlash(name)))
}
