package main

import (
	"math"
	"math/rand/v2"
)

// paintTower draws a lighthouse in section, its rooms named.
func paintTower(c *canvas, _ *rand.Rand) {
	w, h := c.width(), c.height()
	c.rect(night, point{0, 0}, point{w, h})
	middle, base, gallery := w*0.36, h-34, 76.0
	lamp := point{middle, gallery - 24}
	for _, side := range []float64{-1, 1} {
		c.polygon(night.mix(ochre, 0.35), lamp, point{middle + side*w, lamp.y - 46}, point{middle + side*w, lamp.y + 46})
		c.polygon(night.mix(ochre, 0.6), lamp, point{middle + side*w, lamp.y - 18}, point{middle + side*w, lamp.y + 18})
	}
	half := func(y float64) float64 { return 24 + 24*math.Pow((y-gallery)/(base-gallery), 1.7) }
	wall := func(inset float64) []point {
		left := sample(gallery, base, 30, func(y float64) float64 { return middle - half(y) + inset })
		var shape []point
		for _, p := range left {
			shape = append(shape, point{p.y, p.x})
		}
		for i := len(left) - 1; i >= 0; i-- {
			shape = append(shape, point{2*middle - left[i].y, left[i].x})
		}
		return shape
	}
	c.polygon(cream, wall(0)...)
	c.polygon(rgb(0x8fa0b3), wall(9)...)
	rooms := []string{"Lamp", "Watch room", "Keepers' room", "Kitchen", "Oil store", "Cistern"}
	for i, room := range rooms {
		y := gallery + (base-gallery)*float64(i)/float64(len(rooms)-1)
		if i > 0 {
			c.line(cream, 5, point{middle - half(y) + 6, y}, point{middle + half(y) - 6, y})
			y -= (base - gallery) / float64(len(rooms)-1) / 2
			c.disc(night, point{middle + 4, y + 2}, 5)
		} else {
			y = lamp.y
		}
		c.line(silver, 1, point{middle + 10, y}, point{w*0.68 - 8, y})
		c.text(room, label, white, point{w * 0.68, y + 4}, 0)
	}
	c.rect(cream, point{middle - 36, gallery - 4}, point{middle + 36, gallery + 3})
	c.rect(rgb(0xfff3c4), point{middle - 18, gallery - 42}, point{middle + 18, gallery - 4})
	for x := middle - 18; x <= middle+18; x += 9 {
		c.line(night, 1.4, point{x, gallery - 42}, point{x, gallery - 4})
	}
	c.disc(rgb(0xffd34d), lamp, 8)
	c.polygon(rust, point{middle - 22, gallery - 42}, point{middle, gallery - 64}, point{middle + 22, gallery - 42})
	c.polygon(rgb(0x5b5550), point{0, h}, point{w * 0.1, base - 6}, point{w * 0.32, base + 2}, point{w * 0.6, base - 3},
		point{w * 0.8, h - 16}, point{w, h})
}

// windRose counts the hours of wind from each of sixteen directions, by strength from light to gale.
type windRose struct {
	title    string
	hours    [16][3]float64
	strength [3]string
}

func (r *windRose) paint(c *canvas) {
	size := min(c.height()/2-42, (c.width()-150)/2)
	at := point{size + 30, c.height()/2 + 14}
	most := 0.0
	for _, h := range r.hours {
		most = max(most, h[0]+h[1]+h[2])
	}
	inks := [3]rgb{silver, slate, graphite}
	for i, h := range r.hours {
		angle, total := 2*math.Pi*float64(i)/16-math.Pi/2, h[0]+h[1]+h[2]
		for k := 2; k >= 0; k-- {
			wedge := []point{at}
			for s := -4; s <= 4; s++ {
				wedge = append(wedge, at.polar(angle+float64(s)*0.035, size*total/most))
			}
			c.polygon(inks[k], wedge...)
			total -= h[k]
		}
	}
	for i := 1; i <= 4; i++ {
		c.ring(silver.mix(white, 0.3), 1, at, size*float64(i)/4)
	}
	for i, name := range []string{"N", "E", "S", "W"} {
		p := at.polar(math.Pi/2*float64(i)-math.Pi/2, size+13)
		c.text(name, labelBold, graphite, point{p.x, p.y + 4}, 0.5)
	}
	for k, name := range r.strength {
		y := c.height() - 64 + 20*float64(k)
		c.rect(inks[k], point{c.width() - 110, y - 9}, point{c.width() - 98, y + 1})
		c.text(name, label, graphite, point{c.width() - 92, y}, 0)
	}
	c.text(r.title, labelBold, graphite, point{12, 20}, 0)
}

// fill makes up a year of wind that blows mostly from one of the sixteen directions.
func (r *windRose) fill(random *rand.Rand, prevailing int) {
	for i := range r.hours {
		off := math.Abs(math.Mod(float64(i-prevailing+24), 16) - 8)
		share := math.Exp(-off*off/9) + 0.25*random.Float64()
		r.hours[i] = [3]float64{260 * share, 180 * share * share, 70 * share * share * share}
	}
}
