package sinks

import (
	"io"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// rawBlocks are the blocks of a zstd frame, all of which hold bytes as they are (RFC 8878, section 3.1.1.2): those of pictures, which do not shrink.
// What is in them can be read without decoding what comes before.
type rawBlocks struct {
	// starts has the place in the content where each block begins, and at its end that of the end; places has where their bytes are in the shard.
	starts, places []int64
}

// maxRawBlocks bounds the memory of rawBlocks: a frame of the largest size has no more blocks, unless they are short.
const maxRawBlocks = 2 * MaxFrameSize / maxBlock

// findRawBlocks goes over the blocks of a frame that file has from the byte at on. It returns nil where one of them is no raw one, or is not there.
func findRawBlocks(file io.ReaderAt, at, size int64) *rawBlocks {
	head := make([]byte, min(zstd.HeaderMaxSize, max(0, size)))
	var h zstd.Header
	if _, err := io.ReadFull(io.NewSectionReader(file, at, size), head); err != nil || h.Decode(head) != nil || h.Skippable {
		return nil
	}
	place, end := at+int64(h.HeaderSize), at+size
	blocks := &rawBlocks{starts: []int64{0}}
	var block [3]byte
	for isLast := false; !isLast; {
		if _, err := file.ReadAt(block[:], place); err != nil {
			return nil
		}
		bits := int64(block[0]) | int64(block[1])<<8 | int64(block[2])<<16
		isLast = bits&1 != 0
		kind, length := bits>>1&3, bits>>3
		place += int64(len(block))
		if kind != 0 || place > end-length || len(blocks.places) == maxRawBlocks {
			return nil
		}
		blocks.places = append(blocks.places, place)
		blocks.starts = append(blocks.starts, blocks.starts[len(blocks.starts)-1]+length)
		place += length
	}
	return blocks
}

// read fills p with what the content has from a byte on, and tells whether it has so much.
func (b *rawBlocks) read(file io.ReaderAt, p []byte, from int64) (bool, error) {
	if from < 0 || from > b.starts[len(b.starts)-1]-int64(len(p)) {
		return false, nil
	}
	i, found := slices.BinarySearch(b.starts, from)
	if !found {
		i--
	}
	for len(p) > 0 {
		n := min(int64(len(p)), b.starts[i+1]-from)
		if _, err := io.ReadFull(io.NewSectionReader(file, b.places[i]+from-b.starts[i], n), p[:n]); err != nil {
			return true, err
		}
		p, from = p[n:], from+n
		i++
	}
	return true, nil
}
