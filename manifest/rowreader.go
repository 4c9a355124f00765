package manifest

import (
	"cmp"
	"errors"
	"io"

	"github.com/parquet-go/parquet-go"
)

// rowReader reads rows of a row group. It reads no page before it needs a value of it: the page behind the last row may be
// damaged.
type rowReader struct {
	columns []columnReader
	// values has place for a batch in each column of the table.
	values [][]parquet.Value
}

// columnReader reads the values of a column chunk.
type columnReader struct {
	parquet.Pages
	chunk parquet.ColumnChunk
	// index is the number of the column in the series.
	index int
	// page is the one that is being read, and left is how many of its values have not been.
	page   parquet.Page
	values parquet.ValueReader
	left   int64
}

// newRowReader returns a reader of some columns of a row group, which begins with its row first. The others are null; from says
// which of the row group's is which. The reader has to be closed even after an error.
func newRowReader(g parquet.RowGroup, first int64, columns, from []int) (r *rowReader, err error) {
	r = &rowReader{}
	defer catch(&err)
	chunks := g.ColumnChunks()
	r.values = nullColumns(len(from), int(min(g.NumRows()-first, readBatch)))
	for _, c := range columns {
		if chunk := chunks[from[c]].(*parquet.FileColumnChunk); chunk.NullCount() < chunk.NumValues() {
			r.columns = append(r.columns, columnReader{Pages: chunk.Pages(), chunk: chunk, index: c})
		}
	}
	if first == 0 {
		return r, nil
	}
	return r, r.seek(first)
}

// seek has the reader go on with a row. What it has read of the row group's dictionaries it keeps.
func (r *rowReader) seek(row int64) (err error) {
	defer catch(&err)
	for i := range r.columns {
		c := &r.columns[i]
		// Where the index has not been loaded, or another program wrote none, SeekToRow reads all pages before.
		if _, err := c.chunk.OffsetIndex(); err != nil && !errors.Is(err, parquet.ErrMissingOffsetIndex) {
			return err
		}
		c.left = 0
		if err := c.SeekToRow(row); err != nil {
			return err
		}
	}
	return nil
}

// read returns the next rows, at least one and at most count, unless there is an error. They are valid until the next call.
func (r *rowReader) read(count int64) (b batch, err error) {
	defer catch(&err)
	// Values of text lie in the memory of their page, so that the batch ends where any page does.
	count = min(count, int64(len(r.values[0])))
	for i := range r.columns {
		if err := r.columns[i].fill(); err != nil {
			return b, err
		}
		count = min(count, r.columns[i].left)
	}
	for i := range r.columns {
		c := &r.columns[i]
		if err := c.read(r.values[c.index][:count]); err != nil {
			return b, err
		}
	}
	return batch{columns: r.values, end: int(count)}, nil
}

func (r *rowReader) close() {
	for _, c := range r.columns {
		parquet.Release(c.page)
		c.Close()
	}
}

// fill makes sure that there are values to read.
func (c *columnReader) fill() (err error) {
	for c.left == 0 {
		parquet.Release(c.page)
		c.page = nil
		if c.page, err = c.ReadPage(); err != nil {
			return err
		}
		c.values, c.left = c.page.Values(), c.page.NumValues()
	}
	return nil
}

// read reads values, of which there are as many.
func (c *columnReader) read(values []parquet.Value) error {
	c.left -= int64(len(values))
	for len(values) > 0 {
		n, err := c.values.ReadValues(values)
		if n == 0 {
			return cmp.Or(err, io.ErrNoProgress)
		}
		values = values[n:]
	}
	return nil
}
