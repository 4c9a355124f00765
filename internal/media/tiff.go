package media

import (
	"bufio"
	"encoding/binary"
	"image"
	"io"
)

// maxTIFFEntries is how many entries of a directory are looked at. What is looked for is among the first, as they are sorted by tag.
const maxTIFFEntries = 4096

// tiffShape is how the numbers of a TIFF are laid out.
type tiffShape struct {
	order binary.ByteOrder
	// directory is where the offset of the first directory is, count the size of the number that begins one, word that of an
	// offset; all in bytes.
	directory    int64
	count, word  int
	valueOfEntry int
}

// number reads an unsigned number of len(b) bytes.
func (s *tiffShape) number(b []byte) uint64 {
	switch len(b) {
	case 2:
		return uint64(s.order.Uint16(b))
	case 4:
		return uint64(s.order.Uint32(b))
	}
	return s.order.Uint64(b)
}

func tiffShapeOf(head []byte) *tiffShape {
	s := &tiffShape{order: binary.LittleEndian, directory: 4, count: 2, word: 4, valueOfEntry: 8}
	if head[0] == 'M' {
		s.order = binary.BigEndian
	}
	if s.order.Uint16(head[2:]) == 43 {
		s.directory, s.count, s.word, s.valueOfEntry = 8, 8, 8, 12
	}
	return s
}

// tiffConfig reads the size from the first directory (TIFF 6.0, section 2, and its extension to 64 bits, BigTIFF). Package
// tiff of x/image reads no BigTIFF, and gives no size where it would not be able to decode the pixels.
func tiffConfig(r *io.SectionReader) (image.Config, error) {
	const imageWidth, imageLength = 256, 257
	var width, height uint64
	err := tiffEntries(r, func(s *tiffShape, entry []byte) (more bool) {
		switch s.number(entry[:2]) {
		case imageWidth:
			width = s.value(entry)
		case imageLength:
			height = s.value(entry)
		}
		return width == 0 || height == 0
	})
	if err != nil {
		return image.Config{}, err
	}
	return sized(width, height)
}

// tiffEntries calls visit for the entries of the first directory, until it says that it needs no more. An entry begins with its tag,
// of 2 bytes.
func tiffEntries(r *io.SectionReader, visit func(s *tiffShape, entry []byte) (more bool)) error {
	head, err := bytesAt(r, 0, 4)
	if err != nil {
		return err
	}
	s := tiffShapeOf(head)
	b, err := bytesAt(r, s.directory, s.word)
	if err != nil {
		return err
	}
	at := s.number(b)
	if at > uint64(r.Size()) {
		return errHeader
	}
	directory := bufio.NewReader(io.NewSectionReader(r, int64(at), r.Size()-int64(at)))
	b = make([]byte, s.valueOfEntry+s.word)
	if _, err := io.ReadFull(directory, b[:s.count]); err != nil {
		return err
	}
	for range min(s.number(b[:s.count]), maxTIFFEntries) {
		if _, err := io.ReadFull(directory, b); err != nil {
			return err
		}
		if !visit(s, b) {
			return nil
		}
	}
	return nil
}

// value returns the number of an entry that holds one; 0 for others.
func (s *tiffShape) value(entry []byte) uint64 {
	size := map[uint64]int{3: 2, 4: 4, 16: 8}[s.number(entry[2:4])]
	if size == 0 || size > s.word || s.number(entry[4:s.valueOfEntry]) != 1 {
		return 0
	}
	return s.number(entry[s.valueOfEntry:][:size])
}
