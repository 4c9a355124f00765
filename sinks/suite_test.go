package sinks

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"exporter/internal/durable"
	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/pipeline"
)

// sinkUnderTest is what the conformance suite needs of a sink: how a run opens it.
type sinkUnderTest struct {
	name string
	open func(store.Store, func() iter.Seq2[*pipeline.Row, error]) (pipeline.Sink, error)
	// forgets says that the store keeps nothing which is unfinished.
	forgets bool
}

// storeOn returns the store of the sink on a file system.
func (s sinkUnderTest) storeOn(fsys durable.FS) store.Store {
	if s.forgets {
		return storetest.Forgetful(store.OnFS(fsys))
	}
	return store.OnFS(fsys)
}

func sinksUnderTest() []sinkUnderTest {
	archive := func(compress bool) func(store.Store, func() iter.Seq2[*pipeline.Row, error]) (pipeline.Sink, error) {
		return func(s store.Store, committed func() iter.Seq2[*pipeline.Row, error]) (pipeline.Sink, error) {
			// Small sizes, so that a few blobs make many frames and shards.
			o := ArchiveOptions{Compress: compress, Level: "fastest", ShardSize: 100_000, FrameSize: 20_000}
			return NewArchive(context.Background(), s, o, committed)
		}
	}
	return []sinkUnderTest{
		{"local", func(s store.Store, _ func() iter.Seq2[*pipeline.Row, error]) (pipeline.Sink, error) {
			return NewLocal(s), nil
		}, false},
		{"archive", archive(true), false},
		{"archive uncompressed", archive(false), false},
		{"archive in a bucket", archive(true), true},
		{"archive uncompressed in a bucket", archive(false), true},
	}
}

// TestSinks is the conformance suite: what every sink has to do.
func TestSinks(t *testing.T) {
	tests := map[string]func(*testing.T, sinkUnderTest){
		"StoresWhatWasPut":           testStoresWhatWasPut,
		"StoresConcurrently":         testStoresConcurrently,
		"StoresNamesApart":           testStoresNamesApart,
		"ResumesAfterCrash":          testResumesAfterCrash,
		"SealsNothingUncommitted":    testSealsNothingUncommitted,
		"ReadsBeforeSeal":            testReadsBeforeSeal,
		"SyncsAnEmptyBatch":          testSyncsAnEmptyBatch,
		"ReplacesABlob":              testReplacesABlob,
		"RefusesPlantedLinks":        testRefusesPlantedLinks,
		"LeavesNoTemporaryFiles":     testLeavesNoTemporaryFiles,
		"FailsOnAShortBlob":          testFailsOnAShortBlob,
		"FailsWhenTheDirectoryFails": testFailsWhenTheDirectoryFails,
	}
	for _, sink := range sinksUnderTest() {
		for name, test := range tests {
			t.Run(sink.name+"/"+name, func(t *testing.T) { test(t, sink) })
		}
	}
}

// fixture is an export directory with a sink, and the rows that a pipeline would have committed.
type fixture struct {
	t    *testing.T
	sink sinkUnderTest
	path string
	dir  *durable.Dir
	// store is on dir.
	store store.Store
	pipeline.Sink

	// gate keeps Put and Cut apart, as the pipeline does; mu guards what follows.
	gate      sync.RWMutex
	mu        sync.Mutex
	pending   []*pipeline.Row
	locations []*pipeline.Location
	synced    []*pipeline.Row
	syncedAt  map[*pipeline.Row]*pipeline.Location
	committed []*pipeline.Row
	bytes     map[pipeline.AssetKey][]byte
}

func newFixture(t *testing.T, sink sinkUnderTest) *fixture {
	f := &fixture{t: t, sink: sink, path: t.TempDir(), bytes: map[pipeline.AssetKey][]byte{}}
	f.syncedAt = map[*pipeline.Row]*pipeline.Location{}
	f.open()
	t.Cleanup(func() { f.Close(); f.dir.Close() })
	return f
}

func (f *fixture) open() {
	f.t.Helper()
	dir, err := durable.Open(f.path)
	if err != nil {
		f.t.Fatal(err)
	}
	f.dir, f.store = dir, f.sink.storeOn(dir)
	if f.Sink, err = f.sink.open(f.store, f.rows); err != nil {
		f.t.Fatal(err)
	}
}

