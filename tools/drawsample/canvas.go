package main

import (
	"image"
	"image/color"
	"image/draw"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// point is a place on a canvas in pixels, x to the right and y down, or a datum of a chart.
type point struct{ x, y float64 }

// polar returns the point at a distance from p, at an angle in radians that grows clockwise from the right.
func (p point) polar(angle, distance float64) point {
	return point{p.x + distance*math.Cos(angle), p.y + distance*math.Sin(angle)}
}

// canvas is a picture to draw on. It is not safe for concurrent use.
type canvas struct {
	*image.RGBA
	fonts *typecase
}

func newCanvas(width, height int, t *typecase, paper rgb) *canvas {
	c := &canvas{RGBA: image.NewRGBA(image.Rect(0, 0, width, height)), fonts: t}
	draw.Draw(c.RGBA, c.Rect, image.NewUniform(paper), image.Point{}, draw.Src)
	return c
}

// shrink is how many pixels of a canvas, across and down, are one of the picture that is stored. It divides the sides of every
// canvas. Pictures are drawn large for the shapes of letters, and stored small because they are part of the program.
const shrink = 2

// shrunk returns what is stored of the canvas: each pixel is the mean of those that it stands for.
func (c *canvas) shrunk() *image.RGBA {
	small := image.NewRGBA(image.Rect(0, 0, c.Rect.Dx()/shrink, c.Rect.Dy()/shrink))
	for i := range small.Pix {
		x, y, channel := i%small.Stride/4*shrink, i/small.Stride*shrink, i%4
		sum := 0
		for dy := range shrink {
			for dx := range shrink {
				sum += int(c.Pix[c.PixOffset(x+dx, y+dy)+channel])
			}
		}
		small.Pix[i] = uint8((sum + shrink*shrink/2) / (shrink * shrink))
	}
	return small
}

func (c *canvas) width() float64  { return float64(c.Rect.Dx()) }
func (c *canvas) height() float64 { return float64(c.Rect.Dy()) }

// outline is a set of closed shapes that are filled at once, so that edges that meet do not shine through. Its shapes
// all turn the same way round: where they overlap they add up.
type outline [][]point

// segment adds a straight stroke of the given width, with round ends.
func (p *outline) segment(a, b point, width float64) {
	length := math.Hypot(b.x-a.x, b.y-a.y)
	if length > 0 {
		nx, ny := (a.y-b.y)/length*width/2, (b.x-a.x)/length*width/2
		*p = append(*p, []point{{a.x - nx, a.y - ny}, {b.x - nx, b.y - ny}, {b.x + nx, b.y + ny}, {a.x + nx, a.y + ny}})
	}
	if width > 1.5 {
		p.ellipse(a, width/2, width/2)
		p.ellipse(b, width/2, width/2)
	}
}

// ellipse adds an ellipse with the given radii.
func (p *outline) ellipse(center point, rx, ry float64) {
	n := 8 + int(2*math.Sqrt(max(rx, ry))*3)
	shape := make([]point, n)
	for i := range shape {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		shape[i] = point{center.x + rx*cos, center.y + ry*sin}
	}
	*p = append(*p, shape)
}

// fill paints the shapes of an outline, anti-aliased.
func (c *canvas) fill(p outline, ink color.Color) {
	lo, hi := point{math.Inf(1), math.Inf(1)}, point{math.Inf(-1), math.Inf(-1)}
	for _, shape := range p {
		for _, q := range shape {
			lo = point{min(lo.x, q.x), min(lo.y, q.y)}
			hi = point{max(hi.x, q.x), max(hi.y, q.y)}
		}
	}
	bounds := image.Rect(floor(lo.x), floor(lo.y), floor(hi.x)+2, floor(hi.y)+2).Intersect(c.Rect.Inset(-64))
	if bounds.Empty() {
		return
	}
	ox, oy := float64(bounds.Min.X), float64(bounds.Min.Y)
	r := vector.NewRasterizer(bounds.Dx(), bounds.Dy())
	for _, shape := range p {
		r.MoveTo(float32(shape[0].x-ox), float32(shape[0].y-oy))
		for _, q := range shape[1:] {
			r.LineTo(float32(q.x-ox), float32(q.y-oy))
		}
		r.ClosePath()
	}
	mask := image.NewAlpha(image.Rect(0, 0, bounds.Dx(), bounds.Dy()))
	r.Draw(mask, mask.Rect, image.Opaque, image.Point{})
	draw.DrawMask(c.RGBA, bounds, image.NewUniform(ink), image.Point{}, mask, image.Point{}, draw.Over)
}

func floor(v float64) int { return int(math.Floor(min(max(v, -1e6), 1e6))) }

// polygon fills the shape with the given corners.
func (c *canvas) polygon(ink color.Color, corners ...point) { c.fill(outline{corners}, ink) }

// line strokes an open line through the given points.
func (c *canvas) line(ink color.Color, width float64, through ...point) {
	var p outline
	for i := 1; i < len(through); i++ {
		p.segment(through[i-1], through[i], width)
	}
	c.fill(p, ink)
}

// dashes strokes a broken line from a to b.
func (c *canvas) dashes(ink color.Color, width, dash float64, a, b point) {
	length := math.Hypot(b.x-a.x, b.y-a.y)
	along := func(d float64) point { return point{a.x + (b.x-a.x)*d/length, a.y + (b.y-a.y)*d/length} }
	var p outline
	for d := 0.0; d < length; d += 2 * dash {
		p.segment(along(d), along(min(d+dash, length)), width)
	}
	c.fill(p, ink)
}

// rect fills a rectangle given by two opposite corners.
func (c *canvas) rect(ink color.Color, a, b point) {
	c.polygon(ink, a, point{b.x, a.y}, b, point{a.x, b.y})
}

// frame strokes the outline of a rectangle.
func (c *canvas) frame(ink color.Color, width float64, a, b point) {
	c.line(ink, width, a, point{b.x, a.y}, b, point{a.x, b.y}, a)
}

// disc fills a circle.
func (c *canvas) disc(ink color.Color, center point, radius float64) {
	var p outline
	p.ellipse(center, radius, radius)
	c.fill(p, ink)
}

// arc strokes a part of a circle, between two angles in radians.
func (c *canvas) arc(ink color.Color, width float64, center point, radius, from, to float64) {
	n := 2 + int(math.Abs(to-from)*math.Sqrt(radius)*2)
	points := make([]point, n+1)
	for i := range points {
		points[i] = center.polar(from+(to-from)*float64(i)/float64(n), radius)
	}
	c.line(ink, width, points...)
}

// ring strokes a circle.
func (c *canvas) ring(ink color.Color, width float64, center point, radius float64) {
	c.arc(ink, width, center, radius, 0, 2*math.Pi)
}

// arrow strokes a line from a to b with a head at b.
func (c *canvas) arrow(ink color.Color, width float64, a, b point) {
	angle, size := math.Atan2(b.y-a.y, b.x-a.x), 4+3*width
	c.line(ink, width, a, b.polar(angle, -size/2))
	c.polygon(ink, b, b.polar(angle+math.Pi-0.4, size), b.polar(angle+math.Pi+0.4, size))
}

// text writes one line. The anchor says which part of it stands at the given place on the base line: 0 the beginning,
// 0.5 the middle, 1 the end.
func (c *canvas) text(s string, st style, ink color.Color, at point, anchor float64) {
	at.x -= anchor * c.fonts.measure(s, st)
	d := font.Drawer{Dst: c.RGBA, Src: image.NewUniform(ink), Face: c.fonts.faces[st]}
	d.Dot = fixed.Point26_6{X: fixed.Int26_6(math.Round(at.x * 64)), Y: fixed.Int26_6(math.Round(at.y * 64))}
	d.DrawString(s)
}

// textUp writes one line that is read from below, its middle at the given place.
func (c *canvas) textUp(s string, st style, ink color.Color, at point) {
	const above, below = 16, 8
	width := int(c.fonts.measure(s, st)) + 1
	level := image.NewAlpha(image.Rect(0, -above, width, below))
	d := font.Drawer{Dst: level, Src: image.Opaque, Face: c.fonts.faces[st]}
	d.DrawString(s)
	upright := image.NewAlpha(image.Rect(-above, 0, below, width))
	for y := -above; y < below; y++ {
		for x := range width {
			upright.SetAlpha(y, width-1-x, level.AlphaAt(x, y))
		}
	}
	place := upright.Rect.Add(image.Pt(int(at.x), int(at.y)-width/2))
	draw.DrawMask(c.RGBA, place, image.NewUniform(ink), image.Point{}, upright, upright.Rect.Min, draw.Over)
}

// shade gives every pixel the colour that f returns for its place, where the picture is 1 high.
func (c *canvas) shade(f func(u, v float64) light) {
	h := c.height()
	for y := c.Rect.Min.Y; y < c.Rect.Max.Y; y++ {
		for x := c.Rect.Min.X; x < c.Rect.Max.X; x++ {
			ink := f((float64(x)+0.5)/h, (float64(y)+0.5)/h).rgb()
			c.SetRGBA(x, y, color.RGBA{R: uint8(ink >> 16), G: uint8(ink >> 8), B: uint8(ink), A: 0xff})
		}
	}
}
