package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"exporter/internal/testmain"
)

// heavySource has files with metadata of so many bytes each, and assets with as much.
func heavySource(files, assets, size int) *fakeSource {
	metadata := json.RawMessage(`"` + strings.Repeat("m", size) + `"`)
	s := &fakeSource{assets: map[string][]Asset{}}
	for i := range files {
		id := fmt.Sprintf("file-%03d", i)
		s.files = append(s.files, File{ID: id, DirectoryID: "d", DirectoryFileID: "df-" + id, UpdatedAt: testTime, Metadata: metadata})
		for page := range assets {
			s.assets[id] = append(s.assets[id],
				Asset{Kind: Screenshot, PageIndex: int32(page), ListedSize: new(int64(1000)), Metadata: metadata},
				Asset{Kind: Figure, PageIndex: int32(page), FigureName: "a", ListedSize: new(int64(1000)), Metadata: metadata})
		}
	}
	return s
}

// meteredSource notes the most that listings have been given of the memory, and how often they were read to their end.
type meteredSource struct {
	*fakeSource
	run    func() *memory
	most   atomic.Int64
	listed atomic.Int64
}

func (s *meteredSource) Assets(ctx context.Context, of Wanted, room Room) ([]*Asset, error) {
	assets, err := s.fakeSource.Assets(ctx, of, func(bytes int64) error {
		err := room(bytes)
		m := s.run()
		m.mu.Lock()
		defer m.mu.Unlock()
		for most := s.most.Load(); m.listed > most && !s.most.CompareAndSwap(most, m.listed); most = s.most.Load() {
		}
		return err
	})
	if err == nil {
		s.listed.Add(1)
	}
	return assets, err
}

// runMetered runs an export with a source that watches its memory.
func runMetered(t *testing.T, o Options) (*meteredSource, *memory, error) {
	t.Helper()
	source := &meteredSource{fakeSource: o.Source.(*fakeSource)}
	o.Source = source
	r := newRun(t.Context(), o, o.Ledger)
	source.run = func() *memory { return r.memory }
	r.crew.start()
	err := r.wait(r.commit)
	return source, r.memory, err
}

// However little memory there is, and however much metadata, a run ends, and all that was charged is given back.
func TestRun_LittleMemory_EndsAndStaysWithin(t *testing.T) {
	for _, test := range []struct {
		memory               int64
		files, assets, size  int
		listers, concurrency int
	}{
		{1, 12, 3, 300_000, 8, 4},
		{1, 3, 1, 0, 8, 1},
		{16 << 20, 40, 4, 100_000, 8, 8},
		{64 << 20, 30, 10, 100_000, 16, 32},
	} {
		t.Run(fmt.Sprint(test), func(t *testing.T) {
			store := newFakeStore(t)
			o := testOptions(heavySource(test.files, test.assets, test.size), store)
			o.Memory, o.Listers, o.Concurrency, o.Checkpoint = test.memory, test.listers, test.concurrency, 20*time.Millisecond
			source, m, err := runMetered(t, o)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := countRows(store, hasStatus(Stored)), 2*test.files*test.assets; got != want || len(store.files) != test.files {
				t.Errorf("%d rows of %d files, want %d of %d", got, len(store.files), want, test.files)
			}
			if m.listed != 0 || m.blobs != 0 || m.large != nil {
				t.Errorf("at the end %d bytes of listings are charged, %d of blobs, large: %v", m.listed, m.blobs, m.large)
			}
			one := int64(2*test.assets+1) * int64(test.size+1000)
			if most := source.most.Load(); most > m.share+one {
				t.Errorf("%d bytes were charged at once, want no more than the share of %d and one file of %d", most, m.share, one)
			}
		})
	}
}

// A listing that takes more than all memory is its file's failure, and the others are exported.
func TestRun_ListingLargerThanMemory_IsItsFilesFailure(t *testing.T) {
	store := newFakeStore(t)
	source := heavySource(5, 1, 10)
	for page := range 40 {
		source.assets["file-002"] = append(source.assets["file-002"],
			Asset{Kind: Screenshot, PageIndex: int32(page + 1), Metadata: json.RawMessage(`"` + strings.Repeat("m", 1<<20) + `"`)})
	}
	o := testOptions(source, store)
	o.Memory = 20 << 20
	_, m, err := runMetered(t, o)
	if err != nil {
		t.Fatal(err)
	}
	for key, f := range store.files {
		if large := key.FileID == "file-002"; large != (f.Status == Failed) || large && !strings.HasPrefix(f.Error, ClassTooLarge+": ") {
			t.Errorf("%s is %s: %s", key.FileID, f.Status, f.Error)
		}
	}
	if m.listed != 0 {
		t.Errorf("at the end %d bytes are charged", m.listed)
	}
}

