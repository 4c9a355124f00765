package sinks

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"exporter/internal/durable"
	"exporter/pipeline"
)

// Open returns a reader of the size bytes of a stored blob, wherever a sink put it. It decodes no more of a shard than
// the frame that holds the blob. A blob that ends early is an io.ErrUnexpectedEOF; its bytes are not checked otherwise.
func Open(fsys durable.FS, at pipeline.Location, size int64) (io.ReadCloser, error) {
	f, err := openAt(fsys, at)
	if err != nil {
		return nil, err
	}
	body, stop, err := bodyOf(f, at.Shard, size)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &blobReader{body: io.LimitReader(body, size), left: size, file: f, stop: stop}, nil
}

// openAt opens the blob's file or its shard.
func openAt(fsys durable.FS, at pipeline.Location) (durable.File, error) {
	if at.Shard == nil {
		return fsys.Open(at.Path)
	}
	f, _, err := openShard(fsys, at.Path)
	return f, err
}

// openShard opens a shard, which may not be sealed yet.
func openShard(fsys durable.FS, name string) (f durable.File, sealed bool, err error) {
	if f, err := fsys.Open(name); !errors.Is(err, fs.ErrNotExist) {
		return f, true, err
	}
	if f, err := fsys.Open(name + partialSuffix); !errors.Is(err, fs.ErrNotExist) {
		return f, false, err
	}
	// It may have been sealed between the two.
	f, err = fsys.Open(name)
	return f, true, err
}

// bodyOf returns a reader at the blob's first byte, and what to call when it is no longer needed.
func bodyOf(f durable.File, at *pipeline.ShardLocation, size int64) (io.Reader, func(), error) {
	nothing := func() {}
	switch {
	case at == nil:
		return f, nothing, nil
	case at.Frame == nil:
		return io.NewSectionReader(f, at.Offset, size), nothing, nil
	}
	frame := io.NewSectionReader(f, at.Frame.Offset, at.Frame.Size)
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
	body io.Reader
	left int64
	file durable.File
	stop func()
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
	return r.file.Close()
}
