package sinks

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"

	"exporter/internal/store"
	"exporter/pipeline"
)

const (
	// tarBlock is the unit of a tar archive: headers are one, bodies are padded to it.
	tarBlock = 512
	// tarEnd is the number of zero bytes that end a tar archive.
	tarEnd = 2 * tarBlock
)

// shard writes one tar archive of which every committed prefix can be kept. It is not safe for concurrent use.
type shard struct {
	// name is the sealed shard's path.
	name string
	// file is nil in a shard that is written at once.
	file store.Growing
	// out takes the bytes of the file, and passes them on to buffer.
	out    io.Writer
	buffer *bufio.Writer
	header *plainHeader

	// size is the number of bytes written to the file, buffered ones included.
	size int64
	// offset is the number of bytes of the uncompressed archive.
	offset int64

	// encoder is nil in a shard that is not compressed; then there are no frames.
	encoder   *zstd.Encoder
	frameSize int64
	frame     openFrame
	// rawLeft is how many of the next bytes are not to be compressed, and tried what became of those that were since.
	rawLeft int64
	tried   trial
	table   seekTable
}

const (
	// Where the encoder makes trialSize bytes smaller than raw frames would be by less than this part of those, rawAfter bytes follow in raw frames, which
	// cost less. Photographs are such, while of the JPEG of a page of text a tenth can be saved. Then as many bytes are tried again.
	leastSaved          = 32
	trialSize, rawAfter = 1 << 20, 60 << 20
)

// trial is how many bytes some frames have that were compressed, and about how many they would have as raw ones.
type trial struct{ size, asRaw int64 }

// openFrame is the zstd frame that is being filled.
type openFrame struct {
	open bool
	// at is where the frame is and where it starts; its size is known when it ends.
	at   pipeline.Frame
	hash *xxhash.Digest
	// enough is the number of uncompressed bytes from which on it ends, and isRaw says that it is not compressed.
	enough int64
	isRaw  bool
	// asRaw is about how many bytes it has, or would have, as a rawFrame.
	asRaw int64
	// content takes the frame's bytes: an encoder, or a rawFrame.
	content io.WriteCloser
	// blobs are to be told of the frame when it ends.
	blobs []*pipeline.ShardLocation
}

// newShard returns a shard that has nothing yet, and is written to out. encoder may be nil.
func newShard(name string, out io.Writer, encoder *zstd.Encoder, frameSize int64) *shard {
	s := &shard{name: name, encoder: encoder, frameSize: frameSize}
	s.frame.hash = xxhash.New()
	s.buffer = bufio.NewWriterSize(out, 64<<10)
	s.out = counter{unsplit{s.buffer}, &s.size}
	s.header = newPlainHeader()
	return s
}

// counter counts the bytes that it passes on.
type counter struct {
	w io.Writer
	n *int64
}

func (c counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	*c.n += int64(n)
	return n, err
}

// unsplit is a buffer that writes what is larger than it as it lies. A bufio.Writer would copy some of it, to write it in pieces.
type unsplit struct{ *bufio.Writer }

func (u unsplit) Write(p []byte) (int, error) {
	if len(p) > u.Size() {
		if err := u.Flush(); err != nil {
			return 0, err
		}
	}
	return u.Writer.Write(p)
}

// archiveWriter takes the bytes of the uncompressed archive.
type archiveWriter struct{ s *shard }

func (w archiveWriter) Write(p []byte) (n int, err error) {
	s := w.s
	if s.encoder == nil {
		n, err = s.out.Write(p)
	} else {
		if !s.frame.open {
			if err := s.beginFrame(); err != nil {
				return 0, err
			}
		}
		// A hash never fails.
		_, _ = s.frame.hash.Write(p)
		n, err = s.frame.content.Write(p)
	}
	s.offset += int64(n)
	return n, err
}

func (s *shard) beginFrame() (err error) {
	s.frame.open = true
	s.frame.at = pipeline.Frame{Offset: s.size, Start: s.offset}
	s.frame.hash.Reset()
	s.frame.enough, s.frame.asRaw = s.frameSize, 0
	wasRaw := s.frame.isRaw
	if s.frame.isRaw = s.rawLeft > 0; s.frame.isRaw {
		s.frame.content, err = newRawFrame(s.out, s.frame.hash)
		return err
	}
	if wasRaw {
		s.frame.enough = min(s.frameSize, trialSize)
	}
	s.encoder.Reset(s.out)
	s.frame.content = s.encoder
	return nil
}

