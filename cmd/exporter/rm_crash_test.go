//go:build !race

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"exporter/internal/durable"
	"exporter/internal/durable/durabletest"
	"exporter/manifest"
	"exporter/pipeline"
	"exporter/sinks"
)

const crashRemoved = pipeline.ID("file-0")

// crashRm is what "exporter rm" does with an export directory. Where the file is not there any more, that is no error.
func crashRm(fsys durable.FS) error {
	if err := durable.Prepare(fsys); err != nil {
		return err
	}
	r := &rm{ids: []string{string(crashRemoved)}}
	if _, err := r.remove(context.Background(), fsys, "out"); !is[*usageError](err) {
		return err
	}
	return nil
}

// checkRemoved fails unless a file is gone from the export, and nothing else is.
func checkRemoved(fsys durable.FS) error {
	snapshot, err := manifest.OpenSnapshot(context.Background(), fsys)
	if err != nil {
		return err
	}
	defer snapshot.Close()
	if state, err := snapshot.File(context.Background(), pipeline.FileKey{FileID: string(crashRemoved)}); state != nil || err != nil {
		return fmt.Errorf("the file's row is there: %+v, %w", state, err)
	}
	rows := 0
	for row, err := range snapshot.Rows(context.Background()) {
		if err != nil || row.FileID == crashRemoved {
			return fmt.Errorf("a row of the file is there: %+v, %w", row, err)
		}
		rows++
	}
	if want := crashAssets / crashFiles; rows != want {
		return fmt.Errorf("%d rows are left, want %d", rows, want)
	}
	if _, err := fsys.Lstat(sinks.FileDir(crashRemoved)); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the directory of its blobs: %w, want none", err)
	}
	if parts, err := fsys.ReadDir(".exporter/parts"); err != nil || len(parts) > 0 {
		return fmt.Errorf("%d parts are left, which may name it: %w", len(parts), err)
	}
	return checkCrashed(fsys, 0)
}

// A removal crashes at every operation. Whatever is stored by then leads to its bytes. The same command removes the rest; a run that
// comes before it exports the file again.
func TestExport_RmCrashesAtEveryOperation_LosesNothingElse(t *testing.T) {
	for name, archive := range map[string]bool{"local": false, "archive": true} {
		for _, drop := range []durabletest.Drop{durabletest.DropNone, durabletest.DropHalf, durabletest.DropAll} {
			t.Run(fmt.Sprintf("%s/drop %s", name, drop), func(t *testing.T) {
				t.Parallel()
				for n := 1; ; n++ {
					crashAt := 0
					crashing := durabletest.NewMemory(func(o durabletest.Operation) error {
						if crashAt > 0 && o.Number >= crashAt {
							return durabletest.ErrCrashed
						}
						return nil
					})
					source := newCrashSource()
					if err := crashExport(crashing, source, archive); err != nil {
						t.Fatal(err)
					}
					crashAt = crashing.Operations() + n
					err := crashRm(crashing)
					if err == nil && crashing.Operations() < crashAt {
						crashAt = 0
						if err := checkRemoved(crashing); err != nil {
							t.Fatal(err)
						}
						t.Logf("crashed at each of %d operations", n-1)
						break
					}
					if !errors.Is(err, durabletest.ErrCrashed) {
						t.Fatalf("operation %d: got error %v, want %v", n, err, durabletest.ErrCrashed)
					}
					recovered := crashing.Recover(drop, uint64(n))
					if n%2 == 0 {
						if err := crashExport(recovered, source, archive); err != nil {
							t.Fatalf("run after a crash at operation %d: %v", n, err)
						}
						if err := checkExportedAgain(recovered); err != nil {
							t.Fatalf("run after a crash at operation %d: %v", n, err)
						}
					}
					if err := crashRm(recovered); err != nil {
						t.Fatalf("rm after a crash at operation %d: %v", n, err)
					}
					if err := checkRemoved(recovered); err != nil {
						t.Fatalf("rm after a crash at operation %d: %v", n, err)
					}
				}
			})
		}
	}
}

// checkExportedAgain fails unless every asset is stored. Shards may hold members besides.
func checkExportedAgain(fsys durable.FS) error {
	if err := checkCrashed(fsys, 0); err != nil {
		return err
	}
	snapshot, err := manifest.OpenSnapshot(context.Background(), fsys)
	if err != nil {
		return err
	}
	defer snapshot.Close()
	rows := 0
	for range snapshot.Rows(context.Background()) {
		rows++
	}
	if rows != crashAssets {
		return fmt.Errorf("%d rows, want %d", rows, crashAssets)
	}
	return nil
}
