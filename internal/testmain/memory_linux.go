package testmain

import "golang.org/x/sys/unix"

const (
	// memory is where Linux has a file system in memory.
	memory = "/dev/shm"
	// room is how many bytes the tests of a package may take, a few times over.
	room = 1 << 30
)

// hasRoom tells whether a folder is in memory, has room, and lets programs be started in it and files be made.
func hasRoom(folder string) bool {
	var stat unix.Statfs_t
	return unix.Statfs(folder, &stat) == nil && stat.Type == unix.TMPFS_MAGIC && stat.Flags&unix.ST_NOEXEC == 0 &&
		stat.Bavail*uint64(stat.Bsize) >= room && unix.Access(folder, unix.W_OK|unix.X_OK) == nil
}
