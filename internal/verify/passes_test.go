package verify

import (
	"context"
	"fmt"
	"iter"
	"testing"

	"exporter/pipeline"
)

// passes counts how often the rows of assets and of files are gone over.
type passes struct {
	Ledger
	rows, files *int
}

func (p passes) Rows(ctx context.Context) iter.Seq2[*pipeline.Row, error] {
	*p.rows++
	return p.Ledger.Rows(ctx)
}

func (p passes) Files(ctx context.Context) iter.Seq2[*pipeline.FileRow, error] {
	*p.files++
	return p.Ledger.Files(ctx)
}

// However many shards there are, and however few claims are held, the rows are gone over once.
func TestVerification_ManyShards_IsOnePass(t *testing.T) {
	for _, sink := range []sinkUnderTest{archive, plain} {
		e, rows, files := newExport(t, sink, true), 0, 0
		for _, most := range []int{1, 2, 3, 100} {
			rows = 0
			got := e.verify(func(v *Verification) { v.Rows, v.groupSize = passes{e.open(), &rows, &files}, most })
			if !got.clean() || rows != 1 {
				t.Errorf("%v, %d claims at once: %d passes, %v lost, %q damaged; want 1, and nothing", sink, most, rows, got.lost, got.damaged)
			}
		}
	}
}

// spoil damages the blobs of all rows.
func (e *export) spoil() {
	done := map[string]bool{}
	for _, row := range e.rows {
		at := 5
		if shard := row.Location.Shard; shard != nil {
			at = int(shard.Offset) + 5
			if shard.Frame != nil {
				at = int(shard.Frame.Offset) + int(shard.Frame.Size)/2
			}
		}
		// Several are in one frame.
		if place := fmt.Sprint(row.Location.Path, at); !done[place] {
			done[place] = true
			e.flip(row.Location.Path, at)
		}
	}
}

// However many blobs of shards are lost, more than are committed at once, the files are gone over once.
func TestRepair_ManyLost_IsFewPasses(t *testing.T) {
	for _, sink := range []sinkUnderTest{archive, plain} {
		t.Run(fmt.Sprint(sink), func(t *testing.T) {
			e := newExport(t, sink, true)
			e.spoil()
			rows, files := 0, 0
			r := e.newRepair()
			r.OpenLedger = func(context.Context) (Ledger, error) { return passes{e.open(), &rows, &files}, nil }
			done, err := r.Run(t.Context())
			must(t, err)
			if done.Lost < 4 || files > 1 {
				t.Errorf("%+v, and %d passes over the files; want 4 lost at least, and one", done, files)
			}
		})
	}
}
