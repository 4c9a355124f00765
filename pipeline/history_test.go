package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"exporter/internal/testmain"
)

var histories = flag.Int("histories", 500, "how many random histories of upstream to try")

// Whatever upstream was like and whatever its listings said on the way: after a true listing the export has everything that is
// there, and after some more it calls everything else gone. A run may be killed at any commit. Whenever one has come to its end, the rows
// of files count those of their assets.
func TestRun_AnyHistory_EndsAsUpstreamIs(t *testing.T) {
	testmain.Long(t)
	for seed := range *histories {
		// Each begins at the same time, so that it can be tried again.
		synctest.Test(t, func(t *testing.T) { newUpstream(t, uint64(seed)).live() })
		if t.Failed() {
			t.Fatalf("history %d", seed)
		}
	}
}

// live has some things happen and runs some exports, and checks what there is in the end.
func (h *upstream) live() {
	for range 2 + h.rng.IntN(8) {
		h.happen()
		h.lie, h.kill = h.rng.IntN(3) == 0, 0
		if h.rng.IntN(4) == 0 {
			h.kill = 1 + h.rng.IntN(6)
		}
		h.run(h.settings())
		time.Sleep(time.Duration(h.rng.Int64N(int64(20 * time.Hour))))
	}
	h.lie, h.kill = false, 0
	// A file that lacks pictures is asked for them when its age has doubled.
	time.Sleep(30 * 24 * time.Hour)
	h.run(Options{AcceptListing: true, Filters: allAssets})
	h.checkStored()
	// So is one that was listed for the first time just now and lacks a kind for good.
	time.Sleep(time.Hour)
	// The first two ask for assets that may be missing, which says nothing of the places of a file; the next two say that.
	for range 3 {
		h.run(Options{AcceptListing: true, Filters: allAssets})
	}
	h.checkExact()
	before := len(h.requests)
	h.run(Options{Filters: allAssets})
	if asked := h.requests[before:]; len(asked) > 0 {
		h.t.Errorf("with nothing to do, %q was asked for", asked)
	}
	if h.t.Failed() {
		h.t.Log(strings.Join(h.trace, "\n"))
	}
}

// settings are those of a run: one in three has other filters, or looks at sizes only.
func (h *upstream) settings() Options {
	o := Options{Incremental: h.rng.IntN(4) == 0, Filters: allAssets}
	switch h.rng.IntN(12) {
	case 0:
		o.BySize = true
	case 1:
		o.Filters.Pages, _ = ParsePages("0")
	case 2:
		o.Filters.SkipNoise = true
	case 3:
		o.Filters.Figures = false
	}
	return o
}

var allAssets = Filters{Screenshots: true, Figures: true}

// upstream is an API over years: two directories of files with pictures, of which some come late. It is a Source.
type upstream struct {
	t     *testing.T
	rng   *rand.Rand
	files map[string]*upstreamFile
	store *fakeStore
	next  int
	// lie makes the next run get listings that are empty, cut, or lack some, or have items that are malformed, and asset listings that
	// are empty, null, or refused.
	lie bool
	// kill is the number of the commit in which the next run is killed; 0 for none.
	kill int
	// since is what an incremental listing begins with: when the last believed one began.
	since, began time.Time
	incremental  bool
	requests     []string
	// told is the newest date of each file that the ledger or a listing of the run has, and fetches how often which bytes were fetched under it.
	told    map[string]time.Time
	fetches map[string]int
	// listed are the files that the run's listings had; absent is how many complete listings in a row did not have a file, and how
	// many listings of its file did not have an asset.
	listed map[string]bool
	// whole are the sources of which the run saw everything.
	whole        map[SourceKey]bool
	absent       map[string]int
	absentAssets map[AssetKey]int
	// absentIn is absent for a single source, and listedIn are the files that those of the run had.
	absentIn map[place]int
	listedIn map[place]bool
	// trace says what happened, for the case that a test fails.
	trace []string
}

// place is a file in one of its sources.
type place struct {
	key    FileKey
	source SourceKey
}

