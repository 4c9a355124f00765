package phashtest

import (
	"fmt"
	"image"
	"image/color"
)

// Raw is a picture as Pillow takes it: Image.frombytes(Mode, (Width, Height), Pixels, "raw", RawMode), in the mode that it has for a file of such
// pixels.
type Raw struct {
	Name          string
	Mode, RawMode string
	Width, Height int
	Pixels        []byte
	// Palette has RGB for each index of a picture of mode "P".
	Palette []byte `json:",omitempty"`
}

// RawOf returns the pixels of a picture.
func RawOf(p Picture) (*Raw, error) {
	b := p.Image.Bounds()
	raw := &Raw{Name: p.Name, Width: b.Dx(), Height: b.Dy()}
	var rows func(y int) []byte
	cut := func(pix []byte, offset, size int) []byte { return pix[offset:][:size*b.Dx()] }
	switch img := p.Image.(type) {
	case *image.Gray:
		raw.Mode, raw.RawMode = "L", "L"
		rows = func(y int) []byte { return cut(img.Pix, img.PixOffset(b.Min.X, y), 1) }
	case *image.Gray16:
		// Of mode "I;16" Pillow makes nearly white pictures, as it cuts off what is above 255.
		raw.Mode, raw.RawMode = "L", "L;16B"
		rows = func(y int) []byte { return cut(img.Pix, img.PixOffset(b.Min.X, y), 2) }
	case *image.NRGBA:
		raw.Mode, raw.RawMode = "RGBA", "RGBA"
		rows = func(y int) []byte { return cut(img.Pix, img.PixOffset(b.Min.X, y), 4) }
	case *image.RGBA:
		raw.Mode, raw.RawMode = "RGBA", "RGBa"
		rows = func(y int) []byte { return cut(img.Pix, img.PixOffset(b.Min.X, y), 4) }
	case *image.NRGBA64:
		raw.Mode, raw.RawMode = "RGBA", "RGBA;16B"
		rows = func(y int) []byte { return cut(img.Pix, img.PixOffset(b.Min.X, y), 8) }
	case *image.RGBA64:
		raw.Mode, raw.RawMode = "RGBA", "RGBa;16B"
		rows = func(y int) []byte { return cut(img.Pix, img.PixOffset(b.Min.X, y), 8) }
	case *image.CMYK:
		raw.Mode, raw.RawMode = "CMYK", "CMYK"
		rows = func(y int) []byte { return cut(img.Pix, img.PixOffset(b.Min.X, y), 4) }
	case *image.Paletted:
		raw.Mode, raw.RawMode = "P", "P"
		for _, c := range img.Palette {
			n := color.NRGBAModel.Convert(c).(color.NRGBA)
			raw.Palette = append(raw.Palette, n.R, n.G, n.B)
		}
		rows = func(y int) []byte { return cut(img.Pix, img.PixOffset(b.Min.X, y), 1) }
	case *image.YCbCr:
		raw.Mode, raw.RawMode = "RGB", "RGB"
		rows = func(y int) []byte { return rgbRow(img, y) }
	case *image.NYCbCrA:
		raw.Mode, raw.RawMode = "RGB", "RGB"
		rows = func(y int) []byte { return rgbRow(&img.YCbCr, y) }
	default:
		return nil, fmt.Errorf("raw pixels of %s: it is a %T", p.Name, img)
	}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		raw.Pixels = append(raw.Pixels, rows(y)...)
	}
	return raw, nil
}

func rgbRow(img *image.YCbCr, y int) []byte {
	var row []byte
	for x := img.Rect.Min.X; x < img.Rect.Max.X; x++ {
		c := img.YCbCrAt(x, y)
		r, g, b := color.YCbCrToRGB(c.Y, c.Cb, c.Cr)
		row = append(row, r, g, b)
	}
	return row
}
