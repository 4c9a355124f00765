package sinks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/zstd"

	"exporter/internal/store"
	"exporter/pipeline"
)

const (
	// keptFrame is how many bytes a frame may have to be kept decoded: some times the usual frame.
	keptFrame = 8 << 20
	// keptFrames is how many frames are kept. Blobs are in a shard in the order in which they came, which is about that of their keys: those
	// at the border of two frames go back and forth.
	keptFrames = 3
	// keptBlocks and keptIndexes are how many blocks, of 17 bytes, and how many frames of a shard are known.
	keptBlocks, keptIndexes = 1 << 18, 1 << 12
)

// Reader reads many blobs, one after the other. Those that are beside each other in a shard cost their frame once. It is not safe for
// concurrent use.
type Reader struct {
	store store.Reader
	// path is that of the shard that is open as object.
	path   string
	object store.Object
	// raw has the blocks of frames that are not compressed, and nil for others; rawBlocks is how many blocks those are.
	raw       map[pipeline.Frame]*rawBlocks
	rawBlocks int
	// frames are those that were decoded last, the newest first; decoder is nil before the first.
	frames  []decodedFrame
	decoder *zstd.Decoder
	// compressed has a frame as it is in the shard.
	compressed []byte
}

// decodedFrame is a frame of the shard that is open.
type decodedFrame struct {
	pipeline.Frame
	content []byte
}

// NewReader returns a Reader of the blobs in s, which is to be closed.
func NewReader(s store.Reader) *Reader { return &Reader{store: s} }

// Append appends the size bytes of a stored blob to b, and returns it. A blob that ends early is an io.ErrUnexpectedEOF; its bytes are not
// checked otherwise. With an error it returns b as it was.
func (r *Reader) Append(ctx context.Context, b []byte, at pipeline.Location, size int64) ([]byte, error) {
	after, err := r.append(ctx, b, at, size)
	if err != nil {
		return b, err
	}
	return after, nil
}

func (r *Reader) append(ctx context.Context, b []byte, at pipeline.Location, size int64) ([]byte, error) {
	switch {
	case size < 0:
		return nil, fmt.Errorf("a blob of %d bytes", size)
	case at.Shard == nil:
		return r.appendOwn(ctx, b, at, size)
	}
	if err := r.open(ctx, at); err != nil {
		return nil, err
	}
	frame := at.Shard.Frame
	switch {
	case frame == nil:
		return appendPlain(b, r.object, at.Shard.Offset, size)
	case at.Shard.Offset < frame.Start:
		return nil, fmt.Errorf("the blob begins at byte %d, and its frame at %d", at.Shard.Offset, frame.Start)
	}
	begin := at.Shard.Offset - frame.Start
	if after, found, err := r.appendRaw(b, *frame, begin, size); found {
		return after, unexpected(err)
	}
	if content := r.decode(*frame); begin <= int64(len(content))-size {
		return append(b, content[begin:begin+size]...), nil
	}
	return r.appendAlone(b, at.Shard, size)
}

// appendRaw appends a blob of a frame that is not compressed, and tells whether it is one.
func (r *Reader) appendRaw(b []byte, frame pipeline.Frame, begin, size int64) (after []byte, found bool, err error) {
	blocks, known := r.raw[frame]
	if !known {
		if len(r.raw) >= keptIndexes || r.rawBlocks >= keptBlocks {
			r.forgetBlocks()
		}
		if r.raw == nil {
			r.raw = map[pipeline.Frame]*rawBlocks{}
		}
		blocks = findRawBlocks(r.object, frame.Offset, frame.Size)
		r.raw[frame] = blocks
		r.rawBlocks += blocks.len()
	}
	if blocks == nil || size > r.object.Size() {
		return nil, false, nil
	}
	after, room := extend(b, size)
	found, err = blocks.read(r.object, room, begin)
	return after, found, err
}

// appendOwn appends a blob that is an object of its own.
func (r *Reader) appendOwn(ctx context.Context, b []byte, at pipeline.Location, size int64) ([]byte, error) {
	o, err := openAt(ctx, r.store, at)
	if err != nil {
		return nil, err
	}
	after, err := appendPlain(b, o, 0, size)
	return after, errors.Join(err, o.Close())
}

// appendPlain appends what is in an object as it is. It makes no room for more than the object has.
func appendPlain(b []byte, o store.Object, at, size int64) ([]byte, error) {
	if at < 0 || at > o.Size()-size {
		return nil, io.ErrUnexpectedEOF
	}
	after, room := extend(b, size)
	_, err := io.ReadFull(io.NewSectionReader(o, at, size), room)
	return after, unexpected(err)
}

// appendAlone appends a blob of a frame that is too long to be kept, or damaged somewhere.
func (r *Reader) appendAlone(b []byte, at *pipeline.ShardLocation, size int64) ([]byte, error) {
	body, stop, err := bodyOf(r.object, at, size)
	if err != nil {
		return nil, err
	}
	defer stop()
	// There may be less than what the manifest says: room is made as bytes come.
	blob := bytes.NewBuffer(b)
	_, err = io.CopyN(blob, body, size)
	return blob.Bytes(), unexpected(err)
}

// extend makes b longer by size bytes, and returns it and what was added.
func extend(b []byte, size int64) (after, room []byte) {
	after = slices.Grow(b, int(size))[:len(b)+int(size)]
	return after, after[len(b):]
}

// open opens the shard of a blob, unless it is open.
func (r *Reader) open(ctx context.Context, at pipeline.Location) error {
	if r.object != nil && r.path == at.Path {
		return nil
	}
	if err := r.closeShard(); err != nil {
		return err
	}
	o, err := openAt(ctx, r.store, at)
	if err != nil {
		return err
	}
	r.object, r.path = o, at.Path
	return nil
}

// decode returns the content of a frame; nil where it is not to be had as a whole.
func (r *Reader) decode(frame pipeline.Frame) []byte {
	for i := range r.frames {
		if r.frames[i].Frame == frame {
			found := r.frames[i]
			copy(r.frames[1:i+1], r.frames[:i])
			r.frames[0] = found
			return found.content
		}
	}
	// A frame that grows by being compressed grows by little.
	if frame.Offset < 0 || frame.Size < 0 || frame.Size > keptFrame+keptFrame/8 || frame.Offset > r.object.Size()-frame.Size {
		return nil
	}
	if r.decoder == nil {
		var err error
		if r.decoder, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(keptFrame)); err != nil {
			return nil
		}
	}
	r.compressed = slices.Grow(r.compressed[:0], int(frame.Size))[:frame.Size]
	if _, err := io.ReadFull(io.NewSectionReader(r.object, frame.Offset, frame.Size), r.compressed); err != nil {
		return nil
	}
	var room []byte
	if len(r.frames) == keptFrames {
		room = r.frames[keptFrames-1].content[:0]
		r.frames = r.frames[:keptFrames-1]
	}
	content, err := r.decoder.DecodeAll(r.compressed, room)
	if err != nil {
		return nil
	}
	r.frames = slices.Insert(r.frames, 0, decodedFrame{frame, content})
	return content
}

// Close closes the shard that is open.
func (r *Reader) Close() error {
	if r.decoder != nil {
		r.decoder.Close()
		r.decoder = nil
	}
	return r.closeShard()
}

func (r *Reader) closeShard() (err error) {
	r.frames = nil
	r.forgetBlocks()
	if r.object != nil {
		err = r.object.Close()
		r.object = nil
	}
	return err
}

func (r *Reader) forgetBlocks() {
	clear(r.raw)
	r.rawBlocks = 0
}
