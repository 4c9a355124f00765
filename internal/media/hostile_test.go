package media

import (
	"bytes"
	"encoding/binary"
	"io"
	"runtime"
	"strings"
	"testing"

	"exporter/internal/media/mediatest"
)

// pngHead returns what a PNG of that size begins with; the color type is 2 for RGB, 3 for a palette.
func pngHead(width, height uint32, colorType byte) string {
	ihdr := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	return "\x89PNG\r\n\x1a\n" + mediatest.Chunk("IHDR", string(append(ihdr, 8, colorType, 0, 0, 0)))
}

// tiffFile returns a little-endian TIFF whose directory, at the offset, has these entries, 12 bytes each.
func tiffFile(offset uint32, count uint16, entries string) string {
	b := binary.LittleEndian.AppendUint32([]byte("II*\x00"), offset)
	return string(binary.LittleEndian.AppendUint16(b, count)) + entries
}

func tiffEntry(tag, kind uint16, count, value uint32) string {
	b := binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, tag), kind)
	return string(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, count), value))
}

// avifHead is what an AVIF begins with.
const avifHead = "\x00\x00\x00\x10ftypavif\x00\x00\x00\x00"

// bombs are pictures that claim to be huge, or to hold something that is, and are small.
var bombs = []struct {
	name, mediaType, data string
	// width and height are 0 where the claim is refused.
	width, height int32
}{
	{"pixels", PNG, pngHead(100_000, 100_000, 2), 100_000, 100_000},
	{"most pixels", PNG, pngHead(1<<31-1, 1, 2), 1<<31 - 1, 1},
	{"too many pixels", PNG, pngHead(1<<31, 1<<31, 2), 0, 0},
	{"pixels with a palette", PNG, pngHead(100_000, 100_000, 3) + mediatest.Chunk("PLTE", "rgb"), 100_000, 100_000},
	{"palette of 2 GiB", PNG, pngHead(100_000, 100_000, 3) + "\x7f\xff\xff\xffPLTE", 100_000, 100_000},
	{"text before the palette", PNG, pngHead(9, 9, 3) + strings.Repeat(mediatest.Chunk("zTXt", ""), 99_999), 9, 9},
	{"header of 2 GiB", PNG, "\x89PNG\r\n\x1a\n\x7f\xff\xff\xffIHDR", 0, 0},

	{"pixels", JPEG,
		"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01\x01\x11\x00", 65535, 65535},
	{"comments without end", JPEG, "\xff\xd8" + strings.Repeat("\xff\xfe\x00\x08bomb!!", 100_000), 0, 0},
	{"fill bytes without end", JPEG, "\xff\xd8" + strings.Repeat("\xff", 1<<20), 0, 0},
	{"frame of 64 KiB", JPEG, "\xff\xd8\xff\xc0\xff\xff\x08", 0, 0},

	{"pixels", GIF, "GIF89a\xff\xff\xff\xff\x80\x00\x00rgbrgb,", 65535, 65535},
	{"colors that never come", GIF, "GIF89a\xff\xff\xff\xff\xf7\x00\x00", 0, 0},
	{"comments without end", GIF,
		"GIF89a\x01\x00\x01\x00\x80\x00\x00rgbrgb" + strings.Repeat("!\xfe\xff"+strings.Repeat("x", 255)+"\x00", 4000), 1, 1},

	{"pixels", WebP,
		"RIFF\x20\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x10\x00\x00\x00\xff\x7f\x00\xff\x7f\x00ALPH\x01\x00\x00\x00\x00",
		1 << 15, 1 << 15},
	{"too many pixels", WebP, "RIFF\x20\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x10\x00\x00\x00\xff\xff\xff\xff\xff\xff", 0, 0},
	{"chunk of 4 GiB", WebP, "RIFF\xfe\xff\xff\xffWEBPVP8L\xf0\xff\xff\xff\x2f\xff\xff\xff\x0f", 1 << 14, 1 << 14},

	{"directory far away", TIFF, tiffFile(1<<32-16, 1, ""), 0, 0},
	{"directory that never comes", TIFF, tiffFile(8, 65535, ""), 0, 0},
	{"directory of 65,535 entries", TIFF, tiffFile(8, 65535, strings.Repeat(tiffEntry(256, 4, 1, 9), 65535)), 0, 0},
	{"value of 16 GiB", TIFF, tiffFile(8, 1, tiffEntry(256, 4, 1<<32-1, 8)), 0, 0},
	{"pixels", TIFF, tiffFile(8, 4, tiffEntry(256, 4, 1, 1<<32-1)+tiffEntry(257, 4, 1, 1<<32-1)+tiffEntry(258, 3, 1, 8)+
		tiffEntry(262, 3, 1, 1)), 0, 0},
	{"color map of 16 GiB", TIFF, tiffFile(8, 2, tiffEntry(256, 4, 1, 9)+tiffEntry(320, 3, 1<<32-1, 8)), 0, 0},

	{"pixels", BMP,
		"BM\xff\xff\xff\x7f\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00\xff\xff\xff\x00\xff\xff\xff\x00\x01\x00\x18\x00" +
			strings.Repeat("\x00", 24), 1<<24 - 1, 1<<24 - 1},
	{"two directories of 2^64 entries", TIFF,
		"II+\x00\x08\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00" + strings.Repeat("\xff", 8), 0, 0},
	{"directory behind 2^63 bytes", TIFF, "II+\x00\x08\x00\x00\x00" + strings.Repeat("\xff", 8), 0, 0},

	{"boxes without end", AVIF, avifHead + strings.Repeat("\x00\x00\x00\x08free", 100_000), 0, 0},
	{"box of 2^64 bytes", AVIF, avifHead + "\x00\x00\x00\x01meta" + strings.Repeat("\xff", 8), 0, 0},
	{"box in itself", AVIF, avifHead + "\x00\x00\x00\x00meta", 0, 0},
	{"properties of 2^32 items", AVIF, avifHead + "\x00\x00\x00\x00meta\x00\x00\x00\x00" +
		"\x00\x00\x00\x0epitm\x00\x00\x00\x00\x00\x01" + "\x00\x00\x00\x00iprp\x00\x00\x00\x08ipco" +
		"\x00\x00\x00\x00ipma\x00\x00\x00\x00\xff\xff\xff\xff" + strings.Repeat("\x00\x02\x01\x81", 1<<19), 0, 0},
	{"boxes without end", JXL, jxlSignature + strings.Repeat("\x00\x00\x00\x08free", 100_000), 0, 0},
	{"pixels", JXL, "\xff\x0a\xfe\xff\xff\xff\x03", 1 << 30, 1 << 30},
	{"pixels", J2C, "\xff\x4f\xff\x51\x00\x29\x00\x00" + strings.Repeat("\xff", 8) + strings.Repeat("\x00", 8), 0, 0},
	{"nothing of the grid", J2C, "\xff\x4f\xff\x51\x00\x29\x00\x00" + strings.Repeat("\x00", 8) + strings.Repeat("\xff", 8), 0, 0},

	{"pixels", SVG, `<svg width="9999999999" height="1"/>`, 0, 0},
	{"attributes without end", SVG, `<svg ` + strings.Repeat(`a="" `, 100_000) + `width="1" height="1"/>`, 0, 0},
	{"elements without end", SVG, strings.Repeat("<svg>", 100_000), 0, 0},
	{"65,535 icons", ICO, "\x00\x00\x01\x00\xff\xff" + strings.Repeat("\x01\x01\x00\x00\x01\x00\x20\x00\x01\x00\x00\x00\xf6\xff\x0f\x00", 65535), 1, 1},

	{"upside down", BMP,
		"BM\xff\xff\xff\x7f\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x80\x01\x00\x18\x00" +
			strings.Repeat("\x00", 24), 0, 0},
}

