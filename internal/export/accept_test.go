package export

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"exporter/internal/accepted"
	"exporter/internal/store/storetest"
	"exporter/pipeline"
)

// A run that ended early accepts nothing, however it was asked to: what failed may have failed for that.
func TestRun_AcceptFailed_EndedEarly_AcceptsNothing(t *testing.T) {
	row := &pipeline.Row{
		Asset: pipeline.Asset{FileID: "f", Kind: pipeline.Screenshot, Origin: pipeline.OriginFile}, File: &pipeline.File{ID: "f"},
		Status: pipeline.Failed, Reason: "http_404: not there",
	}
	for _, tt := range []struct {
		err           error
		accept        AcceptFailed
		failed, taken int64
	}{
		{nil, AcceptFailed{Permanent: true}, 0, 1},
		{nil, AcceptFailed{IDs: []string{"f"}}, 0, 1},
		{nil, AcceptFailed{IDs: []string{"g"}}, 1, 0},
		{nil, AcceptFailed{}, 1, 0},
		{errors.New("an outage"), AcceptFailed{Permanent: true, IDs: []string{"f"}}, 1, 0},
	} {
		st := storetest.NewMemory(nil)
		r := &run{
			Options: Options{Log: slog.New(slog.DiscardHandler), AcceptFailed: tt.accept}, counter: newCounter(), store: st, started: time.Now(),
		}
		if err := r.readAccepted(t.Context(), st); err != nil {
			t.Fatal(err)
		}
		r.counter.Observe(pipeline.AssetDone{Row: row})
		if err := r.settleAccepted(t.Context(), tt.err); err != nil {
			t.Fatal(err)
		}
		c := r.counter.snapshot()
		if c.Assets.Failed != tt.failed || c.Assets.FailedAccepted != tt.taken || int64(len(c.Errors)) != tt.failed {
			t.Errorf("%v, %+v: %d failed, %d accepted, errors %v", tt.err, tt.accept, c.Assets.Failed, c.Assets.FailedAccepted, c.Errors)
		}
		set, err := accepted.Read(t.Context(), st)
		if err != nil || set.IsEmpty() == (tt.taken > 0) {
			t.Errorf("%v, %+v: kept nothing %t, %v", tt.err, tt.accept, set.IsEmpty(), err)
		}
	}
}
