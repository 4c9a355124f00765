package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// Every page of every column is damaged in turn. The library never gets to see it, and all other rows are as they were.
func TestTable_Salvage_LosesRowsOfDamagedPages(t *testing.T) {
	testmain.Long(t)
	const n = 300
	rows := figureRows(n)
	file := encode(t, rows, parquet.MaxRowsPerRowGroup(120), parquet.PageBufferSize(1<<10))
	st := storetest.NewMemory(nil)
	writeFile(t, st, AssetsName, file)
	sound, err := openTable(t.Context(), st, AssetsName, new(assetSeries(st)).fit)
	if err != nil {
		t.Fatal(err)
	}
	defer sound.close()
	series := assetSeries(st)
	// Where not all damages are tried, it is chance which: their number in a row group may be a multiple.
	rng := rand.New(rand.NewPCG(1, 2))
	groupFirst, whole, partial, keyless := int64(0), 0, 0, 0
	for g, group := range sound.parquet.Metadata().RowGroups {
		for c, chunk := range group.Columns {
			pages, err := sound.parquet.RowGroups()[g].ColumnChunks()[c].OffsetIndex()
			if err != nil {
				t.Fatal(err)
			}
			damage := func(bytes, rowsOf span) {
				t.Helper()
				if rng.IntN(oneIn) != 0 {
					return
				}
				lost, lostKeys := checkSalvage(t, file, bytes, rows)
				if lost != (span{groupFirst + rowsOf.first, rowsOf.count}) {
					t.Errorf("column %v, %d bytes from %d on: lost %v, want %v of the group from %d on",
						chunk.MetaData.PathInSchema, bytes.count, bytes.first, lost, rowsOf, groupFirst)
				}
				switch isKey := slices.Contains(series.keys, c); {
				case isKey && len(lostKeys) == 1 && lostKeys[0] == lost:
					keyless++
				case isKey || len(lostKeys) > 0:
					t.Errorf("column %v: lost the keys of %v", chunk.MetaData.PathInSchema, lostKeys)
				}
				if rowsOf.count == group.NumRows {
					whole++
				} else {
					partial++
				}
			}
			if at := chunk.MetaData.DictionaryPageOffset; at > 0 {
				damage(between(at, pages.Offset(0)), span{0, group.NumRows})
			}
			for i := range pages.NumPages() {
				end := group.NumRows
				if i+1 < pages.NumPages() {
					end = pages.FirstRowIndex(i + 1)
				}
				damage(span{pages.Offset(i), pages.CompressedPageSize(i)}, between(pages.FirstRowIndex(i), end))
			}
		}
		groupFirst += group.NumRows
	}
	if groupFirst != n || whole < 50/oneIn || partial < 15/oneIn || keyless < 15/oneIn {
		t.Errorf("%d rows; %d damages lost a row group, %d less, %d keys: the test has too little of one",
			groupFirst, whole, partial, keyless)
	}
}

// hidden is a file of which some bytes cannot be read.
type hidden struct {
	store.Object
	bytes span
}

func (h hidden) ReadAt(p []byte, at int64) (int, error) {
	read := span{at, int64(len(p))}
	if both := read.and(h.bytes); both.count > 0 {
		n, err := h.Object.ReadAt(p[:both.first-at], at)
		return n, errors.Join(err, fmt.Errorf("byte %d was asked for", both.first))
	}
	return h.Object.ReadAt(p, at)
}

// checkSalvage overwrites bytes of a file, checks what is yielded of it against its rows, and returns what is lost.
func checkSalvage(t *testing.T, file []byte, damaged span, rows []*pipeline.Row) (lost span, lostKeys spans) {
	t.Helper()
	file = slices.Clone(file)
	for i := damaged.first; i < damaged.end(); i++ {
		file[i] = 0xff
	}
	st := storetest.NewMemory(nil)
	writeFile(t, st, AssetsName, file)
	f, err := st.Open(t.Context(), AssetsName)
	if err != nil {
		t.Fatal(err)
	}
	table := &table{name: AssetsName, file: hidden{f, damaged}}
	defer table.close()
	if err := table.salvage(spans{damaged}, new(assetSeries(st)).fit); err != nil {
		t.Fatal(err)
	}
	if len(table.lost) != 1 {
		t.Fatalf("lost %v, want one span", table.lost)
	}
	var want []assetRow
	for row := range converted(rows) {
		at := int64(len(want))
		switch {
		case table.lostKeys.touch(span{at, 1}):
			*row = assetRow{}
		case table.lost.touch(span{at, 1}):
			*row = assetRow{FileID: row.FileID, Kind: row.Kind, PageIndex: row.PageIndex, FigureName: row.FigureName, Origin: row.Origin}
		}
		want = append(want, *row)
	}
	want = slices.DeleteFunc(want, func(r assetRow) bool { return r.FileID == "" })
	var got []assetRow
	for row, err := range decoded[assetRow](table.rows(table.all())) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, *row)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows with %d bytes damaged from %d on (-want +got):\n%s", damaged.count, damaged.first, diff)
	}
	return table.lost[0], table.lostKeys
}

