package phash

import (
	"image"
	"image/color"
)

// greyRows returns a function that makes a row of a picture grey, counted from the uppermost one: what Pillow's convert("L") makes of the mode
// in which Pillow opens such a picture.
func greyRows(img image.Image) func(y int, row []uint8) {
	switch img := img.(type) {
	case *image.Gray:
		return func(y int, row []uint8) { copy(row, img.Pix[y*img.Stride:]) }
	case *image.Gray16:
		return func(y int, row []uint8) { greyOf16(row, img.Pix[y*img.Stride:]) }
	case *image.Paletted:
		greys := greysOf(img.Palette)
		return func(y int, row []uint8) {
			for x, index := range img.Pix[y*img.Stride:][:len(row)] {
				row[x] = greys[index]
			}
		}
	case *image.YCbCr:
		return ycbcrRows(img)
	case *image.NYCbCrA:
		return ycbcrRows(&img.YCbCr)
	case *image.NRGBA:
		return func(y int, row []uint8) { greyOfRGB(row, img.Pix[y*img.Stride:]) }
	case *image.RGBA:
		return func(y int, row []uint8) { greyOfMultiplied(row, img.Pix[y*img.Stride:], 1) }
	case *image.NRGBA64:
		return func(y int, row []uint8) { greyOfRGB16(row, img.Pix[y*img.Stride:]) }
	case *image.RGBA64:
		return func(y int, row []uint8) { greyOfMultiplied(row, img.Pix[y*img.Stride:], 2) }
	case *image.CMYK:
		return func(y int, row []uint8) { greyOfCMYK(row, img.Pix[y*img.Stride:]) }
	}
	return anyRows(img)
}

// anyRows serves pictures of any kind, slowly.
func anyRows(img image.Image) func(y int, row []uint8) {
	from := img.Bounds().Min
	return func(y int, row []uint8) {
		for x := range row {
			row[x] = greyOf(img.At(from.X+x, from.Y+y))
		}
	}
}

// grey is Pillow's: ITU-R 601-2 luma in 16 bits behind the point.
func grey(r, g, b uint8) uint8 {
	return uint8((uint32(r)*19595 + uint32(g)*38470 + uint32(b)*7471 + 1<<15) >> 16)
}

// greyOf returns the grey of a colour without its transparency.
func greyOf(c color.Color) uint8 {
	switch c := c.(type) {
	case color.NRGBA:
		return grey(c.R, c.G, c.B)
	case color.RGBA:
		return grey(undo(c.R, c.A), undo(c.G, c.A), undo(c.B, c.A))
	}
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	return grey(n.R, n.G, n.B)
}

// undo takes back that a colour was multiplied by its alpha.
func undo(c, alpha uint8) uint8 {
	if alpha == 0 {
		return 0
	}
	return uint8(min(uint32(c)*0xff/uint32(alpha), 0xff))
}

// greysOf returns the greys of a palette. Pillow takes indexes behind its end for levels of grey.
func greysOf(p color.Palette) *[256]uint8 {
	var greys [256]uint8
	for i := range greys {
		greys[i] = uint8(i)
		if i < len(p) {
			greys[i] = greyOf(p[i])
		}
	}
	return &greys
}

func greyOfRGB(row, pix []uint8) {
	pix = pix[:4*len(row)]
	for x := range row {
		p := pix[4*x:][:3]
		row[x] = grey(p[0], p[1], p[2])
	}
}

// greyOfMultiplied takes the highest byte of each of samples of so many bytes.
func greyOfMultiplied(row, pix []uint8, size int) {
	for x := range row {
		p := pix[4*size*x:][:4*size]
		r, g, b, a := p[0], p[size], p[2*size], p[3*size]
		if a != 0xff {
			r, g, b = undo(r, a), undo(g, a), undo(b, a)
		}
		row[x] = grey(r, g, b)
	}
}

// greyOfRGB16 takes the higher byte of each sample.
func greyOfRGB16(row, pix []uint8) {
	for x := range row {
		p := pix[8*x:][:8]
		row[x] = grey(p[0], p[2], p[4])
	}
}

func greyOf16(row, pix []uint8) {
	for x := range row {
		row[x] = pix[2*x]
	}
}

// greyOfCMYK goes by way of RGB, with the roundings of Pillow.
func greyOfCMYK(row, pix []uint8) {
	for x := range row {
		p := pix[4*x:][:4]
		light := 0xff - uint32(p[3])
		less := func(ink uint8) uint8 {
			product := uint32(ink)*light + 0x80
			return uint8(light - (product>>8+product)>>8)
		}
		row[x] = grey(less(p[0]), less(p[1]), less(p[2]))
	}
}
