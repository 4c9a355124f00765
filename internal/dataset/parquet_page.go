package dataset

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// pictureChunk is the column chunk of the pictures of a row group.
type pictureChunk struct {
	// offset is where it begins, size how many bytes its pages have, and nulls how many samples have no picture.
	offset, size, nulls int64
	pages               []format.PageLocation
	// shift is how much further behind the row group's other columns are than their writer knows.
	shift int64
}

// pageWriter writes pictures, each as a page: readers that want one row read one picture. The bytes are PLAIN and not compressed, which
// pictures are already, and there are no bounds, which would be pictures.
type pageWriter struct {
	to     *gatherer
	header *thrift.Encoder
}

func newPageWriter(to *gatherer) *pageWriter {
	var protocol thrift.CompactProtocol
	return &pageWriter{to, thrift.NewEncoder(protocol.NewWriter(to))}
}

// Before the value of a page of version 1 stand its definition levels: how many bytes they have, and a run of one level (Encodings.md, RLE).
// It is 2 where both the group and the bytes are there, and 0 where the group is null.
const (
	levelOfPicture = "\x02\x00\x00\x00" + "\x02\x02"
	levelOfNull    = "\x02\x00\x00\x00" + "\x02\x00"
)

// write appends the page of a picture; of null where it has no bytes.
func (w *pageWriter) write(c *pictureChunk, picture []byte) error {
	before := make([]byte, 0, 16)
	if len(picture) > 0 {
		before = append(before, levelOfPicture...)
		before = binary.LittleEndian.AppendUint32(before, uint32(len(picture)))
	} else {
		before = append(before, levelOfNull...)
		c.nulls++
	}
	size := int32(len(before) + len(picture))
	header := format.PageHeader{
		Type: format.DataPage, UncompressedPageSize: size, CompressedPageSize: size,
		CRC: int32(crc32.Update(crc32.ChecksumIEEE(before), crc32.IEEETable, picture)),
		DataPageHeader: thrift.New(format.DataPageHeader{
			NumValues: 1, Encoding: format.Plain, DefinitionLevelEncoding: format.RLE, RepetitionLevelEncoding: format.RLE,
		}),
	}
	start := w.to.taken
	if err := w.header.Encode(&header); err != nil {
		return err
	}
	for _, part := range [][]byte{before, picture} {
		if _, err := w.to.Write(part); err != nil {
			return err
		}
	}
	written := w.to.taken - start
	c.pages = append(c.pages, format.PageLocation{Offset: start, CompressedPageSize: int32(written), FirstRowIndex: int64(len(c.pages))})
	c.size += written
	return nil
}

// chunk returns what the footer says of the column.
func (c *pictureChunk) chunk() format.ColumnChunk {
	return format.ColumnChunk{MetaData: format.ColumnMetaData{
		Type:                  format.ByteArray,
		Encoding:              []format.Encoding{format.Plain, format.RLE},
		PathInSchema:          []string{imageName, bytesName},
		Codec:                 format.Uncompressed,
		NumValues:             int64(len(c.pages)),
		TotalUncompressedSize: c.size,
		TotalCompressedSize:   c.size,
		DataPageOffset:        c.offset,
		Statistics:            format.Statistics{NullCount: c.nulls},
		EncodingStats:         []format.PageEncodingStats{{PageType: format.DataPage, Encoding: format.Plain, Count: int32(len(c.pages))}},
	}}
}
