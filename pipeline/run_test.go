package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestRun_AllAssets_EndAsOneRowEach(t *testing.T) {
	source, store := testSource(50), newFakeStore(t)
	// The same file twice, a file with nothing to export, and one whose id must not be used.
	source.files = append(source.files, source.files[3], File{DirectoryFileID: "no-file"}, File{ID: "../..?x"})
	events := &recorder{}
	o := testOptions(source, store)
	o.Observer, o.CheckpointRows = events, 7
	mustRun(t, o)

	if got := countRows(store, hasStatus(Stored)); got != 250 || len(store.rows) != 250 {
		t.Errorf("%d of %d rows are stored, want 250 of 250", got, len(store.rows))
	}
	for key, row := range store.rows {
		if string(store.put[key]) != string(blobContent(&row.Asset)) || row.Location.Path == "" || row.Attempts != 1 {
			t.Errorf("row %+v does not match what was put", row)
		}
	}
	if len(source.fetched) != 250 || !store.sealed {
		t.Errorf("fetched %d blobs, sealed %v, want 250, true", len(source.fetched), store.sealed)
	}
	// The bound may be passed by what the four fetchers and the lister were about to add.
	if store.batch > 7+5 {
		t.Errorf("a checkpoint had %d rows, want at most 12", store.batch)
	}
	want := Counts{Screenshots: new(int64(2)), Figures: new(int64(3)), Stored: 5, Bytes: 1000 + 100 + 10 + 20 + 100}
	for i := range 50 {
		f := store.files[FileKey{FileID: fmt.Sprintf("file-%03d", i)}]
		if f == nil || f.Status != Complete || f.Stored != want.Stored || f.Bytes != want.Bytes || *f.Figures != *want.Figures {
			t.Fatalf("file %d: got row %+v, want counts %+v", i, f, want)
		}
	}
	if f := store.files[FileKey{DirectoryFileID: "no-file"}]; f == nil || f.Status != Skipped || f.Error != ReasonNoFileID {
		t.Errorf("file without id: got row %+v", f)
	}
	if f := store.files[FileKey{FileID: "../..?x"}]; f == nil || f.Status != Failed || !strings.HasPrefix(f.Error, "bad_id: ") {
		t.Errorf("file with a bad id: got row %+v", f)
	}
	if got := countEvents[FileListed](events); got != 52 {
		t.Errorf("%d FileListed events, want 52", got)
	}
	if got := countEvents[FileSettled](events); got != 52 {
		t.Errorf("%d FileSettled events, want 52", got)
	}
	if countEvents[AssetDone](events) != 250 || countEvents[FilesComplete](events) != 1 {
		t.Errorf("%d AssetDone and %d FilesComplete events, want 250 and 1", countEvents[AssetDone](events), countEvents[FilesComplete](events))
	}
}

