package sinks

import (
	"bytes"
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

// The types of a block (RFC 8878, section 3.1.1.2.2): one that holds bytes as they are, and one that holds a byte that is repeated.
const (
	rawBlock      = 0
	repeatedBlock = 1
)

// maxBlock is the most that a block holds, in bytes. The window of a rawFrame is as large.
const maxBlock = 128 << 10

// blocksAtOnce is how many bytes are read to find the headers of blocks: between the bodies of two members there are several, and little else.
const blocksAtOnce = 512

// appendBlockHeader appends the header of a block: a bit that tells whether it is the last one, the type, and the size.
func appendBlockHeader(b []byte, kind, size int, last bool) []byte {
	header := size<<3 | kind<<1
	if last {
		header |= 1
	}
	return append(b, byte(header), byte(header>>8), byte(header>>16))
}

func parseBlockHeader(b [3]byte) (kind int, size int64, last bool) {
	header := int64(b[0]) | int64(b[1])<<8 | int64(b[2])<<16
	return int(header >> 1 & 3), header >> 3, header&1 != 0
}

// rawFrame writes a zstd frame that holds pictures as they are (RFC 8878, section 3.1.1), and of what is between them not each zero. The caller
// keeps the hash of its content.
type rawFrame struct {
	w    io.Writer
	hash *xxhash.Digest
	// room is used again.
	room []byte
}

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
	if len(p) <= maxSparse {
		f.room = appendSparse(f.room[:0], p)
		if _, err := f.w.Write(f.room); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	for block := range slices.Chunk(p, maxBlock) {
		f.room = appendBlockHeader(f.room[:0], rawBlock, len(block), false)
		if _, err := f.w.Write(f.room); err != nil {
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

const (
	// maxSparse is how much a rawFrame looks at for zeros, in bytes: as much as there is at once between two members of a tar archive, or at its end.
	maxSparse = tarEnd
	// leastZeros is the length of a run of zeros that becomes a block of its own: in headers and padding there are longer ones mostly.
	leastZeros = 48
	// rawMember is about what header and padding of a member take in a rawFrame.
	rawMember = 160
)

// appendSparse appends the blocks that a rawFrame has of a few bytes: in place of many zeros one of them, that is repeated.
func appendSparse(b, p []byte) []byte {
	for len(p) > 0 {
		at, zeros := findZeros(p)
		if at > 0 {
			b = append(appendBlockHeader(b, rawBlock, at, false), p[:at]...)
		}
		if zeros > 0 {
			b = append(appendBlockHeader(b, repeatedBlock, zeros, false), 0)
		}
		p = p[at+zeros:]
	}
	return b
}

// findZeros returns where the first run of leastZeros zeros begins, and its length: at the end, and 0, where there is none.
func findZeros(p []byte) (at, count int) {
	for at < len(p) {
		zero := bytes.IndexByte(p[at:], 0)
		if zero < 0 {
			break
		}
		at += zero
		for count = 1; at+count < len(p) && p[at+count] == 0; {
			count++
		}
		if count >= leastZeros {
			return at, count
		}
		at += count
	}
	return len(p), 0
}

// Close ends the frame: with an empty block, as none before it said that it was the last, and the checksum.
func (f *rawFrame) Close() error {
	f.room = appendBlockHeader(f.room[:0], rawBlock, 0, true)
	f.room = binary.LittleEndian.AppendUint32(f.room, uint32(f.hash.Sum64()))
	_, err := f.w.Write(f.room)
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
	next, ahead := offset+int64(h.HeaderSize), newReadAhead(r, end, blocksAtOnce)
	for last := false; !last; {
		var block [3]byte
		if next+int64(len(block)) > end {
			return 0, fmt.Errorf("%w at byte %d", errNoFrame, offset)
		}
		ahead.at = next
		if _, err := io.ReadFull(ahead, block[:]); err != nil {
			return 0, err
		}
		kind, size, isLast := parseBlockHeader(block)
		if last = isLast; kind == repeatedBlock {
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
