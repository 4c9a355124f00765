package main

import (
	"math"
	"strconv"
)

// heatMap is a grid of coloured cells with a scale beside it.
type heatMap struct {
	title, unit   string
	rows, columns []string
	low, high     rgb
	// decimals of the numbers in the cells; negative leaves the cells without.
	decimals int
	value    func(row, column int) float64
}

// paint draws the map over the whole canvas.
func (h *heatMap) paint(c *canvas) {
	lo, hi := math.Inf(1), math.Inf(-1)
	for i := range h.rows {
		for j := range h.columns {
			v := h.value(i, j)
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	const left, top, right, bottom = 80, 36, 76, 28
	w := (c.width() - left - right) / float64(len(h.columns))
	ht := (c.height() - top - bottom) / float64(len(h.rows))
	for i, row := range h.rows {
		y := top + float64(i)*ht
		c.text(row, label, slate, point{left - 8, y + ht/2 + 4}, 1)
		for j := range h.columns {
			x, v := left+float64(j)*w, h.value(i, j)
			share := (v - lo) / (hi - lo)
			c.rect(h.low.mix(h.high, share), point{x, y}, point{x + w - 1, y + ht - 1})
			if h.decimals >= 0 {
				ink := graphite
				if share > 0.55 {
					ink = white
				}
				c.text(strconv.FormatFloat(v, 'f', h.decimals, 64), label, ink, point{x + w/2, y + ht/2 + 4}, 0.5)
			}
		}
	}
	for j, column := range h.columns {
		c.text(column, label, slate, point{left + (float64(j)+0.5)*w, c.height() - 10}, 0.5)
	}
	c.text(h.title, labelBold, graphite, point{left, 20}, 0)
	h.paintScale(c, lo, hi, point{c.width() - right + 16, top}, c.height()-bottom)
}

func (h *heatMap) paintScale(c *canvas, lo, hi float64, at point, bottom float64) {
	const width, steps = 14, 40
	for i := range steps {
		y := bottom + (at.y-bottom)*float64(i)/steps
		c.rect(h.low.mix(h.high, float64(i)/(steps-1)), point{at.x, y + (at.y-bottom)/steps}, point{at.x + width, y})
	}
	decimals := max(h.decimals, 0)
	c.text(strconv.FormatFloat(hi, 'f', decimals, 64), label, slate, point{at.x + width + 5, at.y + 10}, 0)
	c.text(strconv.FormatFloat(lo, 'f', decimals, 64), label, slate, point{at.x + width + 5, bottom}, 0)
	c.text(h.unit, label, slate, point{at.x + width + 5, (at.y+bottom)/2 + 4}, 0)
}
