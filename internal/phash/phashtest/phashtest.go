// Package phashtest draws pictures for tests of perceptual hashes, the same on every machine, and says how Pillow gets the same pixels.
package phashtest

import (
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
)

// Picture is a picture with a name.
type Picture struct {
	Name  string
	Image image.Image
}

// Pictures returns pictures of all sizes and all kinds.
func Pictures() []Picture {
	return append(grey(), coloured()...)
}

// draw returns a grey picture whose pixels are what a function says.
func draw(width, height int, level func(x, y int) int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.Pix[y*img.Stride+x] = uint8(level(x, y))
		}
	}
	return img
}

// grey returns grey pictures: what the size is, and whether what is equal stays equal, matters there.
func grey() []Picture {
	var all []Picture
	add := func(name string, width, height int, level func(x, y int) int) {
		all = append(all, Picture{fmt.Sprintf("%s-%dx%d", name, width, height), draw(width, height, level)})
	}
	for _, level := range []int{0, 1, 128, 255} {
		add(fmt.Sprintf("flat%d", level), 64, 48, func(_, _ int) int { return level })
	}
	add("across", 256, 100, func(x, _ int) int { return x })
	add("down", 100, 256, func(_, y int) int { return y })
	add("slanted", 128, 128, func(x, y int) int { return x + y/2 })
	add("squares", 64, 64, func(x, y int) int { return (x/8 + y/8) % 2 * 255 })
	add("fine-squares", 41, 40, func(x, y int) int { return (x + y) % 2 * 255 })
	add("stripes", 90, 90, func(x, _ int) int { return x / 3 % 2 * 200 })
	add("edge", 300, 200, func(x, _ int) int { return x / 150 * 255 })
	add("dot", 200, 200, func(x, y int) int { return 255 - 255/(1+(x-60)*(x-60)+(y-140)*(y-140)) })
	for _, size := range [][2]int{
		{1, 1}, {3, 5}, {2, 64}, {7, 7}, {31, 33}, {32, 32}, {32, 64}, {64, 32}, {33, 31}, {100, 80}, {5, 300}, {2000, 10}, {10, 2001}, {639, 481},
		{40, 48}, {40, 49}, {200, 368}, {200, 369}, {20, 31}, {20, 33},
	} {
		random := rand.New(rand.NewPCG(uint64(size[0]), uint64(size[1])))
		add("noise", size[0], size[1], func(_, _ int) int { return random.IntN(256) })
	}
	for n, size := range [][2]int{{425, 550}, {1700, 200}, {850, 1100}, {12, 16}, {320, 240}, {231, 77}} {
		all = append(all, Picture{fmt.Sprintf("page%d-%dx%d", n, size[0], size[1]), page(uint64(n), size[0], size[1])})
	}
	return all
}

// page returns what looks like a page with lines of text, and a figure in a corner.
func page(seed uint64, width, height int) *image.Gray {
	random := rand.New(rand.NewPCG(seed, 7))
	img := draw(width, height, func(_, _ int) int { return 250 })
	ink := func(x0, y0, x1, y1, level int) {
		for y := max(y0, 0); y < min(y1, height); y++ {
			for x := max(x0, 0); x < min(x1, width); x++ {
				img.Pix[y*img.Stride+x] = uint8(level)
			}
		}
	}
	line := max(height/40, 2)
	for y := height / 12; y < height*11/12; y += 2 * line {
		end := width/2 + random.IntN(width/2+1)
		for x := width / 12; x < end; x += 1 + random.IntN(line) {
			ink(x, y+random.IntN(line), x+1+random.IntN(2), y+line, random.IntN(90))
		}
	}
	ink(width/2, height/2+random.IntN(height/4+1), width*3/4, height*7/8, 60+random.IntN(100))
	return img
}

// colour is that of a pixel of a coloured picture.
func colour(random *rand.Rand, x, y int) color.NRGBA {
	noise := random.IntN(40)
	return color.NRGBA{uint8(x*3 + noise), uint8(y*2 + x/2), uint8(x*y/64 + 2*noise), uint8(40 + x + 2*y)}
}

// coloured returns pictures of every kind that decoders make.
func coloured() []Picture {
	bounds := image.Rect(0, 0, 101, 67)
	p := color.Palette{
		color.RGBA{200, 30, 30, 255}, color.NRGBA{10, 90, 250, 0}, color.NRGBA{250, 240, 10, 128}, color.Gray{77}, color.RGBA{0, 255, 0, 255},
		color.RGBA{}, color.White,
	}
	type canvas interface {
		image.Image
		Set(x, y int, c color.Color)
	}
	var all []Picture
	for _, c := range []struct {
		name string
		canvas
	}{
		{"rgba", image.NewRGBA(bounds)}, {"nrgba", image.NewNRGBA(bounds)}, {"rgba64", image.NewRGBA64(bounds)}, {"nrgba64", image.NewNRGBA64(bounds)},
		{"gray", image.NewGray(bounds)}, {"gray16", image.NewGray16(bounds)}, {"cmyk", image.NewCMYK(bounds)}, {"paletted", image.NewPaletted(bounds, p)},
		{"opaque", image.NewRGBA(bounds)},
	} {
		random := rand.New(rand.NewPCG(1, 2))
		for y := range bounds.Max.Y {
			for x := range bounds.Max.X {
				pixel := colour(random, x, y)
				if c.name == "opaque" || c.name == "cmyk" {
					pixel.A = 0xff
				}
				c.Set(x, y, pixel)
			}
		}
		all = append(all, withParts(c.name, c.canvas)...)
	}
	for _, ratio := range []image.YCbCrSubsampleRatio{
		image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420,
		image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410,
	} {
		img := image.NewNYCbCrA(bounds, ratio)
		random := rand.New(rand.NewPCG(3, 4))
		for n, plane := range [][]uint8{img.Y, img.Cb, img.Cr, img.A} {
			for i := range plane {
				plane[i] = uint8(i/7 + n*50 + random.IntN(150))
				// Some have no colour.
				if n == 1 || n == 2 {
					plane[i] |= uint8(i) & 128
				}
			}
		}
		all = append(all, withParts(ratio.String(), &img.YCbCr)...)
		all = append(all, withParts(ratio.String()+"-alpha", img)...)
	}
	return all
}

// withParts returns a picture, and parts of it, whose rows do not begin where its rows do.
func withParts(name string, img image.Image) []Picture {
	all := []Picture{{name, img}}
	if s, ok := img.(interface {
		SubImage(image.Rectangle) image.Image
	}); ok {
		for _, r := range []image.Rectangle{image.Rect(3, 5, 70, 60), image.Rect(50, 1, 101, 67)} {
			all = append(all, Picture{fmt.Sprintf("%s-from-%d-%d", name, r.Min.X, r.Min.Y), s.SubImage(r)})
		}
	}
	return all
}
