//go:build !unix

package durable

import "io/fs"

// IsLinked finds nothing: the system does not tell it of a file that is described.
func IsLinked(fs.FileInfo) bool { return false }
