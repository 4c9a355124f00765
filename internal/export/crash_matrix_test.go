//go:build !race

package export

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"exporter/internal/durable/durabletest"
	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/internal/testmain"
	"exporter/internal/verify"
	"exporter/manifest"
	"exporter/pipeline"
	"exporter/sinks"
)

// matrixApart is of how many faults of the matrix one is tried: each operation has one of each kind.
func matrixApart() int { return testmain.Apart(997) }

// matrixStep is a run of the matrix.
type matrixStep struct {
	name string
	// change changes what is upstream since the run before.
	change func(*matrixUpstream)
	// damage flips a bit of where a blob is, before the run repairs the export; refetch fetches everything again.
	damage, refetch bool
	// compact says that the run compacts the export when all is done.
	compact bool
}

// matrixSteps are the runs on one export. All of them prune.
var matrixSteps = []matrixStep{
	{name: "new", change: func(*matrixUpstream) {}},
	{name: "changed", change: func(u *matrixUpstream) {
		u.put(matrixPage("file-0", 0), matrixPicture{version: 1, size: 400})
		u.put(matrixFigure("file-1"), matrixPicture{version: 1, size: 900})
		delete(u.files, "file-2")
		u.put(matrixPage("file-3", 1), matrixPicture{version: 1, size: 300, fails: true})
		u.add("file-4")
	}},
	{name: "gone", compact: true, change: func(u *matrixUpstream) {
		// One picture is again what it was at first, and another can be fetched now.
		u.put(matrixPage("file-0", 0), matrixPicture{size: 400})
		u.files["file-3"].pictures[matrixPage("file-3", 1)] = matrixPicture{version: 1, size: 300}
	}},
	{name: "back", change: func(u *matrixUpstream) { u.add("file-2") }, refetch: true},
	{name: "damaged", change: func(u *matrixUpstream) { u.remove(matrixPage("file-1", 1)) }, damage: true},
	{name: "page gone", compact: true, change: func(u *matrixUpstream) {
		u.put(matrixFigure("file-4"), matrixPicture{version: 1, size: 500})
	}},
}

const (
	matrixRows, matrixWorkers = 4, 3
	// matrixUncommitted is how many blobs a crash may cost.
	matrixUncommitted = matrixRows + matrixWorkers
	// matrixDamaged is the step that repairs.
	matrixDamaged = 4
)

// matrix is an export of which runs go wrong.
type matrix struct {
	archive bool
	// fetched is how many blobs were fetched so far.
	fetched int
}

// run is what "exporter run --prune" does with an export when a step is upstream, with --repair and --refetch if they are given.
func (m *matrix) run(disk storetest.Disk, step int, repair, refetch bool) error {
	ctx := context.Background()
	if repair {
		if err := crashRepair(disk, m.archive); err != nil {
			return err
		}
	}
	upstream := newMatrixUpstream(step)
	o := pipeline.Options{Source: upstream, Concurrency: matrixWorkers, Listers: 2, CheckpointRows: matrixRows, Refetch: refetch}
	defer func() { m.fetched += int(upstream.fetched.Load()) }()
	return crashRun(disk, m.archive, o, func(st store.Store, ledger *manifest.Ledger) error {
		return ledger.Prune(ctx, manifest.Removal{
			Selects: func(c manifest.Candidate) bool {
				return !c.VanishedAt.IsZero()
			},
			At: time.Now(), Allow: func(manifest.Extent) error { return nil },
			RemoveBlobs: func(blobs []pipeline.Location) error { return sinks.RemoveBlobs(ctx, st, blobs) },
		})
	})
}

// damage flips a bit of where the blob of a picture is, before a step that is to repair it.
func (m *matrix) damage(disk storetest.Disk, step int) error {
	if !matrixSteps[step].damage {
		return nil
	}
	damaged := matrixPage("file-0", 1)
	return look(disk, func(_ store.Store, snapshot *manifest.Snapshot) error {
		for row, err := range snapshot.Rows(context.Background()) {
			if err != nil {
				return err
			}
			if row.Key() == damaged {
				return spoil(disk, row.Location.Path, 0.4, false)
			}
		}
		return fmt.Errorf("%v has no row", damaged)
	})
}

