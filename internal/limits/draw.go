package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strings"

	"exporter/internal/llamacloud/governor/simulate"
)

// panel is a plot of a simulated run: what was accepted and throttled, and the limit, over time.
type panel struct {
	title    string
	scenario simulate.Scenario
	// bin is how many seconds a point stands for, and unit the length in seconds that rates are counted by.
	bin, unit float64
}

const (
	minute = 60.0
	// seed decides what is random in the panels.
	seed = 1
)

func panels() []panel {
	auto := simulate.Client{Auto: true, Workers: 64}
	second := simulate.Limit{Kind: simulate.Sliding, N: 100, W: 1}
	of := func(l simulate.Limit, h simulate.Header, horizon float64, clients ...simulate.Client) simulate.Scenario {
		return simulate.Scenario{Limit: l, Header: h, RTT: 0.1, Jitter: 0.1, Clients: clients, Horizon: horizon}
	}
	late := auto
	late.Joins = minute
	noisy, more := of(second, simulate.Seconds, 5*minute, auto), of(second, simulate.Seconds, 8*minute, auto)
	noisy.Noise = simulate.Noise{Share: 0.01, Wait: 1}
	more.ChangeAt, more.ChangeTo = 2*minute, 400
	return []panel{
		{"a limit of 100 a second", of(second, simulate.Seconds, 5*minute, auto), 1, 1},
		{"the same, and 1 % of all answers throttled at random, Retry-After: 1", noisy, 1, 1},
		{"a limit of 100 a second that becomes 400", more, 1, 1},
		{"two programs on 100 a second, the second from the first minute on", of(second, simulate.Millis, 10*minute, auto, late), 2, 1},
		{"20 a minute, all of which were used up before", of(
			simulate.Limit{Kind: simulate.Fixed, N: 20, W: minute, Used: 20}, simulate.Seconds, 30*minute, auto,
		), minute, minute},
	}
}

// Sizes of the plots, in pixels.
const (
	plotWidth, plotHeight = 840.0, 130.0
	marginLeft, marginTop = 60.0, 40.0
	panelHeight           = plotHeight + 60
)

// draw writes all panels, one below the other, as SVG.
func draw(to io.Writer) error {
	w := bufio.NewWriter(to)
	all := panels()
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" font-family="sans-serif" font-size="12">`+"\n",
		marginLeft+plotWidth+30, marginTop+panelHeight*float64(len(all)))
	fmt.Fprintln(w, `<rect width="100%" height="100%" fill="white"/>`)
	for i, label := range []struct{ color, text string }{
		{colors[0], "accepted"}, {colors[1], "accepted, the second program"}, {throttledColor, "throttled"}, {"black", "the limit (dashed)"},
	} {
		left := marginLeft + 210*float64(i)
		fmt.Fprintf(w, `<rect x="%.1f" y="8" width="12" height="12" fill="%s"/><text x="%.1f" y="18">%s</text>`+"\n",
			left, label.color, left+18, label.text)
	}
	for i, p := range all {
		p.draw(w, marginTop+panelHeight*float64(i)+20)
	}
	fmt.Fprintln(w, `</svg>`)
	return w.Flush()
}

// colors are those of the programs.
var colors = [...]string{"#4477aa", "#228833"}

const throttledColor = "#cc3311"

// draw draws a panel whose plot begins at a height.
func (p panel) draw(w io.Writer, top float64) {
	result := simulate.Run(p.scenario, seed)
	end := p.scenario.Horizon
	highest := p.limitAt(end)
	for i := range result.Clients {
		for at := 0.0; at < end; at += p.bin {
			highest = max(highest, p.rate(result.Clients[i].AcceptedIn(at, at+p.bin)))
		}
	}
	step := niceStep(highest)
	roof := math.Ceil(highest/step) * step
	x := func(at float64) float64 { return marginLeft + at/end*plotWidth }
	y := func(rate float64) float64 { return top + (1-rate/roof)*plotHeight }
	fmt.Fprintf(w, `<text x="%.1f" y="%.1f">%s</text>`+"\n", marginLeft, top-6, p.title)
	for v := 0.0; v <= roof; v += step {
		fmt.Fprintf(w, `<path d="M%.1f %.1fh%.0f" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="end">%g</text>`+"\n",
			marginLeft, y(v), plotWidth, marginLeft-6, y(v)+4, v)
	}
	for at := 0.0; at <= end; at += minute * niceStep(end/minute) {
		fmt.Fprintf(w, `<text x="%.1f" y="%.1f" text-anchor="middle">%g min</text>`+"\n", x(at), top+plotHeight+16, at/minute)
	}
	for i := range result.Clients {
		p.line(w, func(at float64) float64 { return y(p.rate(result.Clients[i].AcceptedIn(at, at+p.bin))) }, x, colors[i%len(colors)])
		for at := 0.0; at < end; at += p.bin {
			if n := result.Clients[i].ThrottledIn(at, at+p.bin); n > 0 {
				fmt.Fprintf(w, `<path d="M%.1f %.1fV%.1f" stroke="%s" stroke-width="1.5"/>`+"\n",
					x(at+p.bin/2), y(0), y(min(roof, p.rate(n))), throttledColor)
			}
		}
	}
	if change := p.scenario.ChangeAt; change > 0 {
		p.dashes(w, x(0), x(change), y(p.limitAt(0)))
		p.dashes(w, x(change), x(end), y(p.limitAt(end)))
		return
	}
	p.dashes(w, x(0), x(end), y(p.limitAt(0)))
}

// rate returns a count of a bin as a rate.
func (p panel) rate(n float64) float64 { return n / p.bin * p.unit }

// limitAt returns the limit at a time.
func (p panel) limitAt(at float64) float64 {
	n := p.scenario.Limit.N
	if p.scenario.ChangeTo > 0 && at >= p.scenario.ChangeAt {
		n = p.scenario.ChangeTo
	}
	return float64(n) / p.scenario.Limit.W * p.unit
}

// line draws a value of each bin.
func (p panel) line(w io.Writer, y func(at float64) float64, x func(at float64) float64, color string) {
	var points []string
	for at := 0.0; at < p.scenario.Horizon; at += p.bin {
		points = append(points, fmt.Sprintf("%.1f,%.1f", x(at+p.bin/2), y(at)))
	}
	fmt.Fprintf(w, `<polyline points="%s" fill="none" stroke="%s"/>`+"\n", strings.Join(points, " "), color)
}

func (p panel) dashes(w io.Writer, from, to, y float64) {
	fmt.Fprintf(w, `<path d="M%.1f %.1fH%.1f" stroke="black" stroke-dasharray="6 4"/>`+"\n", from, y, to)
}

// niceStep returns the distance of some marks on an axis, five at most: 1, 2 or 5 times a power of ten.
func niceStep(length float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(length/5)))
	for _, n := range []float64{1, 2, 5} {
		if length/(n*power) <= 5 {
			return n * power
		}
	}
	return 10 * power
}
