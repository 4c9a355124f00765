package pipeline

import (
	"testing"
	"time"
)

// A date in the future, which is that of one night, does not hide what changes after it. As long as it stays, it fetches nothing again.
func TestRun_DateInTheFuture_HidesNothing(t *testing.T) {
	future := time.Now().AddDate(70, 0, 0)
	for what, tt := range map[string]struct {
		// twice has the file in two places, of which the first lies; truth has it tell the truth before the change.
		twice, truth bool
		lied         int
	}{
		"one place":                        {false, true, 1},
		"one place, changed after the lie": {false, false, 1},
		// What the other place says counts.
		"two places":                        {true, true, 0},
		"two places, changed after the lie": {true, false, 0},
	} {
		t.Run(what, func(t *testing.T) {
			source, store := sourceOfTwo(1, 0), newFakeStore(t)
			if tt.twice {
				source.files = append(source.files, source.files[0])
				source.files[1].DirectoryID = "other"
			}
			o := testOptions(source, store)
			fetched := func(step string, want int) {
				t.Helper()
				if _, blobs, err := runAgain(t, source, store, o); err != nil || blobs != want {
					t.Fatalf("%s: %d blobs, %v, want %d", step, blobs, err, want)
				}
			}
			fetched("first", 1)
			source.files[0].UpdatedAt = future
			fetched("lie", tt.lied)
			fetched("lie again", 0)
			if tt.truth {
				source.files[0].UpdatedAt = testTime
				fetched("truth", 0)
				fetched("truth again", 0)
			}
			source.files[len(source.files)-1].UpdatedAt = time.Now()
			fetched("changed", 1)
			fetched("changed again", 0)
		})
	}
}

// The place with the newest date leaves. Then the newest of those where the file still is counts, though it is an older one.
func TestRun_NewestPlaceLeaves_OthersCount(t *testing.T) {
	source, store := sourceOfTwo(2, 1), newFakeStore(t)
	o := testOptions(source, store)
	o.Filters.Figures = false
	source.files = append(source.files, source.files[0])
	source.files[3].DirectoryID, source.files[3].UpdatedAt = "other", testTime.Add(time.Hour)
	mustRun(t, o)
	source.files = source.files[:3]
	for range 3 {
		if lists, blobs, err := runAgain(t, source, store, o); err != nil || lists+blobs > 0 {
			t.Fatalf("%d listings of assets, %d blobs, %v, want none", lists, blobs, err)
		}
	}
	if got := store.files[source.files[0].Key()].UpdatedAt; !got.Equal(testTime.Truncate(time.Microsecond)) {
		t.Errorf("the file has the date %v, want %v", got, testTime)
	}
	dateOf(source, testTime.Add(time.Minute))
	if _, blobs, err := runAgain(t, source, store, o); err != nil || blobs != 1 {
		t.Errorf("%d blobs, %v, want the one that changed", blobs, err)
	}
}

// A file that is renamed, or moves, without a newer date is named anew with all of its assets, and nothing is asked for.
func TestRun_OtherNames_AreTakenInWithoutAsking(t *testing.T) {
	for what, change := range map[string]func(*File){
		"renamed":  func(f *File) { f.DisplayName = new("new.pdf") },
		"metadata": func(f *File) { f.Metadata = []byte(`{"a":1}`) },
		"moved":    func(f *File) { f.DirectoryID, f.DirectoryFileID = "other", "dfl-other" },
	} {
		t.Run(what, func(t *testing.T) {
			source, store := testSource(3), newFakeStore(t)
			source.places = []SourceKey{"directory:d", "directory:other"}
			source.files[2].DirectoryID = "other"
			o := testOptions(source, store)
			mustRun(t, o)
			change(&source.files[0])
			want := source.files[0].NamesHash()
			// The old place counts until the second listing without it.
			for range 2 {
				if lists, blobs, err := runAgain(t, source, store, o); err != nil || lists+blobs > 0 {
					t.Fatalf("%d listings of assets, %d blobs, %v, want none", lists, blobs, err)
				}
			}
			if file := store.files[source.files[0].Key()]; file.NamesHash() != want || file.Stored != 5 || file.Status != Complete {
				t.Errorf("row of the file: %+v", file)
			}
			recorded := source.files[0].recorded()
			if n := countRows(store, func(r *Row) bool { return r.FileID == ID(recorded.ID) && isNamedAs(r.File, &recorded) }); n != 5 {
				t.Errorf("%d of 5 rows of assets name it so", n)
			}
			before := store.batch
			store.batch = 0
			if _, _, err := runAgain(t, source, store, o); err != nil || store.batch > 0 {
				t.Errorf("with nothing new, %v, and %d rows were written at once (%d before)", err, store.batch, before)
			}
		})
	}
}

// isNamedAs tells whether the file of an asset's row is called as a file is.
func isNamedAs(row, file *File) bool {
	recorded := row.recorded()
	return recorded.NamesHash() == file.NamesHash()
}
