package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// tasksBin is how many seconds a point of the plot stands for.
const tasksBin = 5

// taskColors are those of the tasks.
var taskColors = [tasks]string{"#4477aa", "#228833", "#ccbb44", "#aa3377"}

// writeTasks draws how many requests a second each task got, above all of them together, as SVG.
func writeTasks(to io.Writer, of sampled) error {
	rates := of.rates()
	together := make([]float64, len(rates[0]))
	for _, rate := range rates {
		for i, v := range rate {
			together[i] += v
		}
	}
	w := bufio.NewWriter(to)
	height := marginTop + plotHeight + plotGap
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" font-family="sans-serif" font-size="12">`+"\n",
		marginLeft+plotWidth+30, height)
	fmt.Fprintln(w, `<rect width="100%" height="100%" fill="white"/>`)
	fmt.Fprintf(w, `<text x="%.1f" y="%.1f">accepted requests a second: of each part, and together (black); the limit is %d (dashed)</text>`+"\n",
		marginLeft, marginTop-10, limit)
	const roof = 1.2 * limit
	x := func(i int) float64 { return marginLeft + plotWidth*float64(i)/float64(max(1, len(together)-1)) }
	y := func(v float64) float64 { return marginTop + plotHeight*(1-min(v, roof)/roof) }
	for _, v := range []float64{0, limit / 4, limit / 2, limit} {
		fmt.Fprintf(w, `<path d="M%.1f %.1fh%.0f" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="end">%.0f</text>`+"\n",
			marginLeft, y(v), plotWidth, marginLeft-6, y(v)+4, v)
	}
	fmt.Fprintf(w, `<path d="M%.1f %.1fh%.0f" stroke="black" stroke-dasharray="6 4"/>`+"\n", marginLeft, y(limit), plotWidth)
	for i := range together {
		if (i*tasksBin)%60 == 0 {
			fmt.Fprintf(w, `<text x="%.1f" y="%.1f" text-anchor="middle">%d min</text>`+"\n", x(i), marginTop+plotHeight+16, i*tasksBin/60)
		}
	}
	line := func(values []float64, color string) {
		var points []string
		for i, v := range values {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(i), y(v)))
		}
		fmt.Fprintf(w, `<polyline points="%s" fill="none" stroke="%s"/>`+"\n", strings.Join(points, " "), color)
	}
	for i, rate := range rates {
		line(rate, taskColors[i])
	}
	line(together, "black")
	fmt.Fprintln(w, `</svg>`)
	return w.Flush()
}

// rates returns what each got, a second, in each bin that is whole.
func (of sampled) rates() [][]float64 {
	rates := make([][]float64, len(of))
	for i, passed := range of {
		for at := tasksBin; at < len(passed); at += tasksBin {
			rates[i] = append(rates[i], (passed[at]-passed[at-tasksBin])/tasksBin)
		}
	}
	return rates
}
