package derived

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/cespare/xxhash/v2"
)

// The Parquet library believes the lengths that it reads, and Parquet has no checksum of its footer. So a file has a sum of all its other bytes, behind a
// magic, between the page indexes and the footer, where no reader of Parquet looks.
const (
	sealMagic = "EXPRSEAL"
	sealSize  = len(sealMagic) + 8
	// footerEnd is the size of what is behind the footer: its length, and the magic of Parquet.
	footerEnd = 4 + 4
)

var errSeal = errors.New("it has no checksum, or another one")

// sealer passes a Parquet file on, and puts in the seal.
type sealer struct {
	out io.Writer
	sum *xxhash.Digest
	// end is what was written since hold was called; nil before.
	end *bytes.Buffer
}

func newSealer(out io.Writer) *sealer { return &sealer{out: out, sum: xxhash.New()} }

func (s *sealer) Write(p []byte) (int, error) {
	if s.end != nil {
		return s.end.Write(p)
	}
	s.sum.Write(p)
	return s.out.Write(p)
}

// hold says that all row groups have been written: what comes is small, and is held back.
func (s *sealer) hold() { s.end = new(bytes.Buffer) }

// finish writes what was held back, and the seal in it.
func (s *sealer) finish() error {
	end := s.end.Bytes()
	footer := len(end) - footerEnd - int(binary.LittleEndian.Uint32(end[len(end)-footerEnd:]))
	seal := []byte(sealMagic)
	for _, part := range [][]byte{end[:footer], seal, end[footer:]} {
		s.sum.Write(part)
	}
	seal = binary.LittleEndian.AppendUint64(seal, s.sum.Sum64())
	for _, part := range [][]byte{end[:footer], seal, end[footer:]} {
		if _, err := s.out.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// checkSeal returns errSeal unless a file is as it was sealed, or the error of reading it.
func checkSeal(file io.ReaderAt, size int64) error {
	var tail [footerEnd]byte
	if size < int64(footerEnd+sealSize) {
		return errSeal
	}
	if _, err := io.ReadFull(io.NewSectionReader(file, size-footerEnd, footerEnd), tail[:]); err != nil {
		return err
	}
	at := size - footerEnd - int64(binary.LittleEndian.Uint32(tail[:])) - int64(sealSize)
	if at < 0 {
		return errSeal
	}
	seal := make([]byte, sealSize)
	if _, err := io.ReadFull(io.NewSectionReader(file, at, int64(sealSize)), seal); err != nil {
		return err
	}
	if string(seal[:len(sealMagic)]) != sealMagic {
		return errSeal
	}
	sum := xxhash.New()
	behind := at + int64(sealSize)
	for _, part := range []*io.SectionReader{
		io.NewSectionReader(file, 0, at+int64(len(sealMagic))), io.NewSectionReader(file, behind, size-behind),
	} {
		if _, err := io.CopyBuffer(struct{ io.Writer }{sum}, struct{ io.Reader }{part}, make([]byte, 256<<10)); err != nil {
			return err
		}
	}
	if sum.Sum64() != binary.LittleEndian.Uint64(seal[len(sealMagic):]) {
		return errSeal
	}
	return nil
}
