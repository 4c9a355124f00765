package pipeline

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// dateOf gives the first file of a source a date.
func dateOf(s *fakeSource, date time.Time) { s.files[0].UpdatedAt = date }

// runAgain runs once more and returns how many listings of assets and how many blobs were asked for.
func runAgain(t *testing.T, source *fakeSource, store *fakeStore, o Options) (lists, blobs int, err error) {
	t.Helper()
	source.stopped, source.listings, source.fetched = false, nil, nil
	store.nextRun()
	err = Run(t.Context(), o)
	return len(source.listings), len(source.fetched), err
}

// What a run kept under an older date, as its settings had it, the first run fetches that has others, and no run asks before.
func TestRun_KeptUnderAnOlderDate_IsFetchedWhenItMay(t *testing.T) {
	pages, err := ParsePages("0")
	if err != nil {
		t.Fatal(err)
	}
	for what, tt := range map[string]struct {
		change func(*Options)
		// blobs is how many the run with that change fetches, of five that a newer date stands for.
		blobs int
	}{
		"noise":      {func(o *Options) { o.Filters.SkipNoise = true }, 4},
		"confidence": {func(o *Options) { o.Filters.MinConfidence = 0.5 }, 4},
		"pages":      {func(o *Options) { o.Filters.Pages = pages }, 3},
		// Two have no listed size.
		"by size": {func(o *Options) { o.BySize = true }, 2},
	} {
		for _, incremental := range []bool{false, true} {
			t.Run(what, func(t *testing.T) {
				source, store := testSource(2), newFakeStore(t)
				o := testOptions(source, store)
				mustRun(t, o)
				dateOf(source, testTime.Add(time.Hour))
				kept := o
				tt.change(&kept)
				for i, want := range [][2]int{{2, tt.blobs}, {0, 0}} {
					if lists, blobs, err := runAgain(t, source, store, kept); err != nil || [2]int{lists, blobs} != want {
						t.Fatalf("run %d: %d listings, %d blobs, %v, want %v", i, lists, blobs, err, want)
					}
				}
				if o.Incremental = incremental; incremental {
					source.files = nil
				}
				for i, want := range [][2]int{{2, 5 - tt.blobs}, {0, 0}} {
					if lists, blobs, err := runAgain(t, source, store, o); err != nil || [2]int{lists, blobs} != want {
						t.Fatalf("run %d as before: %d listings, %d blobs, %v, want %v", i, lists, blobs, err, want)
					}
				}
			})
		}
	}
}

// A picture that could not be fetched under a newer date, and that a run then left alone for its size, is fetched by the next.
func TestRun_FetchFailsThenBySize_IsFetched(t *testing.T) {
	source, store := testSource(1), newFakeStore(t)
	o := testOptions(source, store)
	mustRun(t, o)
	dateOf(source, testTime.Add(time.Hour))
	source.blobErr = func(*Asset) error { return &Failure{Class: "http_404", Attempts: 1, Final: true, Err: errFake} }
	if _, _, err := runAgain(t, source, store, o); err != nil && !errors.As(err, new(*HopelessError)) {
		t.Fatal(err)
	}
	source.blobErr, o.BySize = nil, true
	if _, blobs, err := runAgain(t, source, store, o); err != nil || blobs != 2 {
		t.Fatalf("by size: %d blobs, %v, want the two without a listed size", blobs, err)
	}
	o.BySize = false
	if _, blobs, err := runAgain(t, source, store, o); err != nil || blobs != 3 {
		t.Errorf("%d blobs, %v, want the other three", blobs, err)
	}
}

// A kind that was not asked for is asked for when it is, whatever else was kept.
func TestRun_KeptUnderAnOlderDate_OtherKindIsAsked(t *testing.T) {
	source, store := testSource(1), newFakeStore(t)
	o := testOptions(source, store)
	o.Filters.Figures = false
	mustRun(t, o)
	dateOf(source, testTime.Add(time.Hour))
	o.BySize = true
	if lists, _, err := runAgain(t, source, store, o); err != nil || lists != 1 {
		t.Fatalf("%d listings, %v, want 1", lists, err)
	}
	o.Filters.Figures = true
	if lists, blobs, err := runAgain(t, source, store, o); err != nil || lists != 2 || blobs != 3 {
		t.Errorf("%d listings, %d blobs, %v, want 2 and the three figures", lists, blobs, err)
	}
}

// A listing says the wrong sizes for a night, so that no blob counts. What is stored stays as it was, and after a true night, whether
// the date moved or not, nothing is fetched without need.
func TestRun_ListedSizesLie_WhatIsStoredStays(t *testing.T) {
	for _, moved := range []time.Duration{0, time.Hour} {
		source, store := testSource(1), newFakeStore(t)
		o := testOptions(source, store)
		mustRun(t, o)
		id := source.files[0].ID
		truth := source.assets[id]
		source.assets[id] = slices.Clone(truth)
		source.assets[id][0].ListedSize = new(int64(1001))
		source.blobErr = func(a *Asset) error {
			if size, _ := a.ExpectedSize(); size == 1001 {
				return &Failure{Class: "size_mismatch", Attempts: 2, Err: errFake}
			}
			return nil
		}
		dateOf(source, testTime.Add(moved))
		o.Relist = true
		for range 2 {
			if _, _, err := runAgain(t, source, store, o); err != nil {
				t.Fatal(err)
			}
			row := store.rows[AssetKey{FileID: ID(id), Kind: Screenshot}]
			if file := store.files[source.files[0].Key()]; row.Status != Stored || row.Content.Size != 1000 || *row.ListedSize != 1000 ||
				!row.File.UpdatedAt.Equal(testTime.Truncate(time.Microsecond)) && !row.File.UpdatedAt.Equal(testTime) ||
				file.Status != Partial || file.Stored != 5 {
				t.Fatalf("%+v, its file %s with %d stored, want it stored as it was, and the file partial with 5", row, file.Status, file.Stored)
			}
		}
		source.assets[id], o.Relist = truth, false
		want := 0
		if moved > 0 {
			want = 1
		}
		if _, blobs, err := runAgain(t, source, store, o); err != nil || blobs != want {
			t.Errorf("moved by %v: %d blobs after a true night, %v, want %d", moved, blobs, err, want)
		}
	}
}
