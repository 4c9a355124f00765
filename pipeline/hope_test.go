package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"
)

// refusal refuses for good what is not there.
func refusal() error { return &Failure{Class: "http_404", Final: true, Absent: true, Err: errFake} }

// An answer without a list proves nothing: what is known stays, and the file is asked again.
func TestRun_NullList_KeepsWhatIsKnown(t *testing.T) {
	source, store := testSource(2), newFakeStore(t)
	mustRun(t, testOptions(source, store))
	fetched := len(source.fetched)
	source.listErr = func(id ID, kind Kind) error {
		if id == "file-000" && kind == Figure {
			return errNoList
		}
		return nil
	}
	source.stopped = false
	store.nextRun()
	o := testOptions(source, store)
	o.Relist = true
	mustRun(t, o)
	if n := countRows(store, (*Row).isCountedStored); n != 10 {
		t.Errorf("%d rows are stored and listed, want 10", n)
	}
	if f := store.files[FileKey{FileID: "file-000"}]; f.Figures == nil || *f.Figures != 3 || f.Stored != 5 || f.Status != Complete || !f.AskedAt.IsZero() {
		t.Errorf("row of the file: %+v, want it complete with the three figures that are known, and to be asked again", f)
	}
	source.listErr, source.stopped, source.listings = nil, false, nil
	store.nextRun()
	mustRun(t, testOptions(source, store))
	if f := store.files[FileKey{FileID: "file-000"}]; f.Figures == nil || *f.Figures != 3 || len(source.listings) != 2 {
		t.Errorf("the file has %v figures after the listings %q, want 3", f.Figures, source.listings)
	}
	if n := len(source.fetched) - fetched; n > 0 {
		t.Errorf("%d blobs were fetched again", n)
	}
}

// While no file answers for a kind, it is taken for one that is not offered. When one does, the refusals are failures of their
// files, and those that went on without it are told and asked again.
func TestRun_KindRefused_ThenAnswered(t *testing.T) {
	for _, refused := range []int{3, firstFiles - 1} {
		source, store := testSource(firstFiles+10), newFakeStore(t)
		source.listErr = func(id ID, kind Kind) error {
			if kind == Figure && id < ID(fmt.Sprintf("file-%03d", refused)) {
				return refusal()
			}
			return nil
		}
		events := &recorder{}
		o := testOptions(source, store)
		o.Observer, o.Listers = events, 1
		mustRun(t, o)
		failed, told := 0, int64(0)
		for _, f := range store.files {
			if f.Status == Failed {
				failed++
			}
		}
		for _, e := range events.events {
			if e, ok := e.(KindRefused); ok {
				told += e.Files
			}
		}
		if failed+int(told) != refused || countEvents[KindNotOffered](events) != 0 {
			t.Errorf("%d refused: %d files failed and %d were told of", refused, failed, told)
		}
		source.listErr, source.stopped = nil, false
		store.nextRun()
		mustRun(t, testOptions(source, store))
		if n := countRows(store, func(r *Row) bool { return r.Status == Stored }); n != 5*len(source.files) {
			t.Errorf("%d rows are stored, want %d", n, 5*len(source.files))
		}
	}
}

