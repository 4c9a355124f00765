package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"exporter/internal/testmain"
)

func TestMain(m *testing.M) {
	testmain.Quick()
	goleak.VerifyTestMain(m)
}

// fakeSource is an upstream in memory.
type fakeSource struct {
	files []File
	// places are the listings that the files are in; nil stands for one of all, "directory:d".
	places []SourceKey
	// expiries are when listings go that say so; zero for never. expiryErr is what they answer with instead, and asked are those that were asked.
	expiries  map[SourceKey]time.Time
	expiryErr error
	asked     []SourceKey
	assets    map[string][]Asset
	// attachments are those of files; nil where the API has no such thing. pages are those of jobs, and pagesErr is asked before them.
	attachments map[string][]Asset
	pages       map[string][]PageRow
	pagesErr    func(job *File) error
	pageErr     func(a *Asset) error
	// filesErr ends the listing of files; listErr and blobErr are asked before each request.
	filesErr error
	listErr  func(id ID, kind Kind) error
	// park waits as it likes before an asset is given; onStop is called once when the source is stopped.
	onStop  func()
	park    func(a *Asset, pause Pause) error
	blobErr func(a *Asset) error
	// panicAtEnd makes the listing of files panic when all have been given.
	panicAtEnd bool
	// hold, where not nil, keeps blobs in flight until it is closed.
	hold chan struct{}

	mu       sync.Mutex
	stopped  bool
	listings []string
	fetched  []AssetKey
	inFlight int
	most     int
}

func (s *fakeSource) Listings(context.Context) []Listing {
	if s.places == nil {
		return []Listing{{Key: "directory:d", Files: s.list("")}}
	}
	var all []Listing
	for _, key := range s.places {
		l := Listing{Key: key, Files: s.list(key)}
		if at, says := s.expiries[key]; says {
			l.Expiry = func() (time.Time, bool, error) {
				s.asked = append(s.asked, key)
				return at, true, s.expiryErr
			}
		}
		all = append(all, l)
	}
	return all
}

// list yields the files of a place, or all.
func (s *fakeSource) list(place SourceKey) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		for _, f := range s.files {
			if (place == "" || f.Place() == place) && !yield(f, nil) {
				return
			}
		}
		if s.panicAtEnd {
			panic("boom")
		}
		if s.filesErr != nil {
			yield(File{}, s.filesErr)
		}
	}
}

