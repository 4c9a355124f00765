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
)

var histories = flag.Int("histories", 500, "how many random histories of upstream to try")

// Whatever upstream was like and whatever its listings said on the way: after a true listing the export has everything that is
// there, and after a second one it calls everything else gone.
func TestRun_AnyHistory_EndsAsUpstreamIs(t *testing.T) {
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
		h.lie = h.rng.IntN(3) == 0
		h.run(Options{Incremental: h.rng.IntN(4) == 0})
		time.Sleep(time.Duration(h.rng.Int64N(int64(20 * time.Hour))))
	}
	h.lie = false
	// A file that lacks pictures is asked for them when its age has doubled.
	time.Sleep(30 * 24 * time.Hour)
	h.run(Options{AcceptListing: true})
	h.checkStored()
	h.run(Options{AcceptListing: true})
	h.run(Options{AcceptListing: true})
	h.checkExact()
	before := len(h.requests)
	h.run(Options{})
	if asked := h.requests[before:]; len(asked) > 0 {
		h.t.Errorf("with nothing to do, %q was asked for", asked)
	}
	if h.t.Failed() {
		h.t.Log(strings.Join(h.trace, "\n"))
	}
}

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
	// trace says what happened, for the case that a test fails.
	trace []string
}

func (h *upstream) note(format string, args ...any) {
	h.trace = append(h.trace, time.Now().Format(time.DateTime)+" "+fmt.Sprintf(format, args...))
}

// upstreamFile is a file there. Each version of a picture has other bytes, of the same size or not.
type upstreamFile struct {
	places   map[string]time.Time
	pictures map[AssetKey]upstreamPicture
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
		absent: map[string]int{}, absentAssets: map[AssetKey]int{},
	}
	for range 3 + h.rng.IntN(6) {
		h.add()
	}
	return h
}

// add makes a file in one or both directories, whose pictures come at once or late.
func (h *upstream) add() {
	h.next++
	f := &upstreamFile{places: map[string]time.Time{}, pictures: map[AssetKey]upstreamPicture{}}
	for _, d := range []string{"a", "b"} {
		if h.rng.IntN(2) == 0 || d == "b" && len(f.places) == 0 {
			f.places[d] = h.date()
		}
	}
	id := fmt.Sprintf("file-%d", h.next)
	for page := range int32(1 + h.rng.IntN(2)) {
		for _, kind := range []Kind{Screenshot, Figure} {
			p := upstreamPicture{size: 20 + h.rng.Int64N(2), shown: time.Now()}
			if h.rng.IntN(3) == 0 {
				p.shown = p.shown.Add(time.Duration(h.rng.Int64N(int64(12 * time.Hour))))
			}
			f.pictures[AssetKey{FileID: ID(id), Kind: kind, PageIndex: page}] = p
		}
	}
	h.files[id] = f
}

// date is one of now that no file has had.
func (h *upstream) date() time.Time {
	time.Sleep(time.Second)
	return time.Now().UTC().Truncate(time.Microsecond)
}

