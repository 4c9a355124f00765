package main

import "math/rand/v2"

// painter draws a figure over a whole canvas. All that is random about it comes from random.
type painter func(c *canvas, random *rand.Rand)

// verdict is what the listing says of is_likely_noise.
type verdict int

const (
	noNoise verdict = iota
	isNoise
	nullVerdict
	noVerdict
)

// json returns the field's value, empty where it is left out.
func (v verdict) json() raw {
	return [...]raw{noNoise: raw("false"), isNoise: raw("true"), nullVerdict: raw("null"), noVerdict: nil}[v]
}

// figure is a picture to be placed on a page.
type figure struct {
	// name is the figure_name; by default it counts the figures of the page.
	name    string
	caption string
	// width and height in pixels, multiples of grid.
	width, height int
	paint         painter
	noise         verdict
	png           bool
}

// plain returns a figure of the given size.
func plain(caption string, width, height int, paint painter) figure {
	return figure{caption: caption, width: width, height: height, paint: paint}
}

// wide returns a figure as wide as the body of the page, and half one of two that stand beside each other.
func wide(caption string, height int, paint painter) figure {
	return plain(caption, bodyWidth, height, paint)
}

func half(caption string, height int, paint painter) figure {
	return plain(caption, (bodyWidth-rowGap)/2/grid*grid, height, paint)
}

func (f figure) named(name string) figure { f.name = name; return f }

func (f figure) judged(noise verdict) figure { f.noise = noise; return f }

func (f figure) asPNG() figure { f.png = true; return f }
