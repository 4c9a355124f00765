package dataset

import (
	"encoding/binary"
	"slices"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

const (
	// parquetMagic is what a Parquet file begins and ends with.
	parquetMagic = "PAR1"
	// boundsBytes is the longest text that a row group's bounds may be. Longer ones are left out: of a text of pages they would be pages.
	boundsBytes = 64
)

// footer is what stands behind the last row group: where each page is, and then what the file has.
type footer struct {
	// others is what the library says of the columns that it has written, and groups are their pictures.
	others *format.FileMetaData
	groups []*pictureChunk
	// indexes has the library's page indexes, from its byte first on.
	indexes []byte
	first   int64
}

// write writes the offset indexes and the footer. There are no column indexes: a column has mostly one page in a row group, of which its
// statistics say the same.
func (f *footer) write(to *gatherer) error {
	var protocol thrift.CompactProtocol
	encoder := thrift.NewEncoder(protocol.NewWriter(to))
	meta := *f.others
	meta.Schema = withPictures(meta.Schema)
	meta.ColumnOrders = slices.Insert(slices.Clone(meta.ColumnOrders), 0, format.ColumnOrder{Value: &format.TypeDefinedOrder{}})
	meta.RowGroups = slices.Clone(meta.RowGroups)
	for i := range meta.RowGroups {
		indexes, err := f.join(&meta.RowGroups[i], f.groups[i])
		if err != nil {
			return err
		}
		for c := range indexes {
			column := &meta.RowGroups[i].Columns[c]
			column.OffsetIndexOffset = to.taken
			if err := encoder.Encode(&indexes[c]); err != nil {
				return err
			}
			column.OffsetIndexLength = int32(to.taken - column.OffsetIndexOffset)
		}
	}
	start := to.taken
	if err := encoder.Encode(&meta); err != nil {
		return err
	}
	end := binary.LittleEndian.AppendUint32(nil, uint32(to.taken-start))
	_, err := to.Write(append(end, parquetMagic...))
	return err
}

// join puts the pictures of a row group before its other columns, and returns the offset indexes of all.
func (f *footer) join(g *format.RowGroup, pictures *pictureChunk) ([]format.OffsetIndex, error) {
	own := pictures.chunk()
	indexes := []format.OffsetIndex{{PageLocations: pictures.pages}}
	columns := []format.ColumnChunk{own}
	for _, c := range g.Columns {
		var index format.OffsetIndex
		at := c.OffsetIndexOffset - f.first
		if err := thrift.Unmarshal(&thrift.CompactProtocol{}, f.indexes[at:at+int64(c.OffsetIndexLength)], &index); err != nil {
			return nil, err
		}
		for i := range index.PageLocations {
			index.PageLocations[i].Offset += pictures.shift
		}
		c.ColumnIndexOffset, c.ColumnIndexLength = 0, 0
		c.MetaData.DataPageOffset += pictures.shift
		if c.MetaData.DictionaryPageOffset > 0 {
			c.MetaData.DictionaryPageOffset += pictures.shift
		}
		if s := &c.MetaData.Statistics; c.MetaData.Type == format.ByteArray && max(len(s.MinValue), len(s.MaxValue)) > boundsBytes {
			s.MinValue, s.MaxValue = nil, nil
		}
		indexes, columns = append(indexes, index), append(columns, c)
	}
	g.Columns = columns
	g.FileOffset = pictures.offset
	g.TotalByteSize += own.MetaData.TotalUncompressedSize
	g.TotalCompressedSize += own.MetaData.TotalCompressedSize
	return indexes, nil
}

// withPictures returns a schema with the column of pictures in its place: first in the root's first field.
func withPictures(schema []format.SchemaElement) []format.SchemaElement {
	schema = slices.Insert(slices.Clone(schema), 2, format.SchemaElement{
		Type: thrift.New(format.ByteArray), RepetitionType: thrift.New(format.Optional), Name: bytesName,
	})
	schema[1].NumChildren = thrift.New(schema[1].NumChildren.V + 1)
	return schema
}
