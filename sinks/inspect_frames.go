package sinks

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"

	"exporter/pipeline"
)

// frameInspection reads a compressed shard frame by frame. Where a frame begins is known from the claims, and else from
// where the one before it ends, so that damage in one leaves the others readable.
type frameInspection struct {
	*inspection
	decoder *zstd.Decoder
	hash    *xxhash.Digest
	table   seekTable
	// next is where the next frame begins, its size not known yet.
	next pipeline.Frame
}

// readFrames reads a compressed shard.
func (n *inspection) readFrames(ctx context.Context) error {
	decoder, err := newDecoder(nil, zstd.IgnoreChecksum(true))
	if err != nil {
		return err
	}
	defer decoder.Close()
	f := &frameInspection{inspection: n, decoder: decoder, hash: xxhash.New()}
	for f.next.Offset < f.end {
		at, claims, ok := f.nextFrame()
		if !ok {
			break
		}
		if err := f.readFrame(ctx, at, claims); err != nil {
			return err
		}
	}
	for i := range f.claims {
		f.claimed(&f.claims[i], fmt.Errorf("the shard ends at byte %d, the frame at byte %d", f.size, f.claims[i].end()))
	}
	f.checkEnding()
	if f.sealed && f.problems == 0 {
		f.checkSeekTable()
	}
	return nil
}

// nextFrame returns the next frame and takes its claims. It is not ok where neither a frame nor claims follow.
func (f *frameInspection) nextFrame() (at pipeline.Frame, claims []Claim, ok bool) {
	for len(f.claims) > 0 && f.claims[0].frameOffset < f.next.Offset {
		f.claimed(&f.claims[0], fmt.Errorf("no frame begins at byte %d", f.claims[0].frameOffset))
		f.claims = f.claims[1:]
	}
	if len(f.claims) == 0 || f.claims[0].frameOffset > f.next.Offset {
		end := f.end
		if len(f.claims) > 0 {
			end = min(end, f.claims[0].frameOffset)
		}
		size, err := frameSize(f.file, f.next.Offset, end)
		if err == nil {
			at = f.next
			at.Size = size
			return at, nil, true
		}
		if len(f.claims) == 0 {
			return at, nil, false
		}
		f.damaged(nil, "%w", err)
	}
	at = f.claims[0].frame()
	if f.problems == 0 && at.Start != f.next.Start {
		f.damaged(nil, "the frame at byte %d is the archive's byte %d, its rows say %d", at.Offset, f.next.Start, at.Start)
	}
	count := 0
	for count < len(f.claims) && f.claims[count].frame() == at {
		count++
	}
	claims, f.claims = f.claims[:count], f.claims[count:]
	return at, claims, true
}

// readFrame reads a frame. That its checksum is wrong is said only where nothing else tells what is damaged.
func (f *frameInspection) readFrame(ctx context.Context, at pipeline.Frame, claims []Claim) error {
	problems := f.problems
	s := &stream{r: f.decoder, pos: at.Start, hash: f.hash}
	s.hash.Reset()
	// Of a frame without a usable header, reading returns the error.
	_ = f.decoder.Reset(io.NewSectionReader(f.file, at.Offset, at.Size))
	if f.ending > 0 {
		f.damaged(nil, "the frame at byte %d follows the end of the archive", at.Offset)
	}
	if err := f.readEntries(ctx, s, claims); err != nil {
		return err
	}
	if f.problems == problems {
		if err := f.checkFrame(s, at); err != nil {
			f.damaged(nil, "the frame at byte %d: %w", at.Offset, err)
		}
	}
	f.next = pipeline.Frame{Offset: at.Offset + at.Size, Start: s.pos}
	return nil
}

// checkFrame reads the rest of a frame, of which there should be none, and compares its size and checksum.
func (f *frameInspection) checkFrame(s *stream, at pipeline.Frame) error {
	rest, err := io.Copy(io.Discard, s)
	if err != nil {
		return err
	}
	if rest > 0 {
		return fmt.Errorf("%d bytes follow the end of the archive", rest)
	}
	size, err := frameSize(f.file, at.Offset, at.Offset+at.Size)
	if err != nil {
		return err
	}
	if size != at.Size {
		return fmt.Errorf("it has %d bytes, its rows say %d", size, at.Size)
	}
	var checksum [4]byte
	if _, err := f.file.ReadAt(checksum[:], at.Offset+at.Size-int64(len(checksum))); err != nil {
		return err
	}
	if got, want := uint32(s.hash.Sum64()), binary.LittleEndian.Uint32(checksum[:]); got != want {
		return fmt.Errorf("the checksum is %08x, want %08x", got, want)
	}
	return f.table.add(at.Size, s.pos-at.Start, s.hash.Sum64())
}

// checkSeekTable compares what follows the frames with the seek table that they have.
func (f *frameInspection) checkSeekTable() {
	want := f.table.encode()
	if size := f.size - f.next.Offset; size != int64(len(want)) {
		f.damaged(nil, "%d bytes follow the last frame, want a seek table of %d bytes", size, len(want))
		return
	}
	got := make([]byte, len(want))
	if _, err := f.file.ReadAt(got, f.next.Offset); err != nil {
		f.damaged(nil, "the seek table: %w", unexpected(err))
		return
	}
	if !bytes.Equal(got, want) {
		f.damaged(nil, "the seek table is not that of the frames")
	}
}