// middleOf returns the place of a byte in the middle of a column of a table's first row group.
func middleOf(t *testing.T, content []byte, column string) int {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	chunk := f.Metadata().RowGroups[0].Columns[columnOf(f.Schema(), column)].MetaData
	return int(chunk.DataPageOffset + chunk.TotalCompressedSize/2)
}

// A bit flips in the hashes, which are most of the file. Only the rows of one or two pages are lost, and all their keys known.
func TestSalvage_Page_LosesItsRowsAlone(t *testing.T) {
	rows := figureRows(1500)
	st := storetest.NewMemory(nil)
	content := encode(t, rows, parquet.PageBufferSize(16<<10))
	writeFile(t, st, AssetsName, flipped(content, middleOf(t, content, "sha256")))
	s, damages, err := Salvage(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(damages) != 1 || damages[0].Rows < 200 || damages[0].Rows > 500 {
		t.Fatalf("damages %+v, want one of 200 to 500 rows", damages)
	}
	lost := damages[0].Assets
	if int64(len(lost)) != damages[0].Rows {
		t.Errorf("%d keys of %d lost rows are known, want all", len(lost), damages[0].Rows)
	}
	want := slices.DeleteFunc(rows, func(r *pipeline.Row) bool { return slices.Contains(lost, r.Key()) })
	if diff := cmp.Diff(want, collect(t, s)); diff != "" {
		t.Errorf("sound rows (-want +got):\n%s", diff)
	}
}

// What only a bloom filter loses nobody misses, and no file is listed again because of it: its counts are those of the rows
// that are listed, of the kinds that were asked for.
func TestSalvage_BloomFilter_LosesNothing(t *testing.T) {
	rows := figureRows(1500)
	counts := map[string]*pipeline.FileRow{}
	for i, row := range rows {
		file := counts[row.File.ID]
		if file == nil {
			file = &pipeline.FileRow{File: *row.File, Status: pipeline.Complete}
			counts[row.File.ID] = file
		}
		switch i % 7 {
		case 3:
			row.VanishedAt = testTime
			continue
		case 4:
			// Screenshots were not asked for the last time: those that are known count on.
			row.Kind, row.FigureName = pipeline.Screenshot, ""
			file.Stored++
			file.Bytes += row.Content.Size
			continue
		case 5:
			row.Status, row.Reason = pipeline.Skipped, pipeline.ReasonNoise
			row.Content, row.Location, row.FetchedAt = pipeline.Content{}, pipeline.Location{}, time.Time{}
			file.Skipped++
		default:
			file.Stored++
			file.Bytes += row.Content.Size
		}
		if file.Figures == nil {
			file.Figures = new(int64(0))
		}
		*file.Figures++
	}
	files := slices.Collect(maps.Values(counts))
	sortRows(rows)
	st := storetest.NewMemory(nil)
	l := openLedger(t, st)
	if err := errors.Join(l.Commit(t.Context(), pipeline.Rows{Assets: rows, Files: files}), l.Compact(t.Context())); err != nil {
		t.Fatal(err)
	}
	content := readFile(t, st, AssetsName)
	sums, err := readChecksums(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	// The bloom filter is the last of a row group.
	writeFile(t, st, AssetsName, flipped(content, int(sums.body-1)))

	s, damages, err := Salvage(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(damages) != 1 || damages[0].Path != AssetsName || damages[0].Rows != 0 || len(damages[0].Assets) > 0 {
		t.Errorf("damages %+v, want one of %s without rows", damages, AssetsName)
	}
	if diff := cmp.Diff(rows, collect(t, s)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	for file, err := range s.Files(t.Context()) {
		if err != nil || file.Status != pipeline.Complete {
			t.Errorf("file %s with %+v is %s, %v, want it complete", file.ID, file.Counts, file.Status, err)
		}
	}
}

// Parts that do not count may rot: a left-over that a later part contains is not even opened.
func TestSnapshot_Open_IgnoresDamagedLeftOvers(t *testing.T) {
	st := storetest.NewMemory(nil)
	l := openLedger(t, st)
	l.assets.fanIn = 2
	want := []*pipeline.Row{storedRow("a", 1), storedRow("b", 1)}
	for _, row := range want {
		if err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{row}}); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, st, l.assets.partName(1), []byte("PAR1, long ago"))
	if diff := cmp.Diff(want, collect(t, openSnapshotOf(t, st))); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if _, damages, err := Salvage(t.Context(), st); err != nil || len(damages) > 0 {
		t.Errorf("salvaging: got damages %+v, error %v, want none", damages, err)
	}
}

// A file of another version is not damaged, and nobody may write over it.
func TestOpenSalvaged_OtherSchema_IsRefused(t *testing.T) {
	st := storetest.NewMemory(nil)
	w := writeExport(t, st)
	content := encode(t, nil, parquet.KeyValueMetadata(metaSchema, "99"))
	writeFile(t, st, AssetsName, content)
	writeFile(t, st, filePart, readFile(t, st, filePart)[:100])
	if _, _, err := OpenSalvaged(t.Context(), st, testInfo); !errors.Is(err, ErrSchema) {
		t.Errorf("got error %v, want %v", err, ErrSchema)
	}
	if got := readFile(t, st, AssetsName); !bytes.Equal(got, content) || len(w.assets) == 0 {
		t.Errorf("%s was written over", AssetsName)
	}
}
