package manifest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cespare/xxhash/v2"

	"exporter/internal/store"
)

// Parquet has no checksum of its footer and of the headers of its pages, and the library believes what it reads there.
// So every file has checksums of all its bytes, between the page indexes and the footer, where no reader of Parquet looks:
//
//	body       "PAR1", the row groups with their bloom filters
//	index      the page indexes
//	sums       one for each block of the body
//	trailer    magic, length of the body, sum of all that is behind the body
//	footer     the footer, its length, "PAR1"
const (
	// blockSize is how much of the body has one sum: little, as all rows of which a damaged block holds a part are lost.
	blockSize = 1 << 10
	sumSize   = 8
	sumMagic  = "EXPRXXH1"
	// trailerSize is that of magic, length and sum; footerEnd is that of the footer's length and the magic of Parquet.
	trailerSize = len(sumMagic) + 8 + sumSize
	footerEnd   = 4 + 4
)

var (
	// errUntrusted says that nothing in a file can be believed.
	errUntrusted = errors.New("its checksums are missing or wrong")
	// errNoChecksums says that a file has none and that exporter did not write it.
	errNoChecksums = errors.New("it has no checksums")
	// errChanged says that a block of a body is not what was written.
	errChanged = errors.New("some of its bytes have changed")
)

// checksumWriter passes a Parquet file on and adds the checksums. It holds back what comes behind the body: page indexes and
// footer, which have less than 1 MB for a million rows.
type checksumWriter struct {
	out   io.Writer
	body  int64
	block *xxhash.Digest
	sums  []byte
	// index is what was written since endBody; nil before.
	index *bytes.Buffer
}

func newChecksumWriter(out io.Writer) *checksumWriter {
	return &checksumWriter{out: out, block: xxhash.New()}
}

func (w *checksumWriter) Write(p []byte) (int, error) {
	if w.index != nil {
		return w.index.Write(p)
	}
	n, err := w.out.Write(p)
	w.add(p[:n])
	return n, err
}

// add adds bytes of the body to the sums.
func (w *checksumWriter) add(p []byte) {
	for len(p) > 0 {
		n := min(len(p), int(blockSize-w.body%blockSize))
		w.block.Write(p[:n])
		w.body += int64(n)
		if w.body%blockSize == 0 {
			w.endBlock()
		}
		p = p[n:]
	}
}

func (w *checksumWriter) endBlock() {
	w.sums = binary.LittleEndian.AppendUint64(w.sums, w.block.Sum64())
	w.block.Reset()
}

// endBody says that all row groups have been written.
func (w *checksumWriter) endBody() {
	if w.body%blockSize != 0 {
		w.endBlock()
	}
	w.index = new(bytes.Buffer)
}

