package pipeline

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// Of files of other parts nothing is asked, listed, counted or recorded, but that the listing is not empty.
func TestRun_FilesOfOtherParts_ArePassedOver(t *testing.T) {
	source, store := testSource(6), newFakeStore(t)
	for i := range source.files {
		source.files[i].Elsewhere = i%2 == 1
	}
	source.places, source.expiries = []SourceKey{"directory:d"}, map[SourceKey]time.Time{"directory:d": testTime.Add(240 * time.Hour)}
	// What is of another part may come first, and more often than once.
	source.files = append([]File{source.files[1]}, source.files...)
	var events recorder
	o := testOptions(source, store)
	o.Observer = &events
	mustRun(t, o)
	if len(store.files) != 3 || countRows(store, func(*Row) bool { return true }) != 15 {
		t.Errorf("%d files and %d assets are recorded, want 3 and 15", len(store.files), len(store.rows))
	}
	for _, asked := range source.listings {
		if slices.Contains([]string{"file-001", "file-003", "file-005"}, asked[:8]) {
			t.Errorf("%s was asked for", asked)
		}
	}
	if n := countEvents[FileListed](&events); n != 3 {
		t.Errorf("%d files are told of, want 3", n)
	}
	if len(source.asked) != 1 {
		t.Errorf("%d times it was asked when all goes, want once", len(source.asked))
	}
	// The only files of the part go. A listing that has those of others is not empty, and one of three is no loss to be doubted.
	source.files = slices.DeleteFunc(source.files, func(f File) bool { return f.ID == "file-000" })
	for range 2 {
		if _, _, err := runAgain(t, source, store, o); err != nil {
			t.Fatal(err)
		}
	}
	if f := store.files[FileKey{FileID: "file-000"}]; !f.IsGone() {
		t.Errorf("the file that is listed no more is not gone: %+v", f.Gone)
	}
}

// A part that has nothing of a listing asks nobody when that goes.
func TestRun_NothingOfThePart_AsksForNothing(t *testing.T) {
	source, store := testSource(2), newFakeStore(t)
	source.places, source.expiries = []SourceKey{"directory:d"}, map[SourceKey]time.Time{"directory:d": testTime}
	for i := range source.files {
		source.files[i].Elsewhere = true
	}
	mustRun(t, testOptions(source, store))
	if len(source.asked)+len(source.listings)+len(store.files) > 0 {
		t.Errorf("asked %v and %v, recorded %v, want nothing", source.asked, source.listings, store.files)
	}
}

// A file vanishes by two listings, however often one of them is read.
func TestRun_KeptListing_CountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := testSource(10), newFakeStore(t)
		o := testOptions(source, store)
		first := time.Now().UTC()
		time.Sleep(24 * time.Hour)
		o.ListedAt = first
		mustRun(t, o)
		lost := source.files[9].ID
		source.files = source.files[:9]
		for i, step := range []struct {
			at           time.Time
			repeats      bool
			missed, gone bool
		}{
			{first, true, false, false},
			{first.Add(time.Hour), false, true, false},
			{first.Add(time.Hour), false, true, false},
			{first.Add(time.Hour), true, true, false},
			{first.Add(30 * time.Minute), false, true, false},
			{first.Add(2 * time.Hour), false, false, true},
		} {
			o.ListedAt, o.Repeats = step.at, step.repeats
			if _, _, err := runAgain(t, source, store, o); err != nil {
				t.Fatal(err)
			}
			f := store.files[FileKey{FileID: lost}]
			if f.IsGone() != step.gone || !f.MissedAt.IsZero() != step.missed {
				t.Errorf("step %d: %+v, want missed %v and gone %v", i, f.Gone, step.missed, step.gone)
			}
			if step.missed && !f.MissedAt.Equal(first.Add(time.Hour)) {
				t.Errorf("step %d: missed at %v, want when the listing was made that lacked it, %v", i, f.MissedAt, first.Add(time.Hour))
			}
		}
	})
}
