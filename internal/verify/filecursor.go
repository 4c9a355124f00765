package verify

import (
	"context"
	"iter"

	"exporter/pipeline"
)

// fileCursor finds rows of files in one pass over all of them, where they are asked for in the order of their keys. Whoever asks for an
// earlier one begins another pass.
type fileCursor struct {
	files func(context.Context) iter.Seq2[*pipeline.FileRow, error]
	next  func() (*pipeline.FileRow, error, bool)
	stop  func()
	// row is the one that was read last; nil before the first, and at the end.
	row *pipeline.FileRow
	// asked is the key that was asked for last.
	asked pipeline.FileKey
}

// find returns the row of a file, or of a job; nil where it has none.
func (c *fileCursor) find(ctx context.Context, key pipeline.FileKey) (*pipeline.FileRow, error) {
	if c.next == nil || key.Compare(c.asked) < 0 {
		c.close()
		c.next, c.stop = iter.Pull2(c.files(ctx))
		if err := c.advance(); err != nil {
			return nil, err
		}
	}
	c.asked = key
	for c.row != nil && c.row.Key().Compare(key) < 0 {
		if err := c.advance(); err != nil {
			return nil, err
		}
	}
	if c.row == nil || c.row.Key() != key {
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
	c.next, c.stop, c.row, c.asked = nil, nil, nil, pipeline.FileKey{}
}
