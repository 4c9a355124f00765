// Package mediatest makes small files of every format for tests: pictures, and what is none. It spells media types itself, so
// that a wrong one in package media shows.
package mediatest

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// File is a file of some format.
type File struct {
	// Name says what it is, in words that fit a file name.
	Name string
	// MediaType and Extension are what it is to be known as; empty for what is no picture.
	MediaType, Extension string
	Data                 []byte
	// Width and Height are what its header tells, in pixels; 0 where it does not.
	Width, Height int32
	// Orientation is EXIF's, 1 to 8; 0 where it has none.
	Orientation int32
	// Endless tells that a file of this format does not show where it ends.
	Endless bool
}

// Pictures returns a picture of 3 by 2 pixels in every format, some of which are to be turned, or one that claims to be. Those of formats that Go cannot encode
// have a header that is right, and nothing that could be decoded.
func Pictures(t testing.TB) []File {
	t.Helper()
	files := append(encoded(t), turned(t)...)
	files = append(files, baseMedia()...)
	files = append(files, jpegXL()...)
	files = append(files, jpeg2000()...)
	files = append(files, vector(t)...)
	return append(files, icons()...)
}

// Others returns files that are no pictures, whatever they are called.
func Others(t testing.TB) []File {
	t.Helper()
	html := "<!DOCTYPE html>\n<html><body><svg xmlns='http://www.w3.org/2000/svg'/></body></html>\n"
	return []File{
		{Name: "empty"},
		{Name: "text", Data: []byte("RIFF, BM, II* and \xff\n are words.\n")},
		{Name: "json", Data: []byte(`{"detail":"<svg/>"}`)},
		{Name: "html", Data: []byte(html)},
		{Name: "html-of-svg-alone", Data: []byte("<!doctype html><svg width='3' height='2'></svg>")},
		{Name: "xml", Data: []byte(`<?xml version="1.0"?><rss version="2.0"><svg/></rss>`)},
		{Name: "svg-of-another-namespace", Data: []byte(`<svg xmlns="urn:vector"/>`)},
		{Name: "svgs", Data: []byte(`<svgs xmlns="http://www.w3.org/2000/svg"/>`)},
		{Name: "pdf", Data: []byte("%PDF-1.5\n1 0 obj<<>>stream\n\x01\x02\x00\nendstream endobj\n%%EOF\n")},
		{Name: "zip", Data: []byte("PK\x03\x04" + strings.Repeat("\x00", 60))},
		{Name: "gzip-of-text", Data: Gzip(t, []byte("plain words, and not an <svg>"))},
		{Name: "gzip-of-a-png", Data: Gzip(t, []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"))},
		{Name: "gzip-of-nothing", Data: []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + strings.Repeat("\x01", 40))},
		{Name: "gzip-of-a-gzip-of-an-svg", Data: Gzip(t, Gzip(t, []byte("<svg/>")))},
		{Name: "wave", Data: []byte("RIFF\x24\x00\x00\x00WAVEfmt ")},
		{Name: "mp4", Data: fileType("isom", "isom", "iso2", "avc1", "mp41")},
		{Name: "mp4-with-a-cover", Data: fileType("mp42", "mp42", "mif1", "heic")},
		{Name: "quicktime", Data: fileType("qt  ", "qt  ")},
		{Name: "camera-raw-video", Data: fileType("crx ", "crx ", "isom")},
		{Name: "motion-jpeg-2000", Data: []byte(jpeg2000Signature + string(fileType("mjp2", "mjp2", "jp2 ")))},
		{Name: "cursor", Data: icon(2, [2]byte{3, 2})},
		{Name: "font", Data: []byte("\x00\x01\x00\x00\x00\x11\x01\x00\x00\x04\x00\x10GDEF")},
		{Name: "mpeg", Data: []byte("\x00\x00\x01\xba\x44\x00\x04\x00\x04\x01")},
		{Name: "zeros", Data: make([]byte, 100)},
		{Name: "bitmap-by-two-letters", Data: []byte("BM\x64\x00\x00\x00\x00\x00\x00\x00 no header, but words")},
	}
}

// encoded returns what Go can encode, and WebP.
func encoded(t testing.TB) []File {
	m := image.NewPaletted(image.Rect(0, 0, 3, 2), color.Palette{color.Black, color.White})
	encode := func(f func(*bytes.Buffer) error) []byte {
		var b bytes.Buffer
		if err := f(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	// The lossless form: a size in 14 + 14 bits behind the signature.
	webp, err := base64.StdEncoding.DecodeString("UklGRhwAAABXRUJQVlA4TA8AAAAvAkAAAAcQ/Y/+ByKi/wEA")
	if err != nil {
		t.Fatal(err)
	}
	binary.LittleEndian.PutUint32(webp[4:], uint32(len(webp)-8))
	raster := encode(func(b *bytes.Buffer) error { return bmp.Encode(b, m) })
	return []File{
		{"jpeg", "image/jpeg", ".jpg", encode(func(b *bytes.Buffer) error { return jpeg.Encode(b, m, nil) }), 3, 2, 0, false},
		{"png", "image/png", ".png", encode(func(b *bytes.Buffer) error { return png.Encode(b, m) }), 3, 2, 0, false},
		{"webp", "image/webp", ".webp", webp, 3, 2, 0, false},
		{"gif", "image/gif", ".gif", encode(func(b *bytes.Buffer) error { return gif.Encode(b, m, nil) }), 3, 2, 0, false},
		{"tiff", "image/tiff", ".tif", encode(func(b *bytes.Buffer) error { return tiff.Encode(b, m, nil) }), 3, 2, 0, true},
		{"tiff-of-a-press", "image/tiff", ".tif", cmykTIFF(), 3, 2, 0, true},
		{"bigtiff", "image/tiff", ".tif", bigTIFF(binary.LittleEndian, "II"), 3, 2, 0, true},
		{"bigtiff-big-endian", "image/tiff", ".tif", bigTIFF(binary.BigEndian, "MM"), 3, 2, 0, true},
		{"bmp", "image/bmp", ".bmp", raster, 3, 2, 0, false},
		{"bmp-upside-down", "image/bmp", ".bmp", upsideDown(raster), 3, 2, 0, false},
		{"bmp-of-os2", "image/bmp", ".bmp", coreBMP(), 3, 2, 0, false},
	}
}

// cmykTIFF returns a directory with the size last but one, and a photometric interpretation that few read.
func cmykTIFF() []byte {
	b := []byte("MM\x00*\x00\x00\x00\x08\x00\x03")
	for _, e := range [][4]uint32{{256, 3, 1, 3 << 16}, {257, 4, 1, 2}, {262, 3, 1, 5 << 16}} {
		b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, uint16(e[0])), uint16(e[1]))
		b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, e[2]), e[3])
	}
	return append(b, 0, 0, 0, 0)
}

