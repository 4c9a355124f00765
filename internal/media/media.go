// Package media knows image formats by their bytes: which one they are, how many pixels they have, and whether they
// end as their format asks. It trusts nothing that it reads and never decodes a picture.
package media

import (
	"bytes"
	"errors"
	"image"
	"image/gif"
	"io"
	"slices"
	"strings"

	"golang.org/x/image/webp"
)

// SniffLen is the number of leading bytes that Sniff needs at most. Most formats show themselves in the first 32; an SVG does so
// behind its comments and declarations.
const SniffLen = 4096

// The media types that Sniff knows.
const (
	JPEG = "image/jpeg"
	PNG  = "image/png"
	WebP = "image/webp"
	GIF  = "image/gif"
	TIFF = "image/tiff"
	BMP  = "image/bmp"

	AVIF         = "image/avif"
	HEIC         = "image/heic"
	HEICSequence = "image/heic-sequence"
	// HEIF and HEIFSequence are files whose codec is neither AV1 nor HEVC.
	HEIF         = "image/heif"
	HEIFSequence = "image/heif-sequence"

	JXL = "image/jxl"
	JP2 = "image/jp2"
	JPX = "image/jpx"
	JPM = "image/jpm"
	JPH = "image/jph"
	// J2C is a bare JPEG 2000 codestream.
	J2C = "image/j2c"

	SVG = "image/svg+xml"
	// SVGZ is an SVG in gzip. It has no type at IANA, where the compression is no part of a type; this is what
	// shared-mime-info calls it.
	SVGZ = "image/svg+xml-compressed"
	ICO  = "image/vnd.microsoft.icon"
)

type format struct {
	mediaType string
	// extensions begins with the one that new names get.
	extensions []string
	magic      func(head []byte) bool
	config     func(*io.SectionReader) (image.Config, error)
	// whole returns nil where the picture ends as the format asks, and errCut where it does not. It is nil for formats that
	// do not show where they end.
	whole func(*io.SectionReader) error
}

// formats is never changed.
var formats = [...]format{
	{JPEG, []string{".jpg", ".jpeg", ".jpe", ".jfif"}, begins("\xff\xd8\xff"), stream(jpegConfig), endsNear("\xff\xd9")},
	{PNG, []string{".png"}, begins("\x89PNG\r\n\x1a\n"), pngConfig, endsNear("IEND\xaeB`\x82")},
	{WebP, []string{".webp"}, isWebP, stream(webp.DecodeConfig), wholeWebP},
	{GIF, []string{".gif"}, begins("GIF87a", "GIF89a"), stream(gif.DecodeConfig), wholeGIF},
	{TIFF, []string{".tif", ".tiff"}, begins("II*\x00", "MM\x00*", "II+\x00\x08\x00\x00\x00", "MM\x00+\x00\x08\x00\x00"), tiffConfig, nil},
	{BMP, []string{".bmp"}, isBMP, bmpConfig, wholeBMP},

	{AVIF, []string{".avif"}, isHEIF(AVIF), heifConfig, wholeHEIF},
	{HEIC, []string{".heic"}, isHEIF(HEIC), heifConfig, wholeHEIF},
	{HEICSequence, []string{".heics"}, isHEIF(HEICSequence), heifConfig, wholeHEIF},
	{HEIF, []string{".heif", ".hif"}, isHEIF(HEIF), heifConfig, wholeHEIF},
	{HEIFSequence, []string{".heifs"}, isHEIF(HEIFSequence), heifConfig, wholeHEIF},

	{JXL, []string{".jxl"}, isJXL, jxlConfig, wholeJXL},
	{JP2, []string{".jp2"}, isJPEG2000("jp2 "), jp2Config, wholeJP2},
	{JPX, []string{".jpx", ".jpf"}, isJPEG2000("jpx "), jp2Config, wholeJP2},
	{JPM, []string{".jpm"}, isJPEG2000("jpm "), jp2Config, wholeJP2},
	{JPH, []string{".jph"}, isJPEG2000("jph "), jp2Config, wholeJP2},
	{J2C, []string{".j2c", ".j2k", ".jpc"}, begins(codestreamMagic), j2cConfig, endsNear("\xff\xd9")},

	{SVG, []string{".svg"}, isSVG, svgConfig, wholeSVG},
	{SVGZ, []string{".svgz"}, isSVGZ, svgzConfig, wholeSVGZ},
	{ICO, []string{".ico"}, isICO, icoConfig, wholeICO},
}

var (
	errHeader = errors.New("the header is damaged")
	errCut    = errors.New("the picture does not end as its format asks")
)

func begins(magic ...string) func(head []byte) bool {
	return func(head []byte) bool {
		return slices.ContainsFunc(magic, func(m string) bool { return bytes.HasPrefix(head, []byte(m)) })
	}
}

// stream adapts what reads a header from its first byte on.
func stream(config func(io.Reader) (image.Config, error)) func(*io.SectionReader) (image.Config, error) {
	return func(r *io.SectionReader) (image.Config, error) { return config(r) }
}

// Sniff returns the media type of a picture from its leading bytes, or "" when they begin none of the known formats.
func Sniff(head []byte) string {
	for i := range formats {
		if formats[i].magic(head) {
			return formats[i].mediaType
		}
	}
	return ""
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

// byType returns the format of a media type; nil for those unknown to Sniff.
func byType(mediaType string) *format {
	for i := range formats {
		if formats[i].mediaType == mediaType {
			return &formats[i]
		}
	}
	return nil
}

// Extension returns the file name extension for a media type, with its dot; ".bin" for those unknown to Sniff.
func Extension(mediaType string) string {
	if f := byType(mediaType); f != nil {
		return f.extensions[0]
	}
	return ".bin"
}

// TypeByExtension returns the media type of a file name extension such as ".JPG", or "" when it is no image's.
func TypeByExtension(ext string) string {
	ext = strings.ToLower(ext)
	for i := range formats {
		if slices.Contains(formats[i].extensions, ext) {
			return formats[i].mediaType
		}
	}
	return ""
}

// maxPixels is the most pixels a side that are believed.
const maxPixels = 1<<31 - 1

// Dimensions reads width and height in pixels from the header of a picture that size bytes of r hold. They are those of the
// coded picture: what turns it by a quarter when it is shown, such as EXIF, is not regarded. ok is false when the header is
// damaged, not understood, has no size, or claims more than 2^31-1 pixels a side.
func Dimensions(mediaType string, r io.ReaderAt, size int64) (width, height int32, ok bool) {
	f := byType(mediaType)
	if f == nil {
		return 0, 0, false
	}
	c, err := f.config(io.NewSectionReader(r, 0, size))
	if err != nil || c.Width < 1 || c.Height < 1 || c.Width > maxPixels || c.Height > maxPixels {
		return 0, 0, false
	}
	return int32(c.Width), int32(c.Height), true
}

// sized returns the size that a header claims, where it is one that is believed.
func sized(width, height uint64) (image.Config, error) {
	if width > maxPixels || height > maxPixels {
		return image.Config{}, errHeader
	}
	return image.Config{Width: int(width), Height: int(height)}, nil
}

// bytesAt returns n bytes of r. The error is io.EOF where there are fewer.
func bytesAt(r io.ReaderAt, offset int64, n int) ([]byte, error) {
	b := make([]byte, n)
	if read, err := r.ReadAt(b, offset); read < n {
		return nil, err
	}
	return b, nil
}

// headOf returns the first n bytes of r, or all where there are fewer.
func headOf(r *io.SectionReader, n int64) ([]byte, error) {
	return bytesAt(r, 0, int(min(n, r.Size())))
}
