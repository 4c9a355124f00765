package dataset

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// storedSample is a row of a shard, but for most of its columns.
type storedSample struct {
	Image *struct {
		Bytes []byte  `parquet:"bytes,optional"`
		Path  *string `parquet:"path,optional"`
	} `parquet:"image,optional"`
	FileID     *string  `parquet:"file_id,optional"`
	Confidence *float64 `parquet:"confidence,optional"`
}

// openShard opens a shard of samples, which must be readable.
func openShard(t *testing.T, s *Schema, samples []*Sample, pictures [][]byte) *parquet.File {
	t.Helper()
	b, side := shard(t, parquetForm{}, s, samples, pictures)
	if side != nil {
		t.Error("something is stored beside the shard")
	}
	f, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// leaf returns the number of a column.
func leaf(t *testing.T, f *parquet.File, path ...string) int {
	t.Helper()
	found, ok := f.Schema().Lookup(path...)
	if !ok {
		t.Fatalf("there is no column %q", path)
	}
	return found.ColumnIndex
}

// columnValues returns the values of a column, of all row groups.
func columnValues(t *testing.T, f *parquet.File, column int) []parquet.Value {
	t.Helper()
	var all []parquet.Value
	for _, g := range f.RowGroups() {
		pages := g.ColumnChunks()[column].Pages()
		for {
			page, err := pages.ReadPage()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			values := make([]parquet.Value, page.NumValues())
			if n, err := page.Values().ReadValues(values); n != len(values) {
				t.Fatalf("read %d values of %d: %v", n, len(values), err)
			}
			for _, v := range values {
				all = append(all, v.Clone())
			}
		}
		if err := pages.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestParquet_ManySamples_ReadsBack(t *testing.T) {
	samples, pictures := many(250)
	pictures[120] = nil
	f := openShard(t, everything(), samples, pictures)
	rows, err := parquet.Read[storedSample](readerOf(f))
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(samples) {
		t.Fatalf("got %d rows, want %d", len(rows), len(samples))
	}
	for i, r := range rows {
		if pictures[i] == nil {
			if r.Image != nil {
				t.Errorf("row %d: got a picture, want null", i)
			}
			continue
		}
		if r.Image == nil || !bytes.Equal(r.Image.Bytes, pictures[i]) || *r.Image.Path != samples[i].Name {
			t.Fatalf("row %d has another picture", i)
		}
		if has := i%3 != 1; has != (r.FileID != nil) || has != (r.Confidence != nil) {
			t.Errorf("row %d: got file_id %v, confidence %v", i, r.FileID, r.Confidence)
		}
	}
	groups := f.Metadata().RowGroups
	if sizes := []int64{groups[0].NumRows, groups[1].NumRows, groups[2].NumRows}; len(groups) != 3 || !slices.Equal(sizes, []int64{100, 100, 50}) {
		t.Errorf("got row groups of %v rows", sizes)
	}
}

// readerOf returns what parquet.Read takes.
func readerOf(f *parquet.File) (io.ReaderAt, int64) { return f, f.Size() }

func TestParquet_EveryType_ReadsBack(t *testing.T) {
	var samples []*Sample
	var pictures [][]byte
	for i := range len(edges[String]) {
		samples, pictures = append(samples, edgeSample(i)), append(pictures, picture(i, 50))
	}
	f := openShard(t, typed(edges), samples, pictures)
	for kind, want := range edges {
		for i, got := range columnValues(t, f, leaf(t, f, "a_"+string(kind))) {
			if got.IsNull() == want[i].Valid {
				t.Errorf("%s %d: null is %v", kind, i, got.IsNull())
			}
			if got.IsNull() {
				continue
			}
			var isEqual bool
			switch kind {
			case String:
				isEqual = string(got.ByteArray()) == validText(want[i].Text)
			case Int32:
				isEqual = int64(got.Int32()) == want[i].Int
			case Int64, Timestamp:
				isEqual = got.Int64() == want[i].Int
			case Float64:
				isEqual = got.Double() == want[i].Float
			case Bool:
				isEqual = got.Boolean() == want[i].Bool
			}
			if !isEqual {
				t.Errorf("%s %d: got %v, want %+v", kind, i, got, want[i])
			}
		}
	}
}

func TestParquet_Objects_AreListsOfTheSameLength(t *testing.T) {
	samples := []*Sample{bareSample("a.jpg"), fullSample("b.jpg"), bareSample("c.jpg")}
	f := openShard(t, everything(), samples, [][]byte{picture(0, 9), picture(1, 9), picture(2, 9)})
	type value struct {
		Text                   string
		Repetition, Definition int
	}
	list := func(values ...value) []value {
		return slices.Concat([]value{{"<null>", 0, 2}}, values, []value{{"<null>", 0, 2}})
	}
	for path, want := range map[string][]value{
		"bbox": list(value{"1", 0, 6}, value{"2", 2, 6}, value{"3", 2, 6}, value{"4.5", 2, 6},
			value{"0", 1, 6}, value{"0", 2, 6}, value{"1", 2, 6}, value{"1", 2, 6}),
		"category":      list(value{"chart", 0, 4}, value{"<null>", 1, 3}),
		"caption":       list(value{"c", 0, 4}, value{"<null>", 1, 3}),
		"confidence":    list(value{"0.5", 0, 4}, value{"<null>", 1, 3}),
		"upstream_name": list(value{"p1.png", 0, 4}, value{"<null>", 1, 3}),
	} {
		full := []string{objectsName, path, "list", "element"}
		if path == boxesName {
			full = append(full, "list", "element")
		}
		var got []value
		for _, v := range columnValues(t, f, leaf(t, f, full...)) {
			got = append(got, value{v.String(), v.RepetitionLevel(), v.DefinitionLevel()})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

// Every field may be null, and the picture's group is the first, with its bytes and its path in this order: so readers find that it is a picture.
func TestParquet_Schema(t *testing.T) {
	f := openShard(t, everything(), []*Sample{fullSample("a.jpg")}, [][]byte{picture(0, 9)})
	elements := f.Metadata().Schema
	var names []string
	for _, e := range elements[1:4] {
		names = append(names, e.Name)
	}
	if want := []string{"image", "bytes", "path"}; !slices.Equal(names, want) {
		t.Errorf("the schema begins with %q, want %q", names, want)
	}
	for _, e := range elements[1:] {
		if e.RepetitionType.V == format.Required {
			t.Errorf("%s is required", e.Name)
		}
	}
	var got []string
	for _, field := range f.Schema().Fields() {
		got = append(got, field.Name())
	}
	want := []string{"image"}
	for _, c := range Columns() {
		want = append(want, c.Name)
	}
	if diff := cmp.Diff(append(want, "objects"), got); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
}

func TestParquet_Features_NameEveryColumn(t *testing.T) {
	f := openShard(t, everything(), []*Sample{fullSample("a.jpg")}, [][]byte{picture(0, 9)})
	text, _ := f.Lookup("huggingface")
	var got struct {
		Info struct {
			Features map[string]json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	for _, field := range f.Schema().Fields() {
		if got.Info.Features[field.Name()] == nil {
			t.Errorf("nothing is told of %s", field.Name())
		}
	}
	for name, want := range map[string]string{
		"image":      `{"_type": "Image"}`,
		"fetched_at": `{"dtype": "timestamp[us, tz=UTC]", "_type": "Value"}`,
	} {
		if string(got.Info.Features[name]) != want {
			t.Errorf("%s: got %s, want %s", name, got.Info.Features[name], want)
		}
	}
}

// Bounds of pictures would be pictures, and those of long texts would be pages.
func TestParquet_Bounds_AreShort(t *testing.T) {
	samples, pictures := many(150)
	f := openShard(t, everything(), samples, pictures)
	hasBounds := 0
	for _, g := range f.Metadata().RowGroups {
		for _, c := range g.Columns {
			s := c.MetaData.Statistics
			if max(len(s.MinValue), len(s.MaxValue), len(s.Min), len(s.Max)) > boundsBytes {
				t.Errorf("bounds of %v have %d bytes", c.MetaData.PathInSchema, len(s.MaxValue))
			}
			if s.MinValue != nil {
				hasBounds++
			}
			if c.MetaData.PathInSchema[0] == imageName && c.MetaData.PathInSchema[1] == bytesName && s.MaxValue != nil {
				t.Error("pictures have bounds")
			}
		}
	}
	if hasBounds < 30 {
		t.Errorf("%d columns have bounds", hasBounds)
	}
	size := 0
	for _, p := range pictures {
		size += len(p)
	}
	// Of a picture of 1 byte and no columns, a row takes 60 bytes in pages, and 10 in the index.
	bare, _ := shard(t, parquetForm{}, &Schema{}, samples, pictures)
	if more := len(bare) - size; more > 150*80+1500 {
		t.Errorf("a shard is %d bytes larger than its %d pictures", more, len(pictures))
	}
}

// Who wants one row reads one picture.
func TestParquet_Pages_HaveAPictureEach(t *testing.T) {
	samples, pictures := many(130)
	f := openShard(t, everything(), samples, pictures)
	column, row := leaf(t, f, imageName, bytesName), 0
	for _, g := range f.RowGroups() {
		index, err := g.ColumnChunks()[column].OffsetIndex()
		if err != nil {
			t.Fatal(err)
		}
		if int64(index.NumPages()) != g.NumRows() {
			t.Errorf("%d rows have %d pages", g.NumRows(), index.NumPages())
		}
		pages := g.ColumnChunks()[column].Pages()
		for i := g.NumRows() - 1; i >= 0; i -= 7 {
			if err := pages.SeekToRow(i); err != nil {
				t.Fatal(err)
			}
			page, err := pages.ReadPage()
			if err != nil {
				t.Fatal(err)
			}
			var values [2]parquet.Value
			if n, _ := page.Values().ReadValues(values[:]); n != 1 || !bytes.Equal(values[0].ByteArray(), pictures[row+int(i)]) {
				t.Errorf("row %d: its page has %d values, or another picture", row+int(i), n)
			}
		}
		row += int(g.NumRows())
		pages.Close()
	}
}

// Readers find pages by the offset index and nulls by the statistics, of all columns.
func TestParquet_Footer_TellsOfEveryColumn(t *testing.T) {
	samples, pictures := many(130)
	pictures[101], pictures[129] = nil, nil
	f := openShard(t, everything(), samples, pictures)
	columns := len(f.Metadata().RowGroups[0].Columns)
	for i, index := range f.OffsetIndexes() {
		c := f.Metadata().RowGroups[i/columns].Columns[i%columns]
		if got := index.PageLocations[0].Offset; got != c.MetaData.DataPageOffset {
			t.Errorf("%v: its first page is at byte %d, and at %d by the index", c.MetaData.PathInSchema, c.MetaData.DataPageOffset, got)
		}
		if c.ColumnIndexOffset != 0 || c.ColumnIndexLength != 0 {
			t.Errorf("%v: has a column index", c.MetaData.PathInSchema)
		}
	}
	bytesColumn, pathColumn := leaf(t, f, imageName, bytesName), leaf(t, f, imageName, pathName)
	for i, want := range []int64{0, 2} {
		group := f.Metadata().RowGroups[i].Columns
		if got := group[bytesColumn].MetaData.Statistics.NullCount; got != want || got != group[pathColumn].MetaData.Statistics.NullCount {
			t.Errorf("row group %d: got %d nulls, want %d", i, got, want)
		}
	}
}

func TestParquet_PictureLargerThanAPage_IsRefused(t *testing.T) {
	w := parquetForm{}.newShard(io.Discard, &Schema{}).(*parquetShard)
	if err := w.prepare(largestPicture + 1); err == nil {
		t.Error("it was taken")
	}
	if err := w.prepare(largestPicture); err != nil {
		t.Error(err)
	}
}

func TestParquet_LargePictures_EndRowGroups(t *testing.T) {
	w := parquetForm{}.newShard(io.Discard, &Schema{}).(*parquetShard)
	large := make([]byte, rowGroupBytes+1)
	for _, size := range []int{10, rowGroupBytes / 2, rowGroupBytes / 4, rowGroupBytes / 2, len(large), 10} {
		if err := w.add(bareSample("a.jpg"), large[:size]); err != nil {
			t.Fatal(err)
		}
	}
	var got []int
	for _, g := range w.groups {
		got = append(got, len(g.pages))
	}
	if want := []int{3, 1, 1, 1}; !slices.Equal(got, want) {
		t.Errorf("row groups have %v pictures, want %v", got, want)
	}
}

func TestParquet_NoSamples_IsAFile(t *testing.T) {
	if f := openShard(t, everything(), nil, nil); f.NumRows() != 0 || len(f.RowGroups()) != 0 {
		t.Errorf("got %d rows", f.NumRows())
	}
}

func BenchmarkParquet_Pictures(b *testing.B) { benchmarkPictures(b, parquetForm{}) }

func BenchmarkTar_Pictures(b *testing.B) { benchmarkPictures(b, tarForm{}) }

// benchmarkPictures writes pictures of 100 kB.
func benchmarkPictures(b *testing.B, form shardForm) {
	const count = 300
	s, p := fullSample("f1/page_screenshots/1.jpg"), picture(1, 100_000)
	b.SetBytes(count * int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		w := form.newShard(io.Discard, everything())
		for range count {
			if err := w.add(s, p); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := w.close(); err != nil {
			b.Fatal(err)
		}
	}
}
