package pipeline

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// A file goes by itself or with what holds it, whichever comes first; nobody who keeps silent changes what is known of that.
func TestRun_Expiry(t *testing.T) {
	at := func(hours int) time.Time {
		if hours == 0 {
			return time.Time{}
		}
		return testTime.Truncate(time.Microsecond).Add(time.Duration(hours) * time.Hour)
	}
	const silent = -1
	// run is when the file goes by itself, as the project lists it, and when the directories d and other go, in hours; 0 is for never. What
	// is expected of it are the hours that the row of the file has then.
	type run struct {
		own, d, other int
		want          int
	}
	for name, runs := range map[string][]run{
		"with its directory":                     {{0, 5, silent, 5}},
		"by itself":                              {{3, 5, silent, 3}, {3, 5, silent, 3}},
		"with its directory before":              {{7, 5, silent, 5}, {7, 5, silent, 5}},
		"with the last of two":                   {{0, 5, 8, 8}, {0, 5, 8, 8}},
		"not as long as one stays":               {{0, 5, 0, 0}, {0, 5, 0, 0}},
		"by itself though one stays":             {{3, 5, 0, 3}},
		"as is known where nobody says":          {{0, 5, silent, 5}, {0, silent, silent, 5}},
		"another time by itself":                 {{3, silent, silent, 3}, {4, silent, silent, 4}},
		"not any more":                           {{0, 5, silent, 5}, {0, 0, silent, 0}},
		"with a directory that has a time now":   {{0, 0, silent, 0}, {0, 6, silent, 6}},
		"later by itself than its directory":     {{3, 5, silent, 3}, {9, 5, silent, 5}},
		"by itself, as the directory stays now":  {{5, 5, silent, 5}, {5, 0, silent, 5}},
		"by itself, where a time is as known":    {{3, silent, silent, 3}, {3, 0, 0, 3}},
		"with a directory that has another time": {{0, 5, silent, 5}, {0, 6, silent, 6}, {0, 4, silent, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			source, store := testSource(2), newFakeStore(t)
			source.places = []SourceKey{"directory:d", "directory:other", ProjectSource}
			file := source.files[0]
			for i, r := range runs {
				listed := []File{file, file, file, source.files[1]}
				listed[1].DirectoryID = "other"
				listed[2].DirectoryID, listed[2].DirectoryFileID, listed[2].ProjectID = "", "", "p"
				listed[2].ExpiresAt = at(r.own)
				source.files, source.expiries = listed, map[SourceKey]time.Time{}
				for key, hours := range map[SourceKey]int{"directory:d": r.d, "directory:other": r.other} {
					if hours != silent {
						source.expiries[key] = at(hours)
					}
				}
				lists, _, err := runAgain(t, source, store, testOptions(source, store))
				if err != nil {
					t.Fatal(err)
				}
				if i > 0 && lists > 0 {
					t.Errorf("run %d asks for the assets of %d files", i, lists)
				}
				if got := store.files[file.Key()].ExpiresAt; !got.Equal(at(r.want)) {
					t.Errorf("run %d: the row has %v, want %v", i, got, at(r.want))
				}
				source.files = []File{file, listed[3]}
			}
		})
	}
}

// What a listing said of a file before another one has it asked for counts.
func TestRun_Expiry_OfAFileThatIsAskedForLater(t *testing.T) {
	source, store := testSource(1), newFakeStore(t)
	source.places = []SourceKey{ProjectSource, "directory:d"}
	source.expiries = map[SourceKey]time.Time{"directory:d": {}}
	file, in := source.files[0], source.files[0]
	in.DirectoryID, in.DirectoryFileID, in.ProjectID = "", "", "p"
	for i, own := range []time.Duration{time.Hour, time.Hour, 2 * time.Hour} {
		in.ExpiresAt = testTime.Add(own)
		// At first the project alone has it.
		if source.files = []File{in}; i > 0 {
			source.files = append(source.files, file)
		}
		if lists, _, err := runAgain(t, source, store, testOptions(source, store)); err != nil || lists == 0 {
			t.Fatalf("run %d asks for %d lists, %v", i, lists, err)
		}
		if got, want := store.files[file.Key()].ExpiresAt, in.ExpiresAt.Truncate(time.Microsecond); !got.Equal(want) {
			t.Errorf("run %d: the row has %v, want %v", i, got, want)
		}
		file.UpdatedAt = file.UpdatedAt.Add(time.Minute)
	}
}

