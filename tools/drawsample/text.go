package main

import (
	"fmt"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
)

// style is one of the few combinations of font and size that the sample is set in.
type style int

const (
	body style = iota
	bodyBold
	bodyItalic
	titleStyle
	headingStyle
	caption
	cell
	cellBold
	label
	labelBold
	code
	styles int = iota
)

// typecase holds a face for each style. Faces keep state: a typecase is not safe for concurrent use.
type typecase struct {
	faces [styles]font.Face
}

func newTypecase() (*typecase, error) {
	specs := [styles]struct {
		ttf  []byte
		size float64 // pixels an em
	}{
		body:         {goregular.TTF, 15},
		bodyBold:     {gobold.TTF, 15},
		bodyItalic:   {goitalic.TTF, 15},
		titleStyle:   {gobold.TTF, 30},
		headingStyle: {gobold.TTF, 20},
		caption:      {goitalic.TTF, 13},
		cell:         {goregular.TTF, 14},
		cellBold:     {gobold.TTF, 14},
		label:        {goregular.TTF, 12},
		labelBold:    {gobold.TTF, 13},
		code:         {gomono.TTF, 14},
	}
	t := new(typecase)
	for i, spec := range specs {
		parsed, err := opentype.Parse(spec.ttf)
		if err != nil {
			return nil, fmt.Errorf("parse font of style %d: %w", i, err)
		}
		t.faces[i], err = opentype.NewFace(parsed, &opentype.FaceOptions{Size: spec.size, DPI: 72})
		if err != nil {
			return nil, fmt.Errorf("make face of style %d: %w", i, err)
		}
	}
	return t, nil
}

// measure returns the width of a line in pixels.
func (t *typecase) measure(s string, st style) float64 {
	return float64(font.MeasureString(t.faces[st], s)) / 64
}

// wrap breaks a text into lines of at most the given width, of which the first is shorter by indent. A word that is
// wider than a line has one of its own.
func (t *typecase) wrap(s string, st style, width, indent float64) []string {
	var lines []string
	var line string
	room := width - indent
	for word := range strings.FieldsSeq(s) {
		longer := strings.TrimSpace(line + " " + word)
		if line != "" && t.measure(longer, st) > room {
			lines = append(lines, line)
			longer, room = word, width
		}
		line = longer
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// justify writes a line with its word spaces stretched so that it fills the width. The last line of a paragraph is left
// as it is: pass last.
func (c *canvas) justify(line string, st style, ink rgb, at point, width float64, last bool) {
	words := strings.Fields(line)
	if last || len(words) < 2 {
		c.text(line, st, ink, at, 0)
		return
	}
	spare := width
	for _, word := range words {
		spare -= c.fonts.measure(word, st)
	}
	for _, word := range words {
		c.text(word, st, ink, at, 0)
		at.x += c.fonts.measure(word, st) + spare/float64(len(words)-1)
	}
}
