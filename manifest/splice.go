package manifest

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// parquetMagic is what a Parquet file begins and ends with.
const parquetMagic = "PAR1"

// copyBytes is how much is copied at once.
const copyBytes = 64 << 10

// rowGroup is a row group of a file, of the same columns as the one that it is copied to.
type rowGroup struct {
	file   io.ReaderAt
	format format.RowGroup
}

// bytes returns where the row group is in its file: pages and bloom filters lie one behind the other.
func (g rowGroup) bytes() span {
	end := int64(0)
	for _, c := range g.format.Columns {
		m := &c.MetaData
		pages := cmp.Or(m.DictionaryPageOffset, m.DataPageOffset)
		end = max(end, pages+m.TotalCompressedSize, m.BloomFilterOffset+int64(m.BloomFilterLength))
	}
	return between(g.format.FileOffset, end)
}

// tableWriter is the library's writer that knows nothing of the types of rows. It counts as deprecated in favour of GenericWriter, which has
// the linker keep 0.6 MB of code that makes columns of Go values of all types: here values come in columns.
//
//lint:ignore SA1019 see above
type tableWriter = parquet.Writer

func newTableWriter(to io.Writer, options ...parquet.WriterOption) *tableWriter {
	return parquet.NewWriter(to, options...)
}

// splicer writes a Parquet file of row groups that a writer makes, and of some that are copied as they are, with their indexes. The
// library's own way of copying does not take columns that have a dictionary and a bloom filter (parquet-go 0.32.0,
// bloomFilterIsCopyable).
type splicer struct {
	*tableWriter
	sums *checksumWriter
	// written counts what the writer has written: it knows nothing of what was copied. Of that, the first begun bytes are left out:
	// the magic, which is there already.
	written, begun int64
	copies         []copiedGroup
	// buffer is what bytes are copied by; nil before the first are.
	buffer []byte
}

// copiedGroup is a row group that was copied to a place of the file, when the writer had come to another one.
type copiedGroup struct {
	rowGroup
	to, at int64
}

func newSplicer(sums *checksumWriter, options ...parquet.WriterOption) *splicer {
	s := &splicer{sums: sums}
	s.tableWriter = newTableWriter(splicedWriter{s}, options...)
	return s
}

// splicedWriter is what the library writes to.
type splicedWriter struct{ *splicer }

// Write implements io.Writer.
func (w splicedWriter) Write(p []byte) (int, error) {
	known := min(max(0, w.begun-w.written), int64(len(p)))
	n, err := w.sums.Write(p[known:])
	n += int(known)
	w.written += int64(n)
	return n, err
}

// copy appends a row group.
func (s *splicer) copy(g rowGroup) error {
	if err := s.Flush(); err != nil {
		return err
	}
	if s.written == 0 && s.begun == 0 {
		n, err := io.WriteString(s.sums, parquetMagic)
		if s.begun = int64(n); err != nil {
			return err
		}
	}
	s.copies = append(s.copies, copiedGroup{g, s.sums.body, s.written})
	if s.buffer == nil {
		s.buffer = make([]byte, copyBytes)
	}
	at := g.bytes()
	_, err := io.CopyBuffer(s.sums, io.NewSectionReader(g.file, at.first, at.count), s.buffer)
	return err
}

// Close ends the file, but for its checksums.
func (s *splicer) Close() error {
	// With the last row group out, what Close writes are the page indexes and the footer.
	if err := s.Flush(); err != nil {
		return err
	}
	s.sums.endBody()
	body := s.written
	if err := s.tableWriter.Close(); err != nil {
		return err
	}
	meta := *s.File().Metadata()
	if len(s.copies) == 0 && !slices.ContainsFunc(meta.RowGroups, hasLongBounds) {
		return nil
	}
	own := bytes.NewReader(bytes.Clone(s.sums.index.Bytes()))
	var groups []*splicedGroup
	for _, g := range meta.RowGroups {
		shift := int64(0)
		for _, c := range s.copies {
			if c.at <= g.FileOffset {
				shift += c.bytes().count
			}
		}
		groups = append(groups, &splicedGroup{g, shift, own, body})
	}
	for _, c := range s.copies {
		groups = append(groups, &splicedGroup{c.format, c.to - c.format.FileOffset, c.file, 0})
	}
	slices.SortFunc(groups, func(a, b *splicedGroup) int {
		return cmp.Compare(a.format.FileOffset+a.shift, b.format.FileOffset+b.shift)
	})
	s.sums.index.Reset()
	return writeFooter(s.sums.index, s.sums.body, meta, groups)
}

