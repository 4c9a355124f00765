package manifest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"exporter/internal/durable/durabletest"
	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// ledgerModel is what a ledger has to have: the newest version of each row, and of those whose commit failed, which may be
// there or not, the newer one too.
type ledgerModel struct {
	assets map[pipeline.AssetKey]versions
	files  map[pipeline.FileKey]versions
}

// versions are the one that was committed, 0 where none was, and a newer one that may have been.
type versions struct{ committed, attempted int }

// Ledgers that crash at any operation of a commit, a roll-up or a merge, again and again, lose no row that was committed, and
// none comes back in an older version.
func TestLedger_Crashes_KeepTheNewestRows(t *testing.T) {
	testmain.Long(t)
	for seed := range uint64(max(1, 30/testmain.Apart(3)/oneIn)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			model := ledgerModel{map[pipeline.AssetKey]versions{}, map[pipeline.FileKey]versions{}}
			disk, version := storetest.NewMemory(nil), 0
			for life := range 6 {
				left := 1 + rng.IntN(100)
				disk.FailWith(storetest.FailAt(left, storetest.ErrCrashed))
				if err := model.live(t, disk, rng, &version); !errors.Is(err, storetest.ErrCrashed) {
					t.Fatalf("life %d: %v", life, err)
				}
				drop := []durabletest.Drop{durabletest.DropNone, durabletest.DropHalf, durabletest.DropAll}[rng.IntN(3)]
				disk = disk.Recover(drop, rng.Uint64())
				model.check(t, disk)
				if t.Failed() {
					t.Fatalf("after life %d", life)
				}
			}
		})
	}
}

// live has a ledger of narrow roll-ups commit until it fails, now and then merging everything.
func (m *ledgerModel) live(t *testing.T, st store.Store, rng *rand.Rand, version *int) error {
	for {
		l, err := Open(t.Context(), st, testInfo)
		if err != nil {
			return err
		}
		l.assets.fanIn, l.files.fanIn = 2+rng.IntN(3), 2+rng.IntN(3)
		l.assets.groupRows, l.files.groupRows = 32+rng.IntN(96), 32+rng.IntN(96)
		err = m.run(t, l, rng, version)
		if err := errors.Join(err, l.Close()); err != nil {
			return err
		}
	}
}

func (m *ledgerModel) run(t *testing.T, l *Ledger, rng *rand.Rand, version *int) error {
	for range rng.IntN(40) {
		*version++
		var assets []*pipeline.Row
		var files []*pipeline.FileRow
		for i := range 6 {
			id := fmt.Sprint("f", i)
			if rng.IntN(4) == 0 {
				row := storedRow(id, int32(rng.IntN(3)))
				row.Attempts = *version
				assets = append(assets, row)
				m.assets[row.Key()] = versions{m.assets[row.Key()].committed, *version}
			}
			if rng.IntN(8) == 0 {
				row := &pipeline.FileRow{File: *testFile(id), Status: pipeline.Failed}
				row.Bytes = int64(*version)
				files = append(files, row)
				m.files[row.Key()] = versions{m.files[row.Key()].committed, *version}
			}
		}
		if err := l.Commit(t.Context(), pipeline.Rows{Assets: assets, Files: files}); err != nil {
			return err
		}
		for _, row := range assets {
			m.assets[row.Key()] = versions{committed: *version}
		}
		for _, row := range files {
			m.files[row.Key()] = versions{committed: *version}
		}
	}
	return l.Compact(t.Context())
}

// check compares what is found after a crash with the model, which takes it over.
func (m *ledgerModel) check(t *testing.T, st store.Store) {
	t.Helper()
	s := openSnapshotOf(t, st)
	assets, files := map[pipeline.AssetKey]int{}, map[pipeline.FileKey]int{}
	for _, row := range collect(t, s) {
		assets[row.Key()] = row.Attempts
	}
	for row, err := range s.Files(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		files[row.Key()] = int(row.Bytes)
	}
	compareVersions(t, m.assets, assets)
	compareVersions(t, m.files, files)
}

func compareVersions[K comparable](t *testing.T, model map[K]versions, found map[K]int) {
	t.Helper()
	for key, want := range model {
		got := found[key]
		if got != want.committed && (got == 0 || got != want.attempted) {
			t.Errorf("%v: version %d, want %d, or %d of a commit that failed", key, got, want.committed, want.attempted)
		}
		model[key] = versions{committed: got}
	}
}

// A files.parquet without its manifest.parquet vouches for nothing, also where the next run crashes when it has made a new one.
func TestLedger_Crash_LostFilesStayLost(t *testing.T) {
	row := &pipeline.FileRow{File: *testFile("a"), Status: pipeline.Complete}
	for n := 1; ; n++ {
		st := storetest.NewMemory(nil)
		first := openLedger(t, st)
		err := first.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{storedRow("a", 1)}, Files: []*pipeline.FileRow{row}})
		if err := errors.Join(err, first.Compact(t.Context()), st.Remove(t.Context(), AssetsName)); err != nil {
			t.Fatal(err)
		}
		st = st.Recover(durabletest.DropNone, 0)
		second := openLedger(t, st)
		st.FailWith(storetest.FailAt(n, storetest.ErrCrashed))
		err = second.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{storedRow("b", 1)}})
		if err == nil {
			err = second.Compact(t.Context())
		}
		for _, drop := range []durabletest.Drop{durabletest.DropNone, durabletest.DropAll} {
			s := openSnapshotOf(t, st.Recover(drop, 0))
			if state, _ := s.File(t.Context(), row.Key()); state != nil {
				t.Fatalf("after a crash at operation %d that drops %s, the lost file is back", n, drop)
			}
		}
		if err == nil {
			t.Logf("crashed at each of %d operations", n-1)
			return
		}
	}
}
