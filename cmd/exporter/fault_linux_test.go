//go:build !race

package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"exporter/internal/durable"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// mountTmpfs mounts a file system in memory for the test, with the options of mount(8).
func mountTmpfs(t *testing.T, options string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		cannot(t, "mount a file system: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// remount gives a file system other options. A process that a test beside this one starts has, until it becomes another program, what was open for
// writing here, so that the file system may be busy for a moment.
func remount(t *testing.T, dir string, flags uintptr, options string) {
	t.Helper()
	const tries = 1000
	for try := range tries {
		err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT|flags, options)
		if err == nil {
			return
		}
		if try == tries-1 || !errors.Is(err, unix.EBUSY) {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
}

// fullDisk is a kind of file system that has no room for an export.
type fullDisk struct {
	// option is that of mount for room for n things, enough the one for plenty.
	option func(n int) string
	enough string
}

// A disk is full, earlier or later: while blobs, shards, parts, or the files of a finished export are written. The run stops,
// what it has committed is there, and the next run, when there is room, completes the export.
func TestExport_DiskFull_StopsAndGoesOn(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	bytes := fullDisk{func(n int) string { return fmt.Sprintf("size=%d", n*os.Getpagesize()) }, "size=64m"}
	inodes := fullDisk{func(n int) string { return fmt.Sprintf("size=64m,nr_inodes=%d", n) }, "size=64m,nr_inodes=10000"}
	tests := []struct {
		name, sink string
		fullDisk
		// rows bounds what is not committed; without a bound, there is one checkpoint, at the end.
		rows int
		// fails are what there has to be no space for, at one size or another: a name, or any of some.
		fails []string
	}{
		{"bytes", "local", bytes, 32, []string{"N-N.jpg", "N-N.assets.parquet", "N-N.files.parquet"}},
		{"bytes", "archive", bytes, 32, []string{"shard-N.tar.zst.partial", "N-N.assets.parquet", "N-N.files.parquet"}},
		{"bytes at the end", "local", bytes, 0, []string{"N-N.jpg", "N-N.assets.parquet", "N-N.files.parquet", "N-manifest.parquet"}},
		{"bytes at the end", "archive", bytes, 0, []string{"shard-N.tar.zst.partial", "N-N.assets.parquet", "N-N.files.parquet", "N-manifest.parquet"}},
		{"inodes", "local", inodes, 32, []string{"N-N.jpg", "page_screenshots|page-figures|N"}},
		{"inodes", "archive", inodes, 32, []string{"shard-N.tar.zst.partial"}},
	}
	for _, tt := range tests {
		t.Run(tt.name+"/"+tt.sink, func(t *testing.T) {
			t.Parallel()
			s := exportSettings{sink: tt.sink, files: 4, each: 6, workers: 2, checkpoint: time.Hour}
			want := s.undisturbed(t)
			failed := map[string]int{}
			for n := 1; ; n++ {
				_, url := startEmulator(t, s.emulator())
				disk := mountTmpfs(t, tt.option(n))
				out := filepath.Join(disk, "out")
				c := newCLI(t, url)
				c.checkpointRows = tt.rows
				code, _, stderr := c.run(s.args(out)...)
				if code == 0 {
					break
				}
				if code != exitStorage || !strings.Contains(stderr, syscall.ENOSPC.Error()+"; make room, then the same command goes on") {
					t.Fatalf("%s: exit %d, want %d\n%s", tt.option(n), code, exitStorage, stderr)
				}
				failed[fullAt(stderr)]++
				if _, err := os.Stat(out); err == nil {
					readExport(t, out)
				}
				remount(t, disk, 0, tt.enough)
				c.mustRun(s.args(out)...)
				readExportedSet(t, out).check(t, want)
			}
			t.Logf("there was no space for %v", failed)
			for _, names := range tt.fails {
				if !slices.ContainsFunc(strings.Split(names, "|"), func(name string) bool { return failed[name] > 0 }) {
					t.Errorf("the disk was never full at %q", names)
				}
			}
		})
	}
}

// A blob that is too large for memory fills the disk while it comes in. Nothing of it is left.
func TestExport_DiskFullWhileSpooling_StopsAndGoesOn(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	s := exportSettings{sink: "archive", files: 1, each: 2, size: pipeline.BufferedBlobSize + 1<<20, workers: 1, checkpoint: time.Hour}
	_, url := startEmulator(t, s.emulator())
	disk := mountTmpfs(t, "size=4m")
	out := filepath.Join(disk, "out")
	c := newCLI(t, url)
	code, _, stderr := c.run(s.args(out)...)
	if code != exitStorage || !strings.Contains(stderr, "spool blob: ") || !strings.Contains(stderr, syscall.ENOSPC.Error()) {
		t.Errorf("exit %d, want %d\n%s", code, exitStorage, stderr)
	}
	if left, err := filepath.Glob(filepath.Join(out, durable.TempDir, "*")); err != nil || len(left) > 0 {
		t.Errorf("temporary files are left: %q, %v", left, err)
	}
	remount(t, disk, 0, "size=64m")
	c.mustRun(s.args(out)...)
	readExportedSet(t, out).check(t, s.undisturbed(t))
}

var (
	noSpace = regexp.MustCompile(`(\S+): no space left on device`)
	number  = regexp.MustCompile(`[0-9]+`)
)

// fullAt returns the name that there was no space for, without its directory, and with N for numbers.
func fullAt(stderr string) string {
	match := noSpace.FindStringSubmatch(stderr)
	if match == nil {
		return stderr
	}
	return number.ReplaceAllString(path.Base(match[1]), "N")
}

func TestExport_ReadOnlyFileSystem_IsFoundBeforeTheFirstRequest(t *testing.T) {
	t.Parallel()
	for _, sink := range []string{"local", "archive"} {
		t.Run(sink, func(t *testing.T) {
			s := exportSettings{sink: sink, files: 2, each: 4, workers: 2, checkpoint: time.Hour}
			server, url := startEmulator(t, s.emulator())
			disk := mountTmpfs(t, "size=64m")
			c := newCLI(t, url)
			complete, empty := filepath.Join(disk, "complete"), filepath.Join(disk, "empty")
			if err := os.Mkdir(empty, 0o755); err != nil {
				t.Fatal(err)
			}
			c.mustRun(s.args(complete)...)
			remount(t, disk, unix.MS_RDONLY, "")
			server.Reset()
			for _, out := range []string{complete, empty, filepath.Join(disk, "missing", "below")} {
				before := fingerprint(t, disk, durable.TempDir)
				code, _, stderr := c.run(s.args(out)...)
				if code != exitStorage || !strings.Contains(stderr, syscall.EROFS.Error()) {
					t.Errorf("%s: exit %d, want %d\n%s", filepath.Base(out), code, exitStorage, stderr)
				}
				checkUntouched(t, disk, before, durable.TempDir)
			}
			if n := len(server.Requests()); n != 0 {
				t.Errorf("%d requests before the directory was found to be read-only", n)
			}
			// Reading needs no writing.
			readExportedSet(t, complete).check(t, s.undisturbed(t))
			if code, picture, stderr := c.run("cat", "--out", complete, "file-00000000", "0"); code != 0 || len(picture) == 0 {
				t.Errorf("cat: exit %d, %d bytes\n%s", code, len(picture), stderr)
			}
		})
	}
}

func TestExport_DirectoryOfAnotherUser_IsFoundBeforeTheFirstRequest(t *testing.T) {
	t.Parallel()
	const nobody = 65534
	if os.Getuid() != 0 {
		cannot(t, "become another user: only root can")
	}
	s := exportSettings{sink: "local", files: 2, each: 4, workers: 2, checkpoint: time.Hour}
	server, url := startEmulator(t, s.emulator())
	base := t.TempDir()
	// The other user may go there.
	if err := os.Chmod(filepath.Dir(base), 0o755); err != nil {
		t.Fatal(err)
	}
	complete, empty := filepath.Join(base, "complete"), filepath.Join(base, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	newCLI(t, url).mustRun(s.args(complete)...)
	server.Reset()
	before := fingerprint(t, base, durable.TempDir)
	for _, out := range []string{complete, empty, filepath.Join(empty, "below")} {
		stderr := startChild(t, url, childOptions{UID: nobody}, s.args(out)...).mustExit(exitStorage)
		if !strings.Contains(stderr, syscall.EACCES.Error()) {
			t.Errorf("%s: standard error is %q, want %q", filepath.Base(out), stderr, syscall.EACCES.Error())
		}
	}
	for _, dir := range []string{empty, filepath.Join(empty, "below")} {
		stderr := startChild(t, url, childOptions{UID: nobody}, "view", complete, "--static", dir).mustExit(exitStorage)
		if !strings.Contains(stderr, "--static") || !strings.Contains(stderr, "name a folder in which this user may write") {
			t.Errorf("%s: standard error is %q, want the flag and what to do", filepath.Base(dir), stderr)
		}
	}
	checkUntouched(t, base, before, durable.TempDir)
	if n := len(server.Requests()); n != 0 {
		t.Errorf("%d requests before the directory was found to be another's", n)
	}
}

// Files get their names by renaming, which does not cross file systems. Where the blobs are a mount, that is said before the first
// request; shards grow where they stay, so that a mount of theirs works.
func TestExport_MountInside_IsNamedOrWorks(t *testing.T) {
	t.Parallel()
	for _, sink := range []string{"local", "archive"} {
		t.Run(sink, func(t *testing.T) {
			s := exportSettings{sink: sink, files: 2, each: 4, workers: 2, checkpoint: time.Hour}
			server, url := startEmulator(t, s.emulator())
			out := filepath.Join(t.TempDir(), "out")
			inside := filepath.Join(out, map[string]string{"local": "blobs", "archive": "shards"}[sink])
			if err := os.MkdirAll(inside, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := unix.Mount("tmpfs", inside, "tmpfs", 0, "size=64m"); err != nil {
				cannot(t, "mount a file system: %v", err)
			}
			unmount := func() error { return unix.Unmount(inside, unix.MNT_DETACH) }
			if sink == "archive" {
				defer unmount()
				newCLI(t, url).mustRun(s.args(out)...)
				readExportedSet(t, out).check(t, s.undisturbed(t))
				return
			}
			code, _, stderr := newCLI(t, url).run(s.args(out)...)
			const want = "blobs: invalid cross-device link: it is a mount of another file system; a folder of the export is a mount"
			if code != exitStorage || !strings.Contains(stderr, want) {
				t.Errorf("exit %d, want %d and %q\n%s", code, exitStorage, want, stderr)
			}
			if n := len(server.Requests()); n != 0 {
				t.Errorf("%d requests before the mount was found", n)
			}
			if err := unmount(); err != nil {
				t.Fatal(err)
			}
			newCLI(t, url).mustRun(s.args(out)...)
		})
	}
}