// rows yields the committed rows.
func (f *fixture) rows() iter.Seq2[*pipeline.Row, error] {
	return func(yield func(*pipeline.Row, error) bool) {
		for _, row := range f.committed {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// crash drops everything that is not committed and opens the directory again.
func (f *fixture) crash() {
	f.t.Helper()
	if err := f.Close(); err != nil {
		f.t.Fatal(err)
	}
	if err := f.dir.Close(); err != nil {
		f.t.Fatal(err)
	}
	f.pending, f.locations, f.synced = nil, nil, nil
	f.open()
}

func (f *fixture) put(a pipeline.Asset, content []byte) error {
	blob := testBlob(content)
	defer blob.Close()
	f.gate.RLock()
	defer f.gate.RUnlock()
	location, err := f.Put(context.Background(), &a, blob, f.prior(a.Key()))
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending = append(f.pending, &pipeline.Row{Asset: a, Status: pipeline.Stored, Content: blob.Content})
	f.locations = append(f.locations, location)
	f.bytes[a.Key()] = content
	return nil
}

// prior returns where the committed blob of an asset is; nil where there is none.
func (f *fixture) prior(key pipeline.AssetKey) *pipeline.Location {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, row := range f.committed {
		if row.Key() == key {
			return &row.Location
		}
	}
	return nil
}

func (f *fixture) mustPut(a pipeline.Asset, content []byte) {
	f.t.Helper()
	if err := f.put(a, content); err != nil {
		f.t.Fatal(err)
	}
}

// checkpoint is what the pipeline does: sync, then commit.
func (f *fixture) checkpoint() {
	f.t.Helper()
	if err := f.sync(); err != nil {
		f.t.Fatal(err)
	}
	f.commit()
}

// sync makes the batch durable.
func (f *fixture) sync() error {
	batch, err := f.cut()
	if err != nil {
		return err
	}
	return batch.Sync(f.t.Context())
}

// cut ends the batch. Blobs that are put from now on belong to the next.
func (f *fixture) cut() (pipeline.Batch, error) {
	f.gate.Lock()
	defer f.gate.Unlock()
	f.synced = append(f.synced, f.pending...)
	for i, row := range f.pending {
		f.syncedAt[row] = f.locations[i]
	}
	f.pending, f.locations = nil, nil
	return f.Cut(f.t.Context())
}

// commit records what was synced, and has discarded what that takes the place of.
func (f *fixture) commit() {
	f.t.Helper()
	var replaced []pipeline.Location
	f.mu.Lock()
	for _, row := range f.synced {
		row.Location = *f.syncedAt[row]
		f.committed = slices.DeleteFunc(f.committed, func(old *pipeline.Row) bool {
			if old.Key() != row.Key() {
				return false
			}
			replaced = append(replaced, old.Location)
			return true
		})
		f.committed = append(f.committed, row)
	}
	f.synced = nil
	f.mu.Unlock()
	if err := f.Discard(f.t.Context(), replaced); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) seal() {
	f.t.Helper()
	if err := f.Seal(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

// check reads every committed blob back by its location.
func (f *fixture) check() {
	f.t.Helper()
	newest := map[pipeline.AssetKey]*pipeline.Row{}
	for _, row := range f.committed {
		newest[row.Key()] = row
	}
	many := NewReader(f.store)
	defer many.Close()
	places := map[string]bool{}
	for key, row := range newest {
		place := fmt.Sprintf("%+v", row.Location.Path)
		if row.Location.Shard != nil {
			place += fmt.Sprint(row.Location.Shard.Offset)
		}
		if places[place] {
			f.t.Errorf("two blobs are at %s", place)
		}
		places[place] = true
		got, err := readBlob(f.t.Context(), f.store, row)
		if err != nil {
			f.t.Errorf("read %v at %+v: %v", key, row.Location, err)
			continue
		}
		if !bytes.Equal(got, f.bytes[key]) {
			f.t.Errorf("blob %v at %+v: %d bytes differ from the %d that were put", key, row.Location, len(got), len(f.bytes[key]))
		}
		got, err = many.Append(f.t.Context(), []byte("before"), row.Location, row.Content.Size)
		if want := append([]byte("before"), f.bytes[key]...); err != nil || !bytes.Equal(got, want) {
			f.t.Errorf("blob %v at %+v, read among others: %d bytes and %v, want the %d that were put", key, row.Location, len(got), err, len(want))
		}
	}
}

func readBlob(ctx context.Context, from store.Reader, row *pipeline.Row) ([]byte, error) {
	r, err := Open(ctx, from, row.Location, row.Content.Size)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func testBlob(content []byte) *pipeline.Blob {
	c := pipeline.Content{Size: int64(len(content)), SHA256: sha256.Sum256(content), MediaType: "image/jpeg"}
	b := pipeline.NewBlob(c, bytes.NewReader(content), nil)
	b.FetchedAt = time.Unix(1_700_000_000, 5)
	return b
}

func screenshot(file string, page int) pipeline.Asset {
	return pipeline.Asset{FileID: pipeline.ID(file), Kind: pipeline.Screenshot, PageIndex: int32(page)}
}

func figure(file string, page int, name string) pipeline.Asset {
	return pipeline.Asset{FileID: pipeline.ID(file), Kind: pipeline.Figure, PageIndex: int32(page), FigureName: name}
}

// noise returns n bytes that do not compress, different for each seed.
func noise(seed, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return b
}

func testStoresWhatWasPut(t *testing.T, sink sinkUnderTest) {
	f := newFixture(t, sink)
	// Blobs of all sizes around the boundaries of tar blocks, frames and shards; also empty, and highly compressible.
	sizes := []int{0, 1, 511, 512, 513, 19_999, 20_000, 20_001, 99_999, 250_000, 7}
	for i, size := range sizes {
		f.mustPut(screenshot("f", i), noise(i, size))
		if i%4 == 3 {
			f.checkpoint()
		}
	}
	f.mustPut(figure("f", 0, "zeros.jpg"), make([]byte, 300_000))
	f.checkpoint()
	f.seal()
	f.check()
}

func testStoresConcurrently(t *testing.T, sink sinkUnderTest) {
	f := newFixture(t, sink)
	const files, pages = 8, 40
	var g errgroup.Group
	for file := range files {
		g.Go(func() error {
			for page := range pages {
				if err := f.put(screenshot(fmt.Sprint("f", file), page), noise(file*pages+page, 1000+page)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	done := make(chan error)
	go func() { done <- g.Wait() }()
	for running := true; running; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			running = false
		case <-time.After(time.Millisecond):
		}
		f.checkpoint()
	}
	f.seal()
	if len(f.committed) != files*pages {
		t.Errorf("%d rows, want %d", len(f.committed), files*pages)
	}
	f.check()
}

func testStoresNamesApart(t *testing.T, sink sinkUnderTest) {
	f := newFixture(t, sink)
	for i, name := range hostileNames {
		f.mustPut(figure("f", 0, name), noise(i, 100+i))
	}
	for i, id := range []string{"abc", "ABC", "Abc", "con", "a.", ".a", "a.b", "-", "nul.x", strings.Repeat("x", 128)} {
		f.mustPut(screenshot(id, 0), noise(i, 500+i))
	}
	f.checkpoint()
	f.seal()
	f.check()
}

func testResumesAfterCrash(t *testing.T, sink sinkUnderTest) {
	f := newFixture(t, sink)
	// Nine runs; each commits some blobs, loses some, and ends without sealing.
	for run := range 9 {
		for i := range run {
			f.mustPut(screenshot(fmt.Sprint("f", run), i), noise(run*10+i, 9_000))
		}
		f.checkpoint()
		f.mustPut(screenshot("lost", run), noise(run, 30_000))
		if err := f.sync(); err != nil {
			t.Fatal(err)
		}
		f.mustPut(screenshot("lost", 100+run), noise(run, 30_000))
		f.crash()
		f.check()
	}
	f.seal()
	f.check()
	f.checkNothingElse()
}

// checkNothingElse fails if there is a blob, or a member of a shard, that no row names. What crashed after a sync may be
// left as a file of the local sink, where the next run writes it again, and as a whole shard in a store that keeps nothing unfinished.
func (f *fixture) checkNothingElse() {
	f.t.Helper()
	want, named := map[string]int{}, map[string]bool{}
	for _, row := range f.committed {
		if at := row.Location.Shard; at != nil {
			want[row.Location.Path+" "+at.Member]++
			named[row.Location.Path] = true
		}
	}
	got := map[string]int{}
	for _, name := range shardFiles(f.t, f.dir) {
		if f.sink.forgets && !named[name] {
			continue
		}
		for _, member := range readTar(f.t, f.dir, name) {
			got[name+" "+member]++
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		f.t.Errorf("members of the shards (-want +got):\n%s", diff)
	}
}

func testSealsNothingUncommitted(t *testing.T, sink sinkUnderTest) {
	f := newFixture(t, sink)
	// Enough for several shards at once, of which none may be sealed before the commit.
	for i := range 30 {
		f.mustPut(screenshot("f", i), noise(i, 30_000))
	}
	if err := f.sync(); err != nil {
		t.Fatal(err)
	}
	for _, name := range shardFiles(t, f.dir) {
		if sealed := !strings.HasSuffix(name, store.PartialSuffix); sealed != sink.forgets {
			t.Errorf("before its rows are committed, %s is sealed: %t", name, sealed)
		}
	}
	f.commit()
	f.mustPut(screenshot("f", 30), noise(30, 10))
	f.checkpoint()
	f.check()
	f.crash()
	f.check()
	f.seal()
	f.check()
	f.checkNothingElse()
}

func testReadsBeforeSeal(t *testing.T, sink sinkUnderTest) {
	f := newFixture(t, sink)
	f.mustPut(screenshot("f", 0), noise(0, 5_000))
	f.checkpoint()
	f.check()
}

func testSyncsAnEmptyBatch(t *testing.T, sink sinkUnderTest) {
	f := newFixture(t, sink)
	f.checkpoint()
	f.checkpoint()
	f.seal()
	entries, err := f.dir.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != durable.PrivateDir {
		t.Errorf("an empty run left %v", entries)
	}
}

// A blob that takes the place of another overwrites nothing: until its row is committed, the old one is there.
func testReplacesABlob(t *testing.T, sink sinkUnderTest) {
	f := newFixture(t, sink)
	old := noise(0, 5_000)
	f.mustPut(screenshot("f", 0), old)
	f.checkpoint()
	for version := range 4 {
		f.mustPut(screenshot("f", 0), noise(version/2, 5_000))
		if err := f.sync(); err != nil {
			t.Fatal(err)
		}
		r, err := Open(t.Context(), f.store, *f.prior(new(screenshot("f", 0)).Key()), int64(len(old)))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, old) {
			t.Errorf("version %d is synced, and of the one before there are %d bytes, %v", version, len(got), err)
		}
		r.Close()
		f.commit()
		old = noise(version/2, 5_000)
	}
	f.crash()
	f.seal()
	f.check()
}

func testLeavesNoTemporaryFiles(t *testing.T, sink sinkUnderTest) {
	f := newFixture(t, sink)
	f.mustPut(screenshot("f", 0), noise(0, 5_000))
	f.crash()
	f.mustPut(screenshot("f", 1), noise(1, 5_000))
	f.checkpoint()
	f.seal()
	entries, err := f.dir.ReadDir(durable.TempDir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 0 {
		t.Errorf("%s holds %v", durable.TempDir, entries)
	}
}

func testFailsOnAShortBlob(t *testing.T, sink sinkUnderTest) {
	f := newFixture(t, sink)
	blob := testBlob(noise(0, 100))
	blob.Size = 200
	if _, err := f.Put(t.Context(), new(screenshot("f", 0)), blob, nil); err == nil {
		t.Error("a blob shorter than its size was stored")
	}
}

func shardFiles(t *testing.T, fsys durable.FS) []string {
	t.Helper()
	if _, err := fsys.Lstat(ShardDir); err != nil {
		return nil
	}
	entries, err := fsys.ReadDir(ShardDir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, path.Join(ShardDir, e.Name()))
	}
	return names
}
