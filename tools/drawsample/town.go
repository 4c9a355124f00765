package main

import (
	"math"
	"math/rand/v2"
)

// paintStreets draws a street plan with a dot for every tree, coloured by its health.
func paintStreets(c *canvas, random *rand.Rand) {
	w, h := c.width(), c.height()
	c.rect(rgb(0xeeebe3), point{0, 0}, point{w, h})
	c.polygon(sky.mix(white, 0.35), point{0, h * 0.78}, point{w * 0.3, h * 0.86}, point{w * 0.62, h * 0.82},
		point{w, h * 0.93}, point{w, h}, point{0, h})
	c.rect(moss, point{w * 0.56, h * 0.12}, point{w * 0.73, h * 0.36})
	streets := [][2]point{
		{{0, h * 0.42}, {w, h * 0.48}}, {{0, h * 0.07}, {w, h * 0.06}}, {{w * 0.13, 0}, {w * 0.18, h * 0.8}},
		{{w * 0.35, 0}, {w * 0.37, h * 0.82}}, {{w * 0.53, 0}, {w * 0.52, h * 0.80}},
		{{w * 0.77, 0}, {w * 0.82, h * 0.88}}, {{0, h * 0.70}, {w, h * 0.76}},
	}
	for _, s := range streets {
		c.line(silver, 15, s[0], s[1])
	}
	for _, s := range streets {
		c.line(white, 13, s[0], s[1])
	}
	inks := []rgb{green, green, green, green, ochre, rust}
	trees := make([]outline, len(inks))
	plant := func(at point, size float64) {
		kind := random.IntN(len(inks))
		trees[kind].ellipse(at, size, size)
	}
	for _, s := range streets {
		length, angle := math.Hypot(s[1].x-s[0].x, s[1].y-s[0].y), math.Atan2(s[1].y-s[0].y, s[1].x-s[0].x)
		for d := 10.0; d < length; d += 15 + 6*random.Float64() {
			for _, side := range []float64{-1, 1} {
				if random.Float64() < 0.72 {
					plant(s[0].polar(angle, d).polar(angle+side*math.Pi/2, 10), 2.6+1.8*random.Float64())
				}
			}
		}
	}
	for range 30 {
		plant(point{w * (0.575 + 0.14*random.Float64()), h * (0.15 + 0.18*random.Float64())}, 4+3*random.Float64())
	}
	for i, p := range trees {
		c.fill(p, inks[i])
	}
	for i, name := range []string{"healthy", "watch", "fell"} {
		c.disc([]rgb{green, ochre, rust}[i], point{20 + 90*float64(i), h - 14}, 5)
		c.text(name, label, graphite, point{30 + 90*float64(i), h - 10}, 0)
	}
	c.frame(slate, 1.2, point{1, 1}, point{w - 1, h - 1})
}

// paintTree draws a tree in full leaf, or bare.
func paintTree(leaves bool) painter {
	return func(c *canvas, random *rand.Rand) {
		w, h := c.width(), c.height()
		c.shade(func(u, v float64) light {
			return rgb(0xdce9f1).light().mix(rgb(0xfbf4e4).light(), smooth(0, 0.85, v))
		})
		c.polygon(moss, point{0, h * 0.88}, point{w * 0.4, h * 0.86}, point{w, h * 0.89}, point{w, h}, point{0, h})
		var wood outline
		var crown []point
		grow(&wood, &crown, random, point{w / 2, h * 0.9}, -math.Pi/2, h*0.2, h*0.05)
		c.fill(wood, rgb(0x5a4636))
		if !leaves {
			return
		}
		for layer, ink := range []rgb{0x3f6b3c, 0x57874d, 0x7da563} {
			var foliage outline
			for _, p := range crown {
				rise := 3 * float64(layer)
				at := point{p.x + 9*random.NormFloat64() - rise, p.y + 7*random.NormFloat64() - rise}
				foliage.ellipse(at, 5.5-float64(layer), 4.5-float64(layer))
			}
			c.fill(foliage, ink)
		}
	}
}

// grow adds a branch and those that spring from it; crown collects where the twigs end.
func grow(wood *outline, crown *[]point, random *rand.Rand, from point, angle, length, width float64) {
	to := from.polar(angle, length)
	wood.segment(from, to, width)
	if length < 9 {
		*crown = append(*crown, to)
		return
	}
	for _, turn := range []float64{-0.42, 0.02, 0.45} {
		turn += 0.16 * random.NormFloat64()
		grow(wood, crown, random, to, angle+turn, length*(0.62+0.12*random.Float64()), width*0.62)
	}
}
