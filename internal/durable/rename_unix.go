//go:build unix && !linux

package durable

import "golang.org/x/sys/unix"

// renameNew fails: there is no such call on every system.
func renameNew(int, string, int, string) error { return unix.ENOSYS }