// happen changes some of what is upstream.
func (h *upstream) happen() {
	for _, id := range slices.Sorted(maps.Keys(h.files)) {
		f := h.files[id]
		switch h.rng.IntN(12) {
		case 0:
			delete(h.files, id)
		case 1, 2:
			// A page is rendered again: the date of one of the places moves.
			for _, key := range slices.SortedFunc(maps.Keys(f.pictures), AssetKey.Compare)[:1] {
				p := f.pictures[key]
				p.version++
				p.size = 20 + h.rng.Int64N(2)
				f.pictures[key] = p
			}
			for _, d := range slices.Sorted(maps.Keys(f.places)) {
				f.places[d] = h.date()
				break
			}
		case 3:
			// A page goes.
			if len(f.pictures) > 2 {
				delete(f.pictures, slices.SortedFunc(maps.Keys(f.pictures), AssetKey.Compare)[0])
				for _, d := range slices.Sorted(maps.Keys(f.places)) {
					f.places[d] = h.date()
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
	o.Filters = Filters{Screenshots: true, Figures: true}
	events := &recorder{}
	o.Observer = events
	h.listed, h.whole = map[string]bool{}, map[SourceKey]bool{}
	known := map[FileKey][]SourceKey{}
	for key, file := range h.store.files {
		if file.isListed() && key.FileID != "" {
			known[key] = file.Sources
		}
	}
	err := Run(context.Background(), o)
	h.note("run incremental %v lie %v: %v", h.incremental, h.lie, err)
	_, doubted := errors.AsType[*DoubtError](err)
	if err != nil && !doubted && !(h.lie && errors.Is(err, errFake)) {
		h.t.Fatal(err)
	}
	var lost int64
	for key := range known {
		if !h.listed[key.FileID] {
			lost++
		}
	}
	complete := err == nil && !o.Incremental
	if complete && !o.AcceptListing && h.whole[DirectorySource("a")] && h.whole[DirectorySource("b")] &&
		(&loss{int64(len(known)), lost}).isDoubtful() {
		h.t.Errorf("a listing was believed that lost %d of %d", lost, len(known))
	}
	h.checkGone(func(key FileKey) bool {
		return complete && !slices.ContainsFunc(known[key], func(s SourceKey) bool { return !h.whole[s] })
	})
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
			h.listed[id] = true
			h.note("  listed %s in %s, %v", id, d, updated)
			if !yield(File{ID: id, DirectoryID: d, DirectoryFileID: d + id, UpdatedAt: updated}, nil) {
				return
			}
		}
	}}
}

// Assets implements Source.
func (h *upstream) Assets(_ context.Context, id ID, kind Kind) ([]Asset, error) {
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
	assets := []Asset{}
	if h.lie {
		switch h.rng.IntN(12) {
		case 0:
			return nil, nil
		case 1:
			return assets, nil
		case 2:
			return nil, &Failure{Class: "http_404", Attempts: 1, Final: true, Absent: true, Err: errFake}
		case 3:
			assets = append(assets, Asset{FileID: id, Kind: kind, PageIndex: -1, Malformed: &Failure{Class: ClassMalformed, Err: errFake}})
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(f.pictures), AssetKey.Compare) {
		if p := f.pictures[key]; key.Kind == kind && !p.shown.After(time.Now()) && (len(assets) == 0 || assets[0].Malformed == nil || h.rng.IntN(2) == 0) {
			h.absentAssets[key] = 0
			assets = append(assets, Asset{FileID: id, Kind: kind, PageIndex: key.PageIndex, ListedSize: &p.size})
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
func (h *upstream) checkGone(counts func(FileKey) bool) {
	h.t.Helper()
	for key, file := range h.store.files {
		switch {
		case h.listed[key.FileID]:
			h.absent[key.FileID] = 0
		case counts(key):
			h.absent[key.FileID]++
		}
		// A row of what could not be read stands for no file.
		if file.IsGone() && key.FileID != "" && h.absent[key.FileID] < 2 {
			h.t.Errorf("%v is gone after %d listings without it", key, h.absent[key.FileID])
		}
	}
	for key, row := range h.store.rows {
		if h.store.files[FileKey{FileID: string(key.FileID)}].IsGone() {
			// It went with its file.
			h.absentAssets[key] = 2
		}
		// A row of what could not be read stands for no picture.
		if row.IsGone() && key.PageIndex >= 0 && h.absentAssets[key] < 2 {
			h.t.Errorf("%v is gone after %d listings without it", key, h.absentAssets[key])
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
		if want := slices.Sorted(maps.Keys(f.places)); fmt.Sprint(file.Sources) != fmt.Sprint(directorySources(want)) {
			h.t.Errorf("row of %s: it is in %v, want %q", id, file.Sources, want)
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
	for key, row := range h.store.rows {
		f := h.files[string(key.FileID)]
		if f != nil {
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