func (h *upstream) note(format string, args ...any) {
	h.trace = append(h.trace, time.Now().Format(time.DateTime)+" "+fmt.Sprintf(format, args...))
}

// upstreamFile is a file there. Each version of a picture has other bytes, of the same size or not.
type upstreamFile struct {
	places   map[string]time.Time
	pictures map[AssetKey]upstreamPicture
	// names are what its places call it.
	names map[string]string
	// age is how far its dates lie back: an index may be built over old files.
	age time.Duration
}

// upstreamPicture is a version of a picture.
type upstreamPicture struct {
	version int
	size    int64
	// shown is from when on the picture is listed.
	shown time.Time
}

func newUpstream(t *testing.T, seed uint64) *upstream {
	h := &upstream{
		t: t, rng: rand.New(rand.NewPCG(seed, 1)), files: map[string]*upstreamFile{}, store: newFakeStore(t), fetches: map[string]int{}, told: map[string]time.Time{},
		absent: map[string]int{}, absentAssets: map[AssetKey]int{}, absentIn: map[place]int{},
	}
	for range 3 + h.rng.IntN(6) {
		h.add()
	}
	return h
}

// add makes a file in one or both directories, whose pictures come at once or late.
func (h *upstream) add() {
	h.next++
	f := &upstreamFile{places: map[string]time.Time{}, pictures: map[AssetKey]upstreamPicture{}, names: map[string]string{}}
	if h.rng.IntN(2) == 0 {
		f.age = 100 * 24 * time.Hour
	}
	for _, d := range []string{"a", "b"} {
		if h.rng.IntN(2) == 0 || d == "b" && len(f.places) == 0 {
			f.places[d] = h.date(f)
		}
	}
	id := fmt.Sprintf("file-%d", h.next)
	pages := int32(1 + h.rng.IntN(2))
	for _, kind := range []Kind{Screenshot, Figure} {
		for page := range pages {
			var late time.Duration
			// Those of an old file are there: only a newer date, or twice its age, has it asked again.
			if f.age == 0 && h.rng.IntN(3) == 0 {
				late = time.Duration(h.rng.Int64N(int64(12 * time.Hour)))
			}
			p := upstreamPicture{size: 20 + h.rng.Int64N(2), shown: time.Now().Add(late)}
			f.pictures[AssetKey{FileID: ID(id), Kind: kind, PageIndex: page}] = p
		}
	}
	h.files[id] = f
}

// date is one of now, as the file has dates, that it has not had.
func (h *upstream) date(f *upstreamFile) time.Time {
	time.Sleep(time.Second)
	return time.Now().UTC().Truncate(time.Microsecond).Add(-f.age)
}

// happen changes some of what is upstream.
func (h *upstream) happen() {
	for _, id := range slices.Sorted(maps.Keys(h.files)) {
		f := h.files[id]
		switch h.rng.IntN(17) {
		case 14:
			// It is renamed somewhere, and no date moves.
			f.names[[]string{"a", "b"}[h.rng.IntN(2)]] = fmt.Sprint(h.rng.IntN(100))
		case 15:
			// It moves, and takes its date along.
			for _, d := range slices.Sorted(maps.Keys(f.places))[:1] {
				other := map[string]string{"a": "b", "b": "a"}[d]
				at := f.places[d]
				delete(f.places, d)
				if f.places[other].Before(at) {
					f.places[other] = at
				}
			}
		case 12, 13:
			// A directory loses the file, which is in the other one still, and had its newest date there.
			newest := h.newest(id)
			maps.DeleteFunc(f.places, func(_ string, at time.Time) bool { return at.Before(newest) })
		case 0:
			delete(h.files, id)
		case 1, 2:
			// A page is rendered again: the date of one of the places moves.
			keys := slices.SortedFunc(maps.Keys(f.pictures), AssetKey.Compare)
			key := keys[h.rng.IntN(len(keys))]
			p := f.pictures[key]
			p.version++
			p.size = 20 + h.rng.Int64N(2)
			f.pictures[key] = p
			for _, d := range slices.Sorted(maps.Keys(f.places)) {
				f.places[d] = h.date(f)
				break
			}
		case 3:
			// A page goes.
			if len(f.pictures) > 2 {
				delete(f.pictures, slices.SortedFunc(maps.Keys(f.pictures), AssetKey.Compare)[0])
				for _, d := range slices.Sorted(maps.Keys(f.places)) {
					f.places[d] = h.date(f)
				}
			}
		}
	}
	if h.rng.IntN(2) == 0 {
		h.add()
	}
}