// dimensionsCost returns what Dimensions says of a picture, and how many bytes it allocates for it. The picture is read as
// the program does it.
func dimensionsCost(mediaType, data string) (width, height int32, allocated uint64) {
	r := io.NewSectionReader(strings.NewReader(data), 0, int64(len(data)))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	width, height, _ = Dimensions(mediaType, r, r.Size())
	runtime.ReadMemStats(&after)
	return width, height, after.TotalAlloc - before.TotalAlloc
}

// mostAllocated bounds what the dimensions of a picture of size bytes cost: what it has of tables, and some buffers, of which
// the largest is for a TIFF's directory, 768 KiB at most.
func mostAllocated(size int) uint64 { return uint64(2*size) + 1<<20 }

// What a picture claims costs nothing: only what is there is read, and nothing is decoded.
func TestDimensions_Bombs_AllocateLittle(t *testing.T) {
	for _, b := range bombs {
		if got := Sniff([]byte(b.data[:min(len(b.data), SniffLen)])); got != b.mediaType {
			t.Errorf("%s, %s: sniffed as %q", b.mediaType, b.name, got)
		}
		width, height, allocated := dimensionsCost(b.mediaType, b.data)
		if width != b.width || height != b.height {
			t.Errorf("%s, %s: got %d × %d, want %d × %d", b.mediaType, b.name, width, height, b.width, b.height)
		}
		if most := mostAllocated(len(b.data)); allocated > most {
			t.Errorf("%s, %s: %d bytes are allocated for %d, want at most %d", b.mediaType, b.name, allocated,
				len(b.data), most)
		}
	}
}

