package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"exporter/internal/store/storetest"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// Values of all lengths make pages end at other rows in every column. Each row is what it was, wherever the pages lay that it
// was read of, in roll-ups, in the manifest, and in a manifest to which another run adds.
func TestLedger_RollUp_KeepsRowsOfManyPages(t *testing.T) {
	testmain.Long(t)
	dir := openDir(t, t.TempDir())
	rng := rand.New(rand.NewPCG(3, 4))
	text := func(most int) string {
		b := make([]byte, rng.IntN(most))
		for i := range b {
			b[i] = 'a' + byte(rng.IntN(26))
		}
		return string(b)
	}
	want := map[pipeline.AssetKey]*pipeline.Row{}
	commit := func(l *Ledger) {
		t.Helper()
		batch := map[pipeline.AssetKey]*pipeline.Row{}
		for range 250 / oneIn {
			row := figureRow(fmt.Sprintf("%03d", rng.IntN(300)), int32(rng.IntN(5)), text(300))
			row.Location.Path = text(1000)
			row.File.DisplayName = new(strings.Repeat(text(40), 10))
			if rng.IntN(3) == 0 {
				row.Metadata, row.Confidence, row.File.DisplayName = nil, nil, nil
			}
			if rng.IntN(4) == 0 {
				row = storedRow(string(row.FileID), row.PageIndex)
				row.Location.Path = text(2000)
			}
			batch[row.Key()], want[row.Key()] = row, row
		}
		var rows []*pipeline.Row
		for _, row := range batch {
			rows = append(rows, row)
		}
		if err := l.Commit(t.Context(), pipeline.Rows{Assets: rows}); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string) {
		t.Helper()
		wantRows := make([]*pipeline.Row, 0, len(want))
		for _, row := range want {
			wantRows = append(wantRows, row)
		}
		sortRows(wantRows)
		if diff := cmp.Diff(wantRows, collect(t, openSnapshotOf(t, dir))); diff != "" {
			t.Fatalf("rows %s (-want +got):\n%s", when, diff)
		}
	}
	for range 2 {
		l := openLedger(t, dir)
		for range fanIn + 2 {
			commit(l)
		}
		check("in parts")
		if err := l.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
		check("in " + AssetsName)
	}
}

// What is absent of a row is absent when it is read again, whatever the rows around it have.
func TestLedger_Commit_KeepsWhatIsAbsent(t *testing.T) {
	testmain.Long(t)
	rng := rand.New(rand.NewPCG(1, 2))
	var rows []*pipeline.Row
	var files []*pipeline.FileRow
	// Each of the values is there in some rows that follow one another, and is not in some.
	var there [9]bool
	for n := range int32(3000) {
		for i := range there {
			if rng.IntN(6) == 0 {
				there[i] = !there[i]
			}
		}
		text := func(i int) string {
			if there[i] {
				return "t"
			}
			return ""
		}
		document := func(i int) json.RawMessage {
			if there[i] {
				return json.RawMessage(`{"k":1}`)
			}
			return nil
		}
		id := fmt.Sprintf("file-%04d", n)
		file := &pipeline.File{
			ID: id, DirectoryID: text(0), DirectoryFileID: text(1), PipelineID: text(2), ProjectID: text(3), Metadata: document(4),
		}
		row := storedRow(id, n)
		if there[6] {
			file.DisplayName, row.ListedSize = new(""), nil
		}
		row.File, row.Metadata = inAssetRow(file), document(5)
		rows = append(rows, row)
		f := &pipeline.FileRow{
			File: *file, Status: pipeline.Complete, Error: text(7), ListedAt: testTime, AskedAt: testTime,
			Sources: []pipeline.SourceKey{file.Place()},
		}
		files = append(files, f)
		if there[8] {
			// Without an id of its own, a file goes by that of the directory.
			other := *f
			other.ID, other.DirectoryFileID = "", "d-"+id
			files = append(files, &other)
		}
	}
	st := storetest.NewMemory(nil)
	l := openLedger(t, st)
	if err := l.Commit(t.Context(), pipeline.Rows{Assets: rows, Files: files}); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(files, func(a, b *pipeline.FileRow) int { return a.Key().Compare(b.Key()) })
	check := func(when string) {
		t.Helper()
		s := openSnapshotOf(t, st)
		if diff := cmp.Diff(rows, collect(t, s)); diff != "" {
			t.Errorf("rows %s (-want +got):\n%.2000s", when, diff)
		}
		var got []*pipeline.FileRow
		for f, err := range s.Files(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, f)
		}
		if diff := cmp.Diff(files, got); diff != "" {
			t.Errorf("files %s (-want +got):\n%.2000s", when, diff)
		}
	}
	check("in a part")
	if err := l.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("in " + AssetsName)
}

// A file that is sound, but has other columns than its name says, is no table.
func TestOpenSnapshot_OtherColumns_IsRefused(t *testing.T) {
	st := storetest.NewMemory(nil)
	files := fileSeries(st)
	rows := func(yield func(*fileRow, error) bool) { yield(&fileRow{FileID: "f", Status: "complete"}, nil) }
	if err := files.write(t.Context(), st, AssetsName, fileMeta{Info: testInfo}, encoded(files.schema, rows)); err != nil {
		t.Fatal(err)
	}
	_, err := OpenSnapshot(t.Context(), st)
	if damage, ok := errors.AsType[*pipeline.DamageError](err); !ok || damage.Path != AssetsName {
		t.Errorf("OpenSnapshot = %v, want that %s is damaged", err, AssetsName)
	}
}

// Rows of tables have the order of the keys that the rest of the program knows.
func TestSeries_Compare_IsThatOfKeys(t *testing.T) {
	texts := []string{"", "a", "ab", "b", "\xff"}
	var assets []assetRow
	var files []fileRow
	for _, a := range texts {
		for _, b := range texts {
			files = append(files, fileRow{FileID: a, DirectoryFileID: b, Status: "s"}, fileRow{JobID: a, FileID: b, Status: "s"})
			for _, page := range []int32{-1, 0, 300} {
				assets = append(assets, assetRow{FileID: a, Kind: b, PageIndex: page, Status: "s"})
				assets = append(assets, assetRow{FileID: a, Kind: "k", PageIndex: page, FigureName: &b, Status: "s"})
				assets = append(assets, assetRow{JobID: a, Kind: "k", PageIndex: page, Origin: "parse", UpstreamName: &b, Status: "s"})
			}
		}
	}
	checkCompare(t, assetSeries(nil), assets, func(a, b *assetRow) int { return a.key().Compare(b.key()) })
	checkCompare(t, fileSeries(nil), files, func(a, b *fileRow) int { return a.key().Compare(b.key()) })
}

func checkCompare[T any](t *testing.T, s series, rows []T, compare func(a, b *T) int) {
	t.Helper()
	encoded := make([]row, len(rows))
	for i := range rows {
		for _, v := range s.schema.Deconstruct(nil, &rows[i]) {
			encoded[i].columns = append(encoded[i].columns, []parquet.Value{v})
		}
	}
	for i := range rows {
		for j := range rows {
			if got, want := s.compare(encoded[i], encoded[j]), compare(&rows[i], &rows[j]); got != want {
				t.Errorf("%+v and %+v: got %d, want %d", rows[i], rows[j], got, want)
			}
		}
	}
}
