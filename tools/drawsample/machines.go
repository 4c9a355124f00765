package main

import (
	"math"
	"math/rand/v2"
)

// paintWheel draws a spoked wheel and names its parts.
func paintWheel(c *canvas, _ *rand.Rand) {
	at, size := point{c.width() * 0.38, c.height() / 2}, c.height()/2-18
	c.ring(graphite, 9, at, size)
	c.ring(silver, 5, at, size-9)
	const spokes = 32
	for i := range spokes {
		angle := 2 * math.Pi * float64(i) / spokes
		lean := 1.15
		if i%2 == 1 {
			lean = -lean
		}
		c.line(slate, 1, at.polar(angle+lean, 17), at.polar(angle, size-11))
	}
	c.disc(graphite, at, 20)
	c.disc(silver, at, 13)
	c.disc(graphite, at, 4)
	parts := []struct {
		name string
		from point
	}{
		{"Tyre", at.polar(-0.75, size)}, {"Rim", at.polar(-0.42, size-9)}, {"Nipple", at.polar(-0.1, size-14)},
		{"Spoke", at.polar(0.2, size*0.62)}, {"Hub flange", at.polar(0.5, 19)}, {"Axle", at.polar(1.2, 3)},
	}
	for i, p := range parts {
		to := point{c.width() * 0.76, 34 + (c.height()-64)*float64(i)/float64(len(parts)-1)}
		c.line(rust, 1, p.from, point{to.x - 34, to.y - 4}, point{to.x - 6, to.y - 4})
		c.disc(rust, p.from, 2.5)
		c.text(p.name, label, graphite, to, 0)
	}
}

// paintDrivetrain draws chain, cassette, chainring and jockey wheels seen from the right.
func paintDrivetrain(c *canvas, _ *rand.Rand) {
	h := c.height()
	ring, cog := point{c.width() * 0.72, h * 0.42}, point{c.width() * 0.22, h * 0.40}
	upper, lower := point{c.width() * 0.26, h * 0.68}, point{c.width() * 0.29, h * 0.86}
	chain := func(a, b point) {
		c.line(graphite, 6, a, b)
		c.dashes(silver, 2.6, 4, a, b)
	}
	for i := range 5 {
		gear(c, cog, 44-7*float64(i), 20-2*i, slate.mix(silver, float64(i)/5))
	}
	gear(c, ring, 66, 44, slate)
	c.disc(white, ring, 48)
	for i := range 5 {
		angle := 2*math.Pi*float64(i)/5 + 0.3
		c.line(slate, 9, ring, ring.polar(angle, 52))
	}
	chain(point{cog.x + 2, cog.y - 34}, point{ring.x + 4, ring.y - 68})
	chain(point{ring.x - 2, ring.y + 68}, point{lower.x + 4, lower.y + 13})
	chain(point{lower.x - 12, lower.y - 4}, point{upper.x + 13, upper.y})
	chain(point{upper.x - 12, upper.y - 4}, point{cog.x - 28, cog.y + 20})
	c.line(graphite, 7, upper, lower)
	gear(c, upper, 13, 11, slate)
	gear(c, lower, 13, 11, slate)
	c.line(graphite, 10, ring, ring.polar(0.5, 108))
	c.line(slate, 7, ring.polar(0.5, 96), ring.polar(0.5, 120))
	c.disc(graphite, ring, 12)
	for _, name := range []struct {
		s      string
		at     point
		anchor float64
	}{
		{"cassette", point{cog.x, 22}, 0.5}, {"chainring", point{ring.x, 22}, 0.5},
		{"jockey wheels", point{lower.x + 26, h - 14}, 0}, {"crank", point{ring.x + 66, h - 40}, 0},
	} {
		c.text(name.s, label, graphite, name.at, name.anchor)
	}
}

// gear draws a toothed wheel.
func gear(c *canvas, at point, radius float64, teeth int, ink rgb) {
	var shape []point
	for i := range teeth {
		for k, reach := range []float64{radius - 3, radius + 2, radius + 2, radius - 3} {
			shape = append(shape, at.polar(2*math.Pi*(float64(i)+0.1+0.22*float64(k))/float64(teeth), reach))
		}
	}
	c.polygon(ink, shape...)
	c.ring(white, 1, at, radius-4)
}

// paintSteps returns a painter of boxes that follow each other in rows of three, joined by arrows.
func paintSteps(steps ...[2]string) painter {
	return func(c *canvas, _ *rand.Rand) {
		const perRow, gap = 3, 34
		rows := (len(steps) + perRow - 1) / perRow
		w := (c.width() - 20 - gap*(perRow-1)) / perRow
		h := (c.height() - 20 - gap*float64(rows-1)) / float64(rows)
		corner := func(i int) point {
			row, column := i/perRow, i%perRow
			if row%2 == 1 {
				column = perRow - 1 - column
			}
			return point{10 + float64(column)*(w+gap), 10 + float64(row)*(h+gap)}
		}
		for i, s := range steps {
			a := corner(i)
			c.rect(cream.mix(ochre, 0.12*float64(i)), a, point{a.x + w, a.y + h})
			c.frame(rust, 1.4, a, point{a.x + w, a.y + h})
			c.text(s[0], labelBold, graphite, point{a.x + w/2, a.y + h/2 - 4}, 0.5)
			c.text(s[1], label, graphite, point{a.x + w/2, a.y + h/2 + 14}, 0.5)
			if i+1 == len(steps) {
				break
			}
			from, to := point{a.x + w/2, a.y + h/2}, point{corner(i+1).x + w/2, corner(i+1).y + h/2}
			switch {
			case to.x > from.x:
				c.arrow(rust, 1.8, point{a.x + w + 3, from.y}, point{a.x + w + gap - 4, from.y})
			case to.x < from.x:
				c.arrow(rust, 1.8, point{a.x - 3, from.y}, point{a.x - gap + 4, from.y})
			default:
				c.arrow(rust, 1.8, point{from.x, a.y + h + 3}, point{from.x, a.y + h + gap - 4})
			}
		}
	}
}
