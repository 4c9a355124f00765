package media

import (
	"bytes"
	"encoding/binary"
	"image"
	"io"
)

const (
	// jxlSignature is the first box of a JPEG XL container, jxlMagic what a codestream begins with.
	jxlSignature = "\x00\x00\x00\x0cJXL \r\n\x87\n"
	jxlMagic     = "\xff\x0a"
	// jxlSizeLen is how many bytes the magic and the size have at most.
	jxlSizeLen = 2 + 9
)

// isJXL wants more than the two bytes of a codestream: a size that is believed.
func isJXL(head []byte) bool {
	if bytes.HasPrefix(head, []byte(jxlSignature)) {
		return true
	}
	rest, ok := bytes.CutPrefix(head, []byte(jxlMagic))
	if !ok {
		return false
	}
	_, err := jxlSize(rest)
	return err == nil
}

func jxlConfig(r *io.SectionReader) (image.Config, error) {
	codestream, err := jxlCodestream(r)
	if err != nil {
		return image.Config{}, err
	}
	head, err := headOf(codestream, jxlSizeLen)
	if err != nil {
		return image.Config{}, err
	}
	rest, ok := bytes.CutPrefix(head, []byte(jxlMagic))
	if !ok {
		return image.Config{}, errHeader
	}
	return jxlSize(rest)
}

// jxlCodestream returns where the codestream begins: at once, or in a box, of which there may be several.
func jxlCodestream(r *io.SectionReader) (*io.SectionReader, error) {
	head, err := headOf(r, int64(len(jxlMagic)))
	if err != nil {
		return nil, err
	}
	if string(head) == jxlMagic {
		return r, nil
	}
	for b, err := range boxes(r) {
		switch {
		case err != nil:
			return nil, err
		case b.kind == "jxlc":
			return b.body, nil
		case b.kind == "jxlp":
			// The number of the part comes first.
			return afterVersion(b.body), nil
		}
	}
	return nil, errHeader
}

// jxlSize reads the size (ISO/IEC 18181-1, SizeHeader): a height, and a width or the ratio of both. Sizes that are small and
// divisible by 8 have a form of their own.
func jxlSize(head []byte) (image.Config, error) {
	b := bitReader{bytes: head}
	small := b.next(1) == 1
	side := func() uint64 {
		if small {
			return 8 * (b.next(5) + 1)
		}
		return b.next([]int{9, 13, 18, 30}[b.next(2)]) + 1
	}
	height := side()
	ratios := [...][2]uint64{{}, {1, 1}, {12, 10}, {4, 3}, {3, 2}, {16, 9}, {5, 4}, {2, 1}}
	ratio := ratios[b.next(3)]
	var width uint64
	if ratio[0] == 0 {
		width = side()
	} else {
		width = height * ratio[0] / ratio[1]
	}
	if b.short {
		return image.Config{}, errHeader
	}
	return sized(width, height)
}

// bitReader reads numbers of some bits, the least significant bit first.
type bitReader struct {
	bytes []byte
	at    int
	// short tells that more was read than there is.
	short bool
}

func (b *bitReader) next(bits int) (v uint64) {
	for i := range bits {
		if b.at/8 >= len(b.bytes) {
			b.short = true
			return 0
		}
		v |= uint64(b.bytes[b.at/8]>>(b.at%8)&1) << i
		b.at++
	}
	return v
}

// wholeJXL wants the last part of the codestream of a container. A bare codestream does not show where it ends.
func wholeJXL(r *io.SectionReader) error {
	head, err := headOf(r, int64(len(jxlMagic)))
	if err != nil || string(head) == jxlMagic {
		return err
	}
	last := false
	for b, err := range boxes(r) {
		if err != nil {
			return err
		}
		switch b.kind {
		case "jxlc":
			last = true
		case "jxlp":
			number, err := bytesAt(b.body, 0, 4)
			if err != nil {
				return err
			}
			last = last || binary.BigEndian.Uint32(number)>>31 == 1
		}
	}
	return unlessCut(last)
}
