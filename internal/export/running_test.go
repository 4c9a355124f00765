package export

import (
	"testing"
	"time"

	"exporter/internal/config"
	"exporter/internal/store"
	"exporter/pipeline"
)

// The note says until when requests wait, and how long the run will take.
func TestRun_Note_SaysWhatIsToCome(t *testing.T) {
	dir, err := store.OwnDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	r := &run{Options: Options{Config: config.Default()}, counter: newCounter(), started: time.Now(), store: dir}
	r.counter.kinds = 2
	note := func() *Running {
		if err := r.note(t.Context()); err != nil {
			t.Fatal(err)
		}
		return readRunning(t.Context(), dir)
	}
	if n := note(); n == nil || !n.PausedUntil.IsZero() || n.ETA != nil {
		t.Errorf("at the beginning: %+v", n)
	}
	until := time.Now().Add(time.Hour)
	for _, e := range []pipeline.Event{
		pipeline.Paced{PerSecond: 1, By: pipeline.LimitGiven}, pipeline.FileDue{}, pipeline.FileAsked{}, pipeline.FileDue{},
		pipeline.Paused{For: time.Hour, Until: until},
	} {
		r.counter.Observe(e)
	}
	n := note()
	if !n.PausedUntil.Equal(until.Truncate(time.Second)) || n.ETA == nil || *n.ETA != Seconds(time.Hour) || !n.ETAIsLeast {
		t.Errorf("in a pause: %+v", n)
	}
}
