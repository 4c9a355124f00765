package sinks

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"
)

const (
	// encoderWindow is the window of the frames that are written, in bytes, which is what an encoder holds in memory. A larger
	// one makes pictures no smaller.
	encoderWindow = 1 << 20
	// maxWindow bounds what a decoder allocates, also for a frame whose header is damaged. It is the limit of the zstd program.
	maxWindow = 128 << 20
)

// newDecoder returns a decoder that works in the goroutine that reads from it.
func newDecoder(r io.Reader, options ...zstd.DOption) (*zstd.Decoder, error) {
	return zstd.NewReader(r, append(options, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(maxWindow))...)
}

// rawFrame writes a zstd frame of raw blocks, which hold bytes as they are (RFC 8878, section 3.1.1). The caller keeps the
// hash of its content.
type rawFrame struct {
	w      io.Writer
	hash   *xxhash.Digest
	header [3]byte
}

// maxBlock is the most that a block holds, in bytes. The window of a rawFrame is as large.
const maxBlock = 128 << 10

// newRawFrame begins a frame whose content hash will have the sum of.
func newRawFrame(w io.Writer, hash *xxhash.Digest) (*rawFrame, error) {
	const (
		// magic begins a frame; its size is not declared, and it has a checksum.
		magic       = "\x28\xb5\x2f\xfd"
		hasChecksum = 1 << 2
		// window has the logarithm of the window's size, less 10, in its upper five bits.
		window = (17 - 10) << 3
	)
	_, err := w.Write([]byte(magic + string([]byte{hasChecksum, window})))
	return &rawFrame{w: w, hash: hash}, err
}

func (f *rawFrame) Write(p []byte) (n int, err error) {
	for block := range slices.Chunk(p, maxBlock) {
		if err := f.writeHeader(len(block), false); err != nil {
			return n, err
		}
		written, err := f.w.Write(block)
		n += written
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// writeHeader writes the header of a block: a bit that tells whether it is the last one, the type, which is 0, and the size.
func (f *rawFrame) writeHeader(size int, last bool) error {
	header := uint32(size) << 3
	if last {
		header |= 1
	}
	f.header = [3]byte{byte(header), byte(header >> 8), byte(header >> 16)}
	_, err := f.w.Write(f.header[:])
	return err
}

// Close ends the frame: with an empty block, as none before it said that it was the last, and the checksum.
func (f *rawFrame) Close() error {
	if err := f.writeHeader(0, true); err != nil {
		return err
	}
	_, err := f.w.Write(binary.LittleEndian.AppendUint32(nil, uint32(f.hash.Sum64())))
	return err
}

// errNoFrame says that bytes are not one whole zstd frame.
var errNoFrame = errors.New("not a whole zstd frame")

// frameSize returns the number of bytes of the zstd frame that begins at offset, its checksum included, by walking over
// the block headers (RFC 8878, section 3.1.1). It decodes nothing, and reads nothing past end.
func frameSize(r io.ReaderAt, offset, end int64) (int64, error) {
	head := make([]byte, min(zstd.HeaderMaxSize, max(0, end-offset)))
	if _, err := r.ReadAt(head, offset); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	var h zstd.Header
	if err := h.Decode(head); err != nil || h.Skippable {
		return 0, fmt.Errorf("%w at byte %d", errNoFrame, offset)
	}
	next := offset + int64(h.HeaderSize)
	for last := false; !last; {
		var block [3]byte
		if next+int64(len(block)) > end {
			return 0, fmt.Errorf("%w at byte %d", errNoFrame, offset)
		}
		if _, err := r.ReadAt(block[:], next); err != nil {
			return 0, err
		}
		header := uint32(block[0]) | uint32(binary.LittleEndian.Uint16(block[1:]))<<8
		last = header&1 == 1
		size := int64(header >> 3)
		const rle = 1
		if header>>1&3 == rle {
			size = 1
		}
		next += int64(len(block)) + size
	}
	if h.HasCheckSum {
		next += 4
	}
	if next > end {
		return 0, fmt.Errorf("%w at byte %d", errNoFrame, offset)
	}
	return next - offset, nil
}