func FuzzDimensions_Cost(f *testing.F) {
	for _, b := range bombs {
		f.Add(b.data)
	}
	for _, b := range pictures(f) {
		f.Add(string(b.Data))
	}
	f.Fuzz(func(t *testing.T, data string) {
		for _, format := range formats {
			if _, _, allocated := dimensionsCost(format.mediaType, data); allocated > mostAllocated(len(data)) {
				t.Errorf("as %s: %d bytes are allocated for %d", format.mediaType, allocated, len(data))
			}
		}
	})
}

// A file that is two things at once is taken for the picture, and never gets a name that makes it the other.
func TestSniff_Polyglots(t *testing.T) {
	all := pictures(t)
	const script, page = "/*\x00*/=1;alert(1)//", "<script>alert(1)</script>"
	zip := "PK\x03\x04" + strings.Repeat("\x00", 26) + "PK\x05\x06" + strings.Repeat("\x00", 18)
	for _, tt := range []struct {
		name, data, want string
		// whole tells whether the end is that of the picture.
		whole bool
	}{
		{"GIF and JavaScript", "GIF89a" + script, GIF, false},
		{"GIF and JavaScript that ends as a GIF", "GIF89a" + script + "\n;", GIF, true},
		{"GIF and HTML", "GIF89a" + page, GIF, false},
		{"JPEG and ZIP", string(all["jpeg"].Data) + zip, JPEG, false},
		{"JPEG and PDF", "\xff\xd8\xff\xfe\x00\x12%PDF-1.7\n1 0 obj" + string(all["jpeg"].Data[2:]), JPEG, true},
		{"PNG and HTML", string(all["png"].Data) + strings.Repeat(page, 2), PNG, false},
		{"WebP and ZIP", string(all["webp"].Data) + zip, WebP, true},
		{"BMP and JavaScript", "BM\x2f\x2a\x00\x00\x00\x00\x00\x00\x1a\x00\x00\x00\x0c\x00\x00\x00*/=1;alert(1)", BMP, false},
		{"BMP without its header", "BM\x2f\x2a\x00\x00\x00\x00\x00\x00*/=1;alert(1)", "", true},
		{"BMP without its zeros", "BM=1;alert(1)//", "", true},
		{"HTML and GIF", page + "GIF89a", "", true},
		{"ZIP and JPEG", zip + string(all["jpeg"].Data), "", true},
		{"PDF and JPEG", "%PDF-1.7\n" + string(all["jpeg"].Data), "", true},
		{"SVG with JavaScript", `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`, SVG, true},
		{"SVG in HTML", `<html><svg xmlns="http://www.w3.org/2000/svg"/></html>`, "", true},
		{"HTML in an SVG", `<svg xmlns="http://www.w3.org/2000/svg"><foreignObject><body/></foreignObject>`, SVG, false},
		{"AVIF and HTML", string(all["avif"].Data) + page, AVIF, false},
		{"icon and ZIP", string(all["ico"].Data) + zip, ICO, true},
		{"blank before a PNG", " " + string(all["png"].Data), "", true},
		{"BOM before a GIF", "\xef\xbb\xbfGIF89a", "", true},
	} {
		data := []byte(tt.data)
		got := Sniff(head(data))
		if got != tt.want {
			t.Errorf("%s: sniffed as %q, want %q", tt.name, got, tt.want)
		}
		if is := whole(t, got, data); is != tt.whole {
			t.Errorf("%s: whole is %v, want %v", tt.name, is, tt.whole)
		}
		if ext := Extension(got); TypeByExtension(ext) != got || ext == ".html" || ext == ".zip" {
			t.Errorf("%s: gets the extension %q", tt.name, ext)
		}
	}
	if !IsText([]byte("\xef\xbb\xbf<svg/>")) || IsText(bytes.Join([][]byte{{0xff, 0xfe}, []byte("<s")}, []byte{0})) {
		t.Error("an SVG with a byte order mark is no text, or one with zeros is")
	}
}