func TestRun_Filters_SkipWithReason(t *testing.T) {
	pages, err := ParsePages("0-3")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		filters Filters
		want    map[string]int
	}{
		{"noise", Filters{Screenshots: true, Figures: true, SkipNoise: true}, map[string]int{"": 4, ReasonNoise: 1}},
		{"confidence", Filters{Screenshots: true, Figures: true, MinConfidence: 0.5}, map[string]int{"": 4, ReasonConfidence: 1}},
		{"category", Filters{Screenshots: true, Figures: true, Categories: []string{"table"}}, map[string]int{"": 2, ReasonCategory: 3}},
		{"no category", Filters{Screenshots: true, Figures: true, Categories: []string{"table", CategoryNone}}, map[string]int{"": 5}},
		{"page", Filters{Screenshots: true, Figures: true, Pages: pages}, map[string]int{"": 3, ReasonPage: 2}},
		{"kinds", Filters{Figures: true}, map[string]int{"": 3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			source, store := testSource(1), newFakeStore(t)
			o := testOptions(source, store)
			o.Filters = tt.filters
			mustRun(t, o)
			got := map[string]int{}
			for _, row := range store.rows {
				got[row.Reason]++
				if (row.Status == Skipped) != (row.Reason != "") {
					t.Errorf("row %+v", row)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("rows by reason: got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestRun_SecondRun_FetchesOnlyWhatIsMissing(t *testing.T) {
	source, store := testSource(3), newFakeStore(t)
	var fail atomic.Bool
	fail.Store(true)
	source.blobErr = func(a *Asset) error {
		if fail.Load() && a.FileID == "file-001" && a.Kind == Screenshot && a.PageIndex == 0 {
			return &Failure{Class: "http_404", Attempts: 3, Err: errFake}
		}
		return nil
	}
	mustRun(t, testOptions(source, store))
	row := store.rows[AssetKey{FileID: "file-001", Kind: Screenshot}]
	if row == nil || row.Status != Failed || row.Reason != "http_404: fake" || row.Attempts != 3 {
		t.Fatalf("row of the failed asset: %+v", row)
	}
	if f := store.files[FileKey{FileID: "file-001"}]; f.Status != Partial || f.Failed != 1 || f.Stored != 4 {
		t.Errorf("row of its file: %+v", f)
	}

	again := func(what string, wantListings, wantFetched int) {
		t.Helper()
		source.listings, source.fetched, source.stopped = nil, nil, false
		store.nextRun()
		mustRun(t, testOptions(source, store))
		if len(source.listings) != wantListings || len(source.fetched) != wantFetched {
			t.Errorf("%s: %d listings and %d blobs, want %d and %d", what, len(source.listings), len(source.fetched), wantListings, wantFetched)
		}
	}
	fail.Store(false)
	again("after a failure", 2, 1)
	again("nothing new", 0, 0)
	source.files[0].UpdatedAt = testTime.Add(time.Second)
	// A picture of the same size may be another one now.
	again("a file touched", 2, 5)
	if len(store.put) != 0 {
		t.Errorf("%d blobs were put although their bytes are those that are stored", len(store.put))
	}
	if got := store.rows[AssetKey{FileID: "file-000", Kind: Screenshot}].File.UpdatedAt; !got.Equal(source.files[0].UpdatedAt) {
		t.Errorf("the kept row says that the file was updated at %v", got)
	}
	source.files[0].UpdatedAt = testTime.Add(time.Minute)
	source.assets["file-000"][0].ListedSize = new(int64(1001))
	source.assets["file-000"] = append(source.assets["file-000"][:4], Asset{Kind: Screenshot, PageIndex: 6})
	again("a file parsed anew", 2, 5)
	unlisted := AssetKey{FileID: "file-000", Kind: Figure, PageIndex: 5, FigureName: "a"}
	if row := store.rows[unlisted]; row.MissedAt.IsZero() || row.IsGone() {
		t.Errorf("row of an asset that is missing for the first time: %+v", row)
	}
	if f := store.files[FileKey{FileID: "file-000"}]; f.Stored != 5 || f.Status != Complete {
		t.Errorf("row of the file that was parsed anew: %+v", f)
	}
	again("whether it is missing again", 2, 0)
	if row := store.rows[unlisted]; row.VanishedAt.IsZero() {
		t.Errorf("row of an asset that is no longer listed: %+v", row)
	}
	again("nothing new again", 0, 0)
}

func TestRun_OtherFilters_ListOnlyWhatTheyConcern(t *testing.T) {
	source, store := testSource(2), newFakeStore(t)
	source.assets["file-001"] = append(source.assets["file-001"][:2], source.assets["file-001"][3])
	o := testOptions(source, store)
	run := func(f Filters, wantListings, wantFetched int) {
		t.Helper()
		source.listings, source.fetched, source.stopped = nil, nil, false
		store.nextRun()
		o.Filters = f
		mustRun(t, o)
		if len(source.listings) != wantListings || len(source.fetched) != wantFetched {
			t.Errorf("filters %+v: %d listings and %d blobs, want %d and %d", f, len(source.listings), len(source.fetched), wantListings, wantFetched)
		}
	}
	run(Filters{Screenshots: true}, 2, 4)
	run(Filters{Screenshots: true}, 0, 0)
	run(Filters{Screenshots: true, Figures: true, SkipNoise: true}, 4, 3)
	run(Filters{Screenshots: true, Figures: true, SkipNoise: true}, 0, 0)
	// Now the noise is wanted: only the file that has some is listed again.
	run(Filters{Screenshots: true, Figures: true}, 2, 1)
	// What is stored stays, whatever the filters say.
	run(Filters{Screenshots: true, Figures: true, SkipNoise: true}, 0, 0)
	if got := countRows(store, hasStatus(Stored)); got != 8 {
		t.Errorf("%d rows are stored, want 8", got)
	}
}

func TestRun_Refetch_FetchesEverything(t *testing.T) {
	source, store := testSource(2), newFakeStore(t)
	o := testOptions(source, store)
	mustRun(t, o)
	store.nextRun()
	source.stopped, source.fetched = false, nil
	o.Refetch = true
	mustRun(t, o)
	if len(source.fetched) != 10 {
		t.Errorf("fetched %d blobs, want 10", len(source.fetched))
	}
}

// A refetch that fails, or that the filters leave out, does not forget what is stored.
func TestRun_Refetch_KeepsWhatItCannotReplace(t *testing.T) {
	source, store := testSource(2), newFakeStore(t)
	o := testOptions(source, store)
	mustRun(t, o)
	stored := maps.Clone(store.rows)

	o.Refetch = true
	source.blobErr = func(*Asset) error { return &Failure{Class: "http_404", Attempts: 1, Err: errFake} }
	source.stopped = false
	store.nextRun()
	events := &recorder{}
	o.Observer = events
	mustRun(t, o)
	if got := countRows(store, hasStatus(Stored)); got != len(stored) || countEvents[AssetDone](events) != len(stored) {
		t.Errorf("%d rows are stored after a refetch in vain, want %d", got, len(stored))
	}
	if f := store.files[FileKey{FileID: "file-000"}]; f.Status != Partial || f.Stored != 5 {
		t.Errorf("row of a file whose refetch failed: %+v, want partial", f)
	}

	source.blobErr, source.stopped, source.fetched = nil, false, nil
	store.nextRun()
	pages, err := ParsePages("5")
	if err != nil {
		t.Fatal(err)
	}
	o.Filters.Pages = pages
	mustRun(t, o)
	if got := countRows(store, hasStatus(Stored)); got != len(stored) || len(source.fetched) != 4 {
		t.Errorf("%d rows are stored after a refetch of some pages, %d were fetched, want %d and 4", got, len(source.fetched), len(stored))
	}
}

func TestRun_ListingOfOneFileFails_OthersGoOn(t *testing.T) {
	source, store := testSource(3), newFakeStore(t)
	source.listErr = func(id ID, kind Kind) error {
		if id == "file-001" && kind == Figure {
			return &Failure{Class: "http_403", Attempts: 1, Err: errFake}
		}
		return nil
	}
	mustRun(t, testOptions(source, store))
	f := store.files[FileKey{FileID: "file-001"}]
	if f.Status != Failed || f.Error != "http_403: fake" || f.Figures != nil || *f.Screenshots != 2 || f.Stored != 2 {
		t.Errorf("row of the file: %+v", f)
	}
	if got := countRows(store, hasStatus(Stored)); got != 12 {
		t.Errorf("%d rows are stored, want 12", got)
	}
}

func TestRun_BothListingsOfAFileFail_BothAreTold(t *testing.T) {
	source, store := testSource(1), newFakeStore(t)
	source.listErr = func(_ ID, kind Kind) error {
		return &Failure{Class: "http_404", Attempts: 1, Err: errors.New("no " + string(kind) + "s")}
	}
	mustRun(t, testOptions(source, store))
	f := store.files[source.files[0].Key()]
	if want := "http_404: no screenshots; http_404: no figures"; f.Status != Failed || f.Error != want {
		t.Errorf("%s, %q, want %s, %q", f.Status, f.Error, Failed, want)
	}
}

// While a batch is being synced, no blob is put that its commit would not cover; once it is released, blobs are.
func TestRun_Sync_KeepsBatchesApart(t *testing.T) {
	source, store := testSource(40), newFakeStore(t)
	store.slow = time.Millisecond
	o := testOptions(source, store)
	o.Concurrency, o.CheckpointRows = 16, 10
	mustRun(t, o)
	if len(store.rows) != 200 {
		t.Errorf("%d rows, want 200", len(store.rows))
	}
}

// An error that ends the intake: what is in flight is committed, and Run says why it ended.
func TestRun_SourceFails_CommitsWhatIsInFlight(t *testing.T) {
	tests := map[string]func(*fakeSource){
		"files":  func(s *fakeSource) { s.filesErr = errFake },
		"assets": func(s *fakeSource) { s.listErr = failOn("file-030") },
		"blob": func(s *fakeSource) {
			s.blobErr = func(a *Asset) error { return failOn("file-030")(a.FileID, a.Kind) }
		},
	}
	for name, arrange := range tests {
		t.Run(name, func(t *testing.T) {
			source, store := testSource(60), newFakeStore(t)
			arrange(source)
			if err := Run(t.Context(), testOptions(source, store)); !errors.Is(err, errFake) {
				t.Errorf("got error %v, want %v", err, errFake)
			}
			if len(store.rows) == 0 || len(store.rows) != len(store.put) || !store.sealed {
				t.Errorf("%d rows for %d blobs that were put, sealed %v", len(store.rows), len(store.put), store.sealed)
			}
		})
	}
}

func failOn(file ID) func(ID, Kind) error {
	return func(id ID, _ Kind) error {
		if id == file {
			return errFake
		}
		return nil
	}
}

func TestRun_Stop_DrainsAndCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := testSource(100), newFakeStore(t)
		source.hold = make(chan struct{})
		stop := make(chan struct{})
		o := testOptions(source, store)
		o.Stop = stop
		done := make(chan error)
		go func() { done <- Run(context.Background(), o) }()
		synctest.Wait()
		close(stop)
		synctest.Wait()
		close(source.hold)
		if err := <-done; !errors.Is(err, ErrInterrupted) {
			t.Errorf("got error %v, want %v", err, ErrInterrupted)
		}
		if len(store.rows) != 4 || !store.sealed {
			t.Errorf("%d rows, sealed %v; want the 4 that were in flight, true", len(store.rows), store.sealed)
		}
	})
}

func TestRun_Cancel_ReturnsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := testSource(100), newFakeStore(t)
		source.hold = make(chan struct{})
		ctx, cancel := context.WithCancelCause(context.Background())
		done := make(chan error)
		go func() { done <- Run(ctx, testOptions(source, store)) }()
		synctest.Wait()
		cancel(errFake)
		if err := <-done; !errors.Is(err, errFake) {
			t.Errorf("got error %v, want %v", err, errFake)
		}
		if len(store.rows) != 0 || store.sealed {
			t.Errorf("%d rows, sealed %v; want none, false", len(store.rows), store.sealed)
		}
	})
}

