package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"exporter/internal/testmain"
	"exporter/pipeline"
)

// longRows returns rows with so much metadata each.
func longRows(count, size int) []*pipeline.Row {
	rows := make([]*pipeline.Row, count)
	for i := range rows {
		rows[i] = figureRow("file-1", int32(i), strings.Repeat("n", i))
		rows[i].Metadata = json.RawMessage(fmt.Sprintf(`{"n":%d,"text":%q}`, i, strings.Repeat(string(rune('a'+i%26)), size)))
	}
	return rows
}

// What is clipped for the library is what it would have cut itself.
func TestClipped_TableIsTheSame(t *testing.T) {
	for _, size := range []int{0, 1, boundsBytes, 3000} {
		rows := longRows(40, size)
		if !bytes.Equal(encode(t, rows), encode(t, rows, assetSeries(nil).schema)) {
			t.Errorf("texts of %d bytes: the table is another one than with all of the bounds", size)
		}
	}
}

// Whatever the texts of rows weigh, a row group has no more than it may, and a page no more than a few of them.
func TestEncodeTable_LongTexts_AreInSmallGroups(t *testing.T) {
	testmain.Long(t)
	const rows, size = 40, 1 << 20
	table := encode(t, longRows(rows, size))
	f, err := parquet.OpenFile(bytes.NewReader(table), int64(len(table)))
	if err != nil {
		t.Fatal(err)
	}
	groups := f.RowGroups()
	if most := int64(rowGroupBytes/size + 1); len(groups) < 2 || groups[0].NumRows() > most || f.NumRows() != rows {
		t.Fatalf("%d rows in %d groups, the first with %d rows, want no more than %d in any", f.NumRows(), len(groups), groups[0].NumRows(), most)
	}
	pages, err := groups[0].ColumnChunks()[columnOf(schemaOf[assetRow](), "metadata")].OffsetIndex()
	if err != nil {
		t.Fatal(err)
	}
	if int64(pages.NumPages()) != groups[0].NumRows() {
		t.Errorf("%d rows with a MiB each are in %d pages", groups[0].NumRows(), pages.NumPages())
	}
}

// The footer has no long bounds, which are in memory as long as a table is open, but those by which rows are found: also where row groups are
// copied that an earlier version wrote with all of them.
func TestEncodeTable_LongBounds_AreThoseOfKeysAlone(t *testing.T) {
	rows := longRows(3, 2*longBounds)
	for i := range rows {
		rows[i].FigureName = strings.Repeat("n", 2*longBounds)
	}
	s := assetSeries(nil)
	options := s.writerOptions(fileMeta{Info: testInfo})
	var earlier, copied bytes.Buffer
	w := newTableWriter(&earlier, options...)
	if err := errors.Join(writeRowGroups(w, encoded(s.schema, converted(rows)), 10, dictionaryBytes), w.Close()); err != nil {
		t.Fatal(err)
	}
	source := bytes.NewReader(earlier.Bytes())
	copies := func(yield func(section, error) bool) {
		yield(section{copied: &rowGroup{source, openBytes(t, earlier.Bytes()).Metadata().RowGroups[0]}}, nil)
	}
	if err := encodeTable(&copied, copies, dictionaryBytes, options...); err != nil {
		t.Fatal(err)
	}
	checkBounds(t, "earlier", earlier.Bytes(), true)
	checkBounds(t, "copied", copied.Bytes(), false)
	checkBounds(t, "written", encode(t, rows), false)
}

// checkBounds looks whether the only row group of a table has bounds: those of metadata where it hasAll, and others always.
func checkBounds(t *testing.T, name string, table []byte, hasAll bool) {
	t.Helper()
	f := openBytes(t, table)
	if f.NumRows() != 3 || len(f.RowGroups()) != 1 {
		t.Fatalf("%s: %d rows in %d groups, want 3 in one", name, f.NumRows(), len(f.RowGroups()))
	}
	for column, want := range map[string]bool{"file_id": true, "figure_name": true, "display_name": true, "metadata": hasAll} {
		chunk := f.RowGroups()[0].ColumnChunks()[columnOf(f.Schema(), column)].(*parquet.FileColumnChunk)
		if _, _, got := chunk.Bounds(); got != want {
			t.Errorf("%s: %s has bounds: %v, want %v", name, column, got, want)
		}
	}
}

func openBytes(t *testing.T, table []byte) *parquet.File {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(table), int64(len(table)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}
