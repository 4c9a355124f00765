package sinks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"exporter/internal/store"
	"exporter/pipeline"
)

// Open returns a reader of the size bytes of a stored blob, wherever a sink put it. It decodes no more of a shard than
// the frame that holds the blob. A blob that ends early is an io.ErrUnexpectedEOF; its bytes are not checked otherwise.
func Open(ctx context.Context, r store.Reader, at pipeline.Location, size int64) (io.ReadCloser, error) {
	o, err := openAt(ctx, r, at)
	if err != nil {
		return nil, err
	}
	body, stop, err := bodyOf(o, at.Shard, size)
	if err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return &blobReader{body: io.LimitReader(body, size), left: size, object: o, stop: stop}, nil
}

// openAt opens the blob's own object or its shard.
func openAt(ctx context.Context, r store.Reader, at pipeline.Location) (store.Object, error) {
	switch {
	case at.Shard == nil && IsBlob(at.Path):
		return r.Open(ctx, at.Path)
	case at.Shard == nil || !IsShard(at.Path):
		return nil, fmt.Errorf("%q is not the path of a blob or a shard", at.Path)
	}
	o, _, err := openShard(ctx, r, at.Path)
	return o, err
}

// openShard opens a shard, which may not be sealed yet.
func openShard(ctx context.Context, r store.Reader, name string) (o store.Object, sealed bool, err error) {
	if o, err := r.Open(ctx, name); !errors.Is(err, fs.ErrNotExist) {
		return o, true, err
	}
	if o, err := r.Open(ctx, name+store.PartialSuffix); !errors.Is(err, fs.ErrNotExist) {
		return o, false, err
	}
	// It may have been sealed between the two.
	o, err = r.Open(ctx, name)
	return o, true, err
}

// bodyOf returns a reader at the blob's first byte, and what to call when it is no longer needed.
func bodyOf(o store.Object, at *pipeline.ShardLocation, size int64) (io.Reader, func(), error) {
	nothing := func() {}
	switch {
	case at == nil:
		return io.NewSectionReader(o, 0, size), nothing, nil
	case at.Frame == nil:
		return io.NewSectionReader(o, at.Offset, size), nothing, nil
	}
	frame := io.NewSectionReader(o, at.Frame.Offset, at.Frame.Size)
	decoder, err := newDecoder(frame)
	if err != nil {
		return nil, nil, err
	}
	if _, err := io.CopyN(io.Discard, decoder, at.Offset-at.Frame.Start); err != nil {
		decoder.Close()
		return nil, nil, fmt.Errorf("decode the frame at byte %d: %w", at.Frame.Offset, err)
	}
	return decoder, decoder.Close, nil
}

// blobReader reads exactly the blob's bytes.
type blobReader struct {
	body   io.Reader
	left   int64
	object store.Object
	stop   func()
}

func (r *blobReader) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	r.left -= int64(n)
	if errors.Is(err, io.EOF) && r.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (r *blobReader) Close() error {
	r.stop()
	return r.object.Close()
}
