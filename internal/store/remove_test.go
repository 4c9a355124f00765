package store_test

import (
	"fmt"
	"io/fs"
	"testing"

	"exporter/internal/durable"
	"exporter/internal/durable/durabletest"
	"exporter/internal/store"
)

// unlisted is a file system whose directories are not to be listed.
type unlisted struct {
	durable.FS
	listed int
	tries  map[string]int
}

func (u *unlisted) ReadDir(name string) ([]fs.DirEntry, error) {
	u.listed++
	return u.FS.ReadDir(name)
}

func (u *unlisted) Remove(name string) error {
	u.tries[name]++
	return u.FS.Remove(name)
}

// To remove many objects lists no directory, and tries each directory once for all that were in it.
func TestDir_Remove_ManyObjects_ListsNothing(t *testing.T) {
	memory := durabletest.NewMemory(nil)
	if err := durable.Prepare(memory); err != nil {
		t.Fatal(err)
	}
	u := &unlisted{FS: memory, tries: map[string]int{}}
	s := store.OnFS(u)
	var keys []string
	for file := range 3 {
		for page := range 40 {
			keys = append(keys, fmt.Sprintf("blobs/ab/file-%d/%d.jpg", file, page))
		}
	}
	for _, key := range append(keys, "blobs/ab/file-0/kept.jpg") {
		if err := store.PutBytes(t.Context(), s, key, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	u.listed, u.tries = 0, map[string]int{}
	if err := s.Remove(t.Context(), keys...); err != nil {
		t.Fatal(err)
	}
	if u.listed > 0 {
		t.Errorf("%d directories were listed", u.listed)
	}
	for name, tries := range u.tries {
		if tries > 1 {
			t.Errorf("%s was tried %d times", name, tries)
		}
	}
	var left []string
	for e, err := range s.List(t.Context(), "blobs/") {
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, e.Key)
	}
	if fmt.Sprint(left) != "[blobs/ab/file-0/kept.jpg]" {
		t.Errorf("%v are left", left)
	}
	for name, wantErr := range map[string]bool{"blobs/ab/file-0": false, "blobs/ab/file-1": true, "blobs/ab/file-2": true} {
		if _, err := memory.Lstat(name); (err != nil) != wantErr {
			t.Errorf("%s: got %v, want an error: %v", name, err, wantErr)
		}
	}
}
