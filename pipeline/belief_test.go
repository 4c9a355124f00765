package pipeline

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"exporter/internal/testmain"
)

func TestLoss_IsDoubtful(t *testing.T) {
	for _, tt := range []struct {
		known, lost int64
		want        bool
	}{
		{0, 0, false}, {1, 1, true}, {2, 1, false}, {2, 2, true}, {10, 5, false}, {10, 6, true}, {200, 100, false}, {200, 101, true},
		{1000, 100, false}, {1000, 101, true}, {5000, 500, false}, {5000, 501, true},
	} {
		if got := (&loss{tt.known, tt.lost}).isDoubtful(); got != tt.want {
			t.Errorf("%d of %d lost: doubtful %v, want %v", tt.lost, tt.known, got, tt.want)
		}
	}
}

// A directory that lost half of its files is doubted, though they are few of all; nothing vanishes of any.
func TestRun_OneSourceLosesMuch_IsNotBelieved(t *testing.T) {
	testmain.Long(t)
	source, store := testSource(2000), newFakeStore(t)
	for i := range source.files {
		source.assets[source.files[i].ID] = source.assets[source.files[i].ID][:1]
		if i < 150 {
			source.files[i].DirectoryID = "small"
		}
	}
	o := testOptions(source, store)
	source.places = []SourceKey{"directory:d", "directory:small"}
	mustRun(t, o)
	whole := source.files
	run := func(files []File, accept bool) error {
		source.files, source.stopped = files, false
		store.nextRun()
		o.AcceptListing = accept
		return Run(t.Context(), o)
	}
	gone := func() (missed, vanished int) {
		for _, f := range store.files {
			if !f.MissedAt.IsZero() {
				missed++
			}
			if f.IsGone() {
				vanished++
			}
		}
		return missed, vanished
	}
	for range 2 {
		err := run(whole[80:], false)
		doubt, ok := errors.AsType[*DoubtError](err)
		if missed, vanished := gone(); !ok || !strings.Contains(doubt.Lost, "80 of 150 known files of directory:small") || missed+vanished > 0 {
			t.Fatalf("got %v, %d missed, %d vanished", err, missed, vanished)
		}
	}
	// Once it was accepted, it is what the next one is compared with.
	for _, want := range [][2]int{{80, 0}, {0, 80}} {
		if err := run(whole[80:], want[1] == 0); err != nil {
			t.Fatal(err)
		}
		if missed, vanished := gone(); [2]int{missed, vanished} != want {
			t.Errorf("%d missed, %d vanished, want %v", missed, vanished, want)
		}
	}
}

// No figure is listed any more of any file: the API may have stopped to offer them.
func TestRun_KindGoneEverywhere_IsNotBelieved(t *testing.T) {
	source, store := testSource(3), newFakeStore(t)
	o := testOptions(source, store)
	mustRun(t, o)
	for id, assets := range source.assets {
		source.assets[id] = assets[:2]
	}
	o.Relist = true
	for range 3 {
		source.stopped = false
		store.nextRun()
		err := Run(t.Context(), o)
		if doubt, ok := errors.AsType[*DoubtError](err); !ok || !strings.Contains(doubt.Lost, "no figure is listed of any of the 3 files") {
			t.Fatalf("got %v", err)
		}
		if n := countRows(store, (*Row).isCountedStored); n != 15 {
			t.Fatalf("%d of 15 rows are stored and listed", n)
		}
		if f := store.files[source.files[0].Key()]; *f.Figures != 3 || f.Stored != 5 {
			t.Fatalf("row of a file: %+v", f)
		}
	}
	o.AcceptListing = true
	for range 2 {
		source.stopped = false
		store.nextRun()
		mustRun(t, o)
	}
	if n := countRows(store, func(r *Row) bool { return r.Kind == Figure && !r.VanishedAt.IsZero() }); n != 9 {
		t.Errorf("%d of 9 figures have vanished", n)
	}
}

func (r *Row) isCountedStored() bool { return r.IsCounted() && r.Status == Stored }

// A file that upstream deletes when it said it would has expired; one that it deletes before has vanished.
func TestRun_FileExpires_Stays(t *testing.T) {
	source, store := testSource(20), newFakeStore(t)
	source.files[3].ExpiresAt = time.Now().Add(-time.Minute)
	source.files[4].ExpiresAt = time.Now().Add(time.Hour)
	o := testOptions(source, store)
	mustRun(t, o)
	back := source.files
	for range 2 {
		source.files, source.stopped = append(back[:3:3], back[5:]...), false
		store.nextRun()
		mustRun(t, o)
	}
	for i, want := range map[int]string{3: "expired", 4: "vanished"} {
		f := store.files[back[i].Key()]
		got := map[bool]string{true: "expired"}[!f.ExpiredAt.IsZero()] + map[bool]string{true: "vanished"}[!f.VanishedAt.IsZero()]
		if got != want || f.Status != Complete {
			t.Errorf("file %d: %q, %s, want %s and complete", i, got, f.Status, want)
		}
		for key, row := range store.rows {
			if key.FileID == ID(back[i].ID) && (row.Gone != f.Gone || row.Status != Stored) {
				t.Errorf("%v: %+v, want that of its file", key, row.Gone)
			}
		}
	}
	source.files, source.stopped, source.listings = back, false, nil
	store.nextRun()
	mustRun(t, o)
	if len(source.listings) > 0 || !store.files[back[3].Key()].isListed() || store.files[back[3].Key()].Stored != 5 {
		t.Errorf("listed again: %v, after %d requests", store.files[back[3].Key()], len(source.listings))
	}
}

