package phash

import (
	"image"
	"math"
)

const (
	// reach is how far Lanczos' window reaches, in pixels of the smaller picture.
	reach = 3
	// weightBits is how many bits weights have behind the point.
	weightBits = 22
	half       = 1 << (weightBits - 1)
)

// window is what a pixel is made of: the pixels from first on, each with a weight.
type window struct {
	first   int
	weights []int32
}

// windows returns how so many pixels become 32, with the arithmetic of Pillow's Resample.c. Conversions to float64 forbid that two operations
// are fused, which some machines would do.
func windows(pixels int) *[side]window {
	scale := float64(pixels) / side
	filterScale := max(scale, 1)
	support := float64(reach * filterScale)
	var all [side]window
	exact := make([]float64, 0, 2*int(math.Ceil(support))+1)
	for i := range all {
		center := float64((float64(i) + 0.5) * scale)
		first := max(int(center-support+0.5), 0)
		end := min(int(center+support+0.5), pixels)
		exact = exact[:0]
		sum := 0.0
		for x := first; x < end; x++ {
			weight := lanczos((float64(x) - center + 0.5) * (1 / filterScale))
			exact = append(exact, weight)
			sum += weight
		}
		all[i] = window{first, make([]int32, len(exact))}
		for j, weight := range exact {
			all[i].weights[j] = int32(math.Round(weight / sum * (1 << weightBits)))
		}
	}
	return &all
}

func lanczos(x float64) float64 {
	if x < -reach || x >= reach {
		return 0
	}
	return float64(sinc(x) * sinc(x/reach))
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x = float64(x * math.Pi)
	return math.Sin(x) / x
}

// rounded ends a sum of weighted pixels.
func rounded(sum int32) uint8 { return uint8(min(max((sum+half)>>weightBits, 0), 0xff)) }

// plane is a grey picture, of which a function writes any row.
type plane struct {
	width, height int
	row           func(y int, into []uint8)
}

// shrink makes a picture grey and 32 pixels wide and high, in two passes with 8 bits each. Pillow begins with the rows, unless it would get rid of more
// than twice as many rows as columns (as of version 13; earlier ones always begin with the rows).
func shrink(img image.Image) (small [side][side]uint8) {
	size := img.Bounds().Size()
	p := plane{size.X, size.Y, greyRows(img)}
	if p.height > side && p.height-side > 2*(p.width-side) {
		p = narrow(flatten(p))
	} else {
		p = flatten(narrow(p))
	}
	for y := range small {
		p.row(y, small[y][:])
	}
	return small
}

// flatten returns a picture that is 32 pixels high.
func flatten(p plane) plane {
	all := windows(p.height)
	row, sums := make([]uint8, p.width), make([]int32, side*p.width)
	for y := range p.height {
		p.row(y, row)
		for i := range all {
			if from := y - all[i].first; from >= 0 && from < len(all[i].weights) {
				weight := all[i].weights[from]
				sum := sums[i*p.width:][:len(row)]
				for x, pixel := range row {
					sum[x] += weight * int32(pixel)
				}
			}
		}
	}
	return plane{p.width, side, func(y int, into []uint8) {
		for x, sum := range sums[y*p.width:][:p.width] {
			into[x] = rounded(sum)
		}
	}}
}

// narrow returns a picture that is 32 pixels wide. It takes two rows at a time: one number has a pixel of each, 32 bits apart, so that one multiplication
// weighs both. No sum of weighted pixels has more than 31 bits.
func narrow(p plane) plane {
	all := windows(p.width)
	upper, lower, pairs := make([]uint8, p.width), make([]uint8, p.width), make([]int64, p.width)
	pix := make([]uint8, side*(p.height+1))
	for y := 0; y < p.height; y += 2 {
		p.row(y, upper)
		// The last row may be alone.
		p.row(min(y+1, p.height-1), lower)
		for x, pixel := range upper {
			pairs[x] = int64(pixel) | int64(lower[x])<<32
		}
		for i := range all {
			sum := int64(0)
			weights := all[i].weights
			weighted := pairs[all[i].first:][:len(weights)]
			for j, weight := range weights {
				sum += weighted[j] * int64(weight)
			}
			first := int32(sum)
			pix[y*side+i] = rounded(first)
			pix[(y+1)*side+i] = rounded(int32((sum - int64(first)) >> 32))
		}
	}
	return plane{side, p.height, func(y int, into []uint8) { copy(into, pix[y*side:]) }}
}
