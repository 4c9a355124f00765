package verify

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"exporter/pipeline"
)

// spoilLater returns an export of which one member of a shard is damaged, and a repair that finds another one damaged only when it
// moves the members.
func spoilLater(t *testing.T) (e *export, shard string, r *Repair) {
	t.Helper()
	e = newExport(t, plain, true)
	at := func(key pipeline.AssetKey) int { return int(e.rows[key].Location.Shard.Offset) + 5 }
	first := pipeline.AssetKey{FileID: "file-0", Kind: pipeline.Screenshot}
	second := pipeline.AssetKey{FileID: "file-0", Kind: pipeline.Figure, PageIndex: 1, FigureName: "page_1_figure_1.jpg"}
	shard = e.rows[first].Location.Path
	if e.rows[second].Location.Path != shard {
		t.Fatalf("%v and %v are not in one shard", first, second)
	}
	e.flip(shard, at(first))
	r = e.newRepair()
	openSink := r.OpenSink
	r.OpenSink = func(ctx context.Context, l Ledger) (pipeline.Sink, error) {
		e.flip(shard, at(second))
		return openSink(ctx, l)
	}
	return e, shard, r
}

// What is damaged only when it is moved is lost as well, and never stored under a hash that it does not have.
func TestRepair_DamagedMeanwhile_IsNotMoved(t *testing.T) {
	e, _, r := spoilLater(t)
	done, err := r.Run(t.Context())
	must(t, err)
	if done.Lost != 2 {
		t.Errorf("got %+v, want 2 lost", done)
	}
	if found := e.verify(); !found.clean() {
		t.Errorf("after the repair %v are lost, and %q damaged", found.lost, found.damaged)
	}
}

// As long as the ledger vouches for a member, its shard is not emptied.
func TestRepair_LossNotCommitted_KeepsTheShard(t *testing.T) {
	e, shard, r := spoilLater(t)
	opened, fails := 0, errors.New("fails")
	r.OpenLedger = func(context.Context) (Ledger, error) {
		if opened++; opened == 1 {
			return e.open(), nil
		}
		return lossless{e.open(), fails}, nil
	}
	if _, err := r.Run(t.Context()); !errors.Is(err, fails) {
		t.Fatalf("got error %v, want %v", err, fails)
	}
	stored := 0
	for _, row := range e.rows {
		if isMember(row, shard) {
			stored++
		}
	}
	if stored == 0 || bytes.Count(e.bytes(shard), []byte{0}) == len(e.bytes(shard)) {
		t.Errorf("%d rows are of the shard, which has %d bytes, all of them zero", stored, len(e.bytes(shard)))
	}
}

// lossless is a Ledger that cannot commit what failed.
type lossless struct {
	Ledger
	err error
}

func (l lossless) Commit(ctx context.Context, c pipeline.Rows) error {
	for _, row := range c.Assets {
		if row.Status == pipeline.Failed {
			return l.err
		}
	}
	return l.Ledger.Commit(ctx, c)
}
