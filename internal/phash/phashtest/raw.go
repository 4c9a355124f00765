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
	// packed has the rows of a picture whose pixels lie side by side, each of so many bytes.
	packed := func(mode, rawMode string, pix []byte, offset func(x, y int) int, size int) {
		raw.Mode, raw.RawMode = mode, rawMode
		rows = func(y int) []byte { return pix[offset(b.Min.X, y):][:size*b.Dx()] }
	}
	switch img := p.Image.(type) {
	case *image.Gray:
		packed("L", "L", img.Pix, img.PixOffset, 1)
	case *image.Gray16:
		// Of mode "I;16" Pillow makes nearly white pictures, as it cuts off what is above 255.
		packed("L", "L;16B", img.Pix, img.PixOffset, 2)
	case *image.NRGBA:
		packed("RGBA", "RGBA", img.Pix, img.PixOffset, 4)
	case *image.RGBA:
		packed("RGBA", "RGBa", img.Pix, img.PixOffset, 4)
	case *image.NRGBA64:
		packed("RGBA", "RGBA;16B", img.Pix, img.PixOffset, 8)
	case *image.RGBA64:
		packed("RGBA", "RGBa;16B", img.Pix, img.PixOffset, 8)
	case *image.CMYK:
		packed("CMYK", "CMYK", img.Pix, img.PixOffset, 4)
	case *image.Paletted:
		packed("P", "P", img.Pix, img.PixOffset, 1)
		for _, c := range img.Palette {
			n := color.NRGBAModel.Convert(c).(color.NRGBA)
			raw.Palette = append(raw.Palette, n.R, n.G, n.B)
		}
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
