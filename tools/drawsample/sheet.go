package main

import (
	"fmt"
	"image"
	"image/draw"
	"math"
	"strconv"
)

// grid is what base lines and figures stand on, in pixels.
const grid = 8

// The page and the edges of its body, in pixels and on the grid.
const (
	pageWidth, pageHeight = 736, 928
	bodyLeft, bodyRight   = 88, 648
	bodyTop, bodyBottom   = 112, 864
	bodyWidth             = bodyRight - bodyLeft
	leading               = 24
)

// sheet is a page that is being set, from the top down.
type sheet struct {
	*canvas
	doc       *document
	sentences *prose
	// number is the page's number as printed, from 1; index is its page_index.
	number, index int
	// y is where the next block begins, on the grid.
	y       int
	figures []picture
}

func newSheet(d *document, nth int, fonts *typecase, sentences *prose) *sheet {
	s := &sheet{
		canvas:    newCanvas(pageWidth, pageHeight, fonts, white),
		doc:       d,
		sentences: sentences,
		number:    nth + 1,
		index:     nth + d.firstIndex,
		y:         bodyTop,
	}
	s.text(d.header, caption, slate, point{bodyLeft, 64}, 0)
	s.line(silver, 1, point{bodyLeft, 80.5}, point{bodyRight, 80.5})
	s.text(strconv.Itoa(s.number), body, slate, point{pageWidth / 2, 896}, 0.5)
	return s
}

// claim takes the given height for a block and returns where it begins.
func (s *sheet) claim(height int) (top int, err error) {
	height = (height + grid - 1) / grid * grid
	if s.y+height > bodyBottom {
		return 0, fmt.Errorf("a block of %d pixels does not fit below %d: the page ends at %d", height, s.y, bodyBottom)
	}
	top = s.y
	s.y += height
	return top, nil
}

// place draws a figure with its upper left corner at the given place, and records it.
func (s *sheet) place(f figure, at image.Point) error {
	c := newCanvas(f.width, f.height, s.fonts, white)
	f.paint(c, newRandom(s.doc.key, f.caption))
	draw.Draw(s.RGBA, c.Rect.Add(at), c.RGBA, image.Point{}, draw.Over)
	name := f.name
	if name == "" {
		extension := "jpg"
		if f.png {
			extension = "png"
		}
		name = fmt.Sprintf("page_%d_figure_%d.%s", s.number, len(s.figures)+1, extension)
	}
	data, err := s.doc.encode(c, f.png, figureQuality)
	if err != nil {
		return fmt.Errorf("figure %q: %w", name, err)
	}
	s.figures = append(s.figures, picture{
		name: name, index: s.index, width: f.width / shrink, height: f.height / shrink, data: data,
		place: at.Div(shrink), confidence: confidence(f), noise: f.noise,
	})
	return nil
}

// confidence follows from the figure's share of the page: what is small is seldom a figure.
func confidence(f figure) float64 {
	share := float64(f.width*f.height) / (bodyWidth * (bodyBottom - bodyTop))
	base := 0.62
	if f.noise == isNoise {
		base = 0.08
	}
	return math.Round(min(base+0.6*math.Sqrt(share), 1)*1e4) / 1e4
}