// A kind that the first fifty files do not have is not asked for any more, and unchanged files are not asked for it by later runs:
// a few of them tell when it is offered, and then all are asked.
func TestRun_KindNotOffered_CostsLittle(t *testing.T) {
	source, store := testSource(2*firstFiles), newFakeStore(t)
	o := testOptions(source, store)
	o.Listers = 1
	run := func(wantFigures int, wantTold bool) {
		t.Helper()
		source.stopped, source.listings = false, nil
		store.nextRun()
		events := &recorder{}
		o.Observer = events
		mustRun(t, o)
		figures := 0
		for _, request := range source.listings {
			if strings.HasSuffix(request, string(Figure)) {
				figures++
			}
		}
		if figures != wantFigures || (countEvents[KindNotOffered](events) == 1) != wantTold {
			t.Errorf("%d figures were asked for, and it was told %d times; want %d, %t", figures, countEvents[KindNotOffered](events), wantFigures, wantTold)
		}
	}
	source.listErr = func(_ ID, kind Kind) error {
		if kind == Figure {
			return refusal()
		}
		return nil
	}
	run(firstFiles, true)
	if n := countRows(store, hasStatus(Stored)); n != 2*len(source.files) {
		t.Errorf("%d rows are stored, want two for each file", n)
	}
	run(maxProbes, true)
	if n := len(source.listings); n != 2*maxProbes {
		t.Errorf("%d listings of assets in the run after it", n)
	}
	source.listErr = nil
	run(len(source.files), false)
	if n := countRows(store, hasStatus(Stored)); n != 5*len(source.files) {
		t.Errorf("%d rows are stored once figures are offered, want five for each file", n)
	}
	run(0, false)
}

func TestRun_KindNotOffered_KnownRowsStay(t *testing.T) {
	source, store := testSource(2), newFakeStore(t)
	mustRun(t, testOptions(source, store))
	for i := range source.files {
		source.files[i].UpdatedAt = testTime.AddDate(0, 0, 1)
	}
	source.listErr = func(_ ID, kind Kind) error {
		if kind == Figure {
			return refusal()
		}
		return nil
	}
	source.stopped = false
	store.nextRun()
	events := &recorder{}
	o := testOptions(source, store)
	o.Observer = events
	mustRun(t, o)
	if n := countRows(store, func(r *Row) bool { return r.VanishedAt.IsZero() && r.Status == Stored }); n != 10 {
		t.Errorf("%d rows are stored and listed, want 10", n)
	}
	if n := countEvents[KindNotOffered](events); n != 1 {
		t.Errorf("it was told %d times, want once", n)
	}
	if f := store.files[source.files[0].Key()]; f.Stored != 5 || f.Status != Complete || f.Figures != nil {
		t.Errorf("row of a file: %+v, want it complete with 5 stored", f)
	}
}

// Every blob of the first fifty files, or of all, is refused in the same way.
func TestRun_Hopeless_Blobs(t *testing.T) {
	for name, test := range map[string]struct {
		files int
		err   func(a *Asset) error
		// want is how many files are told to be refused; 0 where the run is not hopeless.
		want int
	}{
		"all of many":         {200, func(*Asset) error { return refusal() }, firstFiles},
		"all of few":          {3, func(*Asset) error { return refusal() }, 3},
		"all but one blob":    {200, refuseBut("file-000", 0), 0},
		"the last of few":     {3, refuseBut("file-002", 5), 0},
		"not for good":        {3, func(*Asset) error { return &Failure{Class: "http_500", Err: errFake} }, 0},
		"in different ways":   {3, func(a *Asset) error { return &Failure{Class: string(a.Kind), Final: true, Err: errFake} }, 0},
		"differently by file": {2, func(a *Asset) error { return &Failure{Class: string(a.FileID), Final: true, Err: errFake} }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			source, store := testSource(test.files), newFakeStore(t)
			source.blobErr = test.err
			err := Run(t.Context(), testOptions(source, store))
			hopeless, ok := errors.AsType[*HopelessError](err)
			if ok != (test.want > 0) || ok && hopeless.Files != test.want || !ok && err != nil {
				t.Errorf("got %v, want %d refused files", err, test.want)
			}
			if n := len(source.fetched); test.want == firstFiles && n > 5*(firstFiles+8) {
				t.Errorf("%d blobs were asked for", n)
			}
		})
	}
}

// refuseBut refuses all blobs but those of a page of a file.
func refuseBut(id ID, page int32) func(*Asset) error {
	return func(a *Asset) error {
		if a.FileID == id && a.PageIndex == page {
			return nil
		}
		return refusal()
	}
}

