package phash

import "image"

// chromaShift returns by how many bits the columns of a picture are shifted to those of its colours.
func chromaShift(ratio image.YCbCrSubsampleRatio) (shift int, known bool) {
	switch ratio {
	case image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio440:
		return 0, true
	case image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420:
		return 1, true
	case image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410:
		return 2, true
	}
	return 0, false
}

// ycbcrRows goes by way of the RGB that color.YCbCrToRGB has for a pixel.
func ycbcrRows(img *image.YCbCr) func(y int, row []uint8) {
	shift, known := chromaShift(img.SubsampleRatio)
	from := img.Rect.Min
	if !known || from.X < 0 || from.Y < 0 {
		return anyRows(img)
	}
	// skipped is how many columns of the first ones that have a colour in common are not there.
	skipped := from.X & (1<<shift - 1)
	return func(y int, row []uint8) {
		light := img.Y[img.YOffset(from.X, from.Y+y):][:len(row)]
		at := img.COffset(from.X, from.Y+y)
		cb, cr := img.Cb[at:], img.Cr[at:]
		for x, l := range light {
			c := (x + skipped) >> shift
			row[x] = greyOfYCbCr(l, cb[c], cr[c])
		}
	}
}

// greyOfYCbCr has the arithmetic of color.YCbCrToRGB. Most pixels of pages have no colour.
func greyOfYCbCr(y, cb, cr uint8) uint8 {
	if cb == 128 && cr == 128 {
		return y
	}
	light, blue, red := int32(y)*0x10101, int32(cb)-128, int32(cr)-128
	return grey(clipped(light+91881*red), clipped(light-22554*blue-46802*red), clipped(light+116130*blue))
}

// clipped returns the integer part of a number with 16 bits behind the point.
func clipped(v int32) uint8 { return uint8(min(max(v>>16, 0), 0xff)) }
