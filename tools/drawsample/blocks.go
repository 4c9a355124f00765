package main

import (
	"fmt"
	"image"
	"math"
	"strconv"
	"strings"
)

// block sets a part of a page at the place that the sheet has come to.
type block func(s *sheet) error

// title opens a document.
func title(text, subtitle string) block {
	return func(s *sheet) error {
		lines := s.fonts.wrap(text, titleStyle, bodyWidth, 0)
		top, err := s.claim(len(lines)*40 + 48)
		if err != nil {
			return err
		}
		for i, line := range lines {
			s.text(line, titleStyle, graphite, point{bodyLeft, float64(top + 32 + 40*i)}, 0)
		}
		s.text(subtitle, bodyItalic, slate, point{bodyLeft, float64(top + 40*len(lines) + 16)}, 0)
		return nil
	}
}

// heading opens a section.
func heading(text string) block {
	return func(s *sheet) error {
		top, err := s.claim(48)
		if err != nil {
			return err
		}
		s.text(text, headingStyle, graphite, point{bodyLeft, float64(top + 24)}, 0)
		return nil
	}
}

// write sets a paragraph of so many sentences.
func write(sentences int) block { return entry("", sentences) }

// entry sets a paragraph that begins with a few words in bold.
func entry(lead string, sentences int) block {
	return func(s *sheet) error {
		text, err := s.sentences.paragraph(sentences)
		if err != nil {
			return err
		}
		return s.paragraph(lead, text, 0)
	}
}

// say sets a paragraph of the given text after a lead in bold.
func say(lead, text string) block {
	return func(s *sheet) error { return s.paragraph(lead, text, 0) }
}

// list sets numbered paragraphs.
func list(items ...string) block {
	return func(s *sheet) error {
		for i, text := range items {
			number := point{bodyLeft + 16, float64(s.y + 16)}
			if err := s.paragraph("", text, 32); err != nil {
				return err
			}
			s.text(strconv.Itoa(i+1)+".", bodyBold, rust, number, 0.5)
			s.y -= grid
		}
		s.y += grid
		return nil
	}
}

// paragraph sets a justified text after a lead in bold, both moved to the right by indent, and leaves some space below.
func (s *sheet) paragraph(lead, text string, indent float64) error {
	run := 0.0
	if lead != "" {
		run = s.fonts.measure(lead, bodyBold) + 10
	}
	width := bodyWidth - indent
	lines := s.fonts.wrap(text, body, width, run)
	top, err := s.claim(len(lines)*leading + grid)
	if err != nil {
		return err
	}
	base := float64(top + 16)
	s.text(lead, bodyBold, graphite, point{bodyLeft + indent, base}, 0)
	for i, line := range lines {
		last := i == len(lines)-1
		s.justify(line, body, graphite, point{bodyLeft + indent + run, base}, width-run, last)
		base, run = base+leading, 0
	}
	return nil
}

// show places a figure in the middle, its caption below.
func show(f figure) block { return row(f) }

// rowGap is the space between two figures of a row, in pixels.
const rowGap = 24

// row places figures beside each other, each with its caption below.
func row(figures ...figure) block {
	return func(s *sheet) error {
		const captionHeight = 40
		width, height := rowGap*(len(figures)-1), 0
		for _, f := range figures {
			width, height = width+f.width, max(height, f.height)
		}
		top, err := s.claim(grid + height + captionHeight)
		if err != nil {
			return err
		}
		top += grid
		left := (bodyLeft + (bodyWidth-width)/2) / grid * grid
		for _, f := range figures {
			if err := s.place(f, image.Pt(left, top)); err != nil {
				return err
			}
			middle := float64(left) + float64(f.width)/2
			s.text(f.caption, caption, slate, point{middle, float64(top + height + 16)}, 0.5)
			left += f.width + rowGap
		}
		return nil
	}
}

// letterhead places the mark of the press at the right of the page's head.
func letterhead(s *sheet) error {
	logo := figure{width: 128, height: 48, paint: paintLogo, noise: isNoise}
	return s.place(logo, image.Pt(bodyRight-128, 24))
}

// tailpiece places an ornament.
func tailpiece(s *sheet) error {
	top, err := s.claim(40)
	if err != nil {
		return err
	}
	ornament := figure{width: 160, height: 24, paint: paintOrnament, noise: isNoise}
	return s.place(ornament, image.Pt(bodyLeft+(bodyWidth-160)/2, top+grid))
}

// blank places a figure on which there is nothing.
func blank(s *sheet) error {
	return s.place(figure{width: 96, height: 24, paint: paintNothing, noise: nullVerdict}, image.Pt(24, 24))
}

// column is a column of a table: its head, its share of the width, and whether it holds numbers.
type column struct {
	head    string
	share   float64
	numbers bool
}

// table sets a ruled table. The cells of a row are separated by " | ", and there are as many as columns.
func table(columns []column, rows ...string) block {
	return func(s *sheet) error {
		top, err := s.claim((len(rows)+1)*leading + 32)
		if err != nil {
			return err
		}
		top += grid
		total := 0.0
		for _, c := range columns {
			total += c.share
		}
		s.line(graphite, 1.6, point{bodyLeft, float64(top)}, point{bodyRight, float64(top)})
		const separator = " | "
		heads := make([]string, len(columns))
		for i, c := range columns {
			heads[i] = c.head
		}
		for i, line := range append([]string{strings.Join(heads, separator)}, rows...) {
			cells := strings.Split(line, separator)
			if len(cells) != len(columns) {
				return fmt.Errorf("row %d of a table has %d cells and not %d", i, len(cells), len(columns))
			}
			y, left := float64(top+leading*i), float64(bodyLeft)
			for k, text := range cells {
				width := math.Round(bodyWidth * columns[k].share / total)
				s.tableCell(text, columns[k].numbers, i == 0, point{left, y}, width)
				left += width
			}
			s.line(silver, 1, point{bodyLeft, y + leading}, point{bodyRight, y + leading})
		}
		bottom := float64(top + leading*(len(rows)+1))
		s.line(graphite, 1.6, point{bodyLeft, bottom}, point{bodyRight, bottom})
		return nil
	}
}

func (s *sheet) tableCell(text string, numbers, head bool, at point, width float64) {
	st := cell
	if head {
		st = cellBold
	}
	base := at.y + 16
	if numbers {
		s.text(text, st, graphite, point{at.x + width - 12, base}, 1)
		return
	}
	s.text(text, st, graphite, point{at.x + 6, base}, 0)
}
