package phash

import (
	"math"
	"slices"
)

// grain is what frequencies are rounded to. They are sums of up to a million, with errors of some 1e-10, and what is equal must stay so: all
// frequencies of a flat picture but the lowest are 0.
const grain = 1e-6

// cosines returns the matrix of the cosine transform of type II, of which only the lowest frequencies are needed.
func cosines() *[kept][side]float64 {
	var all [kept][side]float64
	for k := range all {
		for n := range all[k] {
			all[k][n] = 2 * math.Cos(math.Pi*float64(k*(2*n+1))/(2*side))
		}
	}
	return &all
}

// lowestFrequencies transforms columns, then rows, without a norm. The result is row by row.
func lowestFrequencies(pixels *[side][side]uint8) []float64 {
	c := cosines()
	var columns [kept][side]float64
	for k := range columns {
		for y := range pixels {
			for x, pixel := range &pixels[y] {
				columns[k][x] += float64(c[k][y] * float64(pixel))
			}
		}
	}
	lowest := make([]float64, 0, kept*kept)
	for k := range columns {
		for l := range kept {
			sum := 0.0
			for x, f := range &columns[k] {
				sum += float64(c[l][x] * f)
			}
			lowest = append(lowest, math.Round(sum/grain)*grain)
		}
	}
	return lowest
}

// median returns the mean of the two values in the middle.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[len(sorted)/2-1] + sorted[len(sorted)/2]) / 2
}