// checkRows fails unless every stored row leads to its bytes, but after a step that was to repair them.
func (m *matrix) checkRows(disk storetest.Disk, step int) error {
	if matrixSteps[step].damage {
		return nil
	}
	ctx := context.Background()
	return look(disk, func(st store.Store, snapshot *manifest.Snapshot) error {
		for row, err := range snapshot.Rows(ctx) {
			if err != nil {
				return err
			}
			if row.Status != pipeline.Stored {
				continue
			}
			r, err := sinks.Open(ctx, st, row.Location, row.Content.Size)
			if err != nil {
				return fmt.Errorf("%v: %w", row.Key(), err)
			}
			got, err := io.ReadAll(r)
			r.Close()
			if err != nil || sha256.Sum256(got) != row.Content.SHA256 {
				return fmt.Errorf("%v at %+v: not the bytes that were stored: %v", row.Key(), row.Location, err)
			}
		}
		return nil
	})
}

// checkExact fails unless an export is what is upstream in a step, and nothing else but so many blobs that no row names.
func (m *matrix) checkExact(disk storetest.Disk, step, orphans int) error {
	ctx := context.Background()
	u := newMatrixUpstream(step)
	return look(disk, func(st store.Store, snapshot *manifest.Snapshot) error {
		rows := 0
		for row, err := range snapshot.Rows(ctx) {
			if err != nil {
				return err
			}
			f := u.files[string(row.FileID)]
			if f == nil {
				return fmt.Errorf("%v is there, and its file is gone", row.Key())
			}
			picture, listed := f.pictures[row.Key()]
			want := sha256.Sum256(picture.content(row.Key()))
			if !listed || row.Status != pipeline.Stored || row.Content.SHA256 != want || (row.Gone != pipeline.Gone{}) {
				return fmt.Errorf("%v is listed: %v; its row is %+v", row.Key(), listed, row)
			}
			rows++
		}
		if rows != u.assets() {
			return fmt.Errorf("%d rows, want %d", rows, u.assets())
		}
		files := 0
		for file, err := range snapshot.Files(ctx) {
			if err != nil {
				return err
			}
			f := u.files[file.ID]
			if f == nil || file.Status != pipeline.Complete || file.Stored != int64(len(f.pictures)) || file.Failed+file.Skipped != 0 {
				return fmt.Errorf("the row of %s is %+v", file.ID, file)
			}
			files++
		}
		if files != len(u.files) {
			return fmt.Errorf("%d rows of files, want %d", files, len(u.files))
		}
		return m.verify(st, snapshot, orphans)
	})
}

// verify fails for all that "exporter verify" finds, but so many orphans.
func (m *matrix) verify(st store.Store, rows verify.Rows, orphans int) error {
	var found error
	v := verify.New(verify.Options{Export: st, Rows: rows, Found: func(f verify.Finding) {
		if f.Err != nil {
			found = errors.Join(found, fmt.Errorf("%s: %w", f.Path, f.Err))
		}
	}})
	if err := errors.Join(v.Run(context.Background()), found); err != nil {
		return err
	}
	if got := int(v.Counts().Orphans); got > orphans {
		return fmt.Errorf("%d blobs that no row names, want %d at most", got, orphans)
	}
	return nil
}

// step is run as a step asks for it.
func (m *matrix) step(disk storetest.Disk, step int) error {
	err := m.run(disk, step, matrixSteps[step].damage, matrixSteps[step].refetch)
	if err != nil || !matrixSteps[step].compact {
		return err
	}
	return crashCompact(disk)
}

