package main

import (
	"math"
	"math/rand/v2"
)

// seascape is a picture of the sea that could be a photograph.
type seascape struct {
	zenith, horizon, sun, water rgb
	// sunX and sunY are the sun's place; lengths are in picture heights.
	sunX, sunY float64
	// clouds says how much of the sky is covered, from 0 to 1.
	clouds float64
	rocks  bool
}

const waterLine = 0.56

func (s seascape) paint(c *canvas, random *rand.Rand) {
	n := noise(random.Uint32())
	wide := c.width() / c.height()
	c.shade(func(u, v float64) light {
		var l light
		switch {
		case v < s.headland(n, u, wide):
			l = s.sky(n, u, v)
		case v < waterLine:
			l = s.water.light().scale(0.45).mix(s.horizon.light(), 0.32+0.1*n.cloud(u*30, v*60, 2))
		default:
			l = s.sea(n, u, v)
		}
		if s.rocks {
			l = shoreRocks(n+40, u, v, wide, l)
		}
		return l
	})
}

func (s seascape) sky(n noise, u, v float64) light {
	l := s.zenith.light().mix(s.horizon.light(), math.Pow(v/waterLine, 1.3))
	d := math.Hypot(u-s.sunX, v-s.sunY)
	l = l.add(s.sun.light().scale(0.55 * math.Exp(-d*5)))
	cover := smooth(1-s.clouds, 1.25-s.clouds, n.cloud(u*2.2, v*7+3, 5)) * (0.85 - 0.4*v)
	lit := s.horizon.light().mix(s.sun.light(), 0.5*math.Exp(-d*2)+0.25).scale(0.75 + 0.35*n.cloud(u*5, v*14, 3))
	l = l.mix(lit, cover)
	return l.mix(light{1.3, 1.3, 1.25}, smooth(0.034, 0.026, d))
}

// headland returns how high up the coast reaches, as a fraction from the top.
func (s seascape) headland(n noise, u, wide float64) float64 {
	rise := 0.15 * smooth(0.45, 1, u/wide) * (0.5 + n.cloud(u*3, 9, 4))
	return waterLine - rise
}

func (s seascape) sea(n noise, u, v float64) light {
	depth := 1 / (v - waterLine + 0.035)
	swell := n.cloud(u*depth*1.6, depth*3.2, 3)
	fine := (n + 9).cloud(u*depth*5, depth*9, 2)
	l := s.horizon.light().mix(s.water.light(), smooth(0, 0.22, v-waterLine)).scale(0.55 + 0.65*swell)
	l = l.add(s.zenith.light().scale(0.18 * fine))
	track := math.Exp(-math.Pow((u-s.sunX)/(0.05+0.35*(v-waterLine)), 2))
	return l.add(s.sun.light().scale(track * smooth(0.45, 0.75, fine+0.2*swell) * 0.9))
}

func shoreRocks(n noise, u, v, wide float64, behind light) light {
	edge := 0.97 - 0.22*smooth(0.6, 0, u/wide) - 0.22*n.cloud(u*4, 2, 5)
	if v < edge {
		return behind
	}
	grain := n.cloud(u*14, v*22, 4)
	lit := smooth(0.06, 0, v-edge) * 0.25
	return light{0.16, 0.15, 0.14}.scale(0.5 + grain + lit)
}

// paintMountains draws ridges behind ridges over a lake.
func paintMountains(c *canvas, random *rand.Rand) {
	n := noise(random.Uint32())
	haze, top, near := rgb(0xf3dcc4).light(), rgb(0x7fa3c7).light(), rgb(0x24384a).light()
	const lake = 0.7
	land := func(u, v float64) light {
		const ridges = 5
		for i := ridges; i >= 1; i-- {
			far := 1 - float64(i)/ridges
			shape := (n + noise(10*i)).cloud(u*(1.6+1.2*far)+float64(i)*7, 3, 6)
			rise := (0.14 + 0.6*far) * (1.25 - 2.6*math.Abs(shape-0.5))
			if v > lake-0.02-rise*0.72 {
				shade := 0.93 + 0.14*(n+noise(i)).cloud(u*40, v*12, 3)
				return near.mix(haze, 0.08+0.8*far).scale(shade).mix(haze, 0.35*smooth(lake-0.2, lake, v))
			}
		}
		return top.mix(haze, v/lake).mix(light{1, 0.98, 0.95}, 0.5*smooth(0.5, 0.75, n.cloud(u*2, v*6, 5)))
	}
	c.shade(func(u, v float64) light {
		if v < lake {
			return land(u, v)
		}
		ripple := (n.cloud(u*6, v*90, 3) - 0.5) * 0.05 * (1 + 6*(v-lake))
		return land(u+ripple, 2*lake-v+ripple).scale(0.8).mix(top, 0.15+0.3*(v-lake))
	})
}

// paintCrumb draws a slice of bread on a board, cut open. The holes are larger where open is.
func paintCrumb(open float64) painter {
	return func(c *canvas, random *rand.Rand) {
		n := noise(random.Uint32())
		wide := c.width() / c.height()
		board, crumb := rgb(0x6d4a33).light(), rgb(0xf0dfc0).light()
		crust, hole := rgb(0x8a4b1f).light(), rgb(0xa98a63).light()
		c.shade(func(u, v float64) light {
			x, y := (u/wide-0.5)/0.45, (v-0.53)/0.42
			top := 1.0
			if y > 0 {
				top = 0.82
			}
			edge := math.Pow(math.Pow(math.Abs(x), 2.6)+math.Pow(math.Abs(y/top), 2.6), 1/2.6)
			edge += 0.05 * (n.cloud(u*5, v*5, 3) - 0.5)
			if edge > 1 {
				grain := n.cloud(u*3, v*60, 3)
				return board.scale(0.75 + 0.45*grain).scale(0.7 + 0.3*smooth(1, 1.12, edge))
			}
			l := crumb.scale(0.9 + 0.2*n.cloud(u*26, v*26, 3))
			warp := n.cloud(u*8, v*8, 2) * 0.35
			for _, size := range []float64{7, 13, 24} {
				d, value := (n + noise(size)).cells(u*size+warp, v*size*1.25+warp)
				radius := (0.16 + 0.4*value*open) * smooth(1, 0.8, edge)
				l = l.mix(hole.scale(0.75+0.5*d), smooth(radius, radius-0.12, d)*smooth(0.1, 0.25, radius))
			}
			return l.mix(crust.scale(0.75+0.5*n.cloud(u*30, v*30, 2)), smooth(0.9, 0.96, edge))
		})
	}
}
