package media

import (
	"bytes"
	"image/jpeg"
	"testing"
)

// Where the standard library finds a size, it is the same one.
func FuzzJPEGConfig(f *testing.F) {
	picture := pictures(f)["jpeg"].Data
	f.Add(picture)
	f.Add(append([]byte("\xff\xd8\xff\xfe\x00\x03!\xff\xff\xff"), picture[3:]...))
	f.Add([]byte("\xff\xd8\xff\xd8\xff\xc2\x00\x0b\x08\x00\x02\x00\x03\x01\x01\x11\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:min(len(b), maxJPEGSegments)]
		want, err := jpeg.DecodeConfig(bytes.NewReader(b))
		if err != nil {
			return
		}
		if got, err := jpegConfig(bytes.NewReader(b)); err != nil || got.Width != want.Width || got.Height != want.Height {
			t.Errorf("got %d by %d, %v, want %d by %d", got.Width, got.Height, err, want.Width, want.Height)
		}
	})
}

// The size is found behind whatever a camera or an editor writes before it.
func TestJPEGConfig_PassesSegmentsOver(t *testing.T) {
	picture := pictures(t)["jpeg"].Data
	segment := append([]byte{0xff, 0xe2, 0xff, 0xff}, make([]byte, 65533)...)
	long := append([]byte("\xff\xd8"), bytes.Repeat(segment, 300)...)
	long = append(long, picture[2:]...)
	want, err := jpeg.DecodeConfig(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := jpegConfig(bytes.NewReader(long)); err != nil || got.Width != want.Width || got.Height != want.Height {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}
