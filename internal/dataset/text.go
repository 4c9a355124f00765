package dataset

import (
	"context"
	"iter"

	"exporter/pipeline"
)

// farPages is how many pages are passed over before the next one is searched.
const farPages = 1 << 12

// pageCursor finds pages, quickly where they are asked for in the order in which they are sorted.
type pageCursor struct {
	of      *export
	columns []string
	next    func() (*pipeline.PageRow, error, bool)
	stop    func()
	// row is the page that was read last; nil before the first, and behind the last.
	row *pipeline.PageRow
	// asked is the one that was asked for last.
	asked pipeline.PageRow
}

// newPageCursor returns a cursor that reads some columns beside the keys.
func newPageCursor(of *export, columns ...string) *pageCursor {
	return &pageCursor{of: of, columns: columns}
}

// find returns a page of an owner, which is valid until the next call; nil where there is none.
func (c *pageCursor) find(ctx context.Context, owner pipeline.Owner, number int32) (*pipeline.PageRow, error) {
	if !c.of.hasPages {
		return nil, nil
	}
	wanted := pipeline.PageRow{Owner: owner, PageNumber: number}
	if c.next == nil || wanted.Compare(&c.asked) < 0 {
		c.seek(ctx, owner)
	}
	c.asked = wanted
	for passed := 0; c.row == nil || c.row.Compare(&wanted) < 0; passed++ {
		if passed == farPages && c.row.Owner.Compare(owner) < 0 {
			c.seek(ctx, owner)
		}
		row, err, ok := c.next()
		if err != nil {
			return nil, c.of.readError(err)
		}
		if !ok {
			return nil, nil
		}
		c.row = row
	}
	if c.row.Compare(&wanted) != 0 {
		return nil, nil
	}
	return c.row, nil
}

// seek goes to the first page of an owner.
func (c *pageCursor) seek(ctx context.Context, owner pipeline.Owner) {
	c.close()
	c.next, c.stop = iter.Pull2(c.of.table.PagesFrom(ctx, owner, c.columns...))
	c.row = nil
}

func (c *pageCursor) close() {
	if c.stop != nil {
		c.stop()
	}
	c.next, c.stop = nil, nil
}

// textOf returns the text of a page that is wanted; nil where there is none.
func (o *Options) textOf(page *pipeline.PageRow) *string {
	switch {
	case page == nil || page.Error != "":
		return nil
	case o.Text == TextPlain:
		return page.Text
	}
	return page.Markdown
}
