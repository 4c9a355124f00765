package storetest

import (
	"exporter/internal/durable"
	"exporter/internal/durable/durabletest"
	"exporter/internal/store"
)

// Disk is where a store lives, and can crash.
type Disk interface {
	// Open returns the store as the next owner opens it.
	Open() (store.Store, error)
	// Operations returns the number of operations so far.
	Operations() int
	// Recover returns the disk as it may be found after a crash. It fails no more.
	Recover(drop durabletest.Drop, seed uint64) Disk
}

// Disks returns functions that make empty disks, by name: a directory, whose operations are those of files, and a Memory. fail is
// asked before each operation, by its number.
func Disks() map[string]func(fail func(number int) error) Disk {
	return map[string]func(fail func(number int) error) Disk{
		"directory": func(fail func(int) error) Disk {
			return DirDisk{durabletest.NewMemory(func(o durabletest.Operation) error { return fail(o.Number) })}
		},
		"memory": func(fail func(int) error) Disk {
			return MemoryDisk{NewMemory(func(o Operation) error { return fail(o.Number) })}
		},
	}
}

// DirDisk is a directory on a file system in memory.
type DirDisk struct{ *durabletest.Memory }

// Open implements Disk.
func (d DirDisk) Open() (store.Store, error) { return store.OnFS(d.Memory), durable.Prepare(d.Memory) }

// Recover implements Disk.
func (d DirDisk) Recover(drop durabletest.Drop, seed uint64) Disk {
	return DirDisk{d.Memory.Recover(drop, seed)}
}

// MemoryDisk is a Memory.
type MemoryDisk struct{ *Memory }

// Open implements Disk.
func (m MemoryDisk) Open() (store.Store, error) { return m.Memory, nil }

// Recover implements Disk.
func (m MemoryDisk) Recover(drop durabletest.Drop, seed uint64) Disk {
	return MemoryDisk{m.Memory.Recover(drop, seed)}
}
