package media

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"io"
	"strings"
	"testing"

	"exporter/internal/media/mediatest"
)

// exifJPEG returns what a JPEG begins with that has this as its EXIF.
func exifJPEG(exif string) string {
	return "\xff\xd8" + mediatest.Segment(app1, exifMark+exif)
}

// The size is that of the coded picture, whichever way it is to be turned.
func TestOrientation_Turned_KeepsTheCodedSize(t *testing.T) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 100, 50)), nil); err != nil {
		t.Fatal(err)
	}
	for want := range int32(9) {
		data := []byte(exifJPEG(mediatest.EXIF(binary.BigEndian, uint16(want))) + b.String()[2:])
		width, height, ok := dimensions(JPEG, data)
		if got := orientation(JPEG, data); width != 100 || height != 50 || !ok || got != want {
			t.Errorf("got %d by %d, %v, orientation %d, want 100 by 50, true, %d", width, height, ok, got, want)
		}
	}
}

var (
	six = mediatest.EXIF(binary.LittleEndian, 6)
	// Of these, none has an orientation that counts.
	unturned = []struct{ name, mediaType, data string }{
		{"value 9", JPEG, exifJPEG(mediatest.EXIF(binary.BigEndian, 9))},
		{"value 65,535", JPEG, exifJPEG(mediatest.EXIF(binary.LittleEndian, 65535))},
		{"text", TIFF, tiffFile(8, 1, tiffEntry(274, 2, 1, 6))},
		{"two values", TIFF, tiffFile(8, 1, tiffEntry(274, 3, 2, 6))},
		{"second of two", TIFF, tiffFile(8, 2, tiffEntry(274, 3, 1, 0)+tiffEntry(274, 3, 1, 6))},
		{"no entry", TIFF, tiffFile(8, 0, tiffEntry(274, 3, 1, 6))},
		{"directory cut", TIFF, tiffFile(8, 1, tiffEntry(274, 3, 1, 6)[:11])},
		{"directory outside", TIFF, tiffFile(1<<31, 1, tiffEntry(274, 3, 1, 6))},
		{"directory outside of its segment", JPEG, exifJPEG("MM\x00*\x00\x00\x00\x20") + strings.Repeat("\x00", 64)},
		{"5,000 entries", TIFF, tiffFile(8, 5001, strings.Repeat(tiffEntry(271, 3, 1, 1), 5000)+tiffEntry(274, 3, 1, 6))},

		{"no mark", JPEG, "\xff\xd8" + mediatest.Segment(app1, six)},
		{"other segment", JPEG, "\xff\xd8" + mediatest.Segment(0xe2, exifMark+six)},
		{"behind the scan", JPEG, "\xff\xd8" + mediatest.Segment(startOfScan, "") + exifJPEG(six)[2:]},
		{"in a comment", JPEG, "\xff\xd8" + mediatest.Segment(0xfe, exifJPEG(six)[2:])},
		{"length of the mark alone", JPEG, "\xff\xd8\xff\xe1\x00\x08" + exifMark + six},
		{"length of less than the mark", JPEG, "\xff\xd8\xff\xe1\x00\x04" + exifMark + six},
		{"5,000 segments", JPEG, "\xff\xd8" + strings.Repeat(mediatest.Segment(0xe2, ""), 5000) + exifJPEG(six)[2:]},

		{"no TIFF", PNG, pngHead(9, 9, 2) + mediatest.Chunk("eXIf", "II*")},
		{"other chunk", PNG, pngHead(9, 9, 2) + mediatest.Chunk("zXIf", six)},
		{"chunk of 4 GiB before it", PNG, pngHead(9, 9, 2) + "\xff\xff\xff\xffIDAT" + mediatest.Chunk("eXIf", six)},
		{"chunk that is cut", PNG, pngHead(9, 9, 2) + mediatest.Chunk("eXIf", six)[:20]},
		{"5,000 chunks", PNG, pngHead(9, 9, 2) + strings.Repeat(mediatest.Chunk("IDAT", ""), 5000) + mediatest.Chunk("eXIf", six)},

		{"header alone", WebP, "RIFF\x00\x00\x00\x00WEBP"},
		{"no extended header", WebP, "RIFF\xff\x00\x00\x00WEBPVP8L\x08\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff" + "EXIF\x1a\x00\x00\x00" + six},
		{"no chunk", WebP, "RIFF\xff\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\xff\x00\x00\x00\x02\x00\x00\x01\x00\x00"},

		{"no EXIF", GIF, exifJPEG(six)},
		{"unknown", "image/x", exifJPEG(six)},
	}
)

func TestOrientation_Unturned_IsZero(t *testing.T) {
	for _, tt := range unturned {
		if got := orientation(tt.mediaType, []byte(tt.data)); got != 0 {
			t.Errorf("%s, %s: got the orientation %d, want 0", tt.mediaType, tt.name, got)
		}
	}
}

// countedReader counts what is read.
type countedReader struct {
	io.ReaderAt
	reads, bytes int
}

func (r *countedReader) ReadAt(b []byte, offset int64) (int, error) {
	n, err := r.ReaderAt.ReadAt(b, offset)
	r.reads, r.bytes = r.reads+1, r.bytes+n
	return n, err
}

// Whatever the bytes are, the orientation is one that there is, and costs no more than the headers that may be passed over.
func FuzzOrientation(f *testing.F) {
	for _, p := range pictures(f) {
		f.Add(string(p.Data))
	}
	for _, b := range unturned {
		f.Add(b.data)
	}
	for _, b := range bombs {
		f.Add(b.data)
	}
	const mostReads, mostBytes = 4 * maxJPEGSegments, 128 << 10
	f.Fuzz(func(t *testing.T, data string) {
		for _, format := range formats {
			r := &countedReader{ReaderAt: strings.NewReader(data)}
			got := Orientation(format.mediaType, r, int64(len(data)))
			if got < 0 || got > 8 || r.reads > mostReads || r.bytes > mostBytes {
				t.Errorf("as %s: got the orientation %d, in %d reads of %d bytes, want one from 0 to 8, in %d of %d at most",
					format.mediaType, got, r.reads, r.bytes, mostReads, mostBytes)
			}
		}
	})
}
