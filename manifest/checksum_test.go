package manifest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/parquet-go/parquet-go"

	"exporter/internal/store/storetest"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// figureRows returns rows of many files, three for each, sorted. Their hashes do not compress.
func figureRows(n int) []*pipeline.Row {
	rows := make([]*pipeline.Row, n)
	for i := range rows {
		rows[i] = figureRow(fmt.Sprintf("file-%04d", i/3), int32(i%3), fmt.Sprintf("page_%d_figure_1.jpg", i%3))
		for at := range rows[i].Content.SHA256 {
			rows[i].Content.SHA256[at] = byte(xxhash.Sum64([]byte{byte(i), byte(i >> 8), byte(at)}))
		}
	}
	return rows
}

// encode returns rows, which come sorted, as a file.
func encode(t testing.TB, rows []*pipeline.Row, options ...parquet.WriterOption) []byte {
	t.Helper()
	var out bytes.Buffer
	s := assetSeries(nil)
	options = append(s.writerOptions(fileMeta{Info: testInfo}), options...)
	if err := encodeTable(&out, allRows(encoded(s.schema, converted(rows)), s.groupRows), dictionaryBytes, options...); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func converted(rows []*pipeline.Row) iter.Seq2[*assetRow, error] {
	return func(yield func(*assetRow, error) bool) {
		for _, row := range rows {
			if r := fromRow(row); !yield(&r, nil) {
				return
			}
		}
	}
}

// The checksums are where docs/format.md says, and cover every byte but themselves. This is the document in code, with
// nothing of the package.
func TestEncodeTable_Checksums_AreAsSpecified(t *testing.T) {
	for _, n := range []int{0, 1, 700} {
		t.Run(fmt.Sprint(n, " rows"), func(t *testing.T) {
			file := encode(t, figureRows(n))
			number := func(at int) int { return int(binary.LittleEndian.Uint64(file[at:])) }
			footer := len(file) - 8 - int(binary.LittleEndian.Uint32(file[len(file)-8:]))
			trailer := footer - 24
			if magic := string(file[trailer:][:8]); magic != "EXPRXXH1" {
				t.Fatalf("magic is %q", magic)
			}
			body := number(trailer + 8)
			blocks := slices.Collect(slices.Chunk(file[:body], 1024))
			for i, block := range blocks {
				if want, got := int(xxhash.Sum64(block)), number(trailer-8*len(blocks)+8*i); got != want {
					t.Errorf("sum of block %d: got %x, want %x", i, got, want)
				}
			}
			rest := slices.Concat(file[body:footer-8], file[footer:])
			if want, got := int(xxhash.Sum64(rest)), number(footer-8); got != want {
				t.Errorf("sum of the rest: got %x, want %x", got, want)
			}

			f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				return
			}
			if at := f.Metadata().RowGroups[0].Columns[0].ColumnIndexOffset; at != int64(body) {
				t.Errorf("the page indexes begin at byte %d, and the body ends at %d", at, body)
			}
		})
	}
}

// Whatever bit flips, wherever the file is cut, and whatever is appended: it is refused by name, and the library never
// gets to see it.
func TestOpenTable_Changed_IsRefused(t *testing.T) {
	testmain.Long(t)
	file := encode(t, figureRows(5))
	refused := func(what string, content []byte) {
		st := storetest.NewMemory(nil)
		writeFile(t, st, AssetsName, content)
		table, err := openTable(t.Context(), st, AssetsName, new(assetSeries(st)).fit)
		if damage, ok := errors.AsType[*pipeline.DamageError](err); !ok || damage.Path != AssetsName || table != nil {
			t.Errorf("%s of %d bytes: got table %v, error %v, want a DamageError of %s", what, len(file), table, err, AssetsName)
		}
	}
	for at := range file {
		refused(fmt.Sprintf("bit %d of byte %d flipped", at%8, at), flipped(file, at))
	}
	for size := range file {
		refused(fmt.Sprintf("cut to %d", size), file[:size])
	}
	for _, tail := range [][]byte{{0}, make([]byte, 4096), []byte("PAR1"), file} {
		refused(fmt.Sprintf("%d bytes more", len(tail)), slices.Concat(file, tail))
	}
}

// flipped returns a copy of a file in which one bit of a byte is another one.
func flipped(file []byte, at int) []byte {
	file = slices.Clone(file)
	file[at] ^= 1 << (at % 8)
	return file
}

// A file that another program wrote has no checksums.
func TestOpenTable_WithoutChecksums_IsRefused(t *testing.T) {
	var out bytes.Buffer
	s := assetSeries(nil)
	w := newTableWriter(&out, s.writerOptions(fileMeta{Info: testInfo})...)
	if err := errors.Join(writeRowGroups(w, encoded(s.schema, converted(figureRows(5))), 10, dictionaryBytes), w.Close()); err != nil {
		t.Fatal(err)
	}
	st := storetest.NewMemory(nil)
	writeFile(t, st, AssetsName, out.Bytes())
	if _, err := openTable(t.Context(), st, AssetsName, new(assetSeries(st)).fit); !errors.Is(err, errUntrusted) {
		t.Errorf("got error %v, want %v", err, errUntrusted)
	}
}

// FuzzOpenTable opens files that a disk, a person or another program may have left.
func FuzzOpenTable(f *testing.F) {
	sound := encode(f, figureRows(3))
	for _, seed := range [][]byte{
		nil, []byte("PAR1"), sound, sound[:len(sound)/2], sound[len(sound)-1000:], flipped(sound, len(sound)-30),
		flipped(sound, 100),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		st := storetest.NewMemory(nil)
		writeFile(t, st, AssetsName, content)
		s, err := OpenSnapshot(t.Context(), st)
		if _, damaged := errors.AsType[*pipeline.DamageError](err); err != nil && !damaged {
			t.Errorf("got error %v, want a DamageError", err)
		}
		if err == nil && !bytes.Equal(content, sound) {
			t.Errorf("a file that exporter did not write was opened, and has %d rows", len(collect(t, s)))
		}
		salvaged, _, err := Salvage(t.Context(), st)
		if err != nil {
			t.Fatal(err)
		}
		collect(t, salvaged)
	})
}
