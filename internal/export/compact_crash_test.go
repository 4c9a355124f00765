//go:build !race

package export

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"syscall"
	"testing"

	"exporter/internal/config"
	"exporter/internal/durable/durabletest"
	"exporter/internal/export/exporttest"
	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/internal/testmain"
	"exporter/internal/verify"
	"exporter/manifest"
	"exporter/sinks"
)

// crashCompact is what "exporter compact" does with an export, all of whose shards are small by now. It goes over them in groups.
func crashCompact(disk storetest.Disk) error {
	st, err := disk.Open()
	if err != nil {
		return err
	}
	cfg := config.Default()
	cfg.Output.Archive.ShardSize, cfg.Output.Archive.FrameSize = 20_000, 800
	c := &compacting{CompactOptions: CompactOptions{Config: cfg, Log: slog.New(slog.DiscardHandler)}, store: st, atOnce: 6000}
	_, err = c.run(context.Background())
	return err
}

// checkCompacted fails unless every asset is stored once, and nothing else is.
func checkCompacted(disk storetest.Disk) error {
	return look(disk, func(st store.Store, snapshot *manifest.Snapshot) error {
		if err := checkBlobs(st, snapshot, crashAssets); err != nil {
			return err
		}
		var found error
		v := verify.New(verify.Options{Export: st, Rows: snapshot, Found: func(f verify.Finding) {
			found = errors.Join(found, fmt.Errorf("%s %s: %w", f.Path, f.Member, f.Err))
		}})
		if err := errors.Join(v.Run(context.Background()), found); err != nil {
			return err
		}
		members := map[string]int{}
		for row, err := range snapshot.Rows(context.Background()) {
			if err != nil {
				return err
			}
			if row.Location.Shard != nil {
				members[row.Location.Path+" "+row.Location.Shard.Member]++
			}
		}
		return exporttest.CheckMembers(st, members)
	})
}

// crashOrphans makes an export whose shards have dead members, and that has blobs that no row names.
func crashOrphans(disk storetest.Disk, archive bool) error {
	if err := crashExport(disk, &crashSource{files: crashFiles + 1, pages: crashPages}, archive); err != nil {
		return err
	}
	st, err := disk.Open()
	if err != nil {
		return err
	}
	gone := newRemoval(st, "out", Targets{Files: []string{fmt.Sprint("file-", crashFiles)}})
	if _, err := gone.run(context.Background()); err != nil || archive {
		return err
	}
	for _, name := range []string{"blobs/15/file-0/page_screenshots/0~v01234567.jpg", "blobs/76/lost/page_screenshots/0.jpg"} {
		if err := store.PutBytes(context.Background(), st, name, []byte("orphan")); err != nil {
			return err
		}
	}
	return nil
}

// eachCompaction calls try with copies of an export that is to be compacted, and fails operations of each as fault says by its number,
// as long as it has so many: from first on, one of crashesApart, or each of them where all faults are to be tried.
func eachCompaction(t *testing.T, c crashCase, first int, fault func(number, n int) error, try func(disk storetest.Disk, n int, err error)) {
	t.Helper()
	export := c.disk(func(int) error { return nil })
	if err := crashOrphans(export, c.archive); err != nil {
		t.Fatal(err)
	}
	for n := 1 + first; ; n += crashesApart() {
		disk := export.Recover(durabletest.DropNone, 0)
		disk.FailWith(func(number int) error { return fault(number, n) })
		err := crashCompact(disk)
		if disk.Operations() < n {
			disk.FailWith(func(int) error { return nil })
			if err := errors.Join(err, checkCompacted(disk)); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d operations", n-1)
			return
		}
		try(disk, n, err)
	}
}

// A compaction crashes at every operation. Whatever is stored leads to its bytes, and the next compaction, also after a run that came
// between, leaves every picture once and nothing else.
func TestExport_CompactCrashesAtEveryOperation_LosesNothing(t *testing.T) {
	testmain.Long(t)
	crash := func(number, n int) error {
		if number >= n {
			return storetest.ErrCrashed
		}
		return nil
	}
	for _, c := range crashCases() {
		for first, drop := range []durabletest.Drop{durabletest.DropNone, durabletest.DropHalf, durabletest.DropAll} {
			t.Run(fmt.Sprintf("%s/drop %s", c.name, drop), func(t *testing.T) {
				t.Parallel()
				eachCompaction(t, c, first, crash, func(disk storetest.Disk, n int, err error) {
					if !errors.Is(err, storetest.ErrCrashed) {
						t.Fatalf("operation %d: got error %v, want %v", n, err, storetest.ErrCrashed)
					}
					checkCompactedLater(t, c, disk.Recover(drop, uint64(n)), n)
				})
			})
		}
	}
}

