package main

import "math"

// mark says how a series is drawn.
type mark int

const (
	curve mark = iota
	dots
	bars
	area
)

// series is one set of data of a chart.
type series struct {
	name   string
	mark   mark
	ink    rgb
	points []point
}

// chart is a plot with two axes. With categories, x counts them from 0.
type chart struct {
	title, xLabel, yLabel string
	categories            []string
	series                []series
	// fromZero makes the vertical axis begin at 0, and downward makes it grow downwards, as magnitudes do.
	fromZero, downward bool
}

// The space around the plotting area, in pixels.
const (
	chartLeft, chartRight = 56, 16
	chartTop, chartBottom = 36, 48
)

// paint draws the chart over the whole canvas.
func (ch *chart) paint(c *canvas) {
	x, y := ch.axes(c)
	ch.paintGrid(c, x, y)
	for i, s := range ch.series {
		ch.paintSeries(c, s, i, x, y)
	}
	c.line(graphite, 1.2, point{x.from, y.to}, point{x.from, y.from}, point{x.to, y.from})
	if ch.downward {
		c.line(graphite, 1.2, point{x.from, y.to}, point{x.from, y.from})
	}
	c.text(ch.title, labelBold, graphite, point{chartLeft, 20}, 0)
	ch.paintLegend(c)
}

// axes fits both axes to the data.
func (ch *chart) axes(c *canvas) (x, y axis) {
	lo, hi := point{math.Inf(1), math.Inf(1)}, point{math.Inf(-1), math.Inf(-1)}
	for _, s := range ch.series {
		for _, p := range s.points {
			lo, hi = point{min(lo.x, p.x), min(lo.y, p.y)}, point{max(hi.x, p.x), max(hi.y, p.y)}
		}
	}
	if ch.fromZero {
		lo.y = 0
	}
	const room = 42 // pixels between two ticks
	x = newAxis(lo.x, hi.x, (c.width()-chartLeft-chartRight)/room)
	y = newAxis(lo.y, hi.y, (c.height()-chartTop-chartBottom)/room)
	if ch.categories != nil {
		x = categoryAxis(ch.categories)
	}
	x.from, x.to = chartLeft, c.width()-chartRight
	y.from, y.to = c.height()-chartBottom, chartTop
	if ch.downward {
		y.lo, y.hi = y.hi, y.lo
	}
	return x, y
}

func (ch *chart) paintGrid(c *canvas, x, y axis) {
	plain := y
	if ch.downward {
		plain.lo, plain.hi = y.hi, y.lo
	}
	for _, t := range plain.ticks() {
		at := y.pixel(t.value)
		c.line(mist, 1, point{x.from, at}, point{x.to, at})
		c.text(t.label, label, slate, point{x.from - 7, at + 4}, 1)
	}
	for _, t := range x.ticks() {
		at := x.pixel(t.value)
		c.line(graphite, 1, point{at, y.from}, point{at, y.from + 4})
		c.text(t.label, label, slate, point{at, y.from + 17}, 0.5)
	}
	c.text(ch.xLabel, label, graphite, point{(x.from + x.to) / 2, c.height() - 10}, 0.5)
	c.textUp(ch.yLabel, label, graphite, point{16, (y.from + y.to) / 2})
}

func (ch *chart) paintSeries(c *canvas, s series, nth int, x, y axis) {
	places := make([]point, len(s.points))
	for i, p := range s.points {
		places[i] = point{x.pixel(p.x), y.pixel(p.y)}
	}
	switch s.mark {
	case curve:
		c.line(s.ink, 2, places...)
	case dots:
		var p outline
		for _, at := range places {
			p.ellipse(at, 2.6, 2.6)
		}
		c.fill(p, s.ink)
	case area:
		corners := append([]point{{places[0].x, y.from}}, places...)
		c.polygon(s.ink.mix(white, 0.65), append(corners, point{places[len(places)-1].x, y.from})...)
		c.line(s.ink, 2, places...)
	case bars:
		ch.paintBars(c, s, nth, places, y.from)
	}
}

// paintBars draws bars that share the room of a category with the chart's other series of bars.
func (ch *chart) paintBars(c *canvas, s series, nth int, places []point, base float64) {
	room := (c.width() - chartLeft - chartRight) / float64(len(places))
	width := room * 0.76 / float64(len(ch.series))
	for _, p := range places {
		left := p.x - room*0.38 + float64(nth)*width
		c.rect(s.ink, point{left, p.y}, point{left + width - 1, base})
	}
}

// paintLegend names the series at the right of the title, where there is more than one.
func (ch *chart) paintLegend(c *canvas) {
	if len(ch.series) < 2 {
		return
	}
	right := c.width() - chartRight
	for i := len(ch.series) - 1; i >= 0; i-- {
		s := ch.series[i]
		if s.name == "" {
			continue
		}
		c.text(s.name, label, graphite, point{right, 20}, 1)
		right -= c.fonts.measure(s.name, label) + 8
		c.disc(s.ink, point{right, 16}, 4)
		right -= 18
	}
}

// sample returns n+1 points of f between two ends.
func sample(from, to float64, n int, f func(x float64) float64) []point {
	points := make([]point, n+1)
	for i := range points {
		x := from + (to-from)*float64(i)/float64(n)
		points[i] = point{x, f(x)}
	}
	return points
}

// columns returns a point for each value, counted from 0.
func columns(values ...float64) []point {
	points := make([]point, len(values))
	for i, v := range values {
		points[i] = point{float64(i), v}
	}
	return points
}
