package interop

import (
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	pqfile "github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/google/go-cmp/cmp"
)

// What Apache Arrow says of the Parquet files themselves.

func TestArrow_SortingColumns_AreTheKey(t *testing.T) {
	t.Parallel()
	e := exported(t, hostileCorpus(t))
	type sorting struct {
		Column                 string
		Descending, NullsFirst bool
	}
	for name, want := range map[string][]sorting{
		e.manifest(): {
			{"file_id", false, true}, {"job_id", false, true}, {"kind", false, true}, {"page_index", false, true},
			{"figure_name", false, true}, {"origin", false, true}, {"upstream_name", false, true},
		},
		e.filesManifest(): {{"job_id", false, true}, {"file_id", false, true}, {"directory_file_id", false, true}},
	} {
		m := openArrow(t, name).ParquetReader().MetaData()
		for g := range m.NumRowGroups() {
			var got []sorting
			for _, c := range m.RowGroup(g).SortingColumns() {
				got = append(got, sorting{m.Schema.Column(int(c.ColumnIdx)).Name(), c.Descending, c.NullsFirst})
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: sorting columns of row group %d (-want +got):\n%s", name, g, diff)
			}
		}
	}
}

func TestArrow_PageIndexes_CoverAllColumns(t *testing.T) {
	t.Parallel()
	e := exported(t, recordedCorpus(t))
	for _, name := range []string{e.manifest(), e.filesManifest()} {
		r := openArrow(t, name).ParquetReader()
		for g := range r.NumRowGroups() {
			indexes, err := r.GetPageIndexReader().RowGroup(g)
			if err != nil || indexes == nil {
				t.Fatalf("%s: page indexes of row group %d: %v, %v", name, g, indexes, err)
			}
			for i := range r.MetaData().Schema.NumColumns() {
				checkPageIndex(t, r, indexes, g, i)
			}
		}
	}
}

// checkPageIndex compares the page index of a column chunk with what the chunk holds.
func checkPageIndex(t *testing.T, r *pqfile.Reader, indexes *metadata.RowGroupPageIndexReader, group, i int) {
	t.Helper()
	name := r.MetaData().Schema.Column(i).Name()
	column, err := indexes.GetColumnIndex(i)
	if err != nil || column == nil {
		t.Errorf("column index of %s: %v, %v", name, column, err)
		return
	}
	offset, err := indexes.GetOffsetIndex(i)
	if err != nil || offset == nil {
		t.Errorf("offset index of %s: %v, %v", name, offset, err)
		return
	}
	chunk, err := r.MetaData().RowGroup(group).ColumnChunk(i)
	if err != nil {
		t.Fatal(err)
	}
	nulls, pages := int64(0), len(offset.GetPageLocations())
	for _, n := range column.GetNullCounts() {
		nulls += n
	}
	stats, err := chunk.Statistics()
	if err != nil || stats == nil {
		t.Errorf("statistics of %s: %v, %v", name, stats, err)
		return
	}
	if pages == 0 || len(column.GetNullPages()) != pages || nulls != stats.NullCount() {
		t.Errorf("%s: indexes of %d and %d pages with %d nulls, the chunk has %d nulls", name, pages,
			len(column.GetNullPages()), nulls, stats.NullCount())
	}
	if first := offset.GetPageLocations()[0]; first.FirstRowIndex != 0 || first.Offset != chunk.DataPageOffset() {
		t.Errorf("%s: the first page is at %+v, the chunk says %d", name, first, chunk.DataPageOffset())
	}
}

func TestArrow_BloomFilter_KnowsTheFiles(t *testing.T) {
	t.Parallel()
	e := exported(t, recordedCorpus(t))
	var ids []string
	for _, a := range e.assets {
		ids = append(ids, a.FileID)
	}
	r := openArrow(t, e.manifest()).ParquetReader()
	filters, err := r.GetBloomFilterReader().RowGroup(0)
	if err != nil {
		t.Fatal(err)
	}
	filter, err := filters.GetColumnBloomFilter(r.MetaData().Schema.ColumnIndexByName("file_id"))
	if err != nil || filter == nil {
		t.Fatalf("bloom filter of file_id: %v, %v", filter, err)
	}
	typed := metadata.TypedBloomFilter[parquet.ByteArray]{BloomFilter: filter}
	for _, id := range slices.Compact(ids) {
		if !typed.Check(parquet.ByteArray(id)) {
			t.Errorf("the filter excludes %q, which has rows", id)
		}
	}
	if absent := strings.Repeat("absent", 5); typed.Check(parquet.ByteArray(absent)) {
		t.Errorf("the filter does not exclude %q", absent)
	}
}