func (h *upstream) run(o Options) {
	h.t.Helper()
	h.store.nextRun()
	clear(h.told)
	for key, file := range h.store.files {
		h.told[key.FileID] = file.UpdatedAt
	}
	h.began, h.incremental = time.Now().UTC(), o.Incremental && !h.since.IsZero()
	o.Incremental = h.incremental
	o.Source, o.Sink, o.Ledger, o.Concurrency, o.Listers = h, h.store, h.store, 1, 1
	events := &recorder{}
	o.Observer = events
	h.listed, h.listedIn, h.whole = map[string]bool{}, map[place]bool{}, map[SourceKey]bool{}
	absentAssets, fetches := maps.Clone(h.absentAssets), maps.Clone(h.fetches)
	o.CheckpointRows = 2 + h.rng.IntN(8)
	h.killAt(h.kill)
	known := map[FileKey][]SourceKey{}
	for key, file := range h.store.history {
		if file.isListed() && key.FileID != "" {
			known[key] = file.Sources
		}
	}
	err := Run(context.Background(), o)
	h.note("run incremental %v by size %v filters %+v lie %v: %v", h.incremental, o.BySize, o.Filters, h.lie, err)
	h.store.commitErr = nil
	killed := errors.Is(err, errKilled)
	if killed {
		// What it fetched may be fetched again, and what it saw may be recorded or not.
		h.fetches = fetches
		for key, before := range absentAssets {
			h.absentAssets[key] = max(before, h.absentAssets[key])
		}
	}
	h.forgetFetches()
	doubt, doubted := errors.AsType[*DoubtError](err)
	// Where only those of assets are doubted, files that are asked for may leave a place.
	kindsDoubted := doubted && strings.HasPrefix(doubt.Lost, "no ")
	_, hopeless := errors.AsType[*HopelessError](err)
	if err != nil && !doubted && !killed && !(h.lie && (hopeless || errors.Is(err, errFake))) {
		h.t.Fatal(err)
	}
	var lost int64
	for key := range known {
		if !h.listed[key.FileID] {
			lost++
		}
	}
	// A run that is found to be hopeless in its end has recorded what it saw.
	complete := (err == nil || hopeless) && !o.Incremental
	h.checkPlaces(known, complete || kindsDoubted && !o.Incremental, killed || errors.Is(err, errFake))
	if err == nil || doubted || hopeless {
		h.checkCounts()
	}
	if err == nil && !o.Incremental && !o.AcceptListing && h.whole[DirectorySource("a")] && h.whole[DirectorySource("b")] &&
		(&loss{int64(len(known)), lost}).isDoubtful() {
		h.t.Errorf("a listing was believed that lost %d of %d", lost, len(known))
	}
	if err == nil && !o.Incremental && !o.AcceptListing {
		h.checkEmpty(known)
	}
	h.checkGone(func(key FileKey) bool {
		return (complete || killed && !h.incremental) && !slices.ContainsFunc(known[key], func(s SourceKey) bool { return !h.whole[s] })
	}, killed || errors.Is(err, errFake))
	if err != nil {
		return
	}
	if (!h.lie || h.incremental) && countEvents[FilesComplete](events) > 0 {
		h.since = h.began
	}
}

// Listings implements Source.
func (h *upstream) Listings(context.Context) []Listing {
	kind := -1
	if h.lie {
		kind = h.rng.IntN(5)
	}
	return []Listing{h.listing("a", kind), h.listing("b", kind)}
}

