package sinks

import (
	"errors"
	"iter"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"exporter/internal/durable"
	"exporter/pipeline"
)

// testRefusesPlantedLinks: a link in the export directory must not lead a write elsewhere, inside or outside.
func testRefusesPlantedLinks(t *testing.T, sink sinkUnderTest) {
	for _, target := range []string{"outside", "inside"} {
		t.Run(target, func(t *testing.T) {
			f := newFixture(t, sink)
			canary := filepath.Join(t.TempDir(), "canary")
			if target == "inside" {
				canary = filepath.Join(f.path, "canary")
			}
			if err := os.Mkdir(canary, 0o755); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"blobs", "shards"} {
				if err := os.Symlink(canary, filepath.Join(f.path, name)); err != nil {
					t.Fatal(err)
				}
			}
			err := f.put(screenshot("f", 0), noise(0, 100))
			if err == nil {
				err = f.sync()
			}
			if !errors.Is(err, durable.ErrNotRegular) {
				t.Errorf("got error %v, want %v", err, durable.ErrNotRegular)
			}
			if entries, _ := os.ReadDir(canary); len(entries) != 0 {
				t.Errorf("the link was followed: %v", entries)
			}
		})
	}
}

// failingFS fails what its function says, once told to.
type failingFS struct {
	durable.FS
	fail func(op string) error
}

var errInjected = errors.New("injected")

func (f failingFS) Create(name string) (durable.File, error) {
	if err := f.fail("create"); err != nil {
		return nil, err
	}
	return f.wrap(f.FS.Create(name))
}

func (f failingFS) Edit(name string) (durable.File, error) { return f.wrap(f.FS.Edit(name)) }

func (f failingFS) Rename(oldName, newName string) error {
	return errors.Join(f.fail("rename"), f.FS.Rename(oldName, newName))
}

func (f failingFS) SyncDir(name string) error {
	return errors.Join(f.fail("syncdir"), f.FS.SyncDir(name))
}

func (f failingFS) wrap(file durable.File, err error) (durable.File, error) {
	if err != nil {
		return nil, err
	}
	return failingFile{file, f.fail}, nil
}

type failingFile struct {
	durable.File
	fail func(op string) error
}

func (f failingFile) Write(p []byte) (int, error) {
	if err := f.fail("write"); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

func (f failingFile) Sync() error { return errors.Join(f.fail("sync"), f.File.Sync()) }

// testFailsWhenTheDirectoryFails: each kind of operation fails once; the sink says so, and says so again rather than
// making something durable that is not.
func testFailsWhenTheDirectoryFails(t *testing.T, sink sinkUnderTest) {
	for _, op := range []string{"create", "write", "sync", "rename", "syncdir"} {
		t.Run(op, func(t *testing.T) {
			dir, err := durable.Open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer dir.Close()
			var fired atomic.Int32
			fsys := failingFS{dir, func(o string) error {
				if o == op && fired.CompareAndSwap(0, 1) {
					return errInjected
				}
				return nil
			}}
			s, err := sink.open(sink.storeOn(fsys), func() iter.Seq2[*pipeline.Row, error] { return nil })
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			_, err = s.Put(t.Context(), new(screenshot("f", 0)), testBlob(noise(0, 1000)), nil)
			if err == nil {
				var batch pipeline.Batch
				if batch, err = s.Cut(t.Context()); err == nil {
					err = batch.Sync(t.Context())
				}
			}
			if err == nil {
				err = s.Seal(t.Context())
			}
			if fired.Load() != 1 || !errors.Is(err, errInjected) {
				t.Errorf("fired %d times, got error %v, want %v", fired.Load(), err, errInjected)
			}
		})
	}
}
