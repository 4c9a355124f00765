package manifest

import (
	"io"

	"github.com/parquet-go/parquet-go"
)

// firstRows is a row group without the rows from count on. The library reads one page more than the rows need that it is
// asked for, to see whether the last of them goes on there. It is kept from that here: the page may be damaged.
type firstRows struct {
	parquet.RowGroup
	count int64
}

func (r firstRows) NumRows() int64     { return r.count }
func (r firstRows) Rows() parquet.Rows { return parquet.NewRowGroupRowReader(r) }

func (r firstRows) ColumnChunks() []parquet.ColumnChunk {
	var chunks []parquet.ColumnChunk
	for _, c := range r.RowGroup.ColumnChunks() {
		chunks = append(chunks, firstValues{c, r.count})
	}
	return chunks
}

type firstValues struct {
	parquet.ColumnChunk
	count int64
}

func (v firstValues) Pages() parquet.Pages {
	return &firstPages{Pages: v.ColumnChunk.Pages(), end: v.count}
}

type firstPages struct {
	parquet.Pages
	// next is the row with which the next page begins.
	next, end int64
}

func (p *firstPages) SeekToRow(row int64) error {
	p.next = row
	return p.Pages.SeekToRow(row)
}

func (p *firstPages) ReadPage() (parquet.Page, error) {
	if p.next >= p.end {
		return nil, io.EOF
	}
	page, err := p.Pages.ReadPage()
	if err == nil {
		p.next += page.NumRows()
	}
	return page, err
}
