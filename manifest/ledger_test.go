package manifest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

func openDir(t *testing.T, path string) *store.Dir {
	t.Helper()
	dir, err := store.OwnDir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	return dir
}

func openLedger(t *testing.T, st store.Store) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), st, testInfo)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

var testInfo = Info{Version: "v1.2.3", Source: `{"directories":"d"}`, Sink: `{"sink":"local"}`}

// testTime has no more digits than the manifest keeps.
var testTime = time.Date(2024, 6, 13, 12, 30, 45, 678901000, time.UTC)

func testFile(id string) *pipeline.File {
	return &pipeline.File{
		ID: id, DirectoryID: "d", DirectoryFileID: "df-" + id, ProjectID: "p",
		DisplayName: new("名前 " + id), UniqueID: new(""),
		Metadata: json.RawMessage(`{"z":1,"a":9007199254740993}`),
		// The epoch is a time like any other.
		CreatedAt: time.Unix(0, 0).UTC(), UpdatedAt: testTime.Add(time.Hour),
	}
}

// inAssetRow returns what the row of an asset has of its file.
func inAssetRow(f *pipeline.File) *pipeline.File {
	return &pipeline.File{ID: f.ID, DirectoryID: f.DirectoryID, DisplayName: f.DisplayName, UpdatedAt: f.UpdatedAt}
}

func storedRow(id string, page int32) *pipeline.Row {
	return &pipeline.Row{
		Asset: pipeline.Asset{
			FileID: pipeline.ID(id), Kind: pipeline.Screenshot, Origin: pipeline.OriginFile, PageIndex: page, ListedSize: new(int64(1000)),
		},
		File: inAssetRow(testFile(id)), Status: pipeline.Stored, Attempts: 1, FetchedAt: testTime,
		Content: pipeline.Content{
			Size: 1000, SHA256: [32]byte{byte(page), 7}, MediaType: "image/jpeg", Width: 816, Height: 1056,
		},
		Location: pipeline.Location{Path: fmt.Sprintf("blobs/%s/page_screenshots/%d.jpg", id, page)},
	}
}

func figureRow(id string, page int32, name string) *pipeline.Row {
	r := storedRow(id, page)
	r.Kind, r.FigureName = pipeline.Figure, name
	r.Confidence, r.IsLikelyNoise = new(0.0), new(false)
	r.Metadata = json.RawMessage(`{}`)
	r.Location = pipeline.Location{
		Path: "shards/shard-000000.tar.zst",
		Shard: &pipeline.ShardLocation{
			Member: fmt.Sprintf("%s/page-figures/%d/x.jpg", id, page), Offset: 512,
			Frame: &pipeline.Frame{Offset: 0, Size: 900, Start: 0},
		},
	}
	return r
}

