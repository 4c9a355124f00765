package main

import (
	"math"
	"strconv"
)

// axis maps data to pixels along one side of a chart.
type axis struct {
	lo, hi     float64 // data
	from, to   float64 // pixels
	step       float64 // between two ticks
	categories []string
}

// newAxis returns an axis that holds lo and hi, ends on ticks, and has room for n steps between them.
func newAxis(lo, hi, n float64) axis {
	least := (hi - lo) / n
	step := math.Pow(10, math.Floor(math.Log10(least)))
	for _, factor := range []float64{2, 2.5, 2} {
		if step < least {
			step *= factor
		}
	}
	return axis{lo: math.Floor(lo/step+1e-9) * step, hi: math.Ceil(hi/step-1e-9) * step, step: step}
}

// categoryAxis returns an axis on which the datum i stands above the label i.
func categoryAxis(labels []string) axis {
	return axis{lo: -0.5, hi: float64(len(labels)) - 0.5, step: 1, categories: labels}
}

func (a axis) pixel(v float64) float64 {
	return a.from + (v-a.lo)/(a.hi-a.lo)*(a.to-a.from)
}

// tick is a place on an axis and its label.
type tick struct {
	value float64
	label string
}

func (a axis) ticks() []tick {
	var all []tick
	for i, s := range a.categories {
		all = append(all, tick{float64(i), s})
	}
	if all != nil {
		return all
	}
	decimals := max(0, -int(math.Floor(math.Log10(a.step)+1e-9)))
	for i := range int(math.Round((a.hi-a.lo)/a.step)) + 1 {
		v := a.lo + float64(i)*a.step
		all = append(all, tick{v, strconv.FormatFloat(v, 'f', decimals, 64)})
	}
	return all
}
