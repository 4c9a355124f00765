package manifest

import (
	"bufio"
	"bytes"
	"io"
	"strconv"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

const (
	// createdBy is what every file says of the program that wrote it, before its version.
	createdBy = "exporter"
	// rowGroupRows, rowGroupBytes and dictionaryBytes bound what a writer holds in memory: it keeps a row group until it is full, in
	// about 80 bytes a row beside the dictionaries and long texts. Who reads it holds the dictionaries, too, and a merge those of each
	// of its tables. Smaller row groups make readers that look rows up read more of what is behind them. Of parts many are merged at
	// once, so that their dictionaries are smaller.
	rowGroupRows        = 50_000
	rowGroupBytes       = 16 << 20
	dictionaryBytes     = 4 << 20
	partDictionaryBytes = 128 << 10
	// writeBytes is how many bytes of texts are written at once, in more than one row: a page ends with what is written at once,
	// and who reads it holds it whole.
	writeBytes = 64 << 10
	// pageBytes is how much of a column a reader has to read for one row, and partPageBytes, which is small, what a merge of many
	// parts holds in memory of each.
	pageBytes     = 64 << 10
	partPageBytes = 8 << 10
	// chunkBytes is the step in which the pages of a column grow until their row group is full: most columns have few bytes.
	chunkBytes = 4 << 10
	// bloomBits is the size of a bloom filter for each value: 0.14 % false positives, so that of a hundred row groups hardly one is read in vain. Ten
	// bits have 1.3 %, and a reader that skips no pages reads 50,000 hashes for each.
	bloomBits = 16
)

// encodeTable writes sections, which come sorted, as Parquet with checksums. Of the options it heeds itself MaxRowsPerRowGroup. It
// ends a row group as well when its dictionaries may have so many bytes.
func encodeTable(to io.Writer, all sections, dictionaries int, options ...parquet.WriterOption) error {
	config, err := parquet.NewWriterConfig(options...)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(to, 64<<10)
	sums := newChecksumWriter(out)
	w := newSplicer(sums, options...)
	for s, err := range all {
		if err == nil && s.copied != nil {
			err = w.copy(*s.copied)
		} else if err == nil {
			err = writeRowGroups(w.tableWriter, s.rows, min(s.groupRows, int(config.MaxRowsPerRowGroup)), dictionaries)
		}
		if err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := sums.finish(); err != nil {
		return err
	}
	return out.Flush()
}

// writeRowGroups writes rows column by column, which spares them the way through the library's rows. The library leaves it to
// the caller then to end row groups.
func writeRowGroups(w *tableWriter, rows batches, groupRows, mostDistinct int) error {
	dictionaries, plain := textColumns(w.Schema())
	// free is how many rows the row group still takes, distinct the bytes that its dictionaries have at most, and size those of its
	// texts.
	free, distinct, size := groupRows, 0, 0
	for b, err := range rows {
		if err != nil {
			return err
		}
		for b.count() > 0 {
			some, bytes := b.slice(0, min(free, b.count())).begin(writeBytes, plain)
			for c, column := range w.ColumnWriters() {
				if _, err := column.WriteRowValues(some.column(c)); err != nil {
					return err
				}
			}
			for _, c := range dictionaries {
				distinct += distinctBytes(some.column(c))
			}
			b = b.slice(some.count(), b.count())
			size += bytes
			if free -= some.count(); free > 0 && distinct < mostDistinct && size < rowGroupBytes {
				continue
			}
			if err := w.Flush(); err != nil {
				return err
			}
			free, distinct, size = groupRows, 0, 0
		}
	}
	return w.Flush()
}

// textColumns returns the numbers of the columns of texts, of those that have a dictionary and of the others.
func textColumns(schema *parquet.Schema) (dictionaries, plain []int) {
	for c, field := range schema.Fields() {
		switch encoding := field.Encoding(); {
		case encoding != nil && encoding.Encoding() == format.RLEDictionary:
			dictionaries = append(dictionaries, c)
		case field.Type().Kind() == parquet.ByteArray:
			plain = append(plain, c)
		}
	}
	return dictionaries, plain
}

// distinctBytes returns the size of those values that differ from the one before.
func distinctBytes(values []parquet.Value) int {
	size := 0
	for i, v := range values {
		if text := v.ByteArray(); i == 0 || !bytes.Equal(text, values[i-1].ByteArray()) {
			size += len(text)
		}
	}
	return size
}

func (s *series) writerOptions(m fileMeta) []parquet.WriterOption {
	page := pageBytes
	// Parts of higher tiers have a million rows and more, and the index of so many small pages would weigh more than a page of
	// each of their columns.
	if m.from > 0 && m.tier < 2 {
		page = partPageBytes
	}
	options := []parquet.WriterOption{
		parquet.NewSchema(s.schema.Name(), clipped{s.schema}),
		parquet.CreatedBy(createdBy, m.Version, ""),
		parquet.Compression(&compression),
		// Not every reader knows pages of version 2 and the encodings of differences, which save next to nothing here.
		parquet.DataPageVersion(1),
		// Readers that skip pages do so by the column index. In the header of a page would be its least and its largest text, twice.
		parquet.DataPageStatistics(false),
		parquet.ColumnIndexSizeLimit(func([]string) int { return boundsBytes }),
		parquet.DefaultEncodingFor(parquet.ByteArray, &parquet.Plain),
		parquet.MaxRowsPerRowGroup(rowGroupRows),
		parquet.PageBufferSize(page),
		parquet.ColumnPageBuffers(parquet.NewChunkBufferPool(chunkBytes)),
		// What is flushed has to reach the checksums, and behind them is a buffer.
		parquet.WriteBufferSize(0),
		parquet.BloomFilters(s.filters()...),
		parquet.SortingWriterConfig(parquet.SortingColumns(s.sorting()...)),
		parquet.KeyValueMetadata(metaVersion, m.Version),
		parquet.KeyValueMetadata(metaSchema, Schema),
		parquet.KeyValueMetadata(metaSource, m.Source),
		parquet.KeyValueMetadata(metaSink, m.Sink),
		parquet.KeyValueMetadata(metaAssets, m.Assets),
		parquet.KeyValueMetadata(metaFrom, strconv.Itoa(m.from)),
		parquet.KeyValueMetadata(metaThrough, strconv.Itoa(m.through)),
		parquet.KeyValueMetadata(metaTier, strconv.Itoa(m.tier)),
	}
	if m.merged != "" {
		options = append(options, parquet.KeyValueMetadata(metaMerged, m.merged))
	}
	if m.withAssets {
		options = append(options, parquet.KeyValueMetadata(metaWith, "true"))
	}
	return options
}

// filters returns the bloom filters.
func (s *series) filters() []parquet.BloomFilterColumn {
	filters := make([]parquet.BloomFilterColumn, len(s.filtered))
	for i, name := range s.filtered {
		filters[i] = parquet.SplitBlockFilter(bloomBits, name)
	}
	return filters
}

func (s *series) sorting() []parquet.SortingColumn {
	sorting := make([]parquet.SortingColumn, len(s.keys))
	for i, key := range s.keys {
		sorting[i] = parquet.NullsFirst(parquet.Ascending(s.schema.Fields()[key].Name()))
	}
	return sorting
}
