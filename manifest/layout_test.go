package manifest

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"exporter/internal/store/storetest"
	"exporter/pipeline"
)

// Readers of ten years read what is written: no column has another encoding than these, in pages of version 1.
func TestEncodeTable_Encodings_AreOld(t *testing.T) {
	content := encode(t, figureRows(500))
	f, err := parquet.OpenFile(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	dictionaries := 0
	for _, group := range f.Metadata().RowGroups {
		for _, chunk := range group.Columns {
			name := strings.Join(chunk.MetaData.PathInSchema, ".")
			for _, e := range chunk.MetaData.Encoding {
				if !slices.Contains([]format.Encoding{format.Plain, format.RLE, format.RLEDictionary}, e) {
					t.Errorf("column %s has the encoding %v", name, e)
				}
				if e == format.RLEDictionary {
					dictionaries++
				}
			}
			for _, stats := range chunk.MetaData.EncodingStats {
				if stats.PageType == format.DataPageV2 {
					t.Errorf("column %s has pages of version 2", name)
				}
			}
			if chunk.MetaData.Codec != format.Zstd {
				t.Errorf("column %s is compressed with %v", name, chunk.MetaData.Codec)
			}
			if hasFilter := chunk.MetaData.BloomFilterOffset > 0; hasFilter != (name == "file_id" || name == "sha256") {
				t.Errorf("column %s has a bloom filter: %v", name, hasFilter)
			}
		}
	}
	if dictionaries < 5 {
		t.Errorf("%d columns have a dictionary", dictionaries)
	}
}

// Hashes are most of a manifest, and half of their digits can be saved.
func TestCodec_HexDigits_TakeHalf(t *testing.T) {
	digits := make([]byte, 1<<16)
	for i := range digits {
		digits[i] = "0123456789abcdef"[(i*i*2654435761>>7)&15]
	}
	out, err := compression.Encode(nil, digits)
	if err != nil {
		t.Fatal(err)
	}
	if most := len(digits) * 55 / 100; len(out) > most {
		t.Errorf("%d hex digits take %d bytes, want %d at most", len(digits), len(out), most)
	}
	if back, err := compression.Decode(nil, out); err != nil || !bytes.Equal(back, digits) {
		t.Errorf("decoded: %d bytes, %v", len(back), err)
	}
}

// otherRow is what another program may make of the rows of a table: other levels, and another order.
type otherRow struct {
	SHA256    *string `parquet:"sha256,dict"`
	FileID    *string `parquet:"file_id"`
	PageIndex *int32  `parquet:"page_index"`
}

// asOther returns rows as another program writes them: all columns optional, in the reverse order, and nothing said of them.
func asOther(t *testing.T, rows []*pipeline.Row) []byte {
	t.Helper()
	s := assetSeries(nil)
	fields := slices.Clone(s.schema.Fields())
	group := parquet.Group{}
	for _, f := range fields {
		group[f.Name()] = parquet.Optional(parquet.Leaf(f.Type()))
	}
	schema := parquet.NewSchema("other", group)
	var out bytes.Buffer
	w := parquet.NewWriter(&out, schema, parquet.CreatedBy("other", "1", ""))
	for b, err := range encoded(s.schema, converted(rows)) {
		if err != nil {
			t.Fatal(err)
		}
		for n := range b.count() {
			var row parquet.Row
			for c, path := range schema.Columns() {
				v := b.row(n).value(columnOf(s.schema, path[0]))
				level := 1
				if v.IsNull() {
					level = 0
				}
				row = append(row, v.Clone().Level(0, level, c))
			}
			if _, err := w.WriteRows([]parquet.Row{row}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A manifest that another program has rewritten is read, goes on, and is written anew by the next run.
func TestLedger_ManifestOfAnotherProgram_GoesOn(t *testing.T) {
	rows := slices.Concat(figureRows(40), []*pipeline.Row{storedRow("z", 1)})
	st := storetest.NewMemory(nil)
	writeFile(t, st, AssetsName, asOther(t, rows))
	s := openSnapshotOf(t, st)
	if diff := cmp.Diff(rows, collect(t, s)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	got, err := s.Assets(t.Context(), pipeline.Owner{FileID: rows[5].FileID})
	if err != nil || len(got) == 0 {
		t.Errorf("Assets: %d rows, %v", len(got), err)
	}
	if _, damages, err := Salvage(t.Context(), st); err != nil || len(damages) > 0 {
		t.Errorf("Salvage: %v, %v", damages, err)
	}
	l := openLedger(t, st)
	if err := l.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	s = openSnapshotOf(t, st)
	if base := s.assets.base; base.foreign || len(base.layout.other) > 0 {
		t.Errorf("%s was not written anew", AssetsName)
	}
	if diff := cmp.Diff(rows, collect(t, s)); diff != "" {
		t.Errorf("rows written anew (-want +got):\n%s", diff)
	}
}

// What another program wrote is refused where it cannot be what it stands for, by the name of the program and of what is wrong.
func TestOpenSnapshot_OfAnotherProgram_IsRefused(t *testing.T) {
	sorted := figureRows(9)
	unsorted := slices.Clone(sorted)
	unsorted[2], unsorted[7] = unsorted[7], unsorted[2]
	twice := slices.Insert(slices.Clone(sorted), 4, sorted[4])
	var others bytes.Buffer
	w := parquet.NewGenericWriter[otherRow](&others, parquet.CreatedBy("other", "1", ""))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, file string
		content    []byte
		want       string
	}{
		{"not sorted", AssetsName, asOther(t, unsorted), "sort it by file_id, job_id, kind, page_index"},
		{"a key twice", AssetsName, asOther(t, twice), "row 6 comes before the one above it, or has the same key"},
		{"columns missing", AssetsName, others.Bytes(), "no column"},
		{"other columns", FilesName, asOther(t, sorted), "has no column"},
		{"a part", ".exporter/parts/00000001.assets.parquet", asOther(t, sorted), "no other program may write a part"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st := storetest.NewMemory(nil)
			writeFile(t, st, AssetsName, encode(t, figureRows(3)))
			writeFile(t, st, tt.file, tt.content)
			_, err := OpenSnapshot(t.Context(), st)
			damage, ok := errors.AsType[*pipeline.DamageError](err)
			if !ok || damage.Path != tt.file || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), `"other version 1`) {
				t.Errorf("OpenSnapshot = %v, want that %s is damaged: %q", err, tt.file, tt.want)
			}
		})
	}
}