// endFrame ends the frame if one is open, and tells its blobs where it is.
func (s *shard) endFrame() error {
	if !s.frame.open {
		return nil
	}
	s.frame.open = false
	if err := s.frame.content.Close(); err != nil {
		return err
	}
	at := s.frame.at
	at.Size = s.size - at.Offset
	content := s.offset - at.Start
	if err := s.table.add(at.Size, content, s.frame.hash.Sum64()); err != nil {
		return err
	}
	s.judge(at.Size)
	for _, b := range s.frame.blobs {
		b.Frame = &at
	}
	clear(s.frame.blobs)
	s.frame.blobs = s.frame.blobs[:0]
	return nil
}

// judge decides by a frame that has ended, and those before it, whether the next ones are compressed.
func (s *shard) judge(size int64) {
	if s.frame.isRaw {
		s.rawLeft -= s.frame.asRaw
		return
	}
	t := &s.tried
	t.size += size
	if t.asRaw += s.frame.asRaw; t.asRaw < trialSize {
		return
	}
	if t.asRaw-t.size < t.asRaw/leastSaved {
		s.rawLeft = rawAfter
	}
	*t = trial{}
}

// append adds a blob as a tar entry. What it returns is complete when the frame has ended.
func (s *shard) append(member string, blob *pipeline.Blob) (*pipeline.Location, error) {
	at, err := s.writeMember(member, blob)
	if err != nil {
		return nil, fmt.Errorf("write %s: member %s: %w", s.name, member, err)
	}
	if s.encoder != nil {
		s.frame.blobs = append(s.frame.blobs, at)
		if s.offset-s.frame.at.Start >= s.frame.enough {
			if err := s.endFrame(); err != nil {
				return nil, fmt.Errorf("write %s: %w", s.name, err)
			}
		}
	}
	return &pipeline.Location{Path: s.name, Shard: at}, nil
}

// writeMember writes the tar entry of a blob, and returns where its bytes are, which is complete when the frame has ended.
func (s *shard) writeMember(member string, blob *pipeline.Blob) (*pipeline.ShardLocation, error) {
	to := archiveWriter{s}
	var err error
	if s.header.fill(member, blob.Size, blob.FetchedAt) {
		_, err = to.Write(s.header.block[:])
	} else {
		err = tar.NewWriter(to).WriteHeader(memberHeader(member, blob.Size, blob.FetchedAt))
	}
	if err != nil {
		return nil, err
	}
	at := &pipeline.ShardLocation{Member: member, Offset: s.offset}
	n, err := blob.WriteTo(to)
	if err == nil && n != blob.Size {
		err = fmt.Errorf("%d of %d bytes", n, blob.Size)
	}
	if err == nil {
		_, err = to.Write(filler[:padding(blob.Size)])
	}
	s.frame.asRaw += rawMember + n
	return at, err
}

// filler fills up the last block of a member. It is never changed.
var filler [tarBlock]byte

func memberHeader(member string, size int64, fetchedAt time.Time) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: member, Size: size, Mode: 0o644, ModTime: fetchedAt.Truncate(time.Second)}
}

// flush ends the frame and hands all bytes to the file.
func (s *shard) flush() error {
	if err := s.endFrame(); err != nil {
		return err
	}
	return s.buffer.Flush()
}

// seal ends the archive, makes it durable and gives it its name. Every blob in it must have been committed.
func (s *shard) seal(ctx context.Context) error {
	err := s.writeEnd()
	if err == nil {
		err = s.file.Finish(ctx)
	} else {
		err = errors.Join(err, s.file.Close())
	}
	if err != nil {
		return fmt.Errorf("seal %s: %w", s.name, err)
	}
	return nil
}

func (s *shard) writeEnd() error {
	if err := s.endFrame(); err != nil {
		return err
	}
	if _, err := (archiveWriter{s}).Write(make([]byte, tarEnd)); err != nil {
		return err
	}
	if err := s.endFrame(); err != nil {
		return err
	}
	if s.encoder != nil {
		if _, err := s.out.Write(s.table.encode()); err != nil {
			return err
		}
	}
	return s.buffer.Flush()
}