func TestRun_StorageFails_EndsAsStorageError(t *testing.T) {
	tests := map[string]func(*fakeStore){
		"put":    func(s *fakeStore) { s.putErr = func(*Asset) error { return errFake } },
		"sync":   func(s *fakeStore) { s.syncErr = func() error { return errFake } },
		"commit": func(s *fakeStore) { s.commitErr = func() error { return errFake } },
		"seal":   func(s *fakeStore) { s.sealErr = func() error { return errFake } },
	}
	for name, arrange := range tests {
		t.Run(name, func(t *testing.T) {
			source, store := testSource(60), newFakeStore(t)
			arrange(store)
			o := testOptions(source, store)
			o.CheckpointRows = 10
			err := Run(t.Context(), o)
			var storage *StorageError
			if !errors.As(err, &storage) || !errors.Is(err, errFake) {
				t.Errorf("got error %v, want a StorageError of %v", err, errFake)
			}
		})
	}
}

func TestRun_StagePanics_EndsWithoutHanging(t *testing.T) {
	tests := map[string]func(*fakeSource, *fakeStore){
		"files": func(s *fakeSource, _ *fakeStore) {
			s.files = append(s.files, File{ID: "boom"})
			s.listErr = panicOn("boom")
		},
		"after the files": func(s *fakeSource, _ *fakeStore) { s.panicAtEnd = true },
		"blob": func(s *fakeSource, _ *fakeStore) {
			s.blobErr = func(a *Asset) error { return panicOn("file-030")(a.FileID, a.Kind) }
		},
		"put": func(_ *fakeSource, s *fakeStore) {
			s.putErr = func(a *Asset) error { return panicOn("file-030")(a.FileID, a.Kind) }
		},
		"commit": func(_ *fakeSource, s *fakeStore) { s.commitErr = func() error { panic("boom") } },
	}
	for name, arrange := range tests {
		t.Run(name, func(t *testing.T) {
			source, store := testSource(60), newFakeStore(t)
			arrange(source, store)
			o := testOptions(source, store)
			o.CheckpointRows = 10
			err := Run(t.Context(), o)
			var panicked *PanicError
			if !errors.As(err, &panicked) || !strings.Contains(string(panicked.Stack), "pipeline") {
				t.Errorf("got error %v, want a PanicError with a stack", err)
			}
			if name != "commit" && len(store.rows) != len(store.put) {
				t.Errorf("%d rows for %d blobs that were put", len(store.rows), len(store.put))
			}
		})
	}
}

