package durable

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestIsFrom(t *testing.T) {
	for release, want := range map[string]bool{
		"5.8.0": true, "5.10.0-19-amd64": true, "6.1": true, "5.7.19": false, "4.19.0": false, "": false, "next": false,
	} {
		if got := isFrom(release, 5, 8); got != want {
			t.Errorf("%q: got %v, want %v", release, got, want)
		}
	}
}

// A file system in memory is one that can be synced as a whole; one that the kernel makes up is not.
func TestDir_SyncAll(t *testing.T) {
	memory, err := os.MkdirTemp("/dev/shm", "durable-*")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(memory)
	var kernel unix.Utsname
	if err := unix.Uname(&kernel); err != nil {
		t.Fatal(err)
	}
	err = mustOpen(t, memory).SyncAll()
	if supported := isFrom(unix.ByteSliceToString(kernel.Release[:]), 5, 8); supported != (err == nil) {
		t.Errorf("got %v, supported %v", err, supported)
	}
	proc, err := OpenReadOnly("/proc")
	if err != nil {
		t.Fatal(err)
	}
	defer proc.Close()
	if proc.whole, err = openWhole(proc.root); proc.whole != nil || err != nil {
		t.Errorf("/proc can be synced, %v", err)
	}
	if err := proc.SyncAll(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v, want %v", err, errors.ErrUnsupported)
	}
}
