package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
)

// document is a source file of the sample: what the API says of it, and the pages that are drawn for it.
type document struct {
	// key seeds everything that is random about the document, its ids included.
	key string
	// file holds what the listing says, but for the ids.
	file directoryFile
	// header runs along the top of its pages, and prose names its sentences.
	header, prose string
	pages         []page
	// gray prints without colour.
	gray bool
	// pending documents have no file_id, and figuresOnly have no screenshots.
	pending, figuresOnly bool
	// firstIndex is the page_index of the first page.
	firstIndex int
	// reversed lists the figures from the last to the first.
	reversed bool
}

// page is what stands on a page.
type page struct {
	blocks []block
	// png stores the screenshot in that format, whatever its name says.
	png bool
	// unlisted pages have no screenshot, though their figures are listed.
	unlisted bool
}

// picture is a screenshot or figure as it is stored: shrunk, with its place in pixels of the shrunk page.
type picture struct {
	name          string
	index         int
	width, height int
	data          []byte
	// The rest is known of figures only.
	place      image.Point
	confidence float64
	noise      verdict
}

// printed is a document after it has been drawn.
type printed struct {
	screenshots, figures []picture
}

// newRandom returns a source of random numbers that is determined by the given texts.
func newRandom(texts ...string) *rand.Rand {
	sum := sha256.Sum256(fmt.Append(nil, texts))
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:])))
}

// print draws all pages of the document.
func (d *document) print() (*printed, error) {
	out := new(printed)
	if len(d.pages) == 0 {
		return out, nil
	}
	fonts, err := newTypecase()
	if err != nil {
		return nil, err
	}
	sentences, err := readProse(d.prose, newRandom(d.key, "prose"))
	if err != nil {
		return nil, err
	}
	for i, p := range d.pages {
		s := newSheet(d, i, fonts, sentences)
		for _, b := range p.blocks {
			if err := b(s); err != nil {
				return nil, fmt.Errorf("page %d: %w", s.number, err)
			}
		}
		out.figures = append(out.figures, s.figures...)
		if d.figuresOnly || p.unlisted {
			continue
		}
		shot := picture{index: s.index, width: s.Rect.Dx() / shrink, height: s.Rect.Dy() / shrink}
		if shot.data, err = d.encode(s.canvas, p.png, screenshotQuality); err != nil {
			return nil, fmt.Errorf("page %d: %w", s.number, err)
		}
		out.screenshots = append(out.screenshots, shot)
	}
	return out, nil
}

// JPEG qualities, from 1 to 100.
const (
	screenshotQuality = 24
	figureQuality     = 30
)

// encode returns the canvas, shrunk, as a JPEG or PNG file.
func (d *document) encode(c *canvas, asPNG bool, quality int) ([]byte, error) {
	small := c.shrunk()
	var m image.Image = small
	if d.gray {
		g := image.NewGray(small.Rect)
		draw.Draw(g, g.Rect, small, small.Rect.Min, draw.Src)
		m = g
	}
	var b bytes.Buffer
	if asPNG {
		enc := png.Encoder{CompressionLevel: png.BestCompression}
		if err := enc.Encode(&b, m); err != nil {
			return nil, fmt.Errorf("encode PNG: %w", err)
		}
		return b.Bytes(), nil
	}
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("encode JPEG: %w", err)
	}
	return b.Bytes(), nil
}
