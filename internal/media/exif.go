package media

import (
	"encoding/binary"
	"errors"
	"io"
)

// maxChunks is how many chunks of a PNG or WebP are passed over in search of the one that has EXIF.
const maxChunks = 4096

var errNoEXIF = errors.New("no EXIF in its place")

// exifMark begins EXIF in a JPEG. Some programs write it in other formats, too.
const exifMark = "Exif\x00\x00"

// Orientation reads EXIF's orientation of a picture that size bytes of r hold: 1 to 8, how it is to be turned and mirrored when it
// is shown (Exif 3.0, section 4.6.5.1.6, tag 274). It is 0 when the picture has none, or a damaged one, and for formats in which
// EXIF has no place or does not say how they are shown: all but JPEG, PNG, WebP and TIFF.
func Orientation(mediaType string, r io.ReaderAt, size int64) (orientation int32) {
	block, err := exif(mediaType, io.NewSectionReader(r, 0, size))
	if err != nil {
		return 0
	}
	if head, err := headOf(block, 8); err != nil || !byType(TIFF).magic(head) {
		return 0
	}
	const tag = 274
	// A damaged entry behind the one that is looked for does not matter.
	_ = tiffEntries(block, func(s *tiffShape, entry []byte) (more bool) {
		if s.number(entry[:2]) != tag {
			return true
		}
		if value := s.value(entry); value <= 8 {
			orientation = int32(value)
		}
		return false
	})
	return orientation
}

// exif returns the EXIF of a picture, a TIFF if it is not damaged.
func exif(mediaType string, r *io.SectionReader) (*io.SectionReader, error) {
	switch mediaType {
	case JPEG:
		return jpegEXIF(r)
	case PNG:
		return pngEXIF(r)
	case WebP:
		return webpEXIF(r)
	case TIFF:
		return r, nil
	}
	return nil, errNoEXIF
}

// exifAt returns what size bytes of r hold at an offset, without the mark.
func exifAt(r *io.SectionReader, offset, size int64) *io.SectionReader {
	block := io.NewSectionReader(r, offset, min(size, max(r.Size()-offset, 0)))
	if head, err := headOf(block, int64(len(exifMark))); err == nil && string(head) == exifMark {
		return io.NewSectionReader(block, int64(len(exifMark)), block.Size()-int64(len(exifMark)))
	}
	return block
}

// pngEXIF returns the chunk eXIf, which may be anywhere behind the first (PNG, third edition, section 11.3.4.5).
func pngEXIF(r *io.SectionReader) (*io.SectionReader, error) {
	const signature, checksum = 8, 4
	return exifChunk(r, signature, "eXIf", func(head []byte) (name string, data, behind int64) {
		return string(head[4:]), int64(binary.BigEndian.Uint32(head)), checksum
	})
}

// webpEXIF returns the chunk EXIF, where the first chunk tells of it (RFC 9649, section 2.7).
func webpEXIF(r *io.SectionReader) (*io.SectionReader, error) {
	const first, hasEXIF = 12, 1 << 3
	b, err := bytesAt(r, first, 9)
	if err != nil {
		return nil, err
	}
	if string(b[:4]) != "VP8X" || b[8]&hasEXIF == 0 {
		return nil, errNoEXIF
	}
	return exifChunk(r, first, "EXIF", func(head []byte) (name string, data, behind int64) {
		data = int64(binary.LittleEndian.Uint32(head[4:]))
		return string(head[:4]), data, data % 2
	})
}

// exifChunk returns the data of the first chunk of a name, from an offset on. The first 8 bytes of a chunk tell its name, the length
// of its data, which follow, and how many bytes are behind them.
func exifChunk(
	r *io.SectionReader, at int64, wanted string, parse func(head []byte) (name string, data, behind int64),
) (*io.SectionReader, error) {
	for range maxChunks {
		head, err := bytesAt(r, at, 8)
		if err != nil {
			return nil, err
		}
		name, data, behind := parse(head)
		if name == wanted {
			return exifAt(r, at+8, data), nil
		}
		at += 8 + data + behind
	}
	return nil, errNoEXIF
}
