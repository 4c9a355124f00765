package sinks

import (
	"io"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// rawBlocks are the blocks of a zstd frame, none of which is compressed (RFC 8878, section 3.1.1.2): those of pictures, which do not shrink.
// What is in them can be read without decoding what comes before.
type rawBlocks struct {
	// starts has the place in the content where each block begins, and at its end that of the end; places has where their bytes are in the shard.
	starts, places []int64
	// repeated tells which blocks have one byte, which is all of their content.
	repeated []bool
}

// len returns the number of blocks; 0 where there are none.
func (b *rawBlocks) len() int {
	if b == nil {
		return 0
	}
	return len(b.places)
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
	ahead := newReadAhead(file, end, blocksAtOnce)
	for last := false; !last; {
		var header [3]byte
		ahead.at = place
		if _, err := io.ReadFull(ahead, header[:]); err != nil {
			return nil
		}
		var kind int
		var length int64
		kind, length, last = parseBlockHeader(header)
		place += int64(len(header))
		stored := length
		if kind == repeatedBlock {
			stored = 1
		}
		if kind > repeatedBlock || place > end-stored || len(blocks.places) == maxRawBlocks {
			return nil
		}
		blocks.places = append(blocks.places, place)
		blocks.repeated = append(blocks.repeated, kind == repeatedBlock)
		blocks.starts = append(blocks.starts, blocks.starts[len(blocks.starts)-1]+length)
		place += stored
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
		if err := b.readBlock(file, p[:n], i, from-b.starts[i]); err != nil {
			return true, err
		}
		p, from = p[n:], from+n
		i++
	}
	return true, nil
}

// readBlock fills p with what a block's content has from a byte on.
func (b *rawBlocks) readBlock(file io.ReaderAt, p []byte, i int, from int64) error {
	if !b.repeated[i] {
		_, err := io.ReadFull(io.NewSectionReader(file, b.places[i]+from, int64(len(p))), p)
		return err
	}
	var one [1]byte
	if _, err := io.ReadFull(io.NewSectionReader(file, b.places[i], 1), one[:]); err != nil {
		return err
	}
	for i := range p {
		p[i] = one[0]
	}
	return nil
}
