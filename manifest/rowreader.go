package manifest

import (
	"cmp"
	"io"

	"github.com/parquet-go/parquet-go"
)

// readBatch is how many rows are read or encoded at once: many enough to hide the cost of a call, few enough for a merge to
// hold as many of each of its tables.
const readBatch = 32

// rowReader reads rows of a row group. It reads no page before it needs a value of it: the page behind the last row may be
// damaged.
type rowReader struct {
	columns []columnReader
	// rows has place for a batch, and values for one of its columns.
	rows   []parquet.Row
	values []parquet.Value
}

// columnReader reads the values of a column chunk.
type columnReader struct {
	parquet.Pages
	index int
	// page is the one that is being read, and left is how many of its values have not been.
	page   parquet.Page
	values parquet.ValueReader
	left   int64
}

// newRowReader returns a reader of some columns of a row group, which begins with its row first. The other columns are null.
// The reader has to be closed even after an error.
func newRowReader(g parquet.RowGroup, first int64, columns []int) (r *rowReader, err error) {
	r = &rowReader{rows: make([]parquet.Row, readBatch), values: make([]parquet.Value, readBatch)}
	defer catch(&err)
	chunks := g.ColumnChunks()
	all := make([]parquet.Value, readBatch*len(chunks))
	for i := range all {
		all[i] = all[i].Level(0, 0, i%len(chunks))
	}
	for i := range r.rows {
		r.rows[i] = all[i*len(chunks):][:len(chunks)]
	}
	for _, c := range columns {
		if chunk := chunks[c].(*parquet.FileColumnChunk); chunk.NullCount() < chunk.NumValues() {
			r.columns = append(r.columns, columnReader{Pages: chunk.Pages(), index: c})
		}
	}
	if first == 0 {
		return r, nil
	}
	for _, c := range r.columns {
		// Where the index has not been loaded, SeekToRow reads all pages before.
		if _, err := chunks[c.index].OffsetIndex(); err != nil {
			return r, err
		}
		if err := c.SeekToRow(first); err != nil {
			return r, err
		}
	}
	return r, nil
}

// read returns the next rows, at least one and at most count, unless there is an error. They are valid until the next call.
func (r *rowReader) read(count int64) (rows []parquet.Row, err error) {
	defer catch(&err)
	// Values of text lie in the memory of their page, so that the batch ends where any page does.
	count = min(count, readBatch)
	for i := range r.columns {
		if err := r.columns[i].fill(); err != nil {
			return nil, err
		}
		count = min(count, r.columns[i].left)
	}
	batch := r.values[:count]
	for i := range r.columns {
		c := &r.columns[i]
		if err := c.read(batch); err != nil {
			return nil, err
		}
		for row, v := range batch {
			r.rows[row][c.index] = v
		}
	}
	return r.rows[:count], nil
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
