//go:build unix

package durable

import (
	"io/fs"
	"syscall"
)

// IsLinked tells whether a file has another name as well: a hard link, such as that of a copy that shares what stays as it is.
func IsLinked(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink > 1
}
