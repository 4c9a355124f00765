package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Sizes of the plots, in pixels.
const (
	plotWidth, plotHeight, plotGap = 840.0, 130.0, 50.0
	marginLeft, marginTop          = 60.0, 30.0
)

// plot is a number for each night.
type plot struct {
	title string
	of    func(night) float64
	// dots draws a dot for each night, and not a line through all.
	dots bool
}

// writeNights draws what nights cost and leave, one plot below the other, as SVG.
func writeNights(to io.Writer, all []night) error {
	plots := []plot{
		{"CPU seconds of a night", func(n night) float64 { return n.cpu.Seconds() }, true},
		{"MiB that a night writes", func(n night) float64 { return float64(n.written) / (1 << 20) }, true},
		{"shards", func(n night) float64 { return float64(n.shards) }, false},
	}
	w := bufio.NewWriter(to)
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" font-family="sans-serif" font-size="12">`+"\n",
		marginLeft+plotWidth+30, marginTop+(plotHeight+plotGap)*float64(len(plots)))
	fmt.Fprintln(w, `<rect width="100%" height="100%" fill="white"/>`)
	for i, p := range plots {
		p.draw(w, marginTop+(plotHeight+plotGap)*float64(i), all)
	}
	fmt.Fprintln(w, `</svg>`)
	return w.Flush()
}

// draw draws a plot that begins at a height, with its highest value at the top.
func (p *plot) draw(w io.Writer, top float64, all []night) {
	highest := 0.0
	for _, n := range all {
		highest = max(highest, p.of(n))
	}
	x := func(i int) float64 { return marginLeft + plotWidth*float64(i+1)/float64(len(all)) }
	y := func(v float64) float64 { return top + plotHeight*(1-v/max(highest, 1e-9)) }
	fmt.Fprintf(w, `<text x="%.1f" y="%.1f">%s</text>`+"\n", marginLeft, top-8, p.title)
	for _, v := range []float64{0, highest / 2, highest} {
		fmt.Fprintf(w, `<path d="M%.1f %.1fh%.0f" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="end">%.3g</text>`+"\n",
			marginLeft, y(v), plotWidth, marginLeft-6, y(v)+4, v)
	}
	for _, i := range []int{0, len(all)/2 - 1, len(all) - 1} {
		fmt.Fprintf(w, `<text x="%.1f" y="%.1f" text-anchor="middle">night %d</text>`+"\n", x(i), top+plotHeight+16, i+1)
	}
	var points []string
	for i, n := range all {
		if p.dots {
			fmt.Fprintf(w, `<circle cx="%.1f" cy="%.1f" r="1.5" fill="#4477aa"/>`+"\n", x(i), y(p.of(n)))
			continue
		}
		points = append(points, fmt.Sprintf("%.1f,%.1f", x(i), y(p.of(n))))
	}
	if !p.dots {
		fmt.Fprintf(w, `<polyline points="%s" fill="none" stroke="#4477aa"/>`+"\n", strings.Join(points, " "))
	}
}