// checkEnd runs twice, when the last step is upstream and nothing goes wrong any more, the first time with --repair after a step that
// had to. Then the export has to be exact, at the cost of so many blobs, and has no more than that without a row.
func (m *matrix) checkEnd(disk storetest.Disk, step, fetched, orphans int) error {
	last := len(matrixSteps) - 1
	if err := m.run(disk, last, matrixSteps[step].damage, false); err != nil {
		return err
	}
	needed := m.fetched
	if err := m.run(disk, last, false, false); err != nil || m.fetched > needed {
		return fmt.Errorf("%d blobs were fetched with nothing to do: %w", m.fetched-needed, err)
	}
	if needed > fetched {
		return fmt.Errorf("%d blobs were fetched, want %d at most", needed, fetched)
	}
	if m.archive {
		// An archive keeps what was fetched and is named no more.
		orphans = m.fetched - newMatrixUpstream(last).assets()
	}
	if err := m.checkExact(disk, last, orphans); err != nil {
		return err
	}
	if err := crashCompact(disk); err != nil {
		return fmt.Errorf("compact: %w", err)
	}
	if err := m.checkExact(disk, last, 0); err != nil {
		return fmt.Errorf("compacted: %w", err)
	}
	return nil
}

// matrixFault is something that goes wrong in a run: of a kind, at its operation number n.
type matrixFault struct{ step, n, kind int }

// eachFault calls try with copies of an export that is about to make each step, and with faults of so many kinds, as long as the
// step has such an operation. most is how many blobs may be fetched in the end: those that are needed, and a checkpoint.
func eachFault(t *testing.T, c crashCase, kinds int, try func(m *matrix, disk storetest.Disk, f matrixFault, most int) (happened bool, err error)) {
	t.Helper()
	m, disk, tried := &matrix{archive: c.archive}, c.disk(func(int) error { return nil }), 0
	for step := range matrixSteps {
		disk = disk.Recover(durabletest.DropNone, 0)
		if err := m.damage(disk, step); err != nil {
			t.Fatal(err)
		}
		before, next := *m, disk.Recover(durabletest.DropNone, 0)
		if err := m.step(next, step); err != nil {
			t.Fatalf("run %q: %v", matrixSteps[step].name, err)
		}
		end, damaged := *m, 0
		if step >= matrixDamaged {
			// What was damaged is there beside what was fetched in its place.
			damaged = 1
		}
		if err := end.checkEnd(next.Recover(durabletest.DropNone, 0), step, 1000, damaged); err != nil {
			t.Fatalf("runs after %q: %v", matrixSteps[step].name, err)
		}
		for i := step * 7; ; i += matrixApart() {
			m, f := before, matrixFault{step, 1 + i/kinds, i % kinds}
			happened, err := try(&m, disk.Recover(durabletest.DropNone, 0), f, end.fetched+matrixUncommitted)
			if err != nil {
				t.Fatalf("run %q, operation %d, fault %d: %v", matrixSteps[step].name, f.n, f.kind, err)
			}
			if !happened {
				break
			}
			tried++
		}
		disk = next
	}
	t.Logf("%d faults", tried)
}

// crash lets a step crash, and tells whether it has such an operation.
func (m *matrix) crash(disk storetest.Disk, f matrixFault, drop durabletest.Drop, most int) (crashed bool, err error) {
	disk.FailWith(func(number int) error {
		if number >= f.n {
			return storetest.ErrCrashed
		}
		return nil
	})
	err = m.step(disk, f.step)
	if err == nil && disk.Operations() < f.n {
		return false, nil
	}
	if !errors.Is(err, storetest.ErrCrashed) {
		return true, fmt.Errorf("got error %w, want %w", err, storetest.ErrCrashed)
	}
	recovered := disk.Recover(drop, uint64(f.n))
	if err := m.checkRows(recovered, f.step); err != nil {
		return true, err
	}
	return true, m.checkEnd(recovered, f.step, most, matrixUncommitted)
}

// Between its runs, which prune, files change, vanish, fail and return, blobs are fetched again and damage is repaired. A run crashes
// at an operation. What the ledger vouches for is there, and in the end the export is exact.
func TestExport_RunsOverChangesCrash_EndExact(t *testing.T) {
	testmain.Long(t)
	drops := []durabletest.Drop{durabletest.DropNone, durabletest.DropHalf, durabletest.DropAll}
	for _, c := range crashCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			eachFault(t, c, len(drops), func(m *matrix, disk storetest.Disk, f matrixFault, most int) (bool, error) {
				return m.crash(disk, f, drops[f.kind], most)
			})
		})
	}
}
