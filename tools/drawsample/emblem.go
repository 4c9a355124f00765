package main

import (
	"math"
	"math/rand/v2"
)

// paintLogo draws the mark of the press: a lamp over waves in a ring, and its name. The same on every page.
func paintLogo(c *canvas, _ *rand.Rand) {
	at := point{25, 24}
	c.disc(blue, at, 21)
	c.disc(white, at, 18.5)
	c.polygon(ochre, at, at.polar(-0.35, 17), at.polar(0.05, 17))
	c.polygon(ochre, at, at.polar(math.Pi+0.35, 17), at.polar(math.Pi-0.05, 17))
	c.polygon(rust, point{22, 34}, point{23.5, 18}, point{26.5, 18}, point{28, 34})
	c.disc(rust, point{25, 15}, 3.4)
	for i := range 2 {
		y := 32 + 4.5*float64(i)
		wave := sample(9+2*float64(i), 41-2*float64(i), 24, func(x float64) float64 { return y + 1.6*math.Sin(x*0.8) })
		c.line(blue, 1.8, wave...)
	}
	c.text("Gull Point", labelBold, blue, point{54, 22}, 0)
	c.text("PRESS", labelBold, slate, point{54, 38}, 0)
}

// paintOrnament draws the tailpiece that closes a chapter.
func paintOrnament(c *canvas, _ *rand.Rand) {
	middle := point{c.width() / 2, c.height() / 2}
	for _, side := range []float64{-1, 1} {
		swirl := sample(0, 1, 40, func(t float64) float64 { return middle.y + 6*math.Sin(t*9)*(1-t) })
		for i := range swirl {
			swirl[i].x = middle.x + side*(8+swirl[i].x*(c.width()/2-14))
		}
		c.line(slate, 1.6, swirl...)
	}
	c.polygon(rust, point{middle.x, middle.y - 6}, point{middle.x + 6, middle.y}, point{middle.x, middle.y + 6},
		point{middle.x - 6, middle.y})
}

// paintNothing leaves the paper empty, as when a layout model takes a patch of page for a figure.
func paintNothing(*canvas, *rand.Rand) {}
