package picture_test

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"testing"

	"exporter/internal/media"
	"exporter/internal/picture"
)

// moving returns a GIF of two frames, of which the first is 3 x 2 pixels at (1, 2) on a screen of 6 x 5.
func moving(t testing.TB) []byte {
	t.Helper()
	p := color.Palette{color.RGBA{250, 0, 0, 255}, color.RGBA{0, 250, 0, 255}, color.RGBA{}, color.RGBA{0, 0, 250, 255}}
	first := image.NewPaletted(image.Rect(1, 2, 4, 4), p)
	copy(first.Pix, []uint8{0, 1, 2, 3, 0, 1})
	var b bytes.Buffer
	err := gif.EncodeAll(&b, &gif.GIF{
		Image:  []*image.Paletted{first, image.NewPaletted(image.Rect(0, 0, 6, 5), p)},
		Delay:  []int{1, 1},
		Config: image.Config{Width: 6, Height: 5},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// indexes returns the indexes of a picture that has a palette, row by row.
func indexes(t *testing.T, data []byte) (*image.Paletted, string) {
	t.Helper()
	img, err := picture.Decode(t.Context(), media.GIF, data, picture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := img.(*image.Paletted)
	var rows []byte
	for y := range p.Rect.Dy() {
		for _, index := range p.Pix[y*p.Stride:][:p.Rect.Dx()] {
			rows = append(rows, '0'+index)
		}
		rows = append(rows, ' ')
	}
	return p, string(rows)
}

func TestDecode_GIF_HasTheWholeScreen(t *testing.T) {
	data := moving(t)
	// The pixels around the frame are transparent.
	if _, got := indexes(t, data); got != "222222 222222 201222 230122 222222 " {
		t.Errorf("indexes are %s", got)
	}
	// A frame that is larger than the screen enlarges it.
	small := bytes.Clone(data)
	copy(small[6:], []byte{2, 0, 2, 0})
	if p, got := indexes(t, small); p.Rect.Max != image.Pt(4, 4) || got != "2222 2222 2012 2301 " {
		t.Errorf("on a small screen: %v, %s", p.Rect, got)
	}
	if p, _ := indexes(t, data[:bytes.LastIndexByte(data, 0x2c)]); p.Rect.Max != image.Pt(6, 5) {
		t.Errorf("without what is behind the first frame: %v", p.Rect)
	}
}

// What is transparent has a colour all the same, as it has for Pillow.
func TestDecode_GIF_KeepsTransparentColours(t *testing.T) {
	data := moving(t)
	at := bytes.Index(data, []byte{250, 0, 0, 0, 250, 0, 0, 0, 0})
	if at < 0 {
		t.Fatal("no palette")
	}
	copy(data[at+6:], []byte{9, 8, 7})
	p, _ := indexes(t, data)
	if got := p.Palette[2]; got != (color.RGBA{9, 8, 7, 255}) {
		t.Errorf("the transparent colour is %v", got)
	}
	if got := p.Palette[200]; got != (color.RGBA{200, 200, 200, 255}) {
		t.Errorf("a colour behind the table is %v", got)
	}
}

func TestDecode_GIF_WithoutFrame_IsBroken(t *testing.T) {
	head := "GIF89a\x05\x00\x05\x00\x00\x00\x00"
	for _, data := range []string{
		head, head + ";", head + "\x21", head + "\x21\xf9\x04\x00", head + "\x21\xfe\x02ab\x00;", head + "\x2c\x00\x00",
		head + "\x2c\x00\x00\x00\x00\x00\x00\x05\x00\x00\x02\x00;",
	} {
		if _, err := picture.Decode(t.Context(), media.GIF, []byte(data), picture.Options{}); !isBroken(err) {
			t.Errorf("%q: %v, want that it is broken", data, err)
		}
	}
}