type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

func bigTIFF(order byteOrder, mark string) []byte {
	b := order.AppendUint16([]byte(mark), 43)
	b = order.AppendUint16(order.AppendUint16(b, 8), 0)
	b = order.AppendUint64(b, 24)
	b = append(b, "padding!"...)
	b = order.AppendUint64(b, 2)
	// A LONG8, and a SHORT, which fills the first two bytes of its value.
	b = order.AppendUint64(order.AppendUint16(order.AppendUint16(b, 256), 16), 1)
	b = order.AppendUint64(b, 3)
	b = order.AppendUint64(order.AppendUint16(order.AppendUint16(b, 257), 3), 1)
	b = append(order.AppendUint16(b, 2), 0, 0, 0, 0, 0, 0)
	return order.AppendUint64(b, 0)
}

// upsideDown returns the bitmap with its rows from the top to the bottom, which a negative height says.
func upsideDown(b []byte) []byte {
	b = bytes.Clone(b)
	height := int32(binary.LittleEndian.Uint32(b[22:]))
	binary.LittleEndian.PutUint32(b[22:], uint32(-height))
	return b
}

// coreBMP returns a bitmap with the header of 12 bytes, whose width and height have 16 bits.
func coreBMP() []byte {
	const pixels = "\x00\x00\x00\x00\x00\x00\x00\x00"
	b := []byte("BM\x22\x00\x00\x00\x00\x00\x00\x00\x1a\x00\x00\x00\x0c\x00\x00\x00\x03\x00\x02\x00\x01\x00\x01\x00")
	return append(b, pixels...)
}

