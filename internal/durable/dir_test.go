package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

func mustOpen(t *testing.T, path string) *Dir {
	t.Helper()
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func write(t *testing.T, d *Dir, name, content string) {
	t.Helper()
	temp := TempDir + "/" + path.Base(name)
	err := Write(d, temp, func(f File) error {
		_, err := f.Write([]byte(content))
		return err
	})
	if err := errors.Join(err, d.Rename(temp, name)); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestOpen_SecondRun_IsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	first := mustOpen(t, path)
	write(t, first, TempDir+"/x", "kept")
	if _, err := Open(path); !errors.Is(err, ErrLocked) {
		t.Fatalf("got error %v, want %v", err, ErrLocked)
	}
	if got := read(t, filepath.Join(path, TempDir, "x")); got != "kept" {
		t.Errorf("the refused run changed a temporary file to %q", got)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, path)
}

// Whoever has the lock is named from the first moment on, whatever a process that was killed has left there.
func TestOpen_SecondRun_IsToldTheOwner(t *testing.T) {
	path := t.TempDir()
	lock := filepath.Join(path, filepath.FromSlash(LockName))
	if err := os.Mkdir(filepath.Dir(lock), 0o755); err != nil {
		t.Fatal(err)
	}
	killed := fmt.Sprintf("process 1 on %q, since 2020-01-01T00:00:00Z\n", strings.Repeat("another-host.", 20))
	if err := os.WriteFile(lock, []byte(killed), 0o644); err != nil {
		t.Fatal(err)
	}
	first := mustOpen(t, path)
	_, err := Open(path)
	want := fmt.Sprintf("%v: process %d on %q, since 20", ErrLocked, os.Getpid(), Host())
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "another-host") {
		t.Errorf("got error %v, want %q", err, want)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if left := read(t, lock); left != "" {
		t.Errorf("the lock still says %q", left)
	}
}

// An owner that ends while it is asked for leaves the lock to the next.
func TestOpen_SecondRun_OwnerEnds(t *testing.T) {
	path := t.TempDir()
	first := mustOpen(t, path)
	if err := first.lock.Truncate(0); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error)
	time.AfterFunc(20*time.Millisecond, func() { closed <- first.Close() })
	second, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(<-closed, second.Close()); err != nil {
		t.Error(err)
	}
}

func TestOpen_TempFiles_AreRemoved(t *testing.T) {
	path := t.TempDir()
	first := mustOpen(t, path)
	write(t, first, TempDir+"/x", "left")
	write(t, first, "kept", "kept")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := mustOpen(t, path)
	if _, err := second.Lstat(TempDir + "/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Lstat of a temporary file: %v", err)
	}
	if got := read(t, filepath.Join(path, "kept")); got != "kept" {
		t.Errorf("got %q", got)
	}
}