// Some files are refused at their listings, and the others at their blobs.
func TestRun_Hopeless_ListingsAndBlobs(t *testing.T) {
	source, store := testSource(3), newFakeStore(t)
	source.listErr = func(id ID, _ Kind) error {
		if id == "file-001" {
			return refusal()
		}
		return nil
	}
	source.blobErr = func(*Asset) error { return refusal() }
	if hopeless, ok := errors.AsType[*HopelessError](Run(t.Context(), testOptions(source, store))); !ok || hopeless.Files != 3 {
		t.Errorf("got %v, want three refused files", hopeless)
	}
}

// Pictures that are gone for good, of files of which others are stored, stop no later run.
func TestRun_Hopeless_NotBesideStoredAssets(t *testing.T) {
	source, store := testSource(firstFiles+10), newFakeStore(t)
	source.blobErr = func(a *Asset) error {
		if a.Kind == Figure {
			return refusal()
		}
		return nil
	}
	mustRun(t, testOptions(source, store))
	source.stopped = false
	store.nextRun()
	mustRun(t, testOptions(source, store))
}

func TestRun_Hopeless(t *testing.T) {
	refuse := func(from ID) func(ID, Kind) error {
		return func(id ID, _ Kind) error {
			if id >= from {
				return refusal()
			}
			return nil
		}
	}
	for name, test := range map[string]struct {
		files int
		err   func(ID, Kind) error
		// want is how many files are told to be refused; 0 where the run is not hopeless.
		want int
	}{
		"all of many":        {200, refuse(""), firstFiles},
		"all of few":         {3, refuse(""), 3},
		"all but the first":  {200, refuse("file-001"), 0},
		"the last of few":    {3, refuse("file-002"), 0},
		"not for good":       {3, func(ID, Kind) error { return &Failure{Class: "http_500", Err: errFake} }, 0},
		"in different ways":  {2, func(id ID, _ Kind) error { return &Failure{Class: string(id), Final: true, Err: errFake} }, 0},
		"only one kind each": {60, func(_ ID, kind Kind) error { return map[Kind]error{Figure: refusal()}[kind] }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			source, store := testSource(test.files), newFakeStore(t)
			source.listErr = test.err
			o := testOptions(source, store)
			o.Listers = 1
			err := Run(t.Context(), o)
			hopeless, ok := errors.AsType[*HopelessError](err)
			if ok != (test.want > 0) || ok && hopeless.Files != test.want || !ok && err != nil {
				t.Errorf("got %v, want %d refused files", err, test.want)
			}
			if n := len(source.listings); test.want == firstFiles && n > 2*firstFiles+2 {
				t.Errorf("%d listings were asked for", n)
			}
		})
	}
}

// A new file that is refused is no reason to stop, where others are as they were.
func TestRun_Hopeless_NotBesideUnchangedFiles(t *testing.T) {
	source, store := testSource(2), newFakeStore(t)
	mustRun(t, testOptions(source, store))
	source.files = testSource(3).files
	source.listErr, source.stopped = func(ID, Kind) error { return refusal() }, false
	store.nextRun()
	mustRun(t, testOptions(source, store))
}

// multiSource has several listings of files.
type multiSource struct {
	*fakeSource
	listings []Listing
}

func (s multiSource) Listings(context.Context) []Listing { return s.listings }

// sequence yields files, and then an error that is not nil.
func sequence(err error, files ...File) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		for _, f := range files {
			if !yield(f, nil) {
				return
			}
		}
		if err != nil {
			yield(File{}, err)
		}
	}
}

