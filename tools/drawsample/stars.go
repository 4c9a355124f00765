package main

import (
	"math"
	"math/rand/v2"
)

// paintStarfield draws a photographic plate of the sky.
func paintStarfield(c *canvas, random *rand.Rand) {
	n := noise(random.Uint32())
	c.shade(func(u, v float64) light {
		band := math.Exp(-math.Pow((v-0.75+0.42*u)*2.6, 2))
		dust := smooth(0.42, 0.7, n.cloud(u*3, v*3, 5))
		glow := band * (0.08 + 0.3*n.cloud(u*5, v*5, 4)) * (1 - 0.75*dust*band)
		return light{0.03, 0.04, 0.07}.add(light{0.85, 0.8, 0.75}.scale(glow))
	})
	for range 420 {
		bright := math.Pow(random.Float64(), 6)
		at := point{random.Float64() * c.width(), random.Float64() * c.height()}
		tint := rgb(0xa9c5ff).mix(0xffd9a8, random.Float64())
		c.disc(tint.mix(night, 0.55*(1-bright)), at, 0.5+2.2*bright)
	}
}

// paintConstellation draws a star map with the figure that joins its bright stars.
func paintConstellation(c *canvas, random *rand.Rand) {
	w, h := c.width(), c.height()
	c.rect(night, point{0, 0}, point{w, h})
	grid := night.mix(white, 0.16)
	for i := 1; i < 6; i++ {
		c.arc(grid, 1, point{w / 2, -h * 1.4}, h*(1.4+float64(i)/6), 0.5, math.Pi-0.5)
		c.line(grid, 1, point{w / 2, -h * 1.4}, point{w * (float64(i)*0.3 - 0.4), h})
	}
	for range 160 {
		at := point{random.Float64() * w, random.Float64() * h}
		c.disc(rgb(0xc9d6ea).mix(night, 0.4*random.Float64()), at, 0.6+1.1*math.Pow(random.Float64(), 3))
	}
	stars := []struct {
		x, y, size float64
		name       string
	}{
		{0.16, 0.30, 5, "α"}, {0.30, 0.42, 4, "β"}, {0.43, 0.37, 3.4, "γ"}, {0.55, 0.50, 4.4, "δ"},
		{0.53, 0.72, 3, "ε"}, {0.74, 0.80, 3.6, "ζ"}, {0.80, 0.56, 5.4, "η"}, {0.68, 0.24, 3, "θ"},
	}
	place := func(i int) point { return point{stars[i].x * w, stars[i].y * h} }
	for _, edge := range [][2]int{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 3}, {2, 7}} {
		c.line(sky.mix(night, 0.35), 1.3, place(edge[0]), place(edge[1]))
	}
	for i, s := range stars {
		c.disc(night, place(i), s.size+3)
		c.disc(rgb(0xfff6df), place(i), s.size)
		c.text(s.name, labelBold, cream, point{place(i).x + s.size + 6, place(i).y - 6}, 0)
	}
	c.text("The Heron", labelBold, cream, point{16, h - 16}, 0)
}
