package verify

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exporter/internal/durable"
	"exporter/pipeline"
)

// newRepair returns a repair of a few rows at a time.
func (e *export) newRepair() *Repair {
	r := NewRepair(RepairOptions{
		Export:     e.store,
		OpenLedger: func(context.Context) (Ledger, error) { return e.open(), nil },
		OpenSink: func(ctx context.Context, l Ledger) (pipeline.Sink, error) {
			return e.sink.open(ctx, e.store, func() iter.Seq2[*pipeline.Row, error] { return l.Rows(ctx) })
		},
	})
	r.batchSize = 2
	return r
}

func (e *export) repair() Repaired {
	e.t.Helper()
	got, err := e.newRepair().Run(e.t.Context())
	must(e.t, err)
	return got
}

// refetch stores again what has failed, as the next run does.
func (e *export) refetch() {
	e.t.Helper()
	s, err := e.sink.open(e.t.Context(), e.store, func() iter.Seq2[*pipeline.Row, error] { return e.Rows(e.t.Context()) })
	must(e.t, err)
	var rows []*pipeline.Row
	var locations []*pipeline.Location
	for row := range e.Rows(e.t.Context()) {
		if row.Status != pipeline.Failed {
			continue
		}
		blob := newBlob(e.content[row.Key()])
		location, err := s.Put(e.t.Context(), &row.Asset, blob, nil)
		must(e.t, err)
		row.Status, row.Reason = pipeline.Stored, ""
		rows, locations = append(rows, row), append(locations, location)
	}
	must(e.t, syncSink(e.t.Context(), s))
	for i, row := range rows {
		row.Location = *locations[i]
	}
	e.add(rows, nil)
	e.settle()
	must(e.t, s.Seal(e.t.Context()))
	must(e.t, s.Close())
}

// checkRepaired fails unless the ledger says what is true: everything that is stored can be read, what has failed is
// lost, and the files know.
func (e *export) checkRepaired(lost map[pipeline.AssetKey]error) {
	e.t.Helper()
	if got := e.verify(); !got.clean() {
		e.t.Errorf("after the repair: got lost %v, damaged %q", got.lost, got.damaged)
	}
	if keys := e.unreadable(); len(keys) > 0 {
		e.t.Errorf("after the repair, %v cannot be read", keys)
	}
	for key, row := range e.rows {
		if row.Status == pipeline.Failed && !strings.HasPrefix(row.Reason, pipeline.ClassDamaged+": ") {
			e.t.Errorf("%v has failed with the reason %q", key, row.Reason)
		}
		if _, isLost := lost[key]; isLost != (row.Status == pipeline.Failed) {
			e.t.Errorf("%v is %s, but lost is %t", key, row.Status, isLost)
		}
	}
	for key, want := range e.count() {
		f := e.files[key]
		if f.Counts != want || (f.Status == pipeline.Complete) != (want.Failed == 0) {
			e.t.Errorf("file %s is %s with %+v, want %+v", key.FileID, f.Status, f.Counts, want)
		}
	}
}

func TestRepair_Damage_LosesWhatIsLost(t *testing.T) {
	for name, d := range damages() {
		t.Run(name, func(t *testing.T) {
			e := newExport(t, d.sink, !d.unsealed)
			d.happens(e)
			found := e.verify()
			got := e.repair()
			if int(got.Lost) != len(found.lost) {
				t.Errorf("got %+v, want %d lost", got, len(found.lost))
			}
			e.checkRepaired(found.lost)
			if name == "directory as blob" {
				e.remove(page0)
			}
			e.refetch()
			e.checkRepaired(nil)
		})
	}
}

// Bits flip all over a shard. What is lost is what a verification says, the rest is there afterwards, and no number is
// missing.
func TestRepair_FlippedBit_KeepsWhatIsSound(t *testing.T) {
	for _, sink := range []sinkUnderTest{archive, plain} {
		t.Run(string(sink), func(t *testing.T) {
			t.Parallel()
			repaired := 0
			for at := 0; ; at += 11 * sink.stride() {
				e := newExport(t, sink, at%2 == 0)
				name := e.blobFiles()[0]
				if at >= len(e.bytes(name)) {
					break
				}
				e.flip(name, at)
				found := e.verify()
				got := e.repair()
				if int(got.Lost) != len(found.lost) || got.Moved > 0 && got.Emptied != 1 {
					t.Errorf("byte %d: got %+v, want %d lost", at, got, len(found.lost))
				}
				repaired += int(got.Emptied)
				e.checkRepaired(found.lost)
				if again := e.repair(); again != (Repaired{}) {
					t.Errorf("byte %d: another repair did %+v", at, again)
				}
				e.refetch()
				e.checkRepaired(nil)
			}
			if repaired == 0 {
				t.Error("nothing was repaired")
			}
		})
	}
}

// Whoever put a link in the place of a shard is asked what it is for. Then the shard is one that is missing.
func TestRepair_PlantedLink_IsRefused(t *testing.T) {
	path := t.TempDir()
	dir, err := durable.Open(path)
	must(t, err)
	defer dir.Close()
	e := newExportIn(t, dir, archive, true)
	link, canary := filepath.Join(path, shard0), filepath.Join(t.TempDir(), "canary")
	must(t, os.Rename(link, canary))
	must(t, os.Symlink(canary, link))
	before, err := os.ReadFile(canary)
	must(t, err)
	found := e.verify()
	if len(found.lost) != 6 {
		t.Errorf("got lost %v, want 6 blobs", found.lost)
	}
	if _, err := e.newRepair().Run(t.Context()); !errors.Is(err, durable.ErrNotRegular) {
		t.Errorf("got error %v, want %v", err, durable.ErrNotRegular)
	}
	if after, err := os.ReadFile(canary); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the link was followed: %v", err)
	}
	must(t, os.Remove(link))
	e.repair()
	e.checkRepaired(found.lost)
}

// A commit that fails ends the repair, and nothing is replaced.
func TestRepair_CommitFails_Stops(t *testing.T) {
	fails := errors.New("fails")
	for _, sink := range sinksUnderTest() {
		e := newExport(t, sink, true)
		name := e.blobFiles()[0]
		e.remove(name)
		_, err := NewRepair(RepairOptions{
			Export:     e.store,
			OpenLedger: func(context.Context) (Ledger, error) { return failingLedger{e.open(), fails}, nil },
		}).Run(t.Context())
		if _, ok := errors.AsType[*pipeline.StorageError](err); !ok || !errors.Is(err, fails) {
			t.Errorf("%s: got error %v, want a StorageError", sink, err)
		}
		if _, err := e.fs.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %s was replaced: %v", sink, name, err)
		}
	}
}

type failingLedger struct {
	Ledger
	err error
}

func (l failingLedger) Commit(context.Context, pipeline.Rows) error {
	return l.err
}