// Files whose kind nobody offers wait for each other without waiting for memory.
func TestRun_LittleMemory_HeldFilesHoldNobodyUp(t *testing.T) {
	store := newFakeStore(t)
	source := heavySource(firstFiles+10, 1, 100_000)
	source.listErr = func(_ ID, kind Kind) error {
		if kind == Figure {
			return &Failure{Class: "http_404", Final: true, Absent: true, Err: errFake}
		}
		return nil
	}
	o := testOptions(source, store)
	o.Memory, o.Checkpoint = 1, 20*time.Millisecond
	if _, m, err := runMetered(t, o); err != nil || m.listed != 0 || countRows(store, hasStatus(Stored)) != firstFiles+10 {
		t.Errorf("%v, %d bytes are charged, %d assets are stored", err, m.listed, countRows(store, hasStatus(Stored)))
	}
}

// A large listing that finds another one large is asked for again when there is room, and by then holds nothing.
func TestMemory_TwoLargeListings_OneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(64 << 20)
		enter := func() *room {
			r, err := m.enter(t.Context(), 1000)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		first, second := enter(), enter()
		if err := errors.Join(first.take(m.share), first.take(m.share)); err != nil {
			t.Fatal(err)
		}
		if err := second.take(m.share); !errors.Is(err, errNoRoom) {
			t.Fatalf("got %v, want %v", err, errNoRoom)
		}
		second.back(1000)
		var wg sync.WaitGroup
		grown := false
		wg.Go(func() {
			if err := second.grow(t.Context()); err != nil {
				t.Error(err)
			}
			grown = true
		})
		synctest.Wait()
		if grown {
			t.Fatal("two listings are large at once")
		}
		held := first.leave()
		first.close()
		synctest.Wait()
		if grown {
			t.Fatal("a listing is large beside what is left of another one")
		}
		m.freeListed(held)
		wg.Wait()
		if err := second.take(2 * m.share); err != nil {
			t.Errorf("now: %v", err)
		}
		if _, ok := errors.AsType[*Failure](second.take(m.most)); !ok {
			t.Error("a listing takes more than there is")
		}
	})
}

// slowStore commits slowly, and notes how old blobs are by then.
type slowStore struct {
	*fakeStore
	commit time.Duration
	mu     sync.Mutex
	stored map[AssetKey]time.Time
	oldest time.Duration
	rows   int
}

func (s *slowStore) Put(ctx context.Context, a *Asset, b *Blob, prior *Location) (*Location, error) {
	s.mu.Lock()
	s.stored[a.Key()] = time.Now()
	s.mu.Unlock()
	return s.fakeStore.Put(ctx, a, b, prior)
}

func (s *slowStore) Commit(ctx context.Context, rows Rows) error {
	time.Sleep(s.commit)
	s.mu.Lock()
	for _, row := range rows.Assets {
		s.oldest = max(s.oldest, time.Since(s.stored[row.Key()]))
	}
	s.rows = max(s.rows, len(rows.Assets))
	s.mu.Unlock()
	return s.fakeStore.Commit(ctx, rows)
}

