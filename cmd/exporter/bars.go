package main

import (
	"strings"
	"unicode/utf8"
)

// bar is a line that shows how far something is: as a bar, or, where there is no total for it, in words alone.
type bar struct {
	name string
	// before and after are the texts beside the bar.
	before string
	after  []part
	// done of total is how full the bar is; hasBar is always or never true.
	done, total int64
	hasBar      bool
}

// part is one of some texts of a line. Where there is no room for all, the one of the highest rank becomes short first, and then is
// left out.
type part struct {
	text, short string
	rank        int
}

// The widths of a bar, and the columns from which on there is one of them.
const (
	barWidth, barColumns           = 28, 100
	shortBarWidth, shortBarColumns = 12, 60
)

// barLines draws bars below each other, in lines of so many columns at most.
func barLines(bars []bar, columns int) []string {
	width := 0
	switch {
	case columns >= barColumns:
		width = barWidth
	case columns >= shortBarColumns:
		width = shortBarWidth
	}
	names, befores := 0, 0
	for _, b := range bars {
		names = max(names, textColumns(b.name))
		if b.hasBar {
			befores = max(befores, textColumns(b.before))
		}
	}
	lines := make([]string, len(bars))
	for i, b := range bars {
		line := pad(b.name, names) + " "
		before := b.before
		if b.hasBar && width > 0 {
			before = strings.Repeat(" ", befores-textColumns(before)) + before + " [" + fill(b.done, b.total, width) + "]"
		}
		if before != "" {
			line += before + "  "
		}
		line += fit(b.after, columns-textColumns(line))
		lines[i] = cut(strings.TrimRight(line, " "), columns)
	}
	return lines
}

// fill draws a bar of so many columns. What is not done has always some room.
func fill(done, total int64, width int) string {
	n := 0
	if total > 0 {
		n = int(min(float64(done)/float64(total), 1) * float64(width))
	}
	switch {
	case n >= width:
		return strings.Repeat("=", width)
	case n == 0:
		return strings.Repeat("-", width)
	}
	return strings.Repeat("=", n-1) + ">" + strings.Repeat("-", width-n)
}

// fit joins as many of the parts as there is room for.
func fit(parts []part, columns int) string {
	shown := make([]part, 0, len(parts))
	for _, p := range parts {
		if p.text != "" {
			shown = append(shown, p)
		}
	}
	for len(shown) > 0 {
		text, last := "", 0
		for i, p := range shown {
			if i > 0 {
				text += ", "
			}
			text += p.text
			if p.rank >= shown[last].rank {
				last = i
			}
		}
		if textColumns(text) <= columns {
			return text
		}
		if p := &shown[last]; p.short != "" {
			p.text, p.short = p.short, ""
		} else {
			shown = append(shown[:last], shown[last+1:]...)
		}
	}
	return ""
}

// pad fills a text up with spaces.
func pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-textColumns(text)))
}

// cut shortens a text to so many columns.
func cut(text string, columns int) string {
	for textColumns(text) > columns {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}

// textColumns is how many columns a text takes at most. Letters of the Latin, Greek and Cyrillic scripts take one, others may take two.
func textColumns(text string) (columns int) {
	for _, r := range text {
		columns++
		if r >= 0x1100 {
			columns++
		}
	}
	return columns
}
