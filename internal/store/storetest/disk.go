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
	// FailWith makes the disk ask another function from now on: see Disks.
	FailWith(fail func(number int) error)
	// Recover returns the disk as it may be found after a crash. It fails no more. The old one must not be used
	// any more, but for being recovered once more.
	Recover(drop durabletest.Drop, seed uint64) Disk
}

// Bucket is the name of the disk that keeps nothing which is unfinished.
const Bucket = "bucket"

// Disks returns functions that make empty disks, by name: a directory, whose operations are those of files, a Memory, and a Bucket, which
// is a Memory as well. fail is asked before each operation, by its number.
func Disks() map[string]func(fail func(number int) error) Disk {
	return map[string]func(fail func(number int) error) Disk{
		"directory": func(fail func(int) error) Disk {
			d := DirDisk{durabletest.NewMemory(nil)}
			d.FailWith(fail)
			return d
		},
		"memory": func(fail func(int) error) Disk {
			m := MemoryDisk{NewMemory(nil)}
			m.FailWith(fail)
			return m
		},
		Bucket: func(fail func(int) error) Disk {
			m := MemoryDisk{NewMemory(nil)}
			m.FailWith(fail)
			return ForgetfulDisk{m}
		},
	}
}

// DirDisk is a directory on a file system in memory.
type DirDisk struct{ *durabletest.Memory }

// Open implements Disk.
func (d DirDisk) Open() (store.Store, error) { return store.OnFS(d.Memory), durable.Prepare(d.Memory) }

// FailWith implements Disk.
func (d DirDisk) FailWith(fail func(number int) error) {
	d.Memory.FailWith(func(o durabletest.Operation) error { return fail(o.Number) })
}

// Recover implements Disk.
func (d DirDisk) Recover(drop durabletest.Drop, seed uint64) Disk {
	return DirDisk{d.Memory.Recover(drop, seed)}
}

// MemoryDisk is a Memory.
type MemoryDisk struct{ *Memory }

// Open implements Disk.
func (m MemoryDisk) Open() (store.Store, error) { return m.Memory, nil }

// FailWith implements Disk.
func (m MemoryDisk) FailWith(fail func(number int) error) {
	m.Memory.FailWith(func(o Operation) error { return fail(o.Number) })
}

// Recover implements Disk.
func (m MemoryDisk) Recover(drop durabletest.Drop, seed uint64) Disk {
	return MemoryDisk{m.Memory.Recover(drop, seed)}
}
