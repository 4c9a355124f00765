// Package media knows image formats by their bytes: which one they are, how many pixels they have, and whether they
// end as their format asks. It trusts nothing that it reads and never decodes a picture.
package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/gif"
	"io"
	"mime"
	"slices"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// SniffLen is the number of leading bytes that Sniff needs at most.
const SniffLen = 512

// TailLen is the number of trailing bytes that Whole needs at most.
const TailLen = 32

// The media types that Sniff knows.
const (
	JPEG = "image/jpeg"
	PNG  = "image/png"
	WebP = "image/webp"
	GIF  = "image/gif"
	TIFF = "image/tiff"
	BMP  = "image/bmp"
)

type format struct {
	mediaType string
	// extensions begins with the one that new names get.
	extensions []string
	magic      func(head []byte) bool
	config     func(io.Reader) (image.Config, error)
}

// formats is never changed.
var formats = [...]format{
	{JPEG, []string{".jpg", ".jpeg", ".jpe", ".jfif"}, begins("\xff\xd8\xff"), jpegConfig},
	{PNG, []string{".png"}, begins("\x89PNG\r\n\x1a\n"), pngConfig},
	{WebP, []string{".webp"}, isWebP, webp.DecodeConfig},
	{GIF, []string{".gif"}, begins("GIF87a", "GIF89a"), gif.DecodeConfig},
	{TIFF, []string{".tif", ".tiff"}, begins("II*\x00", "MM\x00*"), tiff.DecodeConfig},
	{BMP, []string{".bmp"}, isBMP, bmp.DecodeConfig},
}

func begins(magic ...string) func(head []byte) bool {
	return func(head []byte) bool {
		return slices.ContainsFunc(magic, func(m string) bool { return bytes.HasPrefix(head, []byte(m)) })
	}
}

func isWebP(head []byte) bool {
	return len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP"
}

// isBMP wants more than the two letters: the reserved fields of the file header are zero.
func isBMP(head []byte) bool {
	return len(head) >= 14 && string(head[:2]) == "BM" && bytes.Equal(head[6:10], make([]byte, 4))
}

// Sniff returns the media type of a picture from its leading bytes, or "" when they begin none of the known formats.
func Sniff(head []byte) string {
	for _, f := range formats {
		if f.magic(head) {
			return f.mediaType
		}
	}
	return ""
}

// Declared returns the media type of a Content-Type header if it is image/*, without parameters and in lower case; ""
// otherwise.
func Declared(contentType string) string {
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil || !strings.HasPrefix(t, "image/") {
		return ""
	}
	return t
}

// IsText tells whether leading bytes look like text: valid as HTML, JSON, XML or plain words, with no control bytes.
func IsText(head []byte) bool {
	head = head[:min(len(head), SniffLen)]
	for _, b := range head {
		if b < 0x20 && b != '\t' && b != '\n' && b != '\r' && b != '\f' && b != 0x1b {
			return false
		}
	}
	return true
}

// Extension returns the file name extension for a media type, with its dot; ".bin" for those unknown to Sniff.
func Extension(mediaType string) string {
	for _, f := range formats {
		if f.mediaType == mediaType {
			return f.extensions[0]
		}
	}
	return ".bin"
}

// TypeByExtension returns the media type of a file name extension such as ".JPG", or "" when it is no image's.
func TypeByExtension(ext string) string {
	ext = strings.ToLower(ext)
	for _, f := range formats {
		for _, e := range f.extensions {
			if e == ext {
				return f.mediaType
			}
		}
	}
	return ""
}

// Dimensions reads width and height in pixels from a picture's header. ok is false when the header is damaged, not
// understood, or claims more than 2^31-1 pixels a side.
func Dimensions(mediaType string, r io.Reader) (width, height int32, ok bool) {
	const most = 1<<31 - 1
	for _, f := range formats {
		if f.mediaType != mediaType {
			continue
		}
		c, err := f.config(r)
		if err != nil || c.Width < 1 || c.Height < 1 || c.Width > most || c.Height > most {
			return 0, 0, false
		}
		return int32(c.Width), int32(c.Height), true
	}
	return 0, 0, false
}

// pngConfig reads the size from the header, which comes first. Package image/png would go on to the palette, through all that
// somebody has put before it.
func pngConfig(r io.Reader) (image.Config, error) {
	// The signature, and a chunk: length, name, 13 bytes, checksum of name and bytes.
	var b [8 + 4 + 4 + 13 + 4]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return image.Config{}, err
	}
	if string(b[8:16]) != "\x00\x00\x00\x0dIHDR" || crc32.ChecksumIEEE(b[12:29]) != binary.BigEndian.Uint32(b[29:]) {
		return image.Config{}, errors.New("the header is damaged")
	}
	return image.Config{Width: int(binary.BigEndian.Uint32(b[16:])), Height: int(binary.BigEndian.Uint32(b[20:]))}, nil
}

// Whole tells whether a picture of size bytes ends as its format asks, given its first bytes and its last TailLen. It
// serves where no length was declared, and is true for formats without a trailer of their own.
func Whole(mediaType string, head, tail []byte, size int64) bool {
	switch mediaType {
	case JPEG:
		return bytes.Contains(tail, []byte{0xff, 0xd9})
	case PNG:
		return bytes.Contains(tail, []byte("IEND\xaeB`\x82"))
	case GIF:
		return bytes.HasSuffix(bytes.TrimRight(tail, "\x00"), []byte{';'})
	case WebP:
		return len(head) >= 8 && size >= 8+int64(binary.LittleEndian.Uint32(head[4:]))
	case BMP:
		return len(head) >= 6 && size >= int64(binary.LittleEndian.Uint32(head[2:]))
	}
	return true
}