// vector returns SVGs in all sorts of dress.
func vector(t testing.TB) []File {
	const plain = `<svg xmlns="http://www.w3.org/2000/svg" width="3" height="2px"><path d="M0 0h3v2z"/></svg>` + "\n"
	const prolog = `<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<!-- <html> made by hand > -->
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd" [
	<!ENTITY ns_svg "http://www.w3.org/2000/svg">
	<!-- ]> -->
]>
`
	svg := func(name, data string, width, height int32) File {
		return File{name, "image/svg+xml", ".svg", []byte(data), width, height, 0, false}
	}
	entity := strings.Replace(plain, "http://www.w3.org/2000/svg", "&ns_svg;", 1)
	prefixed := `<s:svg xmlns:s="http://www.w3.org/2000/svg" stroke-width='9' height='2' width = '3.0'><s:g/></s:svg><!-- end -->`
	fluid := `<svg xmlns="http://www.w3.org/2000/svg" width="100%" height="2cm" viewBox="0 0 3 2"></svg >`
	return []File{
		svg("svg", plain, 3, 2),
		svg("svg-with-a-prolog", prolog+entity, 3, 2),
		svg("svg-with-a-long-comment", "<!--"+strings.Repeat("license ", 400)+"-->"+plain, 3, 2),
		svg("svg-with-a-mark", "\xef\xbb\xbf"+prolog+plain, 3, 2),
		svg("svg-in-latin-1", "<?xml version='1.0' encoding='ISO-8859-1'?><!-- caf\xe9 -->"+plain, 3, 2),
		svg("svg-in-utf-16", utf16(binary.LittleEndian, "<!-- \u00e9 -->"+plain), 3, 2),
		svg("svg-in-utf-16-big-endian", utf16(binary.BigEndian, plain), 3, 2),
		svg("svg-with-a-prefix", prefixed, 3, 2),
		svg("svg-of-no-size", fluid, 0, 0),
		svg("svg-of-nothing", `<svg xmlns="http://www.w3.org/2000/svg" width="3" height="2"/>`, 3, 2),
		{"svgz", "image/svg+xml-compressed", ".svgz", Gzip(t, []byte(prolog+plain)), 3, 2, 0, false},
	}
}

func utf16(order binary.AppendByteOrder, s string) string {
	b := order.AppendUint16(nil, 0xfeff)
	for _, r := range s {
		b = order.AppendUint16(b, uint16(r))
	}
	return string(b)
}

// Gzip returns data compressed.
func Gzip(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(data)
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func icons() []File {
	const mediaType, extension = "image/vnd.microsoft.icon", ".ico"
	return []File{
		{"ico", mediaType, extension, icon(1, [2]byte{3, 2}), 3, 2, 0, false},
		{"ico-of-three", mediaType, extension, icon(1, [2]byte{16, 16}, [2]byte{0, 0}, [2]byte{32, 32}), 256, 256, 0, false},
	}
}

// icon returns pictures of these widths and heights, of 4 bytes each; a width of 0 means 256.
func icon(kind byte, sizes ...[2]byte) []byte {
	b := []byte{0, 0, kind, 0, byte(len(sizes)), 0}
	for i, s := range sizes {
		b = append(b, s[0], s[1], 0, 0, 1, 0, 32, 0)
		b = binary.LittleEndian.AppendUint32(b, 4)
		b = binary.LittleEndian.AppendUint32(b, uint32(6+16*len(sizes)+4*i))
	}
	return append(b, bytes.Repeat([]byte("\x89\x01\x02\x03"), len(sizes))...)
}
