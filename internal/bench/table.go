package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// table is a Markdown table that can be read as it is. Its first row is the header.
type table struct{ rows [][]string }

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// write writes the table with its columns aligned: the first one to the left, numbers to the right.
func (t *table) write(w io.Writer) error {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	b.WriteString("\n")
	for n, row := range t.rows {
		for i, width := range widths {
			format := "| %*s "
			if i == 0 {
				format = "| %-*s "
			}
			fmt.Fprintf(&b, format, width, row[i])
		}
		b.WriteString("|\n")
		if n > 0 {
			continue
		}
		for i, width := range widths {
			rule := strings.Repeat("-", width-1)
			if i == 0 {
				b.WriteString("| " + rule + "- ")
			} else {
				b.WriteString("| " + rule + ": ")
			}
		}
		b.WriteString("|\n")
	}
	b.WriteString("\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// median returns the value in the middle, or half-way between the two in the middle. There has to be one.
func median[T ~int64](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// medianOf returns the median of what of returns.
func medianOf[S any, T ~int64](samples []S, of func(S) T) T { return median(collect(samples, of)) }

func collect[S any, T cmp.Ordered](samples []S, of func(S) T) []T {
	values := make([]T, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	return values
}

func inSeconds(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()) }

// inMiB returns a size in MiB; "-" stands for one that is not known.
func inMiB(bytes int64) string {
	if bytes == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", float64(bytes)/(1<<20))
}

func ratio(a, b time.Duration) float64 { return a.Seconds() / b.Seconds() }

// verdict tells whether a target is reached.
func verdict(reached bool) string {
	if reached {
		return "reached"
	}
	return "missed"
}

func inPercent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }
