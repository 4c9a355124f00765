package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"exporter/internal/media/mediatest"
)

// pictures returns a picture in every format.
func pictures(t testing.TB) map[string]mediatest.File {
	all := map[string]mediatest.File{}
	for _, f := range mediatest.Pictures(t) {
		all[f.Name] = f
	}
	return all
}

func head(b []byte) []byte { return b[:min(len(b), SniffLen)] }

func dimensions(mediaType string, b []byte) (width, height int32, ok bool) {
	return Dimensions(mediaType, bytes.NewReader(b), int64(len(b)))
}

func orientation(mediaType string, b []byte) int32 {
	return Orientation(mediaType, bytes.NewReader(b), int64(len(b)))
}

func whole(t testing.TB, mediaType string, b []byte) bool {
	t.Helper()
	is, err := Whole(mediaType, bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Errorf("Whole of a %s: %v", mediaType, err)
	}
	return is
}

func TestSniff_EveryFormat(t *testing.T) {
	missing := map[string]bool{}
	for _, f := range formats {
		missing[f.mediaType] = true
	}
	for name, f := range pictures(t) {
		delete(missing, f.MediaType)
		got := Sniff(head(f.Data))
		if got != f.MediaType {
			t.Errorf("%s: sniffed as %q, want %q", name, got, f.MediaType)
		}
		width, height, ok := dimensions(got, f.Data)
		if width != f.Width || height != f.Height || ok != (f.Width > 0) {
			t.Errorf("%s: got %d by %d, %v, want %d by %d", name, width, height, ok, f.Width, f.Height)
		}
		if o := orientation(got, f.Data); o != f.Orientation {
			t.Errorf("%s: got the orientation %d, want %d", name, o, f.Orientation)
		}
		if !whole(t, got, f.Data) {
			t.Errorf("%s: counts as cut", name)
		}
		if ext := Extension(got); ext != f.Extension || TypeByExtension(ext) != got {
			t.Errorf("%s: gets the extension %s, want %s", name, ext, f.Extension)
		}
	}
	for mediaType := range missing {
		t.Errorf("no picture is a %s", mediaType)
	}
}

// A picture that was cut anywhere is never taken for a whole one of its format. What is left of an SVG that ends with a comment
// is one, and so is a raster without the zeros that some programs write behind it.
func TestWhole_CutPictures(t *testing.T) {
	for name, f := range pictures(t) {
		if f.Endless || name == "jpeg" || name == "j2c" {
			continue // some bytes behind the trailer are forgiven, and taken for some before it
		}
		last := len(f.Data)
		if i := bytes.LastIndex(f.Data, []byte("<!-- end")); i >= 0 {
			last = i
		}
		for n := range last - 3 {
			cut := f.Data[:n]
			if Sniff(head(cut)) == f.MediaType && whole(t, f.MediaType, cut) {
				t.Errorf("%s: the first %d bytes of %d count as whole", name, n, len(f.Data))
			}
		}
	}
	for _, name := range []string{"jpeg", "j2c"} {
		f := pictures(t)[name]
		if cut := f.Data[:len(f.Data)-2]; whole(t, f.MediaType, cut) {
			t.Errorf("a cut %s counts as whole", name)
		}
	}
}

// What is no picture is none, whatever it has in common with one.
func TestSniff_Others(t *testing.T) {
	for _, f := range mediatest.Others(t) {
		if got := Sniff(head(f.Data)); got != "" {
			t.Errorf("%s: sniffed as %q, want none", f.Name, got)
		}
	}
}

// A file of which everything can be had but the bytes that tell what it is costs an error, and never a verdict.
func TestWhole_FailedRead_IsAnError(t *testing.T) {
	broken := errors.New("broken")
	for name, f := range pictures(t) {
		if f.Endless {
			continue
		}
		if is, err := Whole(f.MediaType, failingReader{broken}, 1000); is || !errors.Is(err, broken) {
			t.Errorf("%s: got %v, %v, want the error of the read", name, is, err)
		}
	}
}

type failingReader struct{ err error }

func (r failingReader) ReadAt([]byte, int64) (int, error) { return 0, r.err }

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
		if w, h, ok := dimensions(PNG, b); w != 100_000 || h != 100_000 || !ok {
			t.Errorf("Dimensions = %d, %d, %v, want 100000, 100000, true", w, h, ok)
		}
	})
	if allocated > 20 {
		t.Errorf("%v allocations for a header", allocated)
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

func FuzzSniff(f *testing.F) {
	for _, file := range append(mediatest.Pictures(f), mediatest.Others(f)...) {
		f.Add(file.Data)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		mediaType := Sniff(head(b))
		matches := 0
		for _, format := range formats {
			if format.magic(head(b)) {
				matches++
			}
		}
		if matches > 1 || (matches == 1) != (mediaType != "") {
			t.Errorf("%d formats, sniffed as %q", matches, mediaType)
		}
		if w, h, ok := dimensions(mediaType, b); ok != (w > 0 && h > 0) || ok && mediaType == "" {
			t.Errorf("Dimensions of %q = %d, %d, %v", mediaType, w, h, ok)
		}
		whole(t, mediaType, b)
	})
}