func panicOn(file ID) func(ID, Kind) error {
	return func(id ID, _ Kind) error {
		if id == file {
			panic("boom")
		}
		return nil
	}
}

// Blobs in flight are bounded by their number and by their bytes.
func TestRun_InFlight_IsBounded(t *testing.T) {
	for _, tt := range []struct {
		concurrency int
		memory      int64
		want        int
	}{{5, 1 << 30, 5}, {16, 3000, 3}, {16, 1, 1}} {
		synctest.Test(t, func(t *testing.T) {
			source, store := testSource(0), newFakeStore(t)
			source.files = []File{{ID: "f"}}
			for page := range int32(100) {
				source.assets["f"] = append(source.assets["f"], Asset{Kind: Screenshot, PageIndex: page, ListedSize: new(int64(1000))})
			}
			source.hold = make(chan struct{})
			o := testOptions(source, store)
			o.Concurrency, o.Memory = tt.concurrency, tt.memory
			done := make(chan error)
			go func() { done <- Run(context.Background(), o) }()
			synctest.Wait()
			close(source.hold)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if source.most != tt.want {
				t.Errorf("concurrency %d, memory %d: %d blobs in flight, want %d", tt.concurrency, tt.memory, source.most, tt.want)
			}
		})
	}
}

// A checkpoint comes with time even when little happens.
func TestRun_Checkpoint_ComesWithTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := testSource(1), newFakeStore(t)
		first := make(chan struct{})
		source.blobErr = func(a *Asset) error {
			if a.Kind == Figure {
				<-first
			}
			return nil
		}
		o := testOptions(source, store)
		o.Checkpoint = 3 * time.Second
		done := make(chan error)
		go func() { done <- Run(context.Background(), o) }()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		store.mu.Lock()
		before := len(store.rows)
		store.mu.Unlock()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		store.mu.Lock()
		after := len(store.rows)
		store.mu.Unlock()
		close(first)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if before != 0 || after != 2 {
			t.Errorf("rows after 2 s and 4 s: %d and %d, want 0 and 2", before, after)
		}
	})
}