// What is known of a directory that is not among those of the run stays as it is.
func TestRun_OtherSources_LeaveTheRestAlone(t *testing.T) {
	source, store := testSource(4), newFakeStore(t)
	mustRun(t, testOptions(source, store))
	o := testOptions(source, store)
	source.places = []SourceKey{"directory:other"}
	source.files = []File{{ID: "file-000", DirectoryID: "other", DirectoryFileID: "x", UpdatedAt: testTime}}
	for range 3 {
		source.stopped = false
		store.nextRun()
		mustRun(t, o)
	}
	for key, f := range store.files {
		if !f.isListed() {
			t.Errorf("%v is %+v", key, f.Gone)
		}
	}
	if got := fmt.Sprint(store.files[FileKey{FileID: "file-000"}].Sources); got != "[directory:d directory:other]" {
		t.Errorf("the file that is listed elsewhere, too, is in %s", got)
	}
}

// sourceOfTwo has files in a directory named "d" and in one named "other", with one screenshot each.
func sourceOfTwo(files, other int) *fakeSource {
	source := testSource(files + other)
	source.places = []SourceKey{"directory:d", "directory:other"}
	for i := range source.files {
		source.assets[source.files[i].ID] = source.assets[source.files[i].ID][:1]
		if i >= files {
			source.files[i].DirectoryID = "other"
		}
	}
	return source
}

// A directory that lists nothing though it held files, however few, is doubted beside one that is whole.
func TestRun_OneSourceIsEmpty_IsNotBelieved(t *testing.T) {
	for _, held := range []int{1, 60} {
		source, store := sourceOfTwo(60, held), newFakeStore(t)
		o := testOptions(source, store)
		mustRun(t, o)
		source.files = source.files[:60]
		gone := func(f *FileRow) bool { return !f.MissedAt.IsZero() || f.IsGone() }
		for range 3 {
			_, _, err := runAgain(t, source, store, o)
			want := fmt.Sprintf("%d of %[1]d known files of directory:other are not listed there", held)
			if doubt, ok := errors.AsType[*DoubtError](err); !ok || doubt.Lost != want || countFiles(store, gone) > 0 {
				t.Fatalf("%v, %d are missed or gone, want %s, and none", err, countFiles(store, gone), want)
			}
		}
		for _, accept := range []bool{true, false} {
			o.AcceptListing = accept
			if _, _, err := runAgain(t, source, store, o); err != nil {
				t.Fatal(err)
			}
		}
		if n := countFiles(store, func(f *FileRow) bool { return f.IsGone() }); n != held {
			t.Errorf("%d of %d have vanished", n, held)
		}
	}
}

func countFiles(s *fakeStore, match func(*FileRow) bool) (n int) {
	for _, f := range s.files {
		if match(f) {
			n++
		}
	}
	return n
}

// Half of a directory moves to another one. Once that is accepted, no run doubts it again, also where the files are asked for anew.
func TestRun_FilesMove_AreAcceptedOnce(t *testing.T) {
	testmain.Long(t)
	for what, change := range map[string]func(*Options, *File){
		"same date":           func(*Options, *File) {},
		"newer date":          func(_ *Options, f *File) { f.UpdatedAt = testTime.Add(time.Hour) },
		"asked for each time": func(o *Options, _ *File) { o.Relist = true },
	} {
		t.Run(what, func(t *testing.T) {
			source, store := sourceOfTwo(300, 1), newFakeStore(t)
			o := testOptions(source, store)
			mustRun(t, o)
			for i := range 150 {
				source.files[i].DirectoryID = "other"
				change(&o, &source.files[i])
			}
			if _, _, err := runAgain(t, source, store, o); !errors.As(err, new(*DoubtError)) {
				t.Fatalf("got %v, want a doubt", err)
			}
			for _, accept := range []bool{true, false, false} {
				o.AcceptListing = accept
				if _, _, err := runAgain(t, source, store, o); err != nil {
					t.Fatal(err)
				}
			}
			if n := countFiles(store, func(f *FileRow) bool { return fmt.Sprint(f.Sources) == "[directory:other]" }); n != 151 {
				t.Errorf("%d files are in the other directory alone, want 151", n)
			}
		})
	}
}

// One file of several lost its figures. A run that lists it and no other has no reason to doubt that.
func TestRun_Incremental_OneFileLosesAKind_IsBelieved(t *testing.T) {
	for _, change := range []func(*Options){
		func(o *Options) { o.Incremental = true },
		func(o *Options) { o.Limit = 1 },
	} {
		source, store := testSource(3), newFakeStore(t)
		o := testOptions(source, store)
		mustRun(t, o)
		source.files, source.files[0].UpdatedAt = source.files[:1], testTime.Add(time.Hour)
		source.assets[source.files[0].ID] = source.assets[source.files[0].ID][:2]
		change(&o)
		for range 2 {
			if _, _, err := runAgain(t, source, store, o); err != nil {
				t.Fatal(err)
			}
		}
		if n := countRows(store, func(r *Row) bool { return r.Kind == Figure && !r.VanishedAt.IsZero() }); o.Incremental && n != 3 {
			t.Errorf("%d of 3 figures have vanished", n)
		}
	}
}
