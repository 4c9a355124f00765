package media

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"io"
)

// pngConfig reads the size from the header, which comes first. Package image/png would go on to the palette, through all that
// somebody has put before it.
func pngConfig(r *io.SectionReader) (image.Config, error) {
	// The signature, and a chunk: length, name, 13 bytes, checksum of name and bytes.
	b, err := bytesAt(r, 0, 8+4+4+13+4)
	if err != nil {
		return image.Config{}, err
	}
	if string(b[8:16]) != "\x00\x00\x00\x0dIHDR" || crc32.ChecksumIEEE(b[12:29]) != binary.BigEndian.Uint32(b[29:]) {
		return image.Config{}, errHeader
	}
	return sized(uint64(binary.BigEndian.Uint32(b[16:])), uint64(binary.BigEndian.Uint32(b[20:])))
}

func isWebP(head []byte) bool {
	return len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP"
}

// isBMP wants more than the two letters: the reserved fields of the file header are zero, and the next header has one of the
// sizes that there are, from 12 to 124 bytes.
func isBMP(head []byte) bool {
	if len(head) < 18 || string(head[:2]) != "BM" || !bytes.Equal(head[6:10], make([]byte, 4)) {
		return false
	}
	header := binary.LittleEndian.Uint32(head[14:])
	return 12 <= header && header <= 124
}

// bmpConfig reads the size from the header, whose oldest form has 12 bytes and 16 bits a side. A negative height is that of
// a picture whose rows are stored from the top.
func bmpConfig(r *io.SectionReader) (image.Config, error) {
	b, err := bytesAt(r, 14, 12)
	if err != nil {
		return image.Config{}, err
	}
	if binary.LittleEndian.Uint32(b) == 12 {
		return sized(uint64(binary.LittleEndian.Uint16(b[4:])), uint64(binary.LittleEndian.Uint16(b[6:])))
	}
	width, height := int64(int32(binary.LittleEndian.Uint32(b[4:]))), int64(int32(binary.LittleEndian.Uint32(b[8:])))
	return sized(uint64(max(width, 0)), uint64(max(height, -height)))
}

// An icon begins with a directory: 6 bytes, of which the last two count the pictures, and 16 for each.
const iconHeader, iconEntry = 6, 16

// isICO wants more than the four bytes, which are nearly nothing: the first picture is described as it can be, and is behind the
// directory.
func isICO(head []byte) bool {
	if len(head) < iconHeader+iconEntry || !bytes.HasPrefix(head, []byte("\x00\x00\x01\x00")) {
		return false
	}
	count := binary.LittleEndian.Uint16(head[4:])
	first := head[iconHeader:]
	planes, depth := binary.LittleEndian.Uint16(first[4:]), binary.LittleEndian.Uint16(first[6:])
	size, offset := binary.LittleEndian.Uint32(first[8:]), binary.LittleEndian.Uint32(first[12:])
	return count > 0 && planes <= 1 && depth <= 32 && size > 0 && offset >= iconHeader+iconEntry*uint32(count)
}

// icons calls visit for each picture of an icon, until it fails. A side of 256 pixels is stored as 0.
func icons(r *io.SectionReader, visit func(width, height, size, offset int64) error) error {
	b, err := bytesAt(r, 4, 2)
	if err != nil {
		return err
	}
	side := func(b byte) int64 { return (int64(b)+255)%256 + 1 }
	for i := range int64(binary.LittleEndian.Uint16(b)) {
		e, err := bytesAt(r, iconHeader+iconEntry*i, iconEntry)
		if err != nil {
			return err
		}
		size, offset := binary.LittleEndian.Uint32(e[8:]), binary.LittleEndian.Uint32(e[12:])
		if err := visit(side(e[0]), side(e[1]), int64(size), int64(offset)); err != nil {
			return err
		}
	}
	return nil
}

// icoConfig returns the size of the largest picture.
func icoConfig(r *io.SectionReader) (c image.Config, err error) {
	err = icons(r, func(width, height, _, _ int64) error {
		if width*height > int64(c.Width)*int64(c.Height) {
			c.Width, c.Height = int(width), int(height)
		}
		return nil
	})
	return c, err
}

func wholeICO(r *io.SectionReader) error {
	return icons(r, func(_, _, size, offset int64) error { return unlessCut(offset+size <= r.Size()) })
}
