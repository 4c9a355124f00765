package pipeline

import (
	"cmp"
	"encoding/json"
)

// PageRow is a page's row of pages.parquet: what a parse job, or an index, has of its text. Everything in it comes from the server and
// is untrusted.
type PageRow struct {
	Owner
	// PageNumber counts from 1.
	PageNumber int32
	// Text and Markdown are nil where the page has none.
	Text, Markdown *string
	// Items is the JSON of what is on the page, compacted; nil where there is none.
	Items json.RawMessage
	// Width and Height are those of the page in points; nil where they are not known.
	Width, Height *float64
	// Error is why the page failed upstream, or ReasonPruned where the row goes when the run ends; else empty.
	Error string
}

// Compare orders rows as pages.parquet is sorted.
func (p *PageRow) Compare(o *PageRow) int {
	return cmp.Or(p.Owner.Compare(o.Owner), cmp.Compare(p.PageNumber, o.PageNumber))
}

// pageOverhead is what a page takes beside its texts.
const pageOverhead = 160

// weight is how many bytes the page is charged of the memory of a run.
func (p *PageRow) weight() int64 {
	size := pageOverhead + len(p.Items) + len(p.Error)
	for _, text := range []*string{p.Text, p.Markdown} {
		if text != nil {
			size += len(*text)
		}
	}
	return int64(size)
}
