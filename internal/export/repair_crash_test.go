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
	"exporter/internal/verify"
	"exporter/manifest"
	"exporter/pipeline"
)

// crashRepair is what "exporter run --repair" does with an export directory before it runs.
func crashRepair(disk storetest.Disk, archive bool) error {
	ctx := context.Background()
	st, err := disk.Open()
	if err != nil {
		return err
	}
	info := manifest.Info{Version: "test", Source: "{}", Sink: "{}"}
	ledger, _, err := manifest.OpenSalvaged(ctx, st, info)
	if err != nil {
		return err
	}
	if err := ledger.Close(); err != nil {
		return err
	}
	_, err = verify.NewRepair(verify.RepairOptions{
		Export:     st,
		OpenLedger: func(ctx context.Context) (verify.Ledger, error) { return manifest.Open(ctx, st, info) },
		OpenSink: func(ctx context.Context, rows verify.Ledger) (pipeline.Sink, error) {
			return crashSink(ctx, st, rows, archive, false)
		},
	}).Run(ctx)
	return err
}

// spoil damages a file durably: it removes it, or changes a bit at a share of its bytes.
func spoil(disk storetest.Disk, name string, share float64, remove bool) error {
	ctx := context.Background()
	st, err := disk.Open()
	if err != nil {
		return err
	}
	content, err := store.ReadBytes(ctx, st, name, 1<<20)
	if err != nil {
		return err
	}
	if remove {
		return st.Remove(ctx, name)
	}
	content[int(share*float64(len(content)))] ^= 1
	return store.PutBytes(ctx, st, name, content)
}

// checkRepaired fails unless an export is sound and complete.
func checkRepaired(disk storetest.Disk) error {
	return errors.Join(checkCrashed(disk, 0), look(disk, checkSound))
}

func checkSound(st store.Store, snapshot *manifest.Snapshot) error {
	var first error
	v := verify.New(verify.Options{Export: st, Rows: snapshot, Found: func(f verify.Finding) {
		if first == nil && f.Err != nil {
			first = fmt.Errorf("%s: %w", f.Path, f.Err)
		}
	}})
	if err := v.Run(context.Background()); err != nil || first != nil {
		return errors.Join(err, first)
	}
	if n := v.Counts().Blobs; n != crashAssets {
		return fmt.Errorf("%d blobs, want %d", n, crashAssets)
	}
	return nil
}

// A repair crashes at every operation. Whatever comes next, a run or another repair, the export ends up sound and
// complete, and what is fetched again is what was lost.
func TestExport_RepairCrashesAtEveryOperation_LosesNothing(t *testing.T) {
	testmain.Long(t)
	tests := map[string]struct {
		name    string
		share   float64
		remove  bool
		archive bool
		// fetched is how many assets the damage costs at most.
		fetched int
	}{
		"blob":            {name: "blobs/15/file-0/page_screenshots/0.jpg", share: 0.5, fetched: 1},
		"manifest":        {name: manifest.AssetsName, share: 0.5, fetched: crashAssets},
		"shard":           {name: "shards/shard-000000.tar.zst", share: 0.3, archive: true, fetched: 2},
		"seek table":      {name: "shards/shard-000000.tar.zst", share: 0.999, archive: true},
		"missing shard":   {name: "shards/shard-000000.tar.zst", remove: true, archive: true, fetched: 6},
		"shards manifest": {name: manifest.AssetsName, share: 0.5, archive: true, fetched: crashAssets},
	}
	for name, tt := range tests {
		for where, newDisk := range storetest.Disks() {
			if !differs(where, tt.archive) {
				continue
			}
			for first, drop := range []durabletest.Drop{durabletest.DropHalf, durabletest.DropAll} {
				t.Run(fmt.Sprintf("%s/%s/drop %s", name, where, drop), func(t *testing.T) {
					t.Parallel()
					for n := 1 + first; ; n += crashesApart() {
						crashing := newArmedDisk(newDisk)
						source := newCrashSource()
						err := errors.Join(crashExport(crashing, source, tt.archive), spoil(crashing, tt.name, tt.share, tt.remove))
						if err != nil {
							t.Fatal(err)
						}
						crashing.crashIn(n)
						err = crashRepair(crashing, tt.archive)
						if err == nil && crashing.disarm() {
							t.Logf("less than %d operations", n)
							break
						}
						if !errors.Is(err, storetest.ErrCrashed) {
							t.Fatalf("operation %d: got error %v, want %v", n, err, storetest.ErrCrashed)
						}
						recovered := crashing.Recover(drop, uint64(n))
						if n%2 == 0 {
							// Somebody runs without --repair.
							err := crashExport(recovered, source, tt.archive)
							if _, damaged := errors.AsType[*pipeline.DamageError](err); err != nil && !damaged {
								t.Fatalf("run after a crash at operation %d: %v", n, err)
							}
						}
						if err := crashRepair(recovered, tt.archive); err != nil {
							t.Fatalf("repair after a crash at operation %d: %v", n, err)
						}
						if err := crashExport(recovered, source, tt.archive); err != nil {
							t.Fatalf("run after a crash at operation %d: %v", n, err)
						}
						if err := checkRepaired(recovered); err != nil {
							t.Fatalf("after a crash at operation %d: %v", n, err)
						}
						if extra := source.fetched.Load() - crashAssets; extra > int64(tt.fetched) {
							t.Errorf("after a crash at operation %d, %d assets were fetched again, want %d at most", n, extra, tt.fetched)
						}
					}
				})
			}
		}
	}
}