// splicedGroup is a row group of a file that is written, as it was where it comes from.
type splicedGroup struct {
	format format.RowGroup
	// shift is how much further behind its pages are now.
	shift int64
	// indexes has its page indexes, and begins at the byte first of where it comes from.
	indexes io.ReaderAt
	first   int64
}

// columnIndex and offsetIndex return where the page indexes of a column are.
func columnIndex(c *format.ColumnChunk) span {
	return span{c.ColumnIndexOffset, int64(c.ColumnIndexLength)}
}
func offsetIndex(c *format.ColumnChunk) span {
	return span{c.OffsetIndexOffset, int64(c.OffsetIndexLength)}
}

// read reads the page indexes of one kind of all columns at once: they lie one behind the other, and have a few bytes each.
func (g *splicedGroup) read(where func(*format.ColumnChunk) span) ([][]byte, error) {
	columns := g.format.Columns
	all := where(&columns[0])
	for c := range columns {
		one := where(&columns[c])
		all = between(min(all.first, one.first), max(all.end(), one.end()))
	}
	b := make([]byte, all.count)
	if _, err := io.ReadFull(io.NewSectionReader(g.indexes, all.first-g.first, all.count), b); err != nil {
		return nil, err
	}
	indexes := make([][]byte, len(columns))
	for c := range columns {
		one := where(&columns[c]).from(all)
		indexes[c] = b[one.first:one.end():one.end()]
	}
	return indexes, nil
}

// writeFooter writes the page indexes and the footer of row groups, from the byte at of the file on.
func writeFooter(to *bytes.Buffer, at int64, meta format.FileMetaData, groups []*splicedGroup) error {
	protocol := &thrift.CompactProtocol{}
	meta.RowGroups, meta.NumRows = nil, 0
	for _, g := range groups {
		indexes, err := g.read(columnIndex)
		if err != nil {
			return err
		}
		g.format.Columns = slices.Clone(g.format.Columns)
		for c, index := range indexes {
			g.format.Columns[c].ColumnIndexOffset = at + int64(to.Len())
			to.Write(index)
		}
	}
	for i, g := range groups {
		indexes, err := g.read(offsetIndex)
		if err != nil {
			return err
		}
		for c, index := range indexes {
			column := &g.format.Columns[c]
			if index, err = shiftPages(protocol, index, g.shift); err != nil {
				return err
			}
			column.OffsetIndexOffset, column.OffsetIndexLength = at+int64(to.Len()), int32(len(index))
			to.Write(index)
			shiftChunk(&column.MetaData, g.shift)
			if isLong(&g.format, c) {
				column.MetaData.Statistics.MinValue, column.MetaData.Statistics.MaxValue = nil, nil
			}
		}
		g.format.FileOffset += g.shift
		g.format.Ordinal = int16(i)
		meta.RowGroups = append(meta.RowGroups, g.format)
		meta.NumRows += g.format.NumRows
	}
	footer, err := thrift.Marshal(protocol, &meta)
	if err != nil {
		return err
	}
	to.Write(footer)
	to.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(footer))))
	to.WriteString(parquetMagic)
	return nil
}

// longBounds is how many bytes the least or the largest value of a column in a row group has where both are left out: who opens a table holds
// those of all its row groups, and long texts are not searched by them.
const longBounds = 1 << 10

func hasLongBounds(g format.RowGroup) bool {
	for c := range g.Columns {
		if isLong(&g, c) {
			return true
		}
	}
	return false
}

// isLong tells whether the bounds of a column are left out. Those of a key never are: a merge goes by them.
func isLong(g *format.RowGroup, column int) bool {
	s := &g.Columns[column].MetaData.Statistics
	return max(len(s.MinValue), len(s.MaxValue)) > longBounds &&
		!slices.ContainsFunc(g.SortingColumns, func(k format.SortingColumn) bool { return int(k.ColumnIdx) == column })
}

// shiftPages returns an offset index of pages that are so much further behind.
func shiftPages(protocol thrift.Protocol, index []byte, shift int64) ([]byte, error) {
	if shift == 0 {
		return index, nil
	}
	var pages format.OffsetIndex
	if err := thrift.Unmarshal(protocol, index, &pages); err != nil {
		return nil, err
	}
	for i := range pages.PageLocations {
		pages.PageLocations[i].Offset += shift
	}
	return thrift.Marshal(protocol, &pages)
}

// shiftChunk makes a column chunk begin so much further behind. Where something is at no byte, there is none.
func shiftChunk(m *format.ColumnMetaData, shift int64) {
	for _, offset := range []*int64{&m.DataPageOffset, &m.DictionaryPageOffset, &m.BloomFilterOffset, &m.IndexPageOffset} {
		if *offset > 0 {
			*offset += shift
		}
	}
}
