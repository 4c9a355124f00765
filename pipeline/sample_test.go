package pipeline

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// chosenOf returns the ids of the files that a sample chooses of some, in the order in which they are listed, and of those it leaves out.
func chosenOf(most int, ids []string) (chosen, leftOut []string) {
	s := newSample(most)
	for _, id := range ids {
		s.take("project", &listedFile{file: &File{ID: id}}, func(_ SourceKey, f *File) { leftOut = append(leftOut, f.ID) })
	}
	s.each(func(_ SourceKey, f *listedFile) { chosen = append(chosen, f.file.ID) })
	slices.Sort(chosen)
	return chosen, leftOut
}

// A sample is the same in whichever order files are listed, and of a listing that has grown it keeps all that no new file takes the place of.
func TestSample_Take_SameInAnyOrder(t *testing.T) {
	var ids []string
	for i := range 1000 {
		ids = append(ids, fmt.Sprint("file-", i))
	}
	want, leftOut := chosenOf(50, ids)
	if len(want) != 50 || len(leftOut) != 950 {
		t.Fatalf("%d are chosen, and %d are left out", len(want), len(leftOut))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		if got, _ := chosenOf(50, ids); !slices.Equal(got, want) {
			t.Fatalf("in another order, %q are chosen, not %q", got, want)
		}
	}
	few, _ := chosenOf(20, ids)
	for _, id := range few {
		if !slices.Contains(want, id) {
			t.Errorf("%s is among 20, and not among 50", id)
		}
	}
	for i := range 100 {
		ids = append(ids, fmt.Sprint("new-", i))
	}
	grown, _ := chosenOf(50, ids)
	isNew := 0
	for _, id := range grown {
		if !slices.Contains(want, id) {
			isNew++
			if id[:4] != "new-" {
				t.Errorf("%s is chosen since there are others", id)
			}
		}
	}
	if isNew == 0 || isNew > 15 {
		t.Errorf("%d of 50 are new, of a listing that has a tenth of new files", isNew)
	}
}

// A file of two listings is one of a sample, with what both say.
func TestSample_Take_FileOfTwoListings(t *testing.T) {
	s := newSample(1)
	none := func(SourceKey, *File) { t.Error("one is left out") }
	s.take("a", &listedFile{file: &File{ID: "f"}}, none)
	s.take("b", &listedFile{file: &File{ID: "f"}}, none)
	var places []SourceKey
	s.each(func(place SourceKey, _ *listedFile) { places = append(places, place) })
	if !slices.Equal(places, []SourceKey{"a", "b"}) {
		t.Errorf("places %q", places)
	}
}

// What is left out of a complete listing is not missing from it, and what one listing leaves out is taken where another has it.
func TestRun_Takes_LeftOutIsNotMissing(t *testing.T) {
	source, store := testSource(3), newFakeStore(t)
	o := testOptions(source, store)
	o.Filters.SkipNoise = true
	mustRun(t, o)
	source.listings = nil
	for range 3 {
		store.nextRun()
		source.stopped = false
		// What was skipped of the others is asked for now.
		o := testOptions(source, store)
		o.Takes = func(_ SourceKey, f *File) bool { return f.ID != "file-001" }
		mustRun(t, o)
	}
	for key, f := range store.files {
		if !f.isListed() {
			t.Errorf("%v is missing: %+v", key, f.Gone)
		}
	}
	if asked := strings.Join(source.listings, " "); len(source.listings) == 0 || strings.Contains(asked, "file-001") {
		t.Errorf("asked for %q", source.listings)
	}

	source, store = testSource(1), newFakeStore(t)
	source.places = []SourceKey{"directory:d", "directory:e", "directory:f"}
	for _, id := range []string{"e", "f"} {
		again := source.files[0]
		again.DirectoryID = id
		source.files = append(source.files, again)
	}
	leftOut, listed := 0, 0
	o = testOptions(source, store)
	o.Takes = func(place SourceKey, _ *File) bool { return place == "directory:e" }
	o.Observer = observerFunc(func(e Event) {
		switch e.(type) {
		case FileLeftOut:
			leftOut++
		case FileListed:
			listed++
		}
	})
	mustRun(t, o)
	if len(store.rows) != 5 || leftOut != 1 || listed != 1 {
		t.Errorf("%d assets of a file that one of three listings takes, left out %d times, listed %d times", len(store.rows), leftOut, listed)
	}
}

// Figures of a category, or a label, are taken.
func TestFilters_Categories_LabelCountsToo(t *testing.T) {
	f := Filters{Categories: []string{"layout", "table"}}
	for _, tt := range []struct {
		category, label string
		want            bool
	}{{"layout", "", true}, {"embedded", "", false}, {"embedded", "table", true}, {"", "", false}, {"", "chart", false}} {
		if got := f.takesCategory(Details{Category: tt.category, Label: tt.label}); got != tt.want {
			t.Errorf("category %q, label %q: taken %t", tt.category, tt.label, got)
		}
	}
}
