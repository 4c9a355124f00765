package manifest

import (
	"bufio"
	"io"
	"iter"
	"strconv"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"exporter/internal/durable"
)

const (
	// rowGroupRows bounds what a writer holds in memory: it keeps a row group until it is full. The format allows 50,000;
	// with fewer, the merge of a large manifest needs no more memory than a checkpoint does.
	rowGroupRows = 10_000
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

// source gives a writer its rows, which come sorted.
type source[T any] func(w *parquet.GenericWriter[T]) error

// writeTable writes rows as a Parquet file that replaces what has the name.
func writeTable[T any](fsys durable.FS, name string, m fileMeta, sorting []parquet.SortingColumn, from source[T]) error {
	return durable.Replace(fsys, name, func(f durable.File) error {
		return encodeTable(f, from, writerOptions(m, sorting)...)
	})
}

// encodeTable writes rows as Parquet with checksums.
func encodeTable[T any](to io.Writer, from source[T], options ...parquet.WriterOption) error {
	out := bufio.NewWriterSize(to, 64<<10)
	sums := newChecksumWriter(out)
	w := parquet.NewGenericWriter[T](sums, append(options, schemaOf[T]())...)
	if err := from(w); err != nil {
		return err
	}
	// With the last row group out, what Close writes are the page indexes and the footer.
	if err := w.Flush(); err != nil {
		return err
	}
	sums.endBody()
	if err := w.Close(); err != nil {
		return err
	}
	if err := sums.finish(); err != nil {
		return err
	}
	return out.Flush()
}

// fresh is the source of rows that have not been written before. The writer gets values and no structs: of those, the library
// writes some absent values of optional columns as empty ones (parquet-go 0.32.0, writeRowsFuncOfOptional).
func fresh[T any](rows iter.Seq2[*T, error]) source[T] {
	return func(w *parquet.GenericWriter[T]) error {
		schema := schemaOf[T]()
		batch := make([]parquet.Row, 0, readBatch)
		for row, err := range rows {
			if err != nil {
				return err
			}
			// What the last batch had there is used again.
			n := len(batch)
			batch = batch[:n+1]
			batch[n] = schema.Deconstruct(batch[n][:0], row)
			if len(batch) == cap(batch) {
				if _, err := w.WriteRows(batch); err != nil {
					return err
				}
				batch = batch[:0]
			}
		}
		_, err := w.WriteRows(batch)
		return err
	}
}

// stored is the source of rows of tables, whose values pass as they are.
func stored[T any](all batches) source[T] {
	return func(w *parquet.GenericWriter[T]) error {
		for batch, err := range all {
			if err != nil {
				return err
			}
			if _, err := w.WriteRows(batch); err != nil {
				return err
			}
		}
		return nil
	}
}

func writerOptions(m fileMeta, sorting []parquet.SortingColumn) []parquet.WriterOption {
	return []parquet.WriterOption{
		parquet.CreatedBy("exporter", m.Version, ""),
		parquet.Compression(&compression),
		parquet.MaxRowsPerRowGroup(rowGroupRows),
		parquet.PageBufferSize(pageBytes),
		parquet.ColumnPageBuffers(parquet.NewChunkBufferPool(chunkBytes)),
		// What is flushed has to reach the checksums, and behind them is a buffer.
		parquet.WriteBufferSize(0),
		parquet.BloomFilters(parquet.SplitBlockFilter(bloomBits, "file_id")),
		parquet.SortingWriterConfig(parquet.SortingColumns(sorting...)),
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
