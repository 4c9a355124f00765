package media

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// pictures returns a 3 by 2 picture in every format.
func pictures(t testing.TB) map[string][]byte {
	m := image.NewPaletted(image.Rect(0, 0, 3, 2), color.Palette{color.Black, color.White})
	all := map[string][]byte{}
	for mediaType, encode := range map[string]func(*bytes.Buffer) error{
		JPEG: func(b *bytes.Buffer) error { return jpeg.Encode(b, m, nil) },
		PNG:  func(b *bytes.Buffer) error { return png.Encode(b, m) },
		GIF:  func(b *bytes.Buffer) error { return gif.Encode(b, m, nil) },
		TIFF: func(b *bytes.Buffer) error { return tiff.Encode(b, m, nil) },
		BMP:  func(b *bytes.Buffer) error { return bmp.Encode(b, m) },
	} {
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			t.Fatal(err)
		}
		all[mediaType] = b.Bytes()
	}
	// The lossless form: a size in 14 + 14 bits behind the signature.
	const webp = "UklGRhwAAABXRUJQVlA4TA8AAAAvAkAAAAcQ/Y/+ByKi/wEA"
	b, err := base64.StdEncoding.DecodeString(webp)
	if err != nil {
		t.Fatal(err)
	}
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-8))
	all[WebP] = b
	return all
}

func tail(b []byte) []byte { return b[max(0, len(b)-TailLen):] }

func TestSniff_EveryFormat(t *testing.T) {
	for want, b := range pictures(t) {
		if got := Sniff(b); got != want {
			t.Errorf("Sniff of a %s = %q", want, got)
		}
		width, height, ok := Dimensions(want, bytes.NewReader(b))
		if width != 3 || height != 2 || !ok {
			t.Errorf("Dimensions of a %s = %d, %d, %v, want 3, 2, true", want, width, height, ok)
		}
		if !Whole(want, b, tail(b), int64(len(b))) {
			t.Errorf("Whole of a %s = false", want)
		}
		if got := TypeByExtension(Extension(want)); got != want {
			t.Errorf("TypeByExtension(Extension(%s)) = %q", want, got)
		}
	}
}

func TestWhole_CutPictures(t *testing.T) {
	for mediaType, b := range pictures(t) {
		if mediaType == TIFF {
			continue // has no trailer, and offsets in any order
		}
		cut := b[:len(b)-3]
		if Whole(mediaType, cut, tail(cut), int64(len(cut))) {
			t.Errorf("a cut %s counts as whole", mediaType)
		}
	}
}

func TestSniff_OtherBytes(t *testing.T) {
	for _, s := range []string{"", "\xff\xd8", "<html>", "{}", "GIF88a", "RIFF\x00\x00\x00\x00WAVE", "BM, a word", "%PDF-1.7"} {
		if got := Sniff([]byte(s)); got != "" {
			t.Errorf("Sniff(%q) = %q, want none", s, got)
		}
	}
}

// A header that claims a huge picture costs nothing: no pixel is decoded.
func TestDimensions_HugeHeader(t *testing.T) {
	ihdr := []byte("IHDR\x00\x01\x86\xa0\x00\x01\x86\xa0\x08\x02\x00\x00\x00")
	b := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), ihdr...)
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(ihdr))
	allocated := testing.AllocsPerRun(10, func() {
		if w, h, ok := Dimensions(PNG, bytes.NewReader(b)); w != 100_000 || h != 100_000 || !ok {
			t.Errorf("Dimensions = %d, %d, %v, want 100000, 100000, true", w, h, ok)
		}
	})
	if allocated > 20 {
		t.Errorf("%v allocations for a header", allocated)
	}
}

func TestDeclared_ContentTypes(t *testing.T) {
	for header, want := range map[string]string{
		"image/avif": "image/avif", "Image/JXL; q=1": "image/jxl", "text/html": "", "": "", "image/": "", "imagejpeg": "", "image/x;;": "",
	} {
		if got := Declared(header); got != want {
			t.Errorf("Declared(%q) = %q, want %q", header, got, want)
		}
	}
}

func TestIsText(t *testing.T) {
	for s, want := range map[string]bool{
		"<html>é</html>\n": true, "{}": true, "": true, "\x00\x01": false, "abc\x02": false,
	} {
		if got := IsText([]byte(s)); got != want {
			t.Errorf("IsText(%q) = %v, want %v", s, got, want)
		}
	}
}

func FuzzDimensions(f *testing.F) {
	for _, b := range pictures(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		mediaType := Sniff(b[:min(len(b), SniffLen)])
		if w, h, ok := Dimensions(mediaType, bytes.NewReader(b)); ok && (w < 1 || h < 1 || mediaType == "") {
			t.Fatalf("Dimensions of %q = %d, %d", mediaType, w, h)
		}
		Whole(mediaType, b, tail(b), int64(len(b)))
	})
}
