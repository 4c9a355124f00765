package picture

import (
	"encoding/binary"
	"fmt"
	"image"

	"golang.org/x/image/tiff"
)

// The tags that matter here (TIFF 6.0), all of which have numbers of 16 bits, and what they say.
const (
	tiffCompression = 259
	tiffPhotometric = 262
	tiffPlanar      = 284

	faxGroup3, faxGroup4 = 3, 4
	blackIsZero          = 1
	planesApart          = 2
)

// tiffTags returns the first value of each tag in the first directory, as a number of 16 bits, as far as there are any, and whether it is a BigTIFF, of
// which it returns none.
func tiffTags(picture []byte) (tags map[uint16]uint16, isBig bool) {
	const header, entrySize, value = 8, 12, 8
	if len(picture) < header {
		return nil, false
	}
	var order binary.ByteOrder = binary.LittleEndian
	if picture[0] == 'M' {
		order = binary.BigEndian
	}
	if order.Uint16(picture[2:]) == 43 {
		return nil, true
	}
	directory := picture[min(int64(order.Uint32(picture[4:])), int64(len(picture))):]
	if len(directory) < 2 {
		return nil, false
	}
	tags = map[uint16]uint16{}
	entries := directory[2:]
	for range order.Uint16(directory) {
		if len(entries) < entrySize {
			break
		}
		tags[order.Uint16(entries)] = order.Uint16(entries[value:])
		entries = entries[entrySize:]
	}
	return tags, false
}

// checkTIFF refuses BigTIFF, of which the decoder does not know the header, and pictures whose colours are stored one after the other, which it
// takes for pixels with all their colours.
func checkTIFF(picture []byte) error {
	tags, isBig := tiffTags(picture)
	switch {
	case isBig:
		return fmt.Errorf("%w: a BigTIFF", ErrUnsupported)
	case tags[tiffPlanar] == planesApart:
		return fmt.Errorf("%w: a TIFF whose colours are apart", ErrUnsupported)
	}
	return nil
}

// isTIFFVariant tells whether an error is of those by which the decoder calls invalid what the format allows, or readers do.
func isTIFFVariant(err error) bool {
	switch err {
	case tiff.FormatError("wrong number of samples for RGB"),
		tiff.FormatError("wrong number of samples for 8bit RGB"),
		tiff.FormatError("wrong number of samples for 16bit RGB"),
		tiff.FormatError("tags are not sorted in ascending order"):
		return true
	}
	return false
}

// decodeTIFF takes the bits of a fax for what they are to libtiff, and so to Pillow: black ones are 1, of which the photometric interpretation says the
// colour. The decoder makes them black where that calls for white.
func decodeTIFF(s *source) (image.Image, error) {
	img, err := tiff.Decode(s)
	if err != nil {
		return nil, err
	}
	tags, _ := tiffTags(s.picture)
	isFax := tags[tiffCompression] == faxGroup3 || tags[tiffCompression] == faxGroup4
	if fax, ok := img.(*image.Gray); ok && isFax && tags[tiffPhotometric] == blackIsZero {
		for i := range fax.Pix {
			fax.Pix[i] ^= 0xff
		}
	}
	return img, nil
}
