package verify

import (
	"context"
	"iter"

	"exporter/pipeline"
)

// fileCursor finds rows of files in one pass over all of them, where they are asked for in the order of their ids. Whoever asks for an
// earlier one begins another pass.
type fileCursor struct {
	files func(context.Context) iter.Seq2[*pipeline.FileRow, error]
	next  func() (*pipeline.FileRow, error, bool)
	stop  func()
	// row is the one that was read last; nil before the first, and at the end.
	row *pipeline.FileRow
	// asked is the id that was asked for last.
	asked string
}

// find returns the row of a file; nil where it has none.
func (c *fileCursor) find(ctx context.Context, id string) (*pipeline.FileRow, error) {
	if c.next == nil || id < c.asked {
		c.close()
		c.next, c.stop = iter.Pull2(c.files(ctx))
		if err := c.advance(); err != nil {
			return nil, err
		}
	}
	c.asked = id
	for c.row != nil && c.row.ID < id {
		if err := c.advance(); err != nil {
			return nil, err
		}
	}
	if c.row == nil || c.row.ID != id {
		return nil, nil
	}
	// The caller changes it, and may ask for it again.
	return new(*c.row), nil
}

func (c *fileCursor) advance() (err error) {
	c.row, err, _ = c.next()
	return err
}

func (c *fileCursor) close() {
	if c.stop != nil {
		c.stop()
	}
	c.next, c.stop, c.row, c.asked = nil, nil, nil, ""
}