func collect(t *testing.T, s *Snapshot) []*pipeline.Row {
	t.Helper()
	var rows []*pipeline.Row
	for row, err := range s.Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

func openSnapshotOf(t *testing.T, st store.Store) *Snapshot {
	t.Helper()
	s, err := OpenSnapshot(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func sortRows(rows []*pipeline.Row) {
	slices.SortFunc(rows, func(a, b *pipeline.Row) int { return a.Key().Compare(b.Key()) })
}

func TestLedger_Commit_KeepsEveryColumn(t *testing.T) {
	dir := openDir(t, t.TempDir())
	rows := []*pipeline.Row{storedRow("b", 3), figureRow("a", 1, "F.jpg"), figureRow("a", 1, "")}
	rows = append(rows,
		&pipeline.Row{
			Asset: pipeline.Asset{FileID: "a", Kind: pipeline.Figure, Origin: pipeline.OriginFile, PageIndex: -1, FigureName: "n", IsLikelyNoise: new(true)},
			File:  &pipeline.File{ID: "a"}, Status: pipeline.Skipped, Reason: pipeline.ReasonNoise,
		},
		&pipeline.Row{
			Asset: pipeline.Asset{FileID: "c", Kind: pipeline.Screenshot, Origin: pipeline.OriginFile, ListedSize: new(int64(0))},
			File:  &pipeline.File{ID: "c"}, Status: pipeline.Failed, Reason: "http_404: gone",
			Attempts: 1, Gone: pipeline.Gone{MissedAt: testTime, VanishedAt: testTime, ExpiredAt: testTime},
		})
	rows[0].DeclaredType = "image/webp"
	uncompressed := figureRow("z", 0, "plain.png")
	uncompressed.Location.Shard.Frame = nil
	rows = append(rows, uncompressed)

	l := openLedger(t, dir)
	if err := l.Commit(t.Context(), pipeline.Rows{Assets: rows}); err != nil {
		t.Fatal(err)
	}
	sortRows(rows)
	if diff := cmp.Diff(rows, collect(t, openSnapshotOf(t, dir))); diff != "" {
		t.Errorf("rows read from parts (-want +got):\n%s", diff)
	}
	if err := l.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := openSnapshotOf(t, dir)
	if diff := cmp.Diff(rows, collect(t, s)); diff != "" {
		t.Errorf("rows read from %s (-want +got):\n%s", AssetsName, diff)
	}
	if diff := cmp.Diff(&testInfo, s.Info()); diff != "" {
		t.Errorf("key-value metadata (-want +got):\n%s", diff)
	}
	got, err := s.Assets(t.Context(), pipeline.Owner{FileID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rows[:3], got); diff != "" {
		t.Errorf("rows of one file (-want +got):\n%s", diff)
	}
}

func TestLedger_File_KeepsState(t *testing.T) {
	dir := openDir(t, t.TempDir())
	row := &pipeline.FileRow{
		File: *testFile("a"), Status: pipeline.Partial, Error: "x",
		Counts:   pipeline.Counts{Screenshots: new(int64(0)), Stored: 5, Skipped: 4, Failed: 3, Bytes: 2},
		ListedAt: testTime, AskedAt: testTime.Add(time.Hour), Sources: []pipeline.SourceKey{"directory:d", "pipeline:p"},
		Gone: pipeline.Gone{MissedAt: testTime},
	}
	row.ExpiresAt, row.MissingPages = testTime.Add(time.Minute), new(int64(3))
	noID := &pipeline.FileRow{File: pipeline.File{DirectoryFileID: "df"}, Status: pipeline.Skipped, Error: pipeline.ReasonNoFileID,
		Sources: []pipeline.SourceKey{"directory:d"}, Gone: pipeline.Gone{VanishedAt: testTime}}
	l := openLedger(t, dir)
	if err := l.Commit(t.Context(), pipeline.Rows{Files: []*pipeline.FileRow{row, noID}}); err != nil {
		t.Fatal(err)
	}
	if err := l.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := openSnapshotOf(t, dir)
	for _, want := range []*pipeline.FileRow{row, noID} {
		got, err := s.File(t.Context(), want.Key())
		if err != nil {
			t.Fatal(err)
		}
		wantState := &pipeline.FileState{
			Status: want.Status, Screenshots: want.Screenshots, Figures: want.Figures, MissingPages: want.MissingPages,
			Stored: want.Stored, Skipped: want.Skipped, UpdatedAt: want.UpdatedAt, ExpiresAt: want.ExpiresAt,
			ListedAt: want.ListedAt, AskedAt: want.AskedAt, Sources: want.Sources,
			NamesHash: want.NamesHash(), Missed: !want.MissedAt.IsZero(), Gone: want.IsGone(), HasError: want.Error != "",
		}
		if diff := cmp.Diff(wantState, got); diff != "" {
			t.Errorf("state of %v (-want +got):\n%s", want.Key(), diff)
		}
	}
	if got, err := s.File(t.Context(), pipeline.FileKey{FileID: "nobody"}); got != nil || err != nil {
		t.Errorf("state of an unknown file: got %v, %v, want nil, nil", got, err)
	}
}

// Many commits in random order of keys, with keys that come again, over several runs: the newest row of each key is
// what every way of reading gives, and few parts are left.
func TestLedger_RollUp_NewestRowWins(t *testing.T) {
	testmain.Long(t)
	path := t.TempDir()
	want := map[pipeline.AssetKey]*pipeline.Row{}
	rng := rand.New(rand.NewPCG(1, 2))
	for run := range 3 {
		dir, err := store.OwnDir(path)
		if err != nil {
			t.Fatal(err)
		}
		l, err := Open(t.Context(), dir, testInfo)
		if err != nil {
			t.Fatal(err)
		}
		// Roll-ups of three at a time make tiers that sixteen would take hundreds of commits for.
		const smallFanIn = 3
		l.assets.fanIn = smallFanIn
		for range 30 {
			batch := map[pipeline.AssetKey]*pipeline.Row{}
			for range 1 + rng.IntN(5) {
				row := storedRow(fmt.Sprintf("f%02d", rng.IntN(20)), int32(rng.IntN(10)))
				row.Attempts = rng.IntN(1000)
				batch[row.Key()], want[row.Key()] = row, row
			}
			rows := make([]*pipeline.Row, 0, len(batch))
			for _, row := range batch {
				rows = append(rows, row)
			}
			if err := l.Commit(t.Context(), pipeline.Rows{Assets: rows}); err != nil {
				t.Fatal(err)
			}
		}
		// At most two of each tier, of which 60 commits make five.
		if parts := len(l.assets.parts); parts > 5*(smallFanIn-1) {
			t.Errorf("run %d: %d parts are left, want at most %d", run, parts, 5*(smallFanIn-1))
		}
		if run == 1 {
			if err := l.Compact(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(l.Close(), dir.Close()); err != nil {
			t.Fatal(err)
		}

		wantRows := make([]*pipeline.Row, 0, len(want))
		for _, row := range want {
			wantRows = append(wantRows, row)
		}
		sortRows(wantRows)
		s := openSnapshotOf(t, openDir(t, path))
		if diff := cmp.Diff(wantRows, collect(t, s)); diff != "" {
			t.Fatalf("run %d: all rows (-want +got):\n%s", run, diff)
		}
		var byFile []*pipeline.Row
		for i := range 20 {
			rows, err := s.Assets(t.Context(), pipeline.Owner{FileID: pipeline.ID(fmt.Sprintf("f%02d", i))})
			if err != nil {
				t.Fatal(err)
			}
			byFile = append(byFile, rows...)
		}
		if diff := cmp.Diff(wantRows, byFile); diff != "" {
			t.Fatalf("run %d: rows by file (-want +got):\n%s", run, diff)
		}
		s.assets.reader.(*store.Dir).Close()
	}
}

// A merge holds some pages of each of its tables in memory: however many parts a run leaves, it is as wide as a roll-up at most.
func TestLedger_Compact_MergesFewTables(t *testing.T) {
	testmain.Long(t)
	// One tier of 15 parts, two of 15 and 15, which the race detector takes too long for, and two of 12 and 8.
	all := []int{fanIn - 1, fanIn*fanIn - 1, 12*fanIn + 8}
	for _, commits := range slices.Delete(all, 1, 1+raceDetector) {
		t.Run(fmt.Sprint(commits), func(t *testing.T) {
			st := &openCounter{Store: storetest.NewMemory(nil)}
			var want []*pipeline.Row
			for run := range 2 {
				l := openLedger(t, st)
				for i := range commits {
					row := storedRow(fmt.Sprintf("f%d", i), int32(run))
					want = append(want, row)
					if err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{row}}); err != nil {
						t.Fatal(err)
					}
				}
				st.most = 0
				if err := l.Compact(t.Context()); err != nil {
					t.Fatal(err)
				}
				if st.most < fanIn-1 || st.most > fanIn {
					t.Errorf("run %d: %d tables were open at once, want %d or one less", run, st.most, fanIn)
				}
			}
			sortRows(want)
			if diff := cmp.Diff(want, collect(t, openSnapshotOf(t, st))); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

// openCounter counts the files of assets that are open for reading.
type openCounter struct {
	store.Store
	open, most int
}

func (c *openCounter) Open(ctx context.Context, name string) (store.Object, error) {
	f, err := c.Store.Open(ctx, name)
	if err != nil || strings.HasSuffix(name, ".files.parquet") || name == FilesName {
		return f, err
	}
	c.open++
	c.most = max(c.most, c.open)
	return &countedFile{f, c}, nil
}

type countedFile struct {
	store.Object
	c *openCounter
}

func (f *countedFile) Close() error {
	f.c.open--
	return f.Object.Close()
}

// A crash between the two halves of a roll-up or of a merge leaves parts whose rows are elsewhere too.
func TestSnapshot_Rows_IgnoresLeftOvers(t *testing.T) {
	dir := openDir(t, t.TempDir())
	l := openLedger(t, dir)
	old, updated := storedRow("a", 1), storedRow("a", 1)
	updated.Attempts = 9
	for _, row := range []*pipeline.Row{old, updated} {
		if err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{row}}); err != nil {
			t.Fatal(err)
		}
	}
	part := readFile(t, dir, l.assets.partName(1))
	if err := l.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, l.assets.partName(1), part)
	if diff := cmp.Diff([]*pipeline.Row{updated}, collect(t, openSnapshotOf(t, dir))); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	// The next run removes it, but not before it has something to write.
	next := openLedger(t, dir)
	if isMissing(t.Context(), dir, l.assets.partName(1)) {
		t.Error("opening the ledger removed part 1")
	}
	if err := next.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !isMissing(t.Context(), dir, l.assets.partName(1)) {
		t.Error("the next run left part 1")
	}
}

// A crash between the rename and the removals of a roll-up leaves parts that a later one contains.
func TestLedger_RollUp_LeftOversAreDropped(t *testing.T) {
	dir := openDir(t, t.TempDir())
	l := openLedger(t, dir)
	var want []*pipeline.Row
	var left []byte
	for i := range fanIn {
		row := storedRow("a", 1)
		row.Attempts = i
		if err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{row}}); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			left = readFile(t, dir, l.assets.partName(1))
		}
		want = []*pipeline.Row{row}
	}
	for number := 1; number < fanIn; number++ {
		writeFile(t, dir, l.assets.partName(number), left)
	}
	s := openSnapshotOf(t, dir)
	if diff := cmp.Diff(want, collect(t, s)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if len(s.assets.parts) != 1 || len(s.assets.stale) != fanIn-1 {
		t.Errorf("%d parts count and %d do not, want 1 and %d", len(s.assets.parts), len(s.assets.stale), fanIn-1)
	}
	next := openLedger(t, dir)
	if err := next.Commit(t.Context(), pipeline.Rows{Assets: want}); err != nil {
		t.Fatal(err)
	}
	if numbers, err := next.assets.series.parts(t.Context()); err != nil || len(numbers) != 2 {
		t.Errorf("parts %v, %v after the next commit, want two", numbers, err)
	}
}

// Without manifest.parquet nothing vouches for the assets of files.parquet, now and after the next run.
func TestLedger_Open_DistrustsFilesWithoutManifest(t *testing.T) {
	dir := openDir(t, t.TempDir())
	l := openLedger(t, dir)
	row := &pipeline.FileRow{File: *testFile("a"), Status: pipeline.Complete}
	if err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{storedRow("a", 1)}, Files: []*pipeline.FileRow{row}}); err != nil {
		t.Fatal(err)
	}
	if err := l.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := dir.Remove(t.Context(), AssetsName); err != nil {
		t.Fatal(err)
	}
	known := func(s *Snapshot) bool {
		state, err := s.File(t.Context(), row.Key())
		if err != nil {
			t.Fatal(err)
		}
		return state != nil
	}
	if known(openSnapshotOf(t, dir)) {
		t.Error("a snapshot trusts files.parquet without manifest.parquet")
	}
	second := openLedger(t, dir)
	if err := second.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if known(openSnapshotOf(t, dir)) {
		t.Error("the next run brought the lost file back")
	}
}

func TestSnapshot_Open_NamesDamagedFile(t *testing.T) {
	for _, name := range []string{AssetsName, FilesName, partsDir + "/00000002.assets.parquet"} {
		t.Run(name, func(t *testing.T) {
			dir := openDir(t, t.TempDir())
			l := openLedger(t, dir)
			file := &pipeline.FileRow{File: *testFile("a"), Status: pipeline.Complete}
			if err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{storedRow("a", 1)}, Files: []*pipeline.FileRow{file}}); err != nil {
				t.Fatal(err)
			}
			if err := l.Compact(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := openLedger(t, dir).Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{storedRow("a", 2)}}); err != nil {
				t.Fatal(err)
			}
			content := readFile(t, dir, name)
			for _, cut := range []int{0, 3, len(content) / 2, len(content) - 1} {
				writeFile(t, dir, name, content[:cut])
				_, err := OpenSnapshot(t.Context(), dir)
				var damage *pipeline.DamageError
				if !errors.As(err, &damage) || damage.Path != name {
					t.Errorf("cut to %d of %d bytes: got error %v, want a DamageError of %s", cut, len(content), err, name)
				}
			}
		})
	}
}

func TestSnapshot_Rows_StopsWithContext(t *testing.T) {
	dir := openDir(t, t.TempDir())
	if err := openLedger(t, dir).Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{storedRow("a", 1), storedRow("a", 2)}}); err != nil {
		t.Fatal(err)
	}
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var last error
	for _, err := range openSnapshotOf(t, dir).Rows(ctx) {
		cancel(cause)
		last = err
	}
	if !errors.Is(last, cause) {
		t.Errorf("got %v as the last error, want %v", last, cause)
	}
}

func readFile(t *testing.T, st store.Store, name string) []byte {
	t.Helper()
	f, err := st.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, f.Size())
	if _, err := f.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return b
}

func writeFile(t *testing.T, st store.Store, name string, content []byte) {
	t.Helper()
	if err := store.PutBytes(t.Context(), st, name, content); err != nil {
		t.Fatal(err)
	}
}