// Where blobs come so slowly that few wait, checkpoints are as rare as SparseCheckpoint says, and nothing waits for them.
func TestRun_SparseCheckpoint_WaitsWhileLittleIsStored(t *testing.T) {
	for name, tt := range map[string]struct {
		// files have five blobs each.
		files       int
		size        int64
		pause, took time.Duration
		commits     int
	}{
		"few rows":             {20, 100, 2 * time.Second, 200 * time.Second, 4},
		"many rows":            {40, 100, 60 * time.Millisecond, 12 * time.Second, 2},
		"few rows, many bytes": {6, 2 << 20, 3 * time.Second, 90 * time.Second, 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, store, events := testSource(tt.files), newFakeStore(t), &recorder{}
				for _, assets := range source.assets {
					for i := range assets {
						assets[i].ListedSize = &tt.size
					}
				}
				source.blobErr = func(*Asset) error {
					time.Sleep(tt.pause)
					return nil
				}
				o := testOptions(source, store)
				o.Observer, o.Concurrency, o.Checkpoint, o.SparseCheckpoint = events, 1, 5*time.Second, time.Minute
				began := time.Now()
				if err := Run(context.Background(), o); err != nil {
					t.Fatal(err)
				}
				if took, commits := time.Since(began), countEvents[Committed](events); took != tt.took || commits != tt.commits {
					t.Errorf("%d commits in %v, want %d in %v", commits, took, tt.commits, tt.took)
				}
			})
		})
	}
}

func TestPlan_CountsWithoutFetching(t *testing.T) {
	source, store := testSource(20), newFakeStore(t)
	events := &recorder{}
	o := testOptions(source, store)
	o.Observer, o.Filters.SkipNoise = events, true
	if err := Plan(t.Context(), store, o); err != nil {
		t.Fatal(err)
	}
	if len(source.fetched) != 0 || len(store.rows) != 0 || countEvents[AssetPlanned](events) != 100 {
		t.Errorf("fetched %d, committed %d, planned %d; want 0, 0, 100", len(source.fetched), len(store.rows), countEvents[AssetPlanned](events))
	}
}

func TestPlan_ListingFails_IsTold(t *testing.T) {
	source, store := testSource(3), newFakeStore(t)
	source.listErr = func(id ID, kind Kind) error {
		if id == "file-001" && kind == Figure {
			return &Failure{Class: "http_403", Attempts: 1, Err: errFake}
		}
		return nil
	}
	events := &recorder{}
	o := testOptions(source, store)
	o.Observer = events
	if err := Plan(t.Context(), store, o); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, e := range events.events {
		if settled, ok := e.(FileSettled); ok && settled.Row.Status == Failed {
			failed++
		}
	}
	if failed != 1 || countEvents[FileSettled](events) != 3 {
		t.Errorf("%d of %d files failed, want 1 of 3", failed, countEvents[FileSettled](events))
	}
}

func TestOptions_Validate_NamesTheField(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"Source":   func(o *Options) { o.Source = nil },
		"Sink":     func(o *Options) { o.Sink = nil },
		"Ledger":   func(o *Options) { o.Ledger = nil },
		"Filters":  func(o *Options) { o.Filters = Filters{} },
		"negative": func(o *Options) { o.Memory = -1 },
	} {
		o := testOptions(testSource(1), newFakeStore(t))
		if err := o.Validate(); err != nil {
			t.Fatal(err)
		}
		change(&o)
		if err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one that contains %q", err, want)
		}
	}
}
