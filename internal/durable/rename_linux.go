package durable

import "golang.org/x/sys/unix"

// renameNew renames from one open directory into another, unless the new name is taken. Some file systems cannot.
func renameNew(from int, oldName string, to int, newName string) error {
	return unix.Renameat2(from, oldName, to, newName, unix.RENAME_NOREPLACE)
}
