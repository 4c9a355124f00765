package sinks

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// seekTable collects what the zstd seekable format keeps of each frame. It is written by hand because a shard's table
// has to go on after a crash, and because frames of large blobs are never in memory as a whole; the tests read it with
// another implementation.
//
// Format: https://github.com/facebook/zstd/blob/dev/contrib/seekable_format/zstd_seekable_compression_format.md
type seekTable struct {
	entries []seekEntry
}

type seekEntry struct {
	compressed, decompressed uint32
	// checksum is the lower half of the XXH64 of the decompressed bytes.
	checksum uint32
}

// add appends a frame's entry; sizes are bytes.
func (t *seekTable) add(compressed, decompressed int64, checksum uint64) error {
	if compressed > math.MaxUint32 || decompressed > math.MaxUint32 {
		return fmt.Errorf("a frame of %d bytes is too large for a seek table", max(compressed, decompressed))
	}
	t.entries = append(t.entries, seekEntry{uint32(compressed), uint32(decompressed), uint32(checksum)})
	return nil
}

const (
	skippableMagic = 0x184D2A5E
	seekableMagic  = 0x8F92EAB1
	hasChecksums   = 1 << 7
	// The sizes, in bytes, of what precedes the entries, of an entry, and of what follows them.
	seekTableHeader = 8
	seekTableEntry  = 12
	seekTableFooter = 9
)

// encode returns the table as the skippable frame that ends a seekable file.
func (t *seekTable) encode() []byte {
	size := len(t.entries)*seekTableEntry + seekTableFooter
	b := make([]byte, 0, seekTableHeader+size)
	b = binary.LittleEndian.AppendUint32(b, skippableMagic)
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	for _, e := range t.entries {
		b = binary.LittleEndian.AppendUint32(b, e.compressed)
		b = binary.LittleEndian.AppendUint32(b, e.decompressed)
		b = binary.LittleEndian.AppendUint32(b, e.checksum)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(t.entries)))
	b = append(b, hasChecksums)
	return binary.LittleEndian.AppendUint32(b, seekableMagic)
}

// decode fills the table from what encode returned, of which the size and both ends have been checked.
func (t *seekTable) decode(b []byte) {
	t.entries = nil
	for entry := range slices.Chunk(b[seekTableHeader:len(b)-seekTableFooter], seekTableEntry) {
		t.entries = append(t.entries, seekEntry{
			binary.LittleEndian.Uint32(entry), binary.LittleEndian.Uint32(entry[4:]), binary.LittleEndian.Uint32(entry[8:]),
		})
	}
}

// seekTableSize returns the size, in bytes, of the table that ends with footer.
func seekTableSize(footer []byte) (int64, error) {
	if footer[4] != hasChecksums || binary.LittleEndian.Uint32(footer[5:]) != seekableMagic {
		return 0, errors.New("it does not end with a seek table")
	}
	return seekTableHeader + int64(binary.LittleEndian.Uint32(footer))*seekTableEntry + seekTableFooter, nil
}

// isSeekTableHeader tells whether a table of size bytes begins with b.
func isSeekTableHeader(b []byte, size int64) bool {
	return binary.LittleEndian.Uint32(b) == skippableMagic && int64(binary.LittleEndian.Uint32(b[4:])) == size-seekTableHeader
}
