//go:build !race

package export

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"exporter/internal/durable/durabletest"
	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/internal/testmain"
	"exporter/manifest"
	"exporter/pipeline"
	"exporter/sinks"
)

const crashRemoved = pipeline.ID("file-0")

// crashRm is what "exporter rm" does with an export. Where the file is not there any more, that is no error.
func crashRm(disk storetest.Disk) error {
	st, err := disk.Open()
	if err != nil {
		return err
	}
	r := newRemoval(st, "out", Targets{Files: []string{string(crashRemoved)}})
	if _, err := r.run(context.Background()); !Is[*UsageError](err) {
		return err
	}
	return nil
}

// checkRemoved fails unless a file is gone from the export, and nothing else is.
func checkRemoved(disk storetest.Disk) error {
	return errors.Join(look(disk, checkNothingOfIt), checkCrashed(disk, 0))
}

func checkNothingOfIt(st store.Store, snapshot *manifest.Snapshot) error {
	ctx := context.Background()
	if state, err := snapshot.File(ctx, pipeline.FileKey{FileID: string(crashRemoved)}); state != nil || err != nil {
		return fmt.Errorf("the file's row is there: %+v, %w", state, err)
	}
	rows := 0
	for row, err := range snapshot.Rows(ctx) {
		if err != nil || row.FileID == crashRemoved {
			return fmt.Errorf("a row of the file is there: %+v, %w", row, err)
		}
		rows++
	}
	if want := crashAssets / crashFiles; rows != want {
		return fmt.Errorf("%d rows are left, want %d", rows, want)
	}
	if there, err := sinks.HasFolder(ctx, st, crashRemoved); there || err != nil {
		return fmt.Errorf("blobs of the file are there, %w", err)
	}
	for e, err := range st.List(ctx, ".exporter/parts/") {
		return fmt.Errorf("%s is left, which may name it: %w", e.Key, err)
	}
	return nil
}

// A removal crashes at every operation. Whatever is stored by then leads to its bytes. The same command removes the rest; a run that
// comes before it exports the file again.
func TestExport_RmCrashesAtEveryOperation_LosesNothingElse(t *testing.T) {
	testmain.Long(t)
	for name, archive := range map[string]bool{"local": false, "archive": true} {
		for where, newDisk := range storetest.Disks() {
			if !differs(where, archive) {
				continue
			}
			for first, drop := range []durabletest.Drop{durabletest.DropNone, durabletest.DropHalf, durabletest.DropAll} {
				t.Run(fmt.Sprintf("%s/%s/drop %s", name, where, drop), func(t *testing.T) {
					t.Parallel()
					for n := 1 + first; rmCrashesAt(t, n, newDisk, archive, drop); n += crashesApart() {
					}
				})
			}
		}
	}
}

// rmCrashesAt lets a removal crash at its operation number n, and tells whether it has so many.
func rmCrashesAt(t *testing.T, n int, newDisk func(func(int) error) storetest.Disk, archive bool, drop durabletest.Drop) bool {
	t.Helper()
	crashing := newArmedDisk(newDisk)
	source := newCrashSource()
	if err := crashExport(crashing, source, archive); err != nil {
		t.Fatal(err)
	}
	crashing.crashIn(n)
	err := crashRm(crashing)
	if err == nil && crashing.disarm() {
		if err := checkRemoved(crashing); err != nil {
			t.Fatal(err)
		}
		t.Logf("less than %d operations", n)
		return false
	}
	if !errors.Is(err, storetest.ErrCrashed) {
		t.Fatalf("operation %d: got error %v, want %v", n, err, storetest.ErrCrashed)
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
	return true
}

// checkExportedAgain fails unless every asset is stored. Shards may hold members besides.
func checkExportedAgain(disk storetest.Disk) error {
	return errors.Join(checkCrashed(disk, 0), look(disk, func(_ store.Store, snapshot *manifest.Snapshot) error {
		rows := 0
		for range snapshot.Rows(context.Background()) {
			rows++
		}
		if rows != crashAssets {
			return fmt.Errorf("%d rows, want %d", rows, crashAssets)
		}
		return nil
	}))
}