// finish writes what was held back, and the checksums before the footer.
func (w *checksumWriter) finish() error {
	index := w.index.Bytes()
	end := index[len(index)-footerEnd:]
	at := len(index) - footerEnd - int(binary.LittleEndian.Uint32(end))
	sums := append(w.sums, sumMagic...)
	sums = binary.LittleEndian.AppendUint64(sums, uint64(w.body))
	all := xxhash.New()
	for _, b := range [][]byte{index[:at], sums, index[at:]} {
		all.Write(b)
	}
	sums = binary.LittleEndian.AppendUint64(sums, all.Sum64())
	for _, b := range [][]byte{index[:at], sums, index[at:]} {
		if _, err := w.out.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// checksums are those of an open file.
type checksums struct {
	file io.ReaderAt
	// body is the length of the body, sums the place of the first sum.
	body, sums int64
}

// readChecksums finds the checksums of a file, and checks all of it but the body. The error is that of reading, or wraps
// errUntrusted.
func readChecksums(file io.ReaderAt, size int64) (*checksums, error) {
	end, err := readBytes(file, size-int64(footerEnd), footerEnd)
	if err != nil {
		return nil, err
	}
	footer := size - int64(footerEnd) - int64(binary.LittleEndian.Uint32(end))
	if footer >= 0 && footer < int64(trailerSize) {
		return nil, missingChecksums(file, footer, size)
	}
	trailer, err := readBytes(file, footer-int64(trailerSize), trailerSize)
	if err != nil {
		return nil, err
	}
	if string(trailer[:len(sumMagic)]) != sumMagic {
		return nil, missingChecksums(file, footer, size)
	}
	body := binary.LittleEndian.Uint64(trailer[len(sumMagic):])
	if body > uint64(size) {
		return nil, fmt.Errorf("%w: they are of %d bytes, and the file has %d", errUntrusted, body, size)
	}
	c := &checksums{file: file, body: int64(body)}
	c.sums = footer - int64(trailerSize) - c.blocks()*sumSize
	if c.sums < c.body {
		return nil, fmt.Errorf("%w: they are of %d bytes, and begin at byte %d", errUntrusted, c.body, c.sums)
	}
	all := xxhash.New()
	for _, part := range []span{between(c.body, footer-sumSize), between(footer, size)} {
		if _, err := io.Copy(all, io.NewSectionReader(file, part.first, part.count)); err != nil {
			return nil, err
		}
	}
	if all.Sum64() != binary.LittleEndian.Uint64(trailer[trailerSize-sumSize:]) {
		return nil, fmt.Errorf("%w: they or the footer have changed", errUntrusted)
	}
	return c, nil
}

// missingChecksums returns errNoChecksums for a file of another program, and an error that wraps errUntrusted for one of exporter,
// which says so in its footer, and for what is none of Parquet.
func missingChecksums(file io.ReaderAt, footer, size int64) error {
	content, err := readBytes(file, footer, int(size-footer))
	if err != nil {
		return err
	}
	if bytes.Contains(content, []byte(createdBy+" version ")) || !bytes.HasSuffix(content, []byte("PAR1")) {
		return fmt.Errorf("%w: none before the footer", errUntrusted)
	}
	return errNoChecksums
}

// readBytes reads a few bytes of a file, which may be too short for them.
func readBytes(file io.ReaderAt, at int64, count int) ([]byte, error) {
	if at < 0 {
		return nil, fmt.Errorf("%w: the file is too short, or the length of its footer is wrong", errUntrusted)
	}
	b := make([]byte, count)
	_, err := io.ReadFull(io.NewSectionReader(file, at, int64(count)), b)
	return b, err
}

// blocks returns the number of blocks, of which the last may be short.
func (c *checksums) blocks() int64 { return (c.body + blockSize - 1) / blockSize }

// damage reads the body and returns the bytes that are not what was written.
func (c *checksums) damage() (spans, error) {
	const readSize = 64 * blockSize
	var damaged spans
	sums := bufio.NewReader(io.NewSectionReader(c.file, c.sums, c.blocks()*sumSize))
	body := io.NewSectionReader(c.file, 0, c.body)
	buffer := make([]byte, min(readSize, c.body))
	var want [sumSize]byte
	for at := int64(0); at < c.body; {
		read := buffer[:min(readSize, c.body-at)]
		if _, err := io.ReadFull(body, read); err != nil {
			return nil, err
		}
		for len(read) > 0 {
			block := read[:min(blockSize, len(read))]
			if _, err := io.ReadFull(sums, want[:]); err != nil {
				return nil, err
			}
			if xxhash.Sum64(block) != binary.LittleEndian.Uint64(want[:]) {
				damaged = damaged.with(span{at, int64(len(block))})
			}
			at += int64(len(block))
			read = read[len(block):]
		}
	}
	return damaged, nil
}

// checkedObject compares what is read of a file with its checksums.
type checkedObject struct {
	store.Object
	sums *checksums
}

// ReadAt reads all blocks that have a part of what is asked for. What is behind the body was checked when the checksums were read.
func (o checkedObject) ReadAt(p []byte, at int64) (int, error) {
	inBody := span{at, int64(len(p))}.and(span{count: o.sums.body})
	if at < 0 || inBody.count == 0 {
		return o.Object.ReadAt(p, at)
	}
	first, end := inBody.first/blockSize, (inBody.end()+blockSize-1)/blockSize
	blocks := make([]byte, min(end*blockSize, o.sums.body)-first*blockSize)
	sums := make([]byte, (end-first)*sumSize)
	for _, part := range []struct {
		into []byte
		at   int64
	}{{blocks, first * blockSize}, {sums, o.sums.sums + first*sumSize}} {
		if _, err := io.ReadFull(io.NewSectionReader(o.Object, part.at, int64(len(part.into))), part.into); err != nil {
			return 0, err
		}
	}
	for block := range slices.Chunk(blocks, blockSize) {
		if xxhash.Sum64(block) != binary.LittleEndian.Uint64(sums) {
			return 0, fmt.Errorf("%w: those of the bytes from %d on", errChanged, first*blockSize)
		}
		sums = sums[sumSize:]
		first++
	}
	n := copy(p[:inBody.count], blocks[inBody.first%blockSize:])
	if n == len(p) {
		return n, nil
	}
	behind, err := o.Object.ReadAt(p[n:], at+int64(n))
	return n + behind, err
}