func TestDir_Close_RemovesWhatStayedEmpty(t *testing.T) {
	base := t.TempDir()
	path := filepath.Join(base, "a", "b")
	if err := mustOpen(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(base); len(entries) != 0 {
		t.Errorf("an unused export directory left %v", entries)
	}
	// A directory that was there before stays as it was, and one with something in it stays.
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := mustOpen(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(path); err != nil || len(entries) != 0 {
		t.Errorf("an unused export directory that was there before now has %v, %v", entries, err)
	}
	d := mustOpen(t, filepath.Join(path, "c"))
	write(t, d, "x", "")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	read(t, filepath.Join(path, "c", "x"))
	read(t, filepath.Join(path, "c", LockName))
}

func TestOpen_NotADirectory_WritesNothing(t *testing.T) {
	base := t.TempDir()
	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, filepath.Join(file, "below")} {
		if _, err := Open(path); err == nil {
			t.Errorf("Open(%s) of a file succeeded", path)
		}
	}
	if got := read(t, file); got != "content" {
		t.Errorf("the file is now %q", got)
	}
}

func TestWrite_Failing_LeavesNothing(t *testing.T) {
	d := mustOpen(t, t.TempDir())
	fails := errors.New("fails")
	err := Write(d, TempDir+"/x", func(f File) error {
		_, err := f.Write([]byte("new"))
		return errors.Join(err, fails)
	})
	if !errors.Is(err, fails) {
		t.Errorf("got error %v, want %v", err, fails)
	}
	if entries, _ := d.ReadDir(TempDir); len(entries) != 0 {
		t.Errorf("temporary files are left: %v", entries)
	}
}

// Links are followed nowhere: not by names that are opened or replaced, not by directories that are made, not by those above.
func TestDir_Links_AreRefused(t *testing.T) {
	outside := t.TempDir()
	canary := filepath.Join(outside, "canary")
	if err := os.WriteFile(canary, []byte("canary"), 0o644); err != nil {
		t.Fatal(err)
	}
	d := mustOpen(t, t.TempDir())
	for name, target := range map[string]string{"file": canary, "dir": outside, "inside": PrivateDir} {
		if err := os.Symlink(target, filepath.Join(d.Path(), name)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, d, "mine", "mine")
	for what, err := range map[string]error{
		"Open of a file":            second(d.Open("file")),
		"Edit of a file":            second(d.Edit("file")),
		"Rename to a link":          d.Rename("mine", "file"),
		"MkdirAll of a link":        d.MkdirAll("dir"),
		"MkdirAll below a link":     d.MkdirAll("dir/below/it"),
		"MkdirAll of a link inside": d.MkdirAll("inside/below"),
	} {
		if !errors.Is(err, ErrNotRegular) {
			t.Errorf("%s: got error %v, want %v", what, err, ErrNotRegular)
		}
	}
	if _, err := d.Create("file"); err == nil {
		t.Error("Create through a link succeeded")
	}
	for _, name := range []string{"../x", "/x", "dir/x", "../" + filepath.Base(outside) + "/x"} {
		if f, err := d.Create(name); err == nil {
			f.Close()
			t.Errorf("Create(%q) succeeded", name)
		}
	}
	if got := read(t, canary); got != "canary" {
		t.Errorf("the file outside is now %q", got)
	}
	if entries, _ := os.ReadDir(outside); len(entries) != 1 {
		t.Errorf("the directory outside now has %v", entries)
	}
}

func second(_ File, err error) error { return err }

func TestDir_ReadDir_IsSorted(t *testing.T) {
	d := mustOpen(t, t.TempDir())
	for _, name := range []string{"b", "a", "c"} {
		write(t, d, name, name)
	}
	entries, err := d.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{PrivateDir, "a", "b", "c"}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}

// More directories than are kept open, used by many at once, and removed under way: every file gets its name.
func TestDir_Rename_ManyDirectories(t *testing.T) {
	d := mustOpen(t, t.TempDir())
	const workers, each = 8, 100
	var group errgroup.Group
	for w := range workers {
		group.Go(func() error {
			for n := range each {
				dir := fmt.Sprintf("blobs/%d", (n*workers+w)%200)
				temp := fmt.Sprintf("%s/%d-%d", TempDir, w, n)
				err := Write(d, temp, func(f File) error {
					_, err := f.Write([]byte(temp))
					return err
				})
				if err := errors.Join(err, d.MkdirAll(dir), d.Rename(temp, fmt.Sprintf("%s/%d-%d", dir, w, n))); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for n := range workers * each {
		name := fmt.Sprintf("%d-%d", n%workers, n/workers)
		if got, want := read(t, filepath.Join(d.Path(), "blobs", fmt.Sprint(n%200), name)), TempDir+"/"+name; got != want {
			t.Fatalf("%s has %q, want %q", name, got, want)
		}
	}
	// A directory that is made anew is another one.
	write(t, d, "blobs/x", "")
	if err := errors.Join(d.Remove("blobs/x"), d.MkdirAll("blobs/x")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		write(t, d, "blobs/x/y", "content")
		if err := errors.Join(d.Remove("blobs/x/y"), d.Remove("blobs/x"), d.MkdirAll("blobs/x")); err != nil {
			t.Fatal(err)
		}
	}
}

// What was made in the place of a disk that is not mounted would be on the wrong one.
func TestOpen_DanglingLink_StaysAsItIs(t *testing.T) {
	base := t.TempDir()
	link, disk := filepath.Join(base, "link"), filepath.Join(base, "disk")
	if err := os.Symlink(disk, link); err != nil {
		t.Fatal(err)
	}
	for _, open := range []func(string) (*Dir, error){Open, OpenReadOnly} {
		for _, path := range []string{link, filepath.Join(link, "export"), filepath.Join(link, "a", "b")} {
			if d, err := open(path); !errors.Is(err, ErrDangling) || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("open %s: %v, %v, want %v", path, d, err, ErrDangling)
			}
			if to, err := os.Readlink(link); err != nil || to != disk {
				t.Fatalf("the link leads to %q, %v", to, err)
			}
			if _, err := os.Lstat(disk); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("%s: %v, want it not to be there", disk, err)
			}
		}
	}
	// Where it leads somewhere, it is as good as any directory, and stays when nothing was written.
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	d, err := Open(filepath.Join(link, "a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(disk); err != nil || len(entries) > 0 {
		t.Errorf("%s has %v, %v", disk, entries, err)
	}
	if _, err := os.Lstat(link); err != nil {
		t.Error(err)
	}
}

// Tasks begin at once, each in a directory of its own below one that none of them has yet, and one that ends unused removes what it made.
func TestOpen_ManyAtOnce_MakeOneTree(t *testing.T) {
	base := t.TempDir()
	for round := range 50 {
		var tasks errgroup.Group
		for task := range 4 {
			tasks.Go(func() error {
				d, err := Open(filepath.Join(base, strconv.Itoa(round), "parts", strconv.Itoa(task)))
				if err != nil {
					return err
				}
				return d.Close()
			})
		}
		if err := tasks.Wait(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
}
