package media

import (
	"bytes"
	"encoding/binary"
	"image"
	"io"
	"slices"
)

const (
	// jp2Signature is the first box of JP2 and its relatives.
	jp2Signature = "\x00\x00\x00\x0cjP  \r\n\x87\n"
	// codestreamMagic is what a codestream begins with: the start, and the marker of the size.
	codestreamMagic = "\xff\x4f\xff\x51"
)

// jpeg2000Brands are those of pictures; Motion JPEG 2000 is a video. They are never changed.
var jpeg2000Brands = []string{"jp2 ", "jpx ", "jpm ", "jph "}

// isJPEG2000 goes by the major brand. One that is not known is passed over where a reader of JP2 can read the file.
func isJPEG2000(brand string) func(head []byte) bool {
	return func(head []byte) bool {
		rest, ok := bytes.CutPrefix(head, []byte(jp2Signature))
		if !ok {
			return false
		}
		major, all := brands(rest)
		if major != "mjp2" && !slices.Contains(jpeg2000Brands, major) && slices.Contains(all, "jp2 ") {
			major = "jp2 "
		}
		return major == brand
	}
}

// jp2Config reads the image header box (ISO/IEC 15444-1, section I.5.3.1).
func jp2Config(r *io.SectionReader) (image.Config, error) {
	header, err := find(r, "jp2h", "ihdr")
	if err != nil {
		return image.Config{}, err
	}
	b, err := bytesAt(header, 0, 8)
	if err != nil {
		return image.Config{}, err
	}
	return sized(uint64(binary.BigEndian.Uint32(b[4:])), uint64(binary.BigEndian.Uint32(b)))
}

// j2cConfig reads the marker of the size (ISO/IEC 15444-1, section A.5.1): the image reaches from an offset to the far corner
// of a grid.
func j2cConfig(r *io.SectionReader) (image.Config, error) {
	b, err := bytesAt(r, 8, 16)
	if err != nil {
		return image.Config{}, err
	}
	width := int64(binary.BigEndian.Uint32(b)) - int64(binary.BigEndian.Uint32(b[8:]))
	height := int64(binary.BigEndian.Uint32(b[4:])) - int64(binary.BigEndian.Uint32(b[12:]))
	return sized(uint64(max(width, 0)), uint64(max(height, 0)))
}

// wholeJP2 wants a codestream, and of one that lasts to the end, its end.
func wholeJP2(r *io.SectionReader) error {
	var codestream *io.SectionReader
	for b, err := range boxes(r) {
		if err != nil {
			return err
		}
		if b.kind == "jp2c" {
			codestream = b.body
		}
	}
	if codestream == nil {
		return errCut
	}
	return endsWith(codestream, "\xff\xd9")
}
