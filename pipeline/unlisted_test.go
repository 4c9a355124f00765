package pipeline

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func TestRun_FileNotListedAnyMore_Vanishes(t *testing.T) {
	source, store := testSource(3), newFakeStore(t)
	mustRun(t, testOptions(source, store))
	gone := source.files[1]
	source.files = slices.Delete(slices.Clone(source.files), 1, 2)

	run := func() *recorder {
		t.Helper()
		source.listings, source.fetched, source.stopped = nil, nil, false
		store.nextRun()
		events := &recorder{}
		o := testOptions(source, store)
		o.Observer = events
		mustRun(t, o)
		return events
	}
	check := func(what string, wantVanished bool) {
		t.Helper()
		if got := !store.files[gone.Key()].VanishedAt.IsZero(); got != wantVanished {
			t.Errorf("%s: the file vanished: %v, want %v", what, got, wantVanished)
		}
		for key, row := range store.rows {
			want := wantVanished && key.FileID == ID(gone.ID)
			if got := !row.VanishedAt.IsZero(); got != want || row.Status != Stored {
				t.Errorf("%s: %v is %s and vanished: %v, want stored and %v", what, key, row.Status, got, want)
			}
		}
	}
	events := run()
	check("not listed once", false)
	if f := store.files[gone.Key()]; f.MissedAt.IsZero() || countEvents[FileMissed](events) != 1 {
		t.Errorf("not listed once: row %+v, want it missed", f)
	}
	events = run()
	check("no longer listed", true)
	if files, assets := countEvents[FileVanished](events), countEvents[AssetVanished](events); files != 1 || assets != 5 {
		t.Errorf("%d files and %d assets were told to have vanished, want 1 and 5", files, assets)
	}
	if f := store.files[gone.Key()]; f.Stored != 0 || f.Bytes != 0 {
		t.Errorf("row of the vanished file counts what is not listed: %+v", f)
	}
	since := store.files[gone.Key()].VanishedAt
	if events := run(); countEvents[FileVanished](events)+countEvents[AssetVanished](events) != 0 {
		t.Error("what had vanished before vanished again")
	}
	if got := store.files[gone.Key()].VanishedAt; !got.Equal(since) {
		t.Errorf("vanished_at went from %v to %v", since, got)
	}

	source.files = slices.Insert(source.files, 1, gone)
	run()
	check("listed again", false)
	if len(source.listings) != 0 || len(source.fetched) != 0 {
		t.Errorf("the file that came back cost %d listings and %d blobs, want none", len(source.listings), len(source.fetched))
	}
	if f := store.files[gone.Key()]; f.Stored != 5 || f.Bytes != 1230 || *f.Figures != 3 {
		t.Errorf("row of the file that came back: %+v", f)
	}
}

func TestRun_ListingIncomplete_NothingVanishes(t *testing.T) {
	source, store := testSource(3), newFakeStore(t)
	mustRun(t, testOptions(source, store))
	source.files, source.filesErr, source.stopped = source.files[:1], errFake, false
	store.nextRun()
	if err := Run(t.Context(), testOptions(source, store)); err == nil {
		t.Fatal("Run returned nil although the listing failed")
	}
	for key, f := range store.files {
		if !f.VanishedAt.IsZero() {
			t.Errorf("file %v vanished, but the listing did not come to its end", key)
		}
	}
}

func TestRun_Incremental_LooksAfterUnlistedFiles(t *testing.T) {
	source, store := testSource(4), newFakeStore(t)
	failing := true
	source.blobErr = func(a *Asset) error {
		if failing && a.FileID == "file-001" && a.Kind == Screenshot && a.PageIndex == 0 {
			return &Failure{Class: "http_500", Attempts: 6, Err: errFake}
		}
		return nil
	}
	mustRun(t, testOptions(source, store))

	// Of the four, one was updated and is listed, one is to be tried again, and two are as they were.
	failing = false
	source.files = source.files[3:]
	source.files[0].UpdatedAt = testTime.Add(time.Hour)
	source.listings, source.fetched, source.stopped = nil, nil, false
	store.nextRun()
	events := &recorder{}
	o := testOptions(source, store)
	o.Observer, o.Incremental = events, true
	mustRun(t, o)
	wanted := []string{"file-001 figure", "file-001 screenshot", "file-003 figure", "file-003 screenshot"}
	if got := slices.Sorted(slices.Values(source.listings)); !slices.Equal(got, wanted) {
		t.Errorf("listings of assets: %q, want %q", got, wanted)
	}
	if n := countEvents[FileUnchanged](events); n != 2 {
		t.Errorf("%d files are unchanged, want 2", n)
	}
	for key, f := range store.files {
		if f.Status != Complete || !f.VanishedAt.IsZero() {
			t.Errorf("file %v is %s, vanished at %v; want complete and listed", key, f.Status, f.VanishedAt)
		}
	}
}

