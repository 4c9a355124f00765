package main

// rgb is an opaque sRGB colour, 0xRRGGBB.
type rgb uint32

// The colours of the print shop: paper and inks.
const (
	white    rgb = 0xffffff
	graphite rgb = 0x333333
	slate    rgb = 0x6b7280
	silver   rgb = 0xc9cdd2
	mist     rgb = 0xeceef0
	blue     rgb = 0x2f6690
	sky      rgb = 0x8ab6d6
	green    rgb = 0x4f7d4a
	moss     rgb = 0xa9c29a
	rust     rgb = 0xb5532a
	ochre    rgb = 0xd9a441
	cream    rgb = 0xf4e9d2
	plum     rgb = 0x7a4b73
	night    rgb = 0x16233a
)

// RGBA implements color.Color.
func (c rgb) RGBA() (r, g, b, a uint32) {
	return uint32(c>>16&0xff) * 0x101, uint32(c>>8&0xff) * 0x101, uint32(c&0xff) * 0x101, 0xffff
}

// mix returns the colour that lies between c (t = 0) and d (t = 1).
func (c rgb) mix(d rgb, t float64) rgb {
	return c.light().mix(d.light(), clamp(t)).rgb()
}

func (c rgb) light() light {
	return light{float64(c>>16&0xff) / 255, float64(c>>8&0xff) / 255, float64(c&0xff) / 255}
}

// light is a colour to calculate with: red, green and blue, each from 0 to 1 and clipped only when it becomes an rgb.
type light struct{ r, g, b float64 }

func (l light) mix(m light, t float64) light {
	return light{l.r + (m.r-l.r)*t, l.g + (m.g-l.g)*t, l.b + (m.b-l.b)*t}
}

func (l light) scale(f float64) light { return light{l.r * f, l.g * f, l.b * f} }

func (l light) add(m light) light { return light{l.r + m.r, l.g + m.g, l.b + m.b} }

func (l light) rgb() rgb {
	channel := func(v float64) rgb { return rgb(clamp(v)*255 + 0.5) }
	return channel(l.r)<<16 | channel(l.g)<<8 | channel(l.b)
}

func clamp(v float64) float64 { return min(max(v, 0), 1) }

// smooth rises from 0 at from to 1 at to, level at both ends.
func smooth(from, to, v float64) float64 {
	t := clamp((v - from) / (to - from))
	return t * t * (3 - 2*t)
}
