package manifest

import (
	"bufio"
	"io"
	"strconv"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

const (
	// rowGroupRows bounds what a writer holds in memory, about 80 bytes a row: it keeps a row group until it is full. With
	// fewer rows, what it holds of the row groups before would weigh more. The format allows 50,000.
	rowGroupRows = 20_000
	// pageBytes keeps what a merge of many tables holds in memory small, and reading of few rows cheap.
	pageBytes = 16 << 10
	// chunkBytes is the step in which the pages of a column grow until their row group is full: most columns have few bytes.
	chunkBytes = 4 << 10
	// bloomBits is the size of the bloom filter on file_id for each value: one false positive in a hundred.
	bloomBits = 10
)

// compression keeps its encoders for the next file. Most of what is written are hashes, which no level makes smaller; an
// encoder of this one is the smallest.
var compression = zstd.Codec{Level: zstd.SpeedFastest}

// encodeTable writes rows, which come sorted, as Parquet with checksums.
func encodeTable(to io.Writer, rows batches, options ...parquet.WriterOption) error {
	config, err := parquet.NewWriterConfig(options...)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(to, 64<<10)
	sums := newChecksumWriter(out)
	w := parquet.NewGenericWriter[any](sums, options...)
	if err := writeRowGroups(w, rows, int(config.MaxRowsPerRowGroup)); err != nil {
		return err
	}
	// With the last row group out, what Close writes are the page indexes and the footer.
	sums.endBody()
	if err := w.Close(); err != nil {
		return err
	}
	if err := sums.finish(); err != nil {
		return err
	}
	return out.Flush()
}

// writeRowGroups writes rows column by column, which spares them the way through the library's rows.
func writeRowGroups(w *parquet.GenericWriter[any], rows batches, groupRows int) error {
	// free is how many rows the row group still takes.
	free := groupRows
	for b, err := range rows {
		if err != nil {
			return err
		}
		for b.count() > 0 {
			count := min(free, b.count())
			for c, column := range w.ColumnWriters() {
				if _, err := column.WriteRowValues(b.slice(0, count).column(c)); err != nil {
					return err
				}
			}
			b = b.slice(count, b.count())
			if free -= count; free > 0 {
				continue
			}
			if err := w.Flush(); err != nil {
				return err
			}
			free = groupRows
		}
	}
	return w.Flush()
}

func (s *series[T]) writerOptions(m fileMeta) []parquet.WriterOption {
	return []parquet.WriterOption{
		s.schema,
		parquet.CreatedBy("exporter", m.Version, ""),
		parquet.Compression(&compression),
		parquet.MaxRowsPerRowGroup(rowGroupRows),
		parquet.PageBufferSize(pageBytes),
		parquet.ColumnPageBuffers(parquet.NewChunkBufferPool(chunkBytes)),
		// What is flushed has to reach the checksums, and behind them is a buffer.
		parquet.WriteBufferSize(0),
		parquet.BloomFilters(parquet.SplitBlockFilter(bloomBits, "file_id")),
		parquet.SortingWriterConfig(parquet.SortingColumns(s.sorting...)),
		parquet.KeyValueMetadata(metaVersion, m.Version),
		parquet.KeyValueMetadata(metaSchema, strconv.Itoa(Schema)),
		parquet.KeyValueMetadata(metaSource, m.Source),
		parquet.KeyValueMetadata(metaSink, m.Sink),
		parquet.KeyValueMetadata(metaFrom, strconv.Itoa(m.from)),
		parquet.KeyValueMetadata(metaThrough, strconv.Itoa(m.through)),
		parquet.KeyValueMetadata(metaTier, strconv.Itoa(m.tier)),
	}
}

func assetSorting() []parquet.SortingColumn {
	return []parquet.SortingColumn{
		parquet.Ascending("file_id"), parquet.Ascending("kind"), parquet.Ascending("page_index"), parquet.Ascending("figure_name"),
	}
}

func fileSorting() []parquet.SortingColumn {
	return []parquet.SortingColumn{
		parquet.NullsFirst(parquet.Ascending("file_id")), parquet.NullsFirst(parquet.Ascending("directory_file_id")),
	}
}
