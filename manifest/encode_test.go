package manifest

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"reflect"
	"strings"
	"testing"
	"testing/quick"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/parquet-go/parquet-go"

	"exporter/internal/store/storetest"
	"exporter/pipeline"
)

// Whatever a row has, its values are those that the library makes of it.
func TestSeries_Encoded_IsWhatTheLibraryMakesOfRows(t *testing.T) {
	checkEncoded[assetRow](t, assetSeries(nil))
	checkEncoded[fileRow](t, fileSeries(nil))
}

func checkEncoded[T any](t *testing.T, s series) {
	t.Helper()
	var rows []T
	note := func(r T) bool {
		rows = append(rows, r)
		return true
	}
	// Few values are absent at random, so that there is a row that has none.
	rows = append(rows, *new(T))
	if err := quick.Check(note, &quick.Config{MaxCount: 300, Rand: rand.New(rand.NewSource(1))}); err != nil {
		t.Fatal(err)
	}
	rows = append(rows, *new(T))
	next := 0
	for b, err := range encoded(s.schema, each(rows)) {
		if err != nil {
			t.Fatal(err)
		}
		for n := range b.count() {
			got := fmt.Sprintf("%+v", valuesOf(b.row(n)))
			if want := fmt.Sprintf("%+v", s.schema.Deconstruct(nil, &rows[next])); got != want {
				t.Fatalf("row %d (-want +got):\n%s", next, cmp.Diff(want, got))
			}
			next++
		}
	}
	if next != len(rows) {
		t.Errorf("got %d rows, want %d", next, len(rows))
	}
	checkDecoded(t, s, rows)
}

// valuesOf returns a row as the library knows it.
func valuesOf(r row) (values parquet.Row) {
	for c := range r.columns {
		values = append(values, r.value(c))
	}
	return values
}

// checkDecoded compares rows that are read with those that the library reads of the same values.
func checkDecoded[T any](t *testing.T, s series, rows []T) {
	t.Helper()
	next := 0
	for got, err := range decoded[T](encoded(s.schema, each(rows))) {
		want := new(T)
		if err == nil {
			err = s.schema.Reconstruct(want, s.schema.Deconstruct(nil, &rows[next]))
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("row %d that was read (-want +got):\n%s", next, diff)
		}
		next++
	}
}

func each[T any](rows []T) func(yield func(*T, error) bool) {
	return func(yield func(*T, error) bool) {
		for i := range rows {
			if !yield(&rows[i], nil) {
				return
			}
		}
	}
}

// Metadata that is null is none.
func TestLedger_Commit_NullMetadata_IsAbsent(t *testing.T) {
	dir := openDir(t, t.TempDir())
	l := openLedger(t, dir)
	r := figureRow("file-1", 0, "page_1_figure_1.jpg")
	r.Metadata = json.RawMessage("null")
	if err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{r}}); err != nil {
		t.Fatal(err)
	}
	if got := collect(t, openSnapshotOf(t, dir)); len(got) != 1 || got[0].Metadata != nil {
		t.Errorf("got %+v, want one row without metadata", got)
	}
}

// A row group ends before its dictionaries are large, since who merges tables holds those of each of them.
func TestEncodeTable_LongNames_EndsRowGroups(t *testing.T) {
	const n, long = 2000, 2000
	rows := make([]*pipeline.Row, n)
	for i := range rows {
		rows[i] = storedRow(fmt.Sprintf("file-%04d", i), 0)
		rows[i].File = &pipeline.File{
			ID: string(rows[i].FileID), DisplayName: new(fmt.Sprintf("%s%04d", strings.Repeat("x", long), i)),
		}
	}
	st := storetest.NewMemory(nil)
	writeFile(t, st, AssetsName, encode(t, rows))
	table, err := openTable(t.Context(), st, AssetsName, new(assetSeries(st)).fit)
	if err != nil {
		t.Fatal(err)
	}
	defer table.close()
	for _, group := range table.groups() {
		if most := int64(dictionaryBytes/long + readBatch); group.count > most {
			t.Errorf("a row group has %d rows with names of %d bytes, want at most %d", group.count, long, most)
		}
	}
	if got := collect(t, openSnapshotOf(t, st)); !reflect.DeepEqual(got, rows) {
		t.Errorf("got %d rows, not the %d that were written", len(got), n)
	}
}