// The disk is full from an operation of a compaction on. Nothing is lost, and with room the next one does the rest.
func TestExport_CompactOnAFullDisk_StopsAndGoesOn(t *testing.T) {
	testmain.Long(t)
	full := func(number, n int) error {
		if number >= n {
			return syscall.ENOSPC
		}
		return nil
	}
	for _, c := range crashCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			eachCompaction(t, c, 0, full, func(disk storetest.Disk, n int, err error) {
				disk.FailWith(func(int) error { return nil })
				// A spool that cannot be removed goes when it is closed.
				if err != nil && !errors.Is(err, syscall.ENOSPC) {
					t.Fatalf("operation %d: got error %v, want %v", n, err, syscall.ENOSPC)
				}
				checkCompactedLater(t, c, disk, n)
			})
		})
	}
}

// checkCompactedLater fails unless all that is stored after a compaction went wrong leads to its bytes, and the next one leaves nothing else.
func checkCompactedLater(t *testing.T, c crashCase, disk storetest.Disk, n int) {
	t.Helper()
	if err := checkCrashed(disk, 0); err != nil {
		t.Fatalf("after operation %d: %v", n, err)
	}
	if n%2 == 0 {
		source := newCrashSource()
		if err := crashExport(disk, source, c.archive); err != nil || source.fetched.Load() > 0 {
			t.Fatalf("run after operation %d fetched %d: %v", n, source.fetched.Load(), err)
		}
	}
	if err := errors.Join(crashCompact(disk), checkCompacted(disk)); err != nil {
		t.Fatalf("compact after operation %d: %v", n, err)
	}
}

// A shard with a damaged member stays, with all of its members, and all else goes on.
func TestExport_CompactOfDamage_KeepsItsShard(t *testing.T) {
	testmain.Long(t)
	for where, newDisk := range storetest.Disks() {
		t.Run(where, func(t *testing.T) {
			disk := newDisk(func(int) error { return nil })
			if err := crashOrphans(disk, true); err != nil {
				t.Fatal(err)
			}
			name := firstShard(t, disk)
			if err := spoil(disk, name, 0.4, false); err != nil {
				t.Fatal(err)
			}
			st, err := disk.Open()
			if err != nil {
				t.Fatal(err)
			}
			before, err := store.ReadBytes(t.Context(), st, name, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			if err := crashCompact(disk); !errors.Is(err, ErrDamaged) {
				t.Fatalf("got error %v, want %v", err, ErrDamaged)
			}
			after, err := store.ReadBytes(t.Context(), st, name, 1<<20)
			if err != nil || string(after) != string(before) {
				t.Errorf("the damaged shard is another one: %v", err)
			}
			shards, _, err := sinks.ListShards(t.Context(), st)
			if err != nil || shards[0] != name {
				t.Errorf("shards %q, %v, want %s and new ones", shards, err, name)
			}
			if err := crashRepair(disk, true); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(crashExport(disk, newCrashSource(), true), crashCompact(disk), checkCompacted(disk)); err != nil {
				t.Errorf("after a repair: %v", err)
			}
		})
	}
}

// Damage that is around members is gone with the shard that has it.
func TestExport_CompactOfDamageAround_MakesItAnew(t *testing.T) {
	for where, newDisk := range storetest.Disks() {
		t.Run(where, func(t *testing.T) {
			disk := newDisk(func(int) error { return nil })
			if err := crashOrphans(disk, true); err != nil {
				t.Fatal(err)
			}
			const seekTable = 0.999
			err := errors.Join(spoil(disk, firstShard(t, disk), seekTable, false), crashCompact(disk), checkCompacted(disk))
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// firstShard returns the shard of the first row.
func firstShard(t *testing.T, disk storetest.Disk) (name string) {
	t.Helper()
	err := look(disk, func(_ store.Store, snapshot *manifest.Snapshot) error {
		for row, err := range snapshot.Rows(t.Context()) {
			name = row.Location.Path
			return err
		}
		return errors.New("there is no row")
	})
	if err != nil {
		t.Fatal(err)
	}
	return name
}
