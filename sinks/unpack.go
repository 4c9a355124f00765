package sinks

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"exporter/internal/store"
	"exporter/pipeline"
)

// Unpacker reads blobs of a shard in the order in which the shard has them, and decodes each frame once.
type Unpacker struct {
	*ShardReader
	store   store.Store
	decoder *zstd.Decoder
	// frame is the one whose bytes, as far as they can be decoded, are unpacked; nil where there is none yet.
	frame    *pipeline.Frame
	unpacked store.Spool
}

// NewUnpacker returns an Unpacker for a shard that need not be sound. It keeps one frame at a time in a spool.
func NewUnpacker(ctx context.Context, s store.Store, name string) (*Unpacker, error) {
	decoder, err := newDecoder(nil, zstd.IgnoreChecksum(true))
	if err != nil {
		return nil, err
	}
	shard, err := OpenShard(ctx, s, name)
	if err != nil {
		decoder.Close()
		return nil, err
	}
	return &Unpacker{ShardReader: shard, store: s, decoder: decoder}, nil
}

// Blob returns the size bytes of the blob at a place of the shard. They are not checked, and may end early. The reader is
// good until the next call. An error is one of storage, not of the shard.
func (u *Unpacker) Blob(at *pipeline.ShardLocation, size int64) (*io.SectionReader, error) {
	if at.Frame == nil {
		return io.NewSectionReader(u.file, at.Offset, size), nil
	}
	if u.frame == nil || *u.frame != *at.Frame {
		if err := u.unpack(*at.Frame); err != nil {
			return nil, fmt.Errorf("unpack the frame at byte %d of %s: %w", at.Frame.Offset, u.name, err)
		}
	}
	return io.NewSectionReader(u.unpacked, at.Offset-at.Frame.Start, size), nil
}

func (u *Unpacker) unpack(frame pipeline.Frame) error {
	if err := u.drop(); err != nil {
		return err
	}
	spool, err := u.store.Spool()
	if err != nil {
		return err
	}
	u.unpacked, u.frame = spool, &frame
	// Of a frame without a usable header, reading returns the error.
	_ = u.decoder.Reset(io.NewSectionReader(u.file, frame.Offset, frame.Size))
	out := bufio.NewWriterSize(spool, 256<<10)
	if _, err := io.Copy(out, untilError{u.decoder}); err != nil {
		return err
	}
	return out.Flush()
}

// drop removes the frame that is unpacked.
func (u *Unpacker) drop() error {
	if u.unpacked == nil {
		return nil
	}
	err := u.unpacked.Close()
	u.unpacked, u.frame = nil, nil
	return err
}

// Close closes the shard and removes what was unpacked.
func (u *Unpacker) Close() error {
	u.decoder.Close()
	return errors.Join(u.drop(), u.ShardReader.Close())
}

// untilError ends where its reader fails.
type untilError struct{ r io.Reader }

func (u untilError) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err != nil {
		err = io.EOF
	}
	return n, err
}