// listing is that of a directory, which lies in a way.
func (h *upstream) listing(d string, kind int) Listing {
	key := DirectorySource(d)
	return Listing{Key: key, Files: func(yield func(File, error) bool) {
		h.whole[key] = true
		for _, id := range slices.Sorted(maps.Keys(h.files)) {
			updated, there := h.files[id].places[d]
			if !there || h.incremental && updated.Before(h.since.Add(-time.Hour)) {
				continue
			}
			switch {
			case kind == 0, kind == 1 && h.rng.IntN(3) == 0:
				// The listing is empty, or lacks some.
				continue
			case kind == 2 && h.rng.IntN(4) == 0:
				h.note("  cut in %s", d)
				h.whole[key] = false
				yield(File{}, &SourceError{Key: key, Err: errFake})
				return
			case kind == 3 && h.rng.IntN(4) == 0:
				h.note("  malformed %s in %s", id, d)
				h.whole[key] = false
				if !yield(File{DirectoryID: d, DirectoryFileID: d + id}, &Failure{Class: ClassMalformed, Err: errFake}) {
					return
				}
				continue
			}
			h.told[id] = latest(h.told[id], updated)
			h.listed[id], h.listedIn[place{FileKey{FileID: id}, key}] = true, true
			h.note("  listed %s in %s, %v", id, d, updated)
			if !yield(File{ID: id, DirectoryID: d, DirectoryFileID: d + id, UpdatedAt: updated, DisplayName: new(h.files[id].names[d])}, nil) {
				return
			}
		}
	}}
}

// Pages gives none: there are no jobs.
func (h *upstream) Pages(context.Context, *File, func(*PageRow) error) error { return nil }

// Page gives none.
func (h *upstream) Page(context.Context, *Asset) (*PageRow, error) { return nil, nil }

