package pipeline

import (
	"context"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// Pictures come an hour after their file was listed first, and its date does not move. Two runs a day for three days fetch all, with
// a handful of requests for a file.
func TestRun_PicturesComeLate_AllAreFetched(t *testing.T) {
	for _, incremental := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			const files = 100
			source, store := testSource(files), newFakeStore(t)
			// Half of them have no figures, for ever.
			var late [][]Asset
			for i := range source.files {
				file := &source.files[i]
				file.UpdatedAt = time.Now().Add(-time.Minute)
				assets := source.assets[file.ID]
				if i%2 == 1 {
					assets = assets[:2]
				}
				late = append(late, assets)
				source.assets[file.ID] = nil
			}
			listed := source.files
			for run := range 6 {
				o := testOptions(source, store)
				if source.files = listed; incremental && run > 0 {
					o.Incremental, source.files = true, nil
				}
				if err := Run(context.Background(), o); err != nil {
					t.Fatal(err)
				}
				source.stopped = false
				store.nextRun()
				time.Sleep(time.Hour)
				for i, f := range listed {
					source.assets[f.ID] = late[i]
				}
				time.Sleep(11 * time.Hour)
			}
			if got, want := countRows(store, hasStatus(Stored)), files/2*5+files/2*2; got != want || len(source.fetched) != want {
				t.Errorf("incremental %v: %d assets are stored after %d fetches, want %d", incremental, got, len(source.fetched), want)
			}
			// Each is asked when it is listed first and 12 h and 36 h later, for the two kinds.
			if got, want := len(source.listings), files*3*2; got != want {
				t.Errorf("incremental %v: %d listings of assets, want %d", incremental, got, want)
			}
			t.Logf("incremental %v: %d files, 6 runs in three days: %d listings of assets, %d of blobs", incremental, files, len(source.listings), len(source.fetched))
		})
	}
}

// A file that lacks a kind costs at most log2(age / first interval) listings in its life, beyond those of the first run and of the
// run after it.
func TestRun_IsDue_CostsTheLogarithmOfTheAge(t *testing.T) {
	born := time.Date(2024, 6, 13, 0, 0, 0, 0, time.UTC)
	file := &File{ID: "f", UpdatedAt: born}
	for _, interval := range []time.Duration{time.Hour, 12 * time.Hour, 24 * time.Hour} {
		state := &FileState{
			Status: Complete, Screenshots: new(int64(0)), Figures: new(int64(0)), UpdatedAt: born, ListedAt: born, AskedAt: born.Add(time.Second),
		}
		r := &run{Options: Options{Filters: Filters{Screenshots: true, Figures: true}, Settle: 24 * time.Hour}}
		asked := 1
		for age := interval; age <= 10*365*24*time.Hour; age += interval {
			r.started = born.Add(age)
			if r.isDue(file.Key(), state) {
				asked++
				state.AskedAt = r.started
			}
			if most := 2 + int(math.Log2(float64(age)/float64(interval))); asked > most {
				t.Fatalf("every %v: asked %d times at the age of %v, want %d at most", interval, asked, age, most)
			}
			switch age / (24 * time.Hour) {
			case 1, 30, 365, 3650:
				if age%(24*time.Hour) == 0 {
					t.Logf("a run every %v: %d days old, asked %d times; 10^6 files: %d requests", interval, age/(24*time.Hour), asked, 2*asked*1_000_000)
				}
			}
		}
	}
}

func TestRun_IsDue(t *testing.T) {
	now := time.Date(2024, 6, 13, 12, 0, 0, 0, time.UTC)
	full, empty := new(int64(3)), new(int64(0))
	for _, tt := range []struct {
		what             string
		age, asked       time.Duration // both before now; an age of 0 is no date
		screens, figures *int64
		want             bool
	}{
		{"young, doubled", 2 * time.Hour, time.Hour, full, full, true},
		{"young, not doubled", 3 * time.Hour, time.Hour, full, full, false},
		{"old when it was asked last", 50 * time.Hour, 25 * time.Hour, full, full, false},
		{"old, a kind is empty", 50 * time.Hour, 25 * time.Hour, full, empty, true},
		{"old, a kind is empty, not doubled", 60 * time.Hour, 25 * time.Hour, empty, full, false},
		{"dated in the future", -time.Hour, time.Minute, full, full, true},
	} {
		state := &FileState{
			Status: Complete, Screenshots: tt.screens, Figures: tt.figures, UpdatedAt: now.Add(-tt.age), AskedAt: now.Add(-tt.asked),
		}
		r := &run{Options: Options{Filters: Filters{Screenshots: true, Figures: true}, Settle: 24 * time.Hour}, started: now}
		if got := r.isDue(FileKey{FileID: "f"}, state); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.what, got, tt.want)
		}
	}
	old := &FileState{
		Status: Complete, Screenshots: empty, Figures: empty,
		UpdatedAt: now.Add(-1000 * time.Hour), ListedAt: now.Add(-2 * time.Hour), AskedAt: now.Add(-time.Hour),
	}
	o := &run{Options: Options{Filters: Filters{Screenshots: true, Figures: true}, Settle: 24 * time.Hour}, started: now}
	if o.isDue(FileKey{FileID: "f"}, old) {
		t.Error("old and listed lately, without a picture: due")
	}
	if o.started = now.Add(1000 * time.Hour); !o.isDue(FileKey{FileID: "f"}, old) {
		t.Error("twice as old as when it was asked, without a picture: not due")
	}
	dateless := &FileState{Status: Complete, Screenshots: full, Figures: full, ListedAt: now.Add(-50 * time.Hour), AskedAt: now.Add(-25 * time.Hour)}
	r := &run{Options: Options{Filters: Filters{Screenshots: true, Figures: true}, Settle: time.Hour}, started: now}
	if !r.isDue(FileKey{FileID: "f"}, dateless) {
		t.Error("without a date, twice as long after it was listed first: not due")
	}
	if r.started = now.Add(-time.Hour); r.isDue(FileKey{FileID: "f"}, dateless) {
		t.Error("without a date, not twice as long after it was listed first: due")
	}
}

func TestMissingPages(t *testing.T) {
	for pages, want := range map[[3]int32]int64{{0, 1, 2}: 0, {1, 2, 3}: 0, {0, 2, 5}: 3, {2, 3, 5}: 2, {-7, 0, math.MaxInt32}: math.MaxInt32 - 1} {
		var screenshots []*Asset
		for _, page := range pages {
			screenshots = append(screenshots, &Asset{PageIndex: page})
		}
		if got := missingPages(screenshots); got != want {
			t.Errorf("%v: %d pages are missing, want %d", fmt.Sprint(pages), got, want)
		}
	}
	if got := missingPages(nil); got != 0 {
		t.Errorf("no pages at all: %d are missing", got)
	}
}