// Where committing is slower than fetching, fetching waits: what is not committed is no older than it takes to make two checkpoints
// and the time between them, however fast blobs come.
func TestRun_CommittingIsSlow_FetchingWaits(t *testing.T) {
	testmain.Long(t)
	synctest.Test(t, func(t *testing.T) {
		const checkpoint, commit, blob = 5 * time.Second, time.Minute, 10 * time.Millisecond
		store := &slowStore{fakeStore: newFakeStore(t), commit: commit, stored: map[AssetKey]time.Time{}}
		source := heavySource(500, 10, 1)
		source.blobErr = func(*Asset) error { time.Sleep(blob); return nil }
		o := testOptions(source, store.fakeStore)
		o.Sink, o.Ledger, o.Checkpoint = store, store, checkpoint
		began := time.Now()
		mustRun(t, o)
		if got := countRows(store.fakeStore, hasStatus(Stored)); got != 10_000 {
			t.Fatalf("%d rows, want 10000", got)
		}
		if most := blobAge*checkpoint + 2*commit; store.oldest > most {
			t.Errorf("a blob was %v old when it was committed, want %v at most", store.oldest, most)
		}
		// In ten seconds, four workers fetch no more than this.
		if most := int(blobAge*checkpoint/blob)*4 + 4; store.rows > most {
			t.Errorf("a checkpoint has %d rows, want %d at most", store.rows, most)
		}
		if took := time.Since(began); took > 20*time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}

// Rows that wait are committed before they take more memory than their part.
func TestRun_HeavyRows_AreCommittedSoon(t *testing.T) {
	store := newFakeStore(t)
	o := testOptions(heavySource(4, 100, 100_000), store)
	o.Memory, o.Checkpoint = 64<<20, time.Hour
	if _, _, err := runMetered(t, o); err != nil {
		t.Fatal(err)
	}
	// Half of the share of 8 MiB, and what is in flight.
	if most := 40 + 2*o.Concurrency; store.batch > most {
		t.Errorf("a checkpoint has %d rows of 100 kB, want %d at most", store.batch, most)
	}
}

// With several listings files wait for what the others say of them, but no more of them than half of what listings may have of the
// memory.
func TestRun_WaitingFiles_StayWithinMemory(t *testing.T) {
	const files, size = 300, 10_000
	source := testSource(files)
	source.places = []SourceKey{"directory:d", "directory:e"}
	for i := range source.files {
		source.files[i].Metadata = json.RawMessage(`"` + strings.Repeat("m", size) + `"`)
	}
	listed, asked, waited := 0, 0, 0
	o := testOptions(source, newFakeStore(t)).withDefaults()
	o.Memory, o.Observer = 1, observerFunc(func(e Event) {
		if _, ok := e.(FileListed); ok {
			listed++
			waited = max(waited, listed-asked)
		}
	})
	r := newRun(t.Context(), o, o.Ledger)
	if _, err := r.eachListed(func(*listedFile) { asked++ }); err != nil || asked != files {
		t.Fatalf("%d files were asked for, %v, want %d", asked, err, files)
	}
	if most := int(r.memory.share/2/size) + 1; waited < 2 || waited > most {
		t.Errorf("%d files waited at once, want no more than %d", waited, most)
	}
}

// A listing may have a million assets: what few of them have is in their Details.
func TestAsset_IsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Asset{}); size > 144 {
		t.Errorf("an asset takes %d bytes, want at most 144", size)
	}
}

// Where a checkpoint is seldom, as in a bucket, listings that wait for memory bring one on: what is settled, and has little to say, may
// hold all of it.
func TestRun_CheckpointIsSeldom_ListingsDoNotWaitForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFakeStore(t)
		o := testOptions(heavySource(150, 10, 0), store)
		mustRun(t, o)
		store.nextRun()
		o.Relist, o.Memory, o.Checkpoint, o.CheckpointRows = true, 8<<20, 15*time.Minute, 100_000
		began, events := time.Now(), &recorder{}
		o.Observer = events
		mustRun(t, o)
		if took := time.Since(began); took >= o.Checkpoint {
			t.Errorf("the run waited for its checkpoints: %v", took)
		}
		if n := countEvents[Committed](events); n > 100 {
			t.Errorf("%d checkpoints, want some", n)
		}
	})
}

// lateLister lists some kinds of some files late.
type lateLister struct {
	*fakeSource
	late map[string]time.Duration
}

func (s lateLister) Assets(ctx context.Context, of Wanted, room Room) ([]*Asset, error) {
	time.Sleep(s.late[of.File.ID+" "+string(of.Kind)])
	return s.fakeSource.Assets(ctx, of, room)
}

// Where all who list wait for memory, and nothing is to come of the files before, what these have left is committed, however little it is.
func TestRun_AllListingsWait_WhatIsLeftIsCommitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pages, size = 40, 98_000
		source := heavySource(3, pages, size)
		// Of the first file less than a quarter of what listings may have is left when a checkpoint has become due, by a large figure. The others
		// have half of their own by then, which is nearly all that there is.
		first := source.assets["file-000"][:2*28]
		first[2*11+1].Metadata = json.RawMessage(`"` + strings.Repeat("m", 24*size) + `"`)
		source.assets["file-000"] = first
		o := testOptions(source, newFakeStore(t))
		o.Source = lateLister{source, map[string]time.Duration{
			"file-000 screenshot": time.Second, "file-001 figure": time.Minute, "file-002 figure": time.Minute,
		}}
		source.blobErr = func(*Asset) error { time.Sleep(time.Millisecond); return nil }
		o.Memory, o.Concurrency, o.Listers, o.Checkpoint, o.SparseCheckpoint = 64<<20, 1, 3, time.Hour, time.Hour
		began := time.Now()
		mustRun(t, o)
		if took := time.Since(began); took >= o.Checkpoint {
			t.Errorf("the run waited for its checkpoints: %v", took)
		}
	})
}
