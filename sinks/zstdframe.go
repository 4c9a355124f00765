package sinks

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds what a decoder allocates, also for a frame whose header is damaged. It is the limit of the zstd program;
// no level of the encoder has a window of more than 8 MiB.
const maxWindow = 128 << 20

// newDecoder returns a decoder that works in the goroutine that reads from it.
func newDecoder(r io.Reader, options ...zstd.DOption) (*zstd.Decoder, error) {
	return zstd.NewReader(r, append(options, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(maxWindow))...)
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
