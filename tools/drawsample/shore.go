package main

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// paintZones draws a section through a rocky shore with its zones.
func paintZones(c *canvas, random *rand.Rand) {
	n := noise(random.Uint32())
	w, h := c.width(), c.height()
	bottom := h - 16
	profile := sample(20, w-20, 120, func(x float64) float64 {
		t := (x - 20) / (w - 40)
		return 60 + (bottom-70)*math.Sqrt(t) + 24*(n.cloud(t*9, 1, 4)-0.5)
	})
	zones := []struct {
		name, animals string
		level         float64
		ink           rgb
	}{
		{"Splash zone", "orange lichen, small winkles", 34, cream},
		{"High shore", "barnacles, channelled wrack", 34 + (bottom-34)*0.25, 0xe8dcc0},
		{"Middle shore", "limpets, beadlet anemones", 34 + (bottom-34)*0.5, moss},
		{"Low shore", "starfish, kelp", 34 + (bottom-34)*0.75, sky},
	}
	for i, z := range zones {
		low := bottom
		if i+1 < len(zones) {
			low = zones[i+1].level
		}
		c.rect(z.ink.mix(white, 0.45), point{20, z.level}, point{w - 20, low})
		c.dashes(slate, 1, 4, point{20, low}, point{w - 20, low})
		c.text(z.name, labelBold, graphite, point{w - 30, z.level + 18}, 1)
		c.text(z.animals, label, slate, point{w - 30, z.level + 34}, 1)
	}
	ground := append([]point{{20, bottom}}, profile...)
	c.polygon(rgb(0x8c8478), append(ground, point{w - 20, bottom})...)
	c.line(graphite, 1.6, profile...)
	for i := 6; i < len(profile)-34; i += 3 + random.IntN(4) {
		p := profile[i]
		switch {
		case i < 45:
			c.polygon(white, point{p.x - 4, p.y + 1}, point{p.x - 1, p.y - 5}, point{p.x + 2, p.y - 5},
				point{p.x + 5, p.y + 1})
		default:
			c.line(green, 2, p, point{p.x + 3, p.y - 8}, point{p.x - 1, p.y - 15})
		}
	}
	c.frame(silver, 1, point{20, 34}, point{w - 20, bottom})
	c.text("Zones of the shore below the northern steps", labelBold, graphite, point{20, 20}, 0)
}

// paintAnimals draws a starfish, an anemone and a limpet.
func paintAnimals(c *canvas, random *rand.Rand) {
	y, step := c.height()/2-6, c.width()/3
	paintStarfish(c, point{step / 2, y}, min(step, c.height())*0.40, random)
	paintAnemone(c, point{step * 1.5, y + 30}, min(step, c.height())*0.34)
	paintLimpet(c, point{step * 2.5, y}, min(step, c.height())*0.36)
	for i, name := range []string{"a  Cushion star", "b  Beadlet anemone", "c  Common limpet"} {
		c.text(name, label, graphite, point{step * (float64(i) + 0.5), c.height() - 10}, 0.5)
	}
}

func paintStarfish(c *canvas, at point, size float64, random *rand.Rand) {
	rim := make([]point, 100)
	reach := func(angle float64) float64 {
		return size * (0.52 + 0.46*math.Pow(math.Abs(math.Cos(2.5*angle)), 1.6))
	}
	for i := range rim {
		angle := 2 * math.Pi * float64(i) / float64(len(rim))
		rim[i] = at.polar(angle-math.Pi/2, reach(angle))
	}
	c.polygon(rust.mix(ochre, 0.55), rim...)
	c.line(rust, 1.6, append(rim, rim[0])...)
	var spots outline
	for range 150 {
		angle := random.Float64() * 2 * math.Pi
		spots.ellipse(at.polar(angle-math.Pi/2, reach(angle)*0.92*math.Sqrt(random.Float64())), 1.4, 1.4)
	}
	c.fill(spots, rust)
}

