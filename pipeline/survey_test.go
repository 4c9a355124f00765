package pipeline

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"
)

// What a survey counts is what a plan and a run then list.
func TestSurvey_CountsWhatWillBeListed(t *testing.T) {
	source, store := testSource(6), newFakeStore(t)
	events := &recorder{}
	o := testOptions(source, store)
	o.Observer = events
	survey := func(what string, want int64) {
		t.Helper()
		got, err := Survey(t.Context(), store, o)
		if err != nil || got != want || len(source.listings) != 0 || len(events.events) != 0 {
			t.Errorf("%s: %d files and %v after %d listings and %d events, want %d, none and none",
				what, got, err, len(source.listings), len(events.events), want)
		}
		if err := Plan(t.Context(), store, o); err != nil {
			t.Fatal(err)
		}
		if got := int64(len(source.listings)); got != 2*want {
			t.Errorf("%s: a plan lists %d times, want %d", what, got, 2*want)
		}
		source.listings, events.events = nil, nil
	}
	source.files = append(source.files, source.files[2], File{DirectoryFileID: "no-id", UpdatedAt: testTime}, File{ID: "a/b"})
	survey("new, one of them twice, one without an id and one with a bad one", 6)

	mustRun(t, testOptions(source, store))
	store.nextRun()
	source.listings = nil
	survey("unchanged", 0)
	source.files[1].UpdatedAt = testTime.Add(time.Hour)
	survey("one changed", 1)
	o.Filters.SkipNoise = true
	survey("with another filter", 1)
	o.Refetch = true
	survey("all again", 6)

	o.Refetch, o.Incremental = false, true
	store.files[source.files[0].Key()].Status = Partial
	store.nextRun()
	source.files = source.files[1:3]
	survey("an incomplete one that is not listed", 2)
}

func TestSurvey_Fails(t *testing.T) {
	source, store := testSource(1), newFakeStore(t)
	broken := brokenHistory{store}
	if _, err := Survey(t.Context(), broken, testOptions(source, store)); !errors.Is(err, errFake) {
		t.Errorf("the history cannot be read: got %v, want %v", err, errFake)
	}
	source.filesErr = errFake
	if _, err := Survey(t.Context(), store, testOptions(source, store)); !errors.Is(err, errFake) {
		t.Errorf("the files cannot be listed: got %v, want %v", err, errFake)
	}
	source.filesErr = nil
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Survey(ctx, store, testOptions(source, store)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v, want %v", err, context.Canceled)
	}
}

// brokenHistory cannot be read.
type brokenHistory struct{ History }

func (brokenHistory) Known(context.Context) iter.Seq2[*KnownFile, error] {
	return func(yield func(*KnownFile, error) bool) { yield(nil, errFake) }
}