func (s *fakeSource) Assets(_ context.Context, of Wanted, room Room) ([]*Asset, error) {
	id, kind := ID(of.File.ID), of.Kind
	all := s.assets[string(id)]
	switch {
	case of.File.IsJob():
		id = ID(of.File.JobID)
		all = s.assets[of.File.JobID]
	case of.Origin == OriginAttachment && s.attachments == nil:
		return nil, noAttachments
	case of.Origin == OriginAttachment:
		id += " attached"
		all = s.attachments[of.File.ID]
	}
	s.mu.Lock()
	s.listings = append(s.listings, string(id)+" "+string(kind))
	s.mu.Unlock()
	if s.listErr != nil {
		if err := s.listErr(id, kind); err == errNoList {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
	}
	assets := []*Asset{}
	for _, a := range all {
		if a.Kind != kind {
			continue
		}
		a.FileID, a.JobID = of.File.Owner().FileID, of.File.Owner().JobID
		if err := room(a.Weight()); err != nil {
			return nil, err
		}
		assets = append(assets, &a)
	}
	return assets, nil
}

// Page gives one whose items are the name of the asset.
func (s *fakeSource) Page(_ context.Context, a *Asset) (*PageRow, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listings = append(s.listings, "page "+a.Detail().UpstreamName)
	if s.pageErr != nil {
		if err := s.pageErr(a); err != nil {
			return nil, err
		}
	}
	return &PageRow{PageNumber: *a.Detail().PageNumber, Items: json.RawMessage(`"` + a.Detail().UpstreamName + `"`)}, nil
}

// noAttachments is the answer of an API that has no attachments.
var noAttachments = &Failure{Class: "http_404", Final: true, Absent: true, Err: errors.New("not found")}

// Pages gives those of the job.
func (s *fakeSource) Pages(_ context.Context, job *File, do func(*PageRow) error) error {
	s.mu.Lock()
	s.listings = append(s.listings, job.JobID+" pages")
	s.mu.Unlock()
	if s.pagesErr != nil {
		if err := s.pagesErr(job); err != nil {
			return err
		}
	}
	for _, page := range s.pages[job.JobID] {
		if err := do(new(page)); err != nil {
			return err
		}
	}
	return nil
}

func (s *fakeSource) Blob(ctx context.Context, a *Asset, pause Pause) (*Blob, error) {
	s.mu.Lock()
	stopped := s.stopped
	if !stopped {
		s.fetched = append(s.fetched, a.Key())
		s.inFlight++
		s.most = max(s.most, s.inFlight)
	}
	s.mu.Unlock()
	if stopped {
		return nil, ErrStopped
	}
	defer func() {
		s.mu.Lock()
		s.inFlight--
		s.mu.Unlock()
	}()
	if s.hold != nil {
		select {
		case <-s.hold:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if s.blobErr != nil {
		if err := s.blobErr(a); err != nil {
			return nil, err
		}
	}
	if s.park != nil {
		if err := s.park(a, pause); err != nil {
			return nil, err
		}
	}
	content := blobContent(a)
	b := NewBlob(Content{Size: int64(len(content)), SHA256: sha256.Sum256(content), MediaType: "image/jpeg"},
		bytes.NewReader(content), nil)
	b.Attempts, b.FetchedAt = 1, time.Now()
	return b, nil
}

func (s *fakeSource) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped && s.onStop != nil {
		s.onStop()
	}
	s.stopped = true
}

// blobContent is the bytes of an asset, as many as are listed.
func blobContent(a *Asset) []byte {
	size, known := a.ExpectedSize()
	if !known {
		size = 100
	}
	seed := fmt.Sprint(a.Key())
	return []byte(strings.Repeat(seed, int(size)/len(seed)+1)[:size])
}

// fakeStore is a sink and a ledger in memory. It checks the order in which it is called.
type fakeStore struct {
	t *testing.T
	// putErr, syncErr, commitErr and sealErr are asked before each call.
	putErr                      func(a *Asset) error
	syncErr, commitErr, sealErr func() error

	mu  sync.Mutex
	put map[AssetKey][]byte
	// synced holds what was synced: true until its row is committed.
	synced map[AssetKey]bool
	// slow is how long a Cut takes.
	slow  time.Duration
	order []AssetKey
	rows  map[AssetKey]*Row
	files map[FileKey]*FileRow
	pages map[string]*PageRow
	// history is what is known of files when a run begins.
	history map[FileKey]*FileRow
	sealed  bool
	broken  bool
	batch   int
	// runs is how many runs there were before, discarded how many blobs.
	runs, discarded int
}

func newFakeStore(t *testing.T) *fakeStore {
	return &fakeStore{t: t, put: map[AssetKey][]byte{}, synced: map[AssetKey]bool{}, rows: map[AssetKey]*Row{}, files: map[FileKey]*FileRow{}}
}

func (s *fakeStore) Put(_ context.Context, a *Asset, b *Blob, prior *Location) (*Location, error) {
	if s.putErr != nil {
		if err := s.putErr(a); err != nil {
			return nil, err
		}
	}
	content := make([]byte, b.Size)
	if _, err := b.Open().Read(content); err != nil && b.Size > 0 {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if row := s.rows[a.Key()]; (prior != nil) != (row != nil && row.Status == Stored) || prior != nil && *prior != row.Location {
		s.t.Errorf("Put of %v in place of what is at %v, and its row is %+v", a.Key(), prior, row)
	}
	s.put[a.Key()] = content
	s.order = append(s.order, a.Key())
	return &Location{Path: fmt.Sprint(a.Key(), " ", len(s.order), " ", s.runs)}, nil
}

func (s *fakeStore) Cut(context.Context) (Batch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken || s.sealed {
		s.t.Errorf("Cut after an error or after Seal")
	}
	for key := range s.synced {
		if s.synced[key] {
			s.t.Errorf("Cut before %v of the batch before was committed", key)
		}
	}
	if s.slow > 0 {
		// Long enough for a Put that must not come now.
		before := len(s.put)
		s.mu.Unlock()
		time.Sleep(s.slow)
		s.mu.Lock()
		if len(s.put) != before {
			s.t.Errorf("Put during Cut")
		}
	}
	b := fakeBatch{store: s}
	for key := range s.put {
		if _, known := s.synced[key]; !known {
			b.keys = append(b.keys, key)
		}
	}
	return b, nil
}

type fakeBatch struct {
	store *fakeStore
	keys  []AssetKey
}

func (b fakeBatch) Sync(context.Context) error {
	s := b.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := call(s.syncErr); err != nil {
		s.broken = true
		return err
	}
	for _, key := range b.keys {
		s.synced[key] = true
	}
	return nil
}

func (s *fakeStore) Discard(_ context.Context, blobs []Location) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range blobs {
		for key, row := range s.rows {
			if row.Status == Stored && row.Location == at {
				s.t.Errorf("the blob of %v was discarded, and its row vouches for it", key)
			}
		}
		s.discarded++
	}
	return nil
}

func (s *fakeStore) Commit(_ context.Context, c Rows) error {
	rows, files := c.Assets, c.Files
	for _, page := range c.Pages {
		if s.pages == nil {
			s.pages = map[string]*PageRow{}
		}
		s.pages[fmt.Sprint(page.Owner, page.PageNumber)] = page
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		s.t.Errorf("Commit after an error")
	}
	if err := call(s.commitErr); err != nil {
		s.broken = true
		return err
	}
	for _, row := range rows {
		if !slices.ContainsFunc(files, func(f *FileRow) bool { return f.ID == string(row.FileID) }) {
			s.t.Errorf("a row of %v is committed, and none of its file", row.Key())
		}
	}
	for _, row := range rows {
		if _, synced := s.synced[row.Key()]; row.Status == Stored && row.VanishedAt.IsZero() && !synced && s.rows[row.Key()] == nil {
			s.t.Errorf("%v was committed before it was synced", row.Key())
		}
		if row.Status == Stored {
			s.synced[row.Key()] = false
		}
		s.rows[row.Key()] = row
	}
	for _, f := range files {
		s.files[f.Key()] = f
	}
	s.batch = max(s.batch, len(rows))
	return nil
}

func (s *fakeStore) Seal(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken || s.sealed {
		s.t.Errorf("Seal after an error or twice")
	}
	for key := range s.put {
		if row := s.rows[key]; row == nil || row.Status != Stored {
			s.t.Errorf("%v was sealed before it was committed", key)
		}
	}
	if err := call(s.sealErr); err != nil {
		return err
	}
	s.sealed = true
	return nil
}

func (s *fakeStore) Close() error { return nil }

func call(f func() error) error {
	if f == nil {
		return nil
	}
	return f()
}

func (s *fakeStore) FileRow(_ context.Context, key FileKey) (*FileRow, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if row := s.files[key]; row != nil {
		return new(*row), nil
	}
	return nil, nil
}

func (s *fakeStore) Files(context.Context) iter.Seq2[*FileRow, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	files := s.history
	return func(yield func(*FileRow, error) bool) {
		for _, key := range slices.SortedFunc(maps.Keys(files), FileKey.Compare) {
			if !yield(new(*files[key]), nil) {
				return
			}
		}
	}
}

// known returns the rows of all files as a ledger gives them back.
func (s *fakeStore) known() map[FileKey]*FileRow {
	files := map[FileKey]*FileRow{}
	for key, f := range s.files {
		row := *f
		row.UpdatedAt = row.UpdatedAt.Truncate(time.Microsecond)
		files[key] = &row
	}
	return files
}

func (s *fakeStore) File(_ context.Context, key FileKey) (*FileState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.history[key]; f != nil {
		return f.State(), nil
	}
	return nil, nil
}

func (s *fakeStore) Known(ctx context.Context) iter.Seq2[*KnownFile, error] {
	return func(yield func(*KnownFile, error) bool) {
		for row := range s.Files(ctx) {
			if !yield(&KnownFile{row.Key(), *row.State(), func() (*FileRow, error) { return row, nil }}, nil) {
				return
			}
		}
	}
}

func (s *fakeStore) Assets(_ context.Context, of Owner) ([]*Row, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var rows []*Row
	for _, key := range slices.SortedFunc(maps.Keys(s.rows), AssetKey.Compare) {
		if key.Owner() == of {
			row := *s.rows[key]
			row.File = new(row.File.recorded())
			rows = append(rows, &row)
		}
	}
	return rows, nil
}

// nextRun forgets what belongs to one run.
func (s *fakeStore) nextRun() {
	s.history, s.runs = s.known(), s.runs+1
	s.put, s.synced, s.order, s.sealed, s.broken = map[AssetKey][]byte{}, map[AssetKey]bool{}, nil, false, false
}

// recorder keeps all events.
type recorder struct {
	mu     sync.Mutex
	events []Event
}

func (r *recorder) Observe(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func countEvents[T Event](r *recorder) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, e := range r.events {
		if _, ok := e.(T); ok {
			n++
		}
	}
	return n
}

var testTime = time.Date(2024, 6, 13, 12, 30, 45, 678901234, time.UTC)

// testSource has files of the given number with two screenshots and three figures each: one is noise, one is not, and
// one does not say.
func testSource(files int) *fakeSource {
	s := &fakeSource{assets: map[string][]Asset{}}
	for i := range files {
		id := fmt.Sprintf("file-%03d", i)
		s.files = append(s.files, File{ID: id, DirectoryID: "d", DirectoryFileID: "df-" + id, UpdatedAt: testTime})
		s.assets[id] = []Asset{
			{Kind: Screenshot, PageIndex: 0, ListedSize: new(int64(1000))},
			{Kind: Screenshot, PageIndex: 5, ListedSize: new(int64(0))},
			{Kind: Figure, PageIndex: 0, FigureName: "a", ListedSize: new(int64(10)), IsLikelyNoise: new(true), Confidence: new(0.1)},
			{Kind: Figure, PageIndex: 0, FigureName: "b", ListedSize: new(int64(20)), IsLikelyNoise: new(false), Confidence: new(0.9)},
			{Kind: Figure, PageIndex: 5, FigureName: "a"},
		}
	}
	return s
}

func testOptions(source *fakeSource, store *fakeStore) Options {
	return Options{
		Source: source, Sink: store, Ledger: store, Concurrency: 4,
		Filters: Filters{Screenshots: true, Figures: true},
	}
}

func mustRun(t *testing.T, o Options) {
	t.Helper()
	if err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

func countRows(s *fakeStore, match func(*Row) bool) int {
	n := 0
	for _, row := range s.rows {
		if match(row) {
			n++
		}
	}
	return n
}

func hasStatus(status Status) func(*Row) bool {
	return func(r *Row) bool { return r.Status == status }
}

// errNoList stands for an answer that has no list.
var errNoList = errors.New("no list")

var errFake = errors.New("fake")

// errKilled of commitErr stands for a kill before a commit.
var errKilled = errors.New("killed")