// Assets implements Source.
func (h *upstream) Assets(_ context.Context, of Wanted, _ Room) ([]*Asset, error) {
	if of.Origin == OriginAttachment {
		return nil, &Failure{Class: "http_404", Final: true, Absent: true, Err: errors.New("not found")}
	}
	id, kind := ID(of.File.ID), of.Kind
	h.store.mu.Lock()
	defer h.store.mu.Unlock()
	h.requests = append(h.requests, string(id)+" "+string(kind))
	h.note("  asked for %s of %s", kind, id)
	f := h.files[string(id)]
	if f == nil {
		// It is known, and was recalled.
		return nil, &Failure{Class: "http_404", Attempts: 1, Err: errFake}
	}
	for key := range h.store.rows {
		if key.FileID == id && key.Kind == kind {
			h.absentAssets[key]++
		}
	}
	assets := []*Asset{}
	if h.lie {
		switch lie := h.rng.IntN(12); {
		case lie == 0 && f.age == 0:
			return nil, nil
		case lie == 1 && f.age == 0:
			return assets, nil
		case lie == 2:
			return nil, &Failure{Class: "http_404", Attempts: 1, Final: true, Absent: true, Err: errFake}
		case lie == 3:
			assets = append(assets, &Asset{FileID: id, Kind: kind, PageIndex: -1, Details: &Details{Malformed: &Failure{Class: ClassMalformed, Err: errFake}}})
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(f.pictures), AssetKey.Compare) {
		if p := f.pictures[key]; key.Kind == kind && !p.shown.After(time.Now()) && (len(assets) == 0 || assets[0].Detail().Malformed == nil || h.rng.IntN(2) == 0) {
			h.absentAssets[key] = 0
			assets = append(assets, &Asset{FileID: id, Kind: kind, PageIndex: key.PageIndex, ListedSize: &p.size, IsLikelyNoise: new(key.PageIndex == 1)})
		}
	}
	return assets, nil
}

// Blob implements Source.
func (h *upstream) Blob(_ context.Context, a *Asset, _ Pause) (*Blob, error) {
	h.store.mu.Lock()
	defer h.store.mu.Unlock()
	content := h.content(a.Key())
	h.fetches[fmt.Sprint(a.Key(), string(content), h.told[string(a.FileID)])]++
	h.note("  fetch %v %q under %v", a.Key(), content, h.told[string(a.FileID)])
	b := NewBlob(Content{Size: int64(len(content)), SHA256: sha256.Sum256(content), MediaType: "image/png"}, bytes.NewReader(content), nil)
	b.Attempts, b.FetchedAt = 1, time.Now()
	return b, nil
}

// Stop implements Source.
func (h *upstream) Stop() {}

func (h *upstream) content(key AssetKey) []byte {
	p := h.files[string(key.FileID)].pictures[key]
	return fmt.Appendf(nil, "%*d", p.size, p.version)
}

func (h *upstream) newest(id string) (newest time.Time) {
	for _, at := range h.files[id].places {
		newest = latest(newest, at)
	}
	return newest
}

// checkGone fails if something has vanished that not two listings in a row had missed.
func (h *upstream) checkGone(counts func(FileKey) bool, unrecorded bool) {
	h.t.Helper()
	for key, file := range h.store.files {
		switch {
		case h.listed[key.FileID]:
			// A run that was killed, or that no source was listed for, may not have recorded that it saw the file.
			if !unrecorded {
				h.absent[key.FileID] = 0
			}
		case counts(key):
			h.absent[key.FileID]++
		}
		// A row of what could not be read stands for no file.
		if file.IsGone() && key.FileID != "" && h.absent[key.FileID] < 2 {
			h.t.Errorf("%v is gone after %d listings without it", key, h.absent[key.FileID])
		}
	}
	for key, row := range h.store.rows {
		if h.absent[string(key.FileID)] >= 2 {
			// It went with its file.
			h.absentAssets[key] = 2
		}
		// A row of what could not be read stands for no picture.
		if row.IsGone() && key.PageIndex >= 0 && h.absentAssets[key] < 2 {
			h.t.Errorf("%v is gone after %d listings without it", key, h.absentAssets[key])
		}
	}
}

// killAt has the run fail at one of its commits, as if it were killed before it; 0 has it go on.
func (h *upstream) killAt(commit int) {
	if commit == 0 {
		return
	}
	h.store.commitErr = func() error {
		if commit--; commit == 0 {
			h.note("  killed")
			return errKilled
		}
		return nil
	}
}

// checkPlaces fails if a file is not known any more in a source that not two complete listings in a row had without it.
func (h *upstream) checkPlaces(known map[FileKey][]SourceKey, complete, killed bool) {
	h.t.Helper()
	for key, sources := range known {
		for _, source := range sources {
			at := place{key, source}
			switch {
			case h.listedIn[at] && !killed:
				h.absentIn[at] = 0
			case !h.listedIn[at] && (complete || killed && !h.incremental) && h.whole[source]:
				h.absentIn[at]++
			}
			if file := h.store.files[key]; file != nil && !slices.Contains(file.Sources, source) && h.absentIn[at] < 2 {
				h.t.Errorf("%v is not in %s any more after %d listings of it without the file", key, source, h.absentIn[at])
			}
		}
	}
}

// forgetFetches drops what was fetched of files that have left a place: with it, the date may have gone under which that was.
func (h *upstream) forgetFetches() {
	for key, before := range h.store.history {
		file := h.store.files[key]
		if slices.ContainsFunc(before.Sources, func(s SourceKey) bool { return !slices.Contains(file.Sources, s) }) {
			maps.DeleteFunc(h.fetches, func(what string, _ int) bool { return strings.HasPrefix(what, "{"+key.FileID+" ") })
		}
	}
}

// checkEmpty fails if one of the sources, which was listed completely and has nothing any more, was believed.
func (h *upstream) checkEmpty(known map[FileKey][]SourceKey) {
	h.t.Helper()
	for source := range h.whole {
		held, has := 0, false
		for key, sources := range known {
			if slices.Contains(sources, source) && !slices.Contains(h.store.history[key].MissedIn, source) {
				held++
			}
		}
		for at := range h.listedIn {
			has = has || at.source == source
		}
		if held > 0 && !has && h.whole[source] {
			h.t.Errorf("the empty listing of %s was believed, which held %d", source, held)
		}
	}
}

// checkCounts fails unless the row of each file counts those of its assets.
func (h *upstream) checkCounts() {
	h.t.Helper()
	counts := map[FileKey]Counts{}
	for key, row := range h.store.rows {
		file := FileKey{FileID: string(key.FileID)}
		c := counts[file]
		c.add(row)
		counts[file] = c
		if row.IsCounted() && h.store.files[file] == nil {
			h.t.Errorf("%v has a row, and its file has none", key)
		}
	}
	for key, file := range h.store.files {
		got := Counts{Stored: file.Stored, Skipped: file.Skipped, Failed: file.Failed, Bytes: file.Bytes}
		if want := counts[key]; got != want {
			h.t.Errorf("row of %v: %+v, want %+v", key, got, want)
		}
	}
}

// checkStored fails unless everything that is upstream is stored as it is.
func (h *upstream) checkStored() {
	h.t.Helper()
	for id, f := range h.files {
		for key := range f.pictures {
			row := h.store.rows[key]
			if row == nil || row.Status != Stored || !row.isListed() || row.Content.SHA256 != sha256.Sum256(h.content(key)) {
				h.t.Errorf("%v is %+v, want it stored with %q", key, row, h.content(key))
			}
		}
		file := h.store.files[FileKey{FileID: id}]
		if !file.UpdatedAt.Equal(h.newest(id)) || file.Stored != int64(len(f.pictures)) || !file.isListed() {
			h.t.Errorf("row of %s: %+v, want the date %v and %d stored", id, file, h.newest(id), len(f.pictures))
		}
		for _, want := range directorySources(slices.Sorted(maps.Keys(f.places))) {
			if !slices.Contains(file.Sources, want) || slices.Contains(file.MissedIn, want) {
				h.t.Errorf("row of %s: it is in %v, and missed in %v, want it in %s", id, file.Sources, file.MissedIn, want)
			}
		}
		if row := h.store.rows[AssetKey{FileID: ID(id), Kind: Screenshot, PageIndex: 1}]; row != nil && row.File.Place() != file.Place() {
			h.t.Errorf("rows of %s name %s and %s", id, row.File.Place(), file.Place())
		}
	}
}

func directorySources(ids []string) (keys []SourceKey) {
	for _, id := range ids {
		keys = append(keys, DirectorySource(id))
	}
	return keys
}

// checkExact fails unless everything else has vanished, too, and nothing was fetched twice under the same date.
func (h *upstream) checkExact() {
	h.t.Helper()
	h.checkStored()
	for id, f := range h.files {
		got := h.store.files[FileKey{FileID: id}].Sources
		if want := directorySources(slices.Sorted(maps.Keys(f.places))); !slices.Equal(got, want) {
			h.t.Errorf("row of %s: it is in %v, want %v", id, got, want)
		}
	}
	for key, row := range h.store.rows {
		f := h.files[string(key.FileID)]
		if f != nil {
			first := slices.Sorted(maps.Keys(f.places))[0]
			for _, file := range []*File{row.File, &h.store.files[FileKey{FileID: string(key.FileID)}].File} {
				if row.IsGone() {
					break
				}
				if file.DirectoryID != first || *file.DisplayName != f.names[first] {
					h.t.Errorf("%v is named as %q in %s, want %q in %s", key, *file.DisplayName, file.DirectoryID, f.names[first], first)
				}
			}
			if _, there := f.pictures[key]; there {
				continue
			}
		}
		if row.VanishedAt.IsZero() {
			h.t.Errorf("%v is not upstream any more, and has not vanished: %+v", key, row.Gone)
		}
	}
	for key, file := range h.store.files {
		if h.files[key.FileID] == nil && file.VanishedAt.IsZero() {
			h.t.Errorf("%v is not upstream any more, and has not vanished: %+v", key, file.Gone)
		}
	}
	for what, times := range h.fetches {
		if times > 1 {
			h.t.Errorf("%s was fetched %d times", what, times)
		}
	}
}