func paintAnemone(c *canvas, at point, size float64) {
	c.polygon(rust.mix(graphite, 0.25),
		point{at.x - size*0.55, at.y + size*0.6}, point{at.x - size*0.4, at.y - size*0.3},
		point{at.x + size*0.4, at.y - size*0.3}, point{at.x + size*0.55, at.y + size*0.6})
	crown := point{at.x, at.y - size*0.3}
	for ring := range 3 {
		ink := rust.mix(plum, 0.3+0.3*float64(ring))
		for i := range 19 {
			angle := -math.Pi + math.Pi*(float64(i)+0.5*float64(ring%2))/18
			root := point{crown.x + 0.4*size*math.Cos(angle), crown.y + 0.08*size*math.Sin(angle)}
			length := size * (0.75 - 0.17*float64(ring))
			c.line(ink, 3, root, root.polar(angle, length*0.6), root.polar(angle+0.25*math.Cos(angle), length))
		}
	}
	c.line(graphite, 1.4, point{at.x - size*0.75, at.y + size*0.6}, point{at.x + size*0.75, at.y + size*0.6})
}

func paintLimpet(c *canvas, at point, size float64) {
	var rim outline
	rim.ellipse(at, size, size*0.82)
	c.fill(rim, ochre.mix(slate, 0.45))
	apex := point{at.x - size*0.12, at.y - size*0.06}
	for i := range 28 {
		angle := 2 * math.Pi * float64(i) / 28
		end := point{at.x + size*math.Cos(angle), at.y + 0.82*size*math.Sin(angle)}
		c.line(graphite, 1, apex, end)
	}
	for i, ink := range []rgb{cream, silver, white} {
		var band outline
		band.ellipse(apex, size*(0.3-0.1*float64(i)), size*(0.25-0.08*float64(i)))
		c.fill(band, ink)
	}
}

// paintShoals draws a sea chart with depth tints and soundings.
func paintShoals(c *canvas, random *rand.Rand) {
	n := noise(random.Uint32())
	tints := []rgb{0xe6d7a8, 0xb9cfa2, 0xa6cbe0, 0xc5deeb, 0xe1eef4, 0xf6fafb}
	depth := func(u, v float64) float64 {
		return 34*(n.cloud(u*2.3, v*2.3, 5)-0.36) + 9*math.Hypot(u-0.75, v-0.5)
	}
	band := func(d float64) int {
		limits := []float64{0, 1.5, 4, 8, 12}
		for i, limit := range limits {
			if d < limit {
				return i
			}
		}
		return len(limits)
	}
	px := 1 / c.height()
	c.shade(func(u, v float64) light {
		here := band(depth(u, v))
		if here != band(depth(u+px, v)) || here != band(depth(u, v+px)) {
			return slate.light()
		}
		return tints[here].light()
	})
	for y := 26.0; y < c.height()-30; y += 34 {
		for x := 28.0; x < c.width()-20; x += 44 {
			at := point{x + 14*random.Float64(), y + 12*random.Float64()}
			if d := depth(at.x*px, at.y*px); d > 1.5 {
				c.text(fmt.Sprintf("%.0f", d), label, slate, at, 0.5)
			}
		}
	}
	paintCompass(c, point{c.width() - 54, 54}, 34)
	c.frame(graphite, 1.4, point{4, 4}, point{c.width() - 4, c.height() - 4})
	c.rect(white, point{12, c.height() - 34}, point{196, c.height() - 12})
	c.text("Soundings in fathoms", label, graphite, point{20, c.height() - 18}, 0)
}

func paintCompass(c *canvas, at point, size float64) {
	c.disc(white, at, size+10)
	c.ring(slate, 1, at, size)
	for i := range 8 {
		angle, long := math.Pi/4*float64(i)-math.Pi/2, size
		if i%2 == 1 {
			long = size * 0.6
		}
		c.polygon(graphite, at.polar(angle, long), at.polar(angle+math.Pi/4, size*0.2), at)
		c.polygon(silver, at.polar(angle, long), at.polar(angle-math.Pi/4, size*0.2), at)
	}
	c.text("N", labelBold, graphite, point{at.x, at.y - size - 1}, 0.5)
}