// What goes missing after its directory was to go has expired; before, it has vanished.
func TestRun_DirectoryExpires_FilesStay(t *testing.T) {
	for want, at := range map[string]time.Time{"expired": time.Now().Add(-time.Minute), "vanished": time.Now().Add(time.Hour)} {
		source, store := sourceOfTwo(20, 1), newFakeStore(t)
		source.expiries = map[SourceKey]time.Time{"directory:other": at, "directory:d": {}}
		o := testOptions(source, store)
		o.AcceptListing = true
		mustRun(t, o)
		gone := source.files[20]
		source.files = source.files[:20]
		for range 2 {
			if _, _, err := runAgain(t, source, store, o); err != nil {
				t.Fatal(err)
			}
		}
		f := store.files[gone.Key()]
		got := map[bool]string{true: "expired"}[!f.ExpiredAt.IsZero()] + map[bool]string{true: "vanished"}[!f.VanishedAt.IsZero()]
		if got != want {
			t.Errorf("a directory that goes at %v: its file has %q, want %q", at, got, want)
		}
	}
}

// A directory that is not there any more, and was to go by now, has no files; one that was not to go is one that could not be listed.
func TestRun_DirectoryExpires_IsNotThereAnyMore(t *testing.T) {
	for _, tt := range []struct {
		name      string
		at        time.Time
		isAbsent  bool
		isExpired bool
	}{
		{"when it was to go", time.Now().Add(-time.Minute), true, true},
		{"before it was to go", time.Now().Add(time.Hour), true, false},
		{"though it was never to go", time.Time{}, true, false},
		{"but it cannot be listed for another reason", time.Now().Add(-time.Minute), false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			source, store := testSource(3), newFakeStore(t)
			source.places = []SourceKey{"directory:d"}
			source.expiries = map[SourceKey]time.Time{"directory:d": tt.at}
			mustRun(t, testOptions(source, store))
			known := source.files
			source.files, source.filesErr = nil, &SourceError{Key: "directory:d", Absent: tt.isAbsent, Err: errors.New("404")}
			for range 3 {
				if _, _, err := runAgain(t, source, store, testOptions(source, store)); (err == nil) != tt.isExpired {
					t.Fatalf("got %v", err)
				}
			}
			for _, file := range known {
				if f := store.files[file.Key()]; f.ExpiredAt.IsZero() == tt.isExpired || !f.VanishedAt.IsZero() {
					t.Errorf("%s: %+v, want expired: %t", file.ID, f.Gone, tt.isExpired)
				}
			}
		})
	}
}

// A listing is asked when it goes once it has a file, and only then. What that ends with ends the run.
func TestRun_Expiry_IsAskedOnce(t *testing.T) {
	source, store := sourceOfTwo(3, 0), newFakeStore(t)
	source.expiries = map[SourceKey]time.Time{"directory:other": testTime, "directory:d": testTime}
	var told []SourceKey
	o := testOptions(source, store)
	o.Observer = observerFunc(func(e Event) {
		if e, ok := e.(SourceExpires); ok {
			told = append(told, e.Key)
		}
	})
	mustRun(t, o)
	if fmt.Sprint(source.asked, told) != "[directory:d] [directory:d]" {
		t.Errorf("asked of %v, and told of %v, want directory:d once", source.asked, told)
	}
	errEnds := errors.New("the key is refused")
	source.expiryErr = errEnds
	if _, _, err := runAgain(t, source, store, o); !errors.Is(err, errEnds) {
		t.Errorf("got %v, want %v", err, errEnds)
	}
}
