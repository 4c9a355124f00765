package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"strconv"
)

// recording is a recorded run.
type recording struct {
	// limit is in requests a second.
	limit float64
	// accepted and throttled count the requests of each bin, which is binWidth seconds wide.
	accepted, throttled []int
}

const binWidth = 0.5

func drawFile(name string, w io.Writer) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	r, err := readRecording(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return r.draw(w)
}

func readRecording(from io.Reader) (*recording, error) {
	rows := csv.NewReader(from)
	rows.FieldsPerRecord = 2
	first, err := rows.Read()
	if err != nil {
		return nil, err
	}
	r := &recording{}
	if r.limit, err = strconv.ParseFloat(first[1], 64); err != nil || first[0] != "limit" {
		return nil, errors.New("it does not begin with the limit")
	}
	for {
		row, err := rows.Read()
		if err == io.EOF {
			return r, nil
		}
		if err != nil {
			return nil, err
		}
		at, err := strconv.ParseFloat(row[0], 64)
		if err != nil {
			return nil, err
		}
		r.add(at, row[1] == strconv.Itoa(http.StatusTooManyRequests))
	}
}

func (r *recording) add(at float64, throttled bool) {
	for bin := int(at / binWidth); bin >= len(r.accepted); {
		r.accepted, r.throttled = append(r.accepted, 0), append(r.throttled, 0)
	}
	if throttled {
		r.throttled[int(at/binWidth)]++
	} else {
		r.accepted[int(at/binWidth)]++
	}
}

// Sizes of the plot, in pixels.
const (
	plotWidth, plotHeight = 840.0, 300.0
	marginLeft, marginTop = 60.0, 40.0
)

// draw writes the requests of each bin as bars, and the limit as a line, as SVG.
func (r *recording) draw(to io.Writer) error {
	highest := r.limit * binWidth
	for i, n := range r.accepted {
		highest = max(highest, float64(n+r.throttled[i]))
	}
	yStep := niceStep(highest / binWidth)
	top := math.Ceil(highest/binWidth/yStep) * yStep
	end := float64(len(r.accepted)) * binWidth
	x := func(seconds float64) float64 { return marginLeft + seconds/end*plotWidth }
	y := func(perSecond float64) float64 { return marginTop + (1-perSecond/top)*plotHeight }

	w := bufio.NewWriter(to)
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" font-family="sans-serif" font-size="12">`+"\n",
		marginLeft+plotWidth+30, marginTop+plotHeight+60)
	fmt.Fprintln(w, `<rect width="100%" height="100%" fill="white"/>`)
	for v := 0.0; v <= top; v += yStep {
		fmt.Fprintf(w, `<path d="M%.1f %.1fh%.0f" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="end">%g</text>`+"\n",
			marginLeft, y(v), plotWidth, marginLeft-6, y(v)+4, v)
	}
	for v, step := 0.0, niceStep(end); v <= end; v += step {
		fmt.Fprintf(w, `<text x="%.1f" y="%.1f" text-anchor="middle">%g s</text>`+"\n", x(v), marginTop+plotHeight+18, v)
	}
	for i, n := range r.accepted {
		left, width := x(float64(i)*binWidth), plotWidth/float64(len(r.accepted))-1
		accepted, all := y(float64(n)/binWidth), y(float64(n+r.throttled[i])/binWidth)
		fmt.Fprintf(w, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="#4477aa"/>`, left, accepted, width, y(0)-accepted)
		fmt.Fprintf(w, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="#cc3311"/>`+"\n", left, all, width, accepted-all)
	}
	fmt.Fprintf(w, `<path d="M%.1f %.1fh%.0f" stroke="black" stroke-dasharray="6 4"/>`+"\n", marginLeft, y(r.limit), plotWidth)
	for i, label := range []struct{ color, text string }{
		{"#4477aa", "accepted requests a second"}, {"#cc3311", "throttled"}, {"black", "the limit (dashed)"},
	} {
		left := marginLeft + 240*float64(i)
		fmt.Fprintf(w, `<rect x="%.1f" y="12" width="12" height="12" fill="%s"/><text x="%.1f" y="22">%s</text>`+"\n",
			left, label.color, left+18, label.text)
	}
	fmt.Fprintln(w, `</svg>`)
	return w.Flush()
}

// niceStep returns the distance of five to ten marks on an axis: 1, 2 or 5 times a power of ten.
func niceStep(length float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(length/5)))
	for _, n := range []float64{5, 2} {
		if length/(n*power) >= 5 {
			return n * power
		}
	}
	return power
}