// A source that fails ends itself only, nothing vanishes meanwhile, and where all fail the run does.
func TestRun_SourcesFailAlone(t *testing.T) {
	source, store := testSource(3), newFakeStore(t)
	mustRun(t, testOptions(source, store))
	files := source.files
	broken := &SourceError{Key: "directory:b", Err: errFake}
	for name, test := range map[string]struct {
		errs []error
		want error
	}{
		"one of two": {[]error{nil, broken}, nil},
		"the first":  {[]error{broken, nil}, nil},
		"both":       {[]error{broken, broken}, errFake},
		"the only":   {[]error{broken}, errFake},
	} {
		t.Run(name, func(t *testing.T) {
			all := multiSource{fakeSource: source}
			for i, err := range test.errs {
				all.listings = append(all.listings, Listing{Key: DirectorySource(fmt.Sprint(i)), Files: sequence(err, files[i])})
			}
			source.stopped = false
			store.nextRun()
			events := &recorder{}
			o := testOptions(source, store)
			o.Source, o.Observer = all, events
			if err := Run(t.Context(), o); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if n := countRows(store, func(r *Row) bool { return !r.VanishedAt.IsZero() }); n != 0 {
				t.Errorf("%d rows vanished", n)
			}
			if n := countEvents[SourceListed](events); n != len(test.errs) || countEvents[FilesComplete](events) != 0 {
				t.Errorf("%d sources were told of, and %d times that all is listed", n, countEvents[FilesComplete](events))
			}
		})
	}
}

// What a place that failed held stays, and what only the others held goes in the end.
func TestRun_OneOfTwoPlacesFails_WhatItHeldStays(t *testing.T) {
	source, store := testSource(12), newFakeStore(t)
	in := func(place string, files ...File) []File {
		for i := range files {
			files[i].DirectoryID = place
		}
		return slices.Clone(files)
	}
	a, b := in("a", source.files[:9]...), in("b", source.files[8:]...)
	// The last of a is in b, too.
	run := func(a, b []File, err error) {
		t.Helper()
		source.stopped = false
		store.nextRun()
		o := testOptions(source, store)
		o.Source = multiSource{fakeSource: source, listings: []Listing{
			{Key: DirectorySource("a"), Files: sequence(nil, a...)}, {Key: DirectorySource("b"), Files: sequence(err, b...)},
		}}
		mustRun(t, o)
	}
	run(append(a, in("a", b[0])...), b, nil)
	listings := len(source.listings)
	for range 3 {
		run(a[1:8], nil, &SourceError{Key: "directory:b", Err: errFake})
	}
	for key, f := range store.files {
		if want := key.FileID == "file-000"; !f.VanishedAt.IsZero() != want || !want && !f.isListed() {
			t.Errorf("%s in %v: %+v, want it vanished: %t", key.FileID, f.Sources, f.Gone, want)
		}
	}
	if got := fmt.Sprint(store.files[FileKey{FileID: "file-008"}].Sources); got != "[directory:a directory:b]" && got != "[directory:b]" {
		t.Errorf("file-008 is in %s", got)
	}
	if n := len(source.listings); n != listings {
		t.Errorf("%d listings of assets were asked for", n-listings)
	}
}

// A date that makes no sense does not change what is known: the file is told of, and asked again until it is sound.
func TestRun_OddFieldOfAKnownFile_IsAskedAgain(t *testing.T) {
	source, store := testSource(2), newFakeStore(t)
	mustRun(t, testOptions(source, store))
	fetched := len(source.fetched)
	source.files[0].UpdatedAt, source.files[0].Odd = time.Time{}, []Oddity{{Field: "updated_at", Value: "yesterday"}}
	for run, want := range []int{2, 2, 0} {
		if run == 1 {
			source.files[0].UpdatedAt, source.files[0].Odd = testTime, nil
		}
		source.listings, source.stopped = nil, false
		store.nextRun()
		events := &recorder{}
		o := testOptions(source, store)
		o.Observer = events
		mustRun(t, o)
		if n, told := len(source.listings), countEvents[FieldOdd](events); n != want || told > 0 != (run == 0) {
			t.Errorf("run %d: %d listings of assets, %d odd fields; want %d", run, n, told, want)
		}
		if f := store.files[source.files[0].Key()]; !f.UpdatedAt.Truncate(time.Microsecond).Equal(testTime.Truncate(time.Microsecond)) || f.Error != "" != (run == 0) {
			t.Errorf("run %d: row of the file: %+v", run, f)
		}
	}
	if n := len(source.fetched); n != fetched {
		t.Errorf("%d blobs were fetched again", n-fetched)
	}
}