// A listing that was cut at a limit says nothing of the files behind it: none vanishes, and none is tried again.
func TestRun_Limit_IsNoCompleteListing(t *testing.T) {
	for _, incremental := range []bool{false, true} {
		source, store := testSource(4), newFakeStore(t)
		mustRun(t, testOptions(source, store))
		source.files = source.files[1:]
		source.listings, source.fetched, source.stopped = nil, nil, false
		store.nextRun()
		events := &recorder{}
		o := testOptions(source, store)
		o.Observer, o.Incremental, o.Limit = events, incremental, 2
		mustRun(t, o)
		if n := countEvents[FileListed](events); n != 2 {
			t.Errorf("incremental %t: %d files are listed, want 2", incremental, n)
		}
		if n := countEvents[FilesComplete](events) + countEvents[FileRecalled](events) + countEvents[FileVanished](events); n != 0 {
			t.Errorf("incremental %t: %d events of a complete listing, want none", incremental, n)
		}
		for key, row := range store.rows {
			if !row.VanishedAt.IsZero() {
				t.Errorf("incremental %t: %v vanished", incremental, key)
			}
		}
	}
}

// A run is killed when some assets of a file are recorded. It is gone when the next runs list, and is missed and vanishes.
func TestRun_KilledInAFile_FileVanishes(t *testing.T) {
	var source *fakeSource
	var store *fakeStore
	killed, stored := FileKey{}, int64(0)
	// What is under way when the run is killed is left to chance.
	for try := 0; stored == 0; try++ {
		if try == 50 {
			t.Fatalf("no file was under way: %+v", store.files)
		}
		source, store = testSource(8), newFakeStore(t)
		commits := 0
		store.commitErr = func() error {
			if commits++; commits == 5+try%6 {
				return errKilled
			}
			return nil
		}
		o := testOptions(source, store)
		o.CheckpointRows = 4
		if err := Run(t.Context(), o); !errors.Is(err, errKilled) || len(store.rows) == 0 {
			t.Fatalf("got %v, with %d rows of assets and %d of files", err, len(store.rows), len(store.files))
		}
		for key, f := range store.files {
			if f.Status == Partial && f.Stored > stored {
				killed, stored = key, f.Stored
			}
		}
	}
	store.commitErr = nil
	source.files = slices.DeleteFunc(source.files, func(f File) bool { return f.Key() == killed })
	for run := range 2 {
		source.stopped = false
		store.nextRun()
		mustRun(t, testOptions(source, store))
		f := store.files[killed]
		if f == nil || f.MissedAt.IsZero() == (run == 0) || f.IsGone() != (run == 1) || f.Stored != map[int]int64{0: stored}[run] {
			t.Fatalf("after %d listings without it the row of the file is %+v", run+1, f)
		}
	}
	if n := countRows(store, func(r *Row) bool { return r.FileID == ID(killed.FileID) && !r.VanishedAt.IsZero() }); int64(n) != stored {
		t.Errorf("%d of its %d assets have vanished", n, stored)
	}
}

// One listing of a place that lacks a file does not take it from there: two do. Until then, nothing vanishes where that place was not listed.
func TestRun_PlaceLost_CountsUntilTheSecondListing(t *testing.T) {
	source, store := testSource(6), newFakeStore(t)
	broken := &SourceError{Key: "directory:b", Err: errFake}
	run := func(a, b []File, err error) *FileRow {
		t.Helper()
		source.stopped = false
		store.nextRun()
		o := testOptions(source, store)
		o.Source = multiSource{fakeSource: source, listings: []Listing{
			{Key: "directory:a", Files: sequence(nil, a...)}, {Key: "directory:b", Files: sequence(err, b...)},
		}}
		mustRun(t, o)
		return store.files[source.files[0].Key()]
	}
	files := source.files
	run(files, files, nil)
	if f := run(files, files[1:], nil); len(f.Sources) != 2 || !slices.Equal(f.MissedIn, []SourceKey{"directory:b"}) {
		t.Errorf("after one listing of b without the file: it is in %v, and missed in %v", f.Sources, f.MissedIn)
	}
	for range 3 {
		if f := run(files[1:], nil, broken); !f.isListed() {
			t.Errorf("b was not listed, and the file is %+v", f.Gone)
		}
	}
	run(files, files[1:], nil)
	if f := run(files, files[1:], nil); len(f.Sources) != 1 || f.MissedIn != nil {
		t.Errorf("after two listings of b without the file: it is in %v, and missed in %v", f.Sources, f.MissedIn)
	}
	for range 2 {
		run(files[1:], files[1:], nil)
	}
	if f := store.files[files[0].Key()]; f.VanishedAt.IsZero() {
		t.Errorf("a was its only place, and it is %+v", f.Gone)
	}
}
