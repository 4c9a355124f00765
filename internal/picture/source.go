package picture

import (
	"bytes"
	"context"
	"io"
)

// source is a picture that a decoder reads. It ends with an error when its context does.
type source struct {
	ctx     context.Context
	picture []byte
	r       *bytes.Reader
}

var _ io.ReaderAt = (*source)(nil)

func newSource(ctx context.Context, picture []byte) *source {
	return &source{ctx, picture, bytes.NewReader(picture)}
}

// from returns a source of what lead holds and then of the picture from a place on.
func (s *source) from(lead []byte, at int) io.Reader {
	return io.MultiReader(bytes.NewReader(lead), newSource(s.ctx, s.picture[at:]))
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	return s.r.Read(p)
}

// ReadAt implements io.ReaderAt.
func (s *source) ReadAt(p []byte, at int64) (int, error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	return s.r.ReadAt(p, at)
}
