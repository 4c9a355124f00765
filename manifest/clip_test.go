package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

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
