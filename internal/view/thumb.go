package view

import (
	"bytes"
	"container/list"
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"net/http"
	"runtime"
	"strconv"
	"sync"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"exporter/internal/picture"
	"exporter/pipeline"
)

// Thumbnails are JPEGs of some quality that fit into a square of one of these sizes, in pixels.
const (
	smallThumb   = 256
	largeThumb   = 1024
	thumbQuality = 80
)

// mostThumbs is how many bytes of thumbnails are kept, and mostPixels how many pixels are decoded at a time: a picture with more of them is decoded alone.
const (
	mostThumbs = 24 << 20
	mostPixels = 8_000_000
)

// thumbnails makes thumbnails, and keeps those that were asked for last.
type thumbnails struct {
	flight  singleflight.Group
	pixels  *semaphore.Weighted
	decoder chan struct{}

	mu     sync.Mutex
	byName map[string]*list.Element
	recent list.List
	bytes  int
}

type thumbnail struct {
	name string
	jpeg []byte
}

func newThumbnails() *thumbnails {
	return &thumbnails{
		pixels: semaphore.NewWeighted(mostPixels), decoder: make(chan struct{}, runtime.GOMAXPROCS(0)), byName: map[string]*list.Element{},
	}
}

// serveThumb sends the thumbnail of a picture.
func (s *Server) serveThumb(w http.ResponseWriter, r *http.Request) error {
	side := smallThumb
	if r.URL.Query().Get("size") == strconv.Itoa(largeThumb) {
		side = largeThumb
	}
	return s.withBlob(r, func(l *look, row *pipeline.Row) error {
		name := fmt.Sprintf("%x-%d-%d", row.Content.SHA256, side, row.Content.Orientation)
		if isCached(w, r, name) {
			return nil
		}
		thumb, err := s.thumbs.get(r.Context(), name, func(ctx context.Context) ([]byte, error) { return s.thumbs.make(ctx, l, row, side) })
		if err != nil {
			return err
		}
		h := w.Header()
		keepCached(h, name)
		h.Set("Content-Type", "image/jpeg")
		h.Set("Content-Length", strconv.Itoa(len(thumb)))
		_, err = w.Write(thumb)
		return err
	})
}

// get returns the thumbnail of a name, which make makes where it is not kept. What many ask for at once is made once.
func (t *thumbnails) get(ctx context.Context, name string, make func(context.Context) ([]byte, error)) ([]byte, error) {
	if kept := t.kept(name); kept != nil {
		return kept, nil
	}
	for {
		made, err, shared := t.flight.Do(name, func() (any, error) { return make(ctx) })
		switch {
		case err == nil:
			t.keep(name, made.([]byte))
			return made.([]byte), nil
		case shared && ctx.Err() == nil && errors.Is(err, context.Canceled):
			// Whoever was to make it for all went away.
			continue
		}
		return nil, err
	}
}

func (t *thumbnails) kept(name string) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.byName[name]
	if e == nil {
		return nil
	}
	t.recent.MoveToFront(e)
	return e.Value.(*thumbnail).jpeg
}

// keep keeps a thumbnail, in place of those that were not asked for since long.
func (t *thumbnails) keep(name string, jpeg []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byName[name] != nil {
		return
	}
	t.byName[name] = t.recent.PushFront(&thumbnail{name, jpeg})
	for t.bytes += len(jpeg); t.bytes > mostThumbs; {
		oldest := t.recent.Remove(t.recent.Back()).(*thumbnail)
		delete(t.byName, oldest.name)
		t.bytes -= len(oldest.jpeg)
	}
}

// make reads a picture, and makes it small.
func (t *thumbnails) make(ctx context.Context, l *look, row *pipeline.Row, side int) ([]byte, error) {
	select {
	case t.decoder <- struct{}{}:
		defer func() { <-t.decoder }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	blob, err := l.blob(ctx, row)
	if err != nil {
		return nil, err
	}
	return t.of(ctx, blob, row, side)
}

// of decodes a picture and makes it small. It waits for others while they have many pixels.
func (t *thumbnails) of(ctx context.Context, blob []byte, row *pipeline.Row, side int) ([]byte, error) {
	var held int64
	defer func() { t.pixels.Release(held) }()
	img, err := picture.Decode(ctx, row.Content.MediaType, blob, picture.Options{Admit: func(pixels int64) error {
		wanted := min(pixels, mostPixels)
		if err := t.pixels.Acquire(ctx, wanted); err != nil {
			return err
		}
		held = wanted
		return nil
	}})
	if err != nil {
		return nil, &requestError{http.StatusUnsupportedMediaType, err}
	}
	var out bytes.Buffer
	err = jpeg.Encode(&out, turned(scaled(img, side), row.Content.Orientation), &jpeg.Options{Quality: thumbQuality})
	return out.Bytes(), err
}

// scaled returns a picture that fits into a square, on white. Each of its pixels is the mean of those that it stands for, which are read row by row: what
// golang.org/x/image/draw scales well with takes 32 bytes for each row of the picture and column of the thumbnail.
func scaled(img image.Image, side int) *image.RGBA {
	from := img.Bounds()
	width, height := from.Dx(), from.Dy()
	if most := max(width, height); most > side {
		width, height = max(1, width*side/most), max(1, height*side/most)
	}
	to := image.NewRGBA(image.Rect(0, 0, width, height))
	row := image.NewRGBA(image.Rect(0, 0, from.Dx(), 1))
	// column is where the sums of each column of the picture are: red, green, blue, and how many.
	column, sums := make([]int, from.Dx()), make([]uint32, 4*width)
	for x := range column {
		column[x] = 4 * (x * width / from.Dx())
	}
	for y := range from.Dy() {
		draw.Draw(row, row.Bounds(), image.White, image.Point{}, draw.Src)
		draw.Draw(row, row.Bounds(), img, image.Pt(from.Min.X, from.Min.Y+y), draw.Over)
		for x, at := range column {
			pixel, sum := row.Pix[4*x:4*x+3:4*x+3], sums[at:at+4:at+4]
			sum[0] += uint32(pixel[0])
			sum[1] += uint32(pixel[1])
			sum[2] += uint32(pixel[2])
			sum[3]++
		}
		if at := y * height / from.Dy(); at != (y+1)*height/from.Dy() {
			for i := range width {
				pixel, sum := to.Pix[to.PixOffset(i, at):], sums[4*i:4*i+4]
				for c := range 3 {
					pixel[c] = uint8(sum[c] / sum[3])
				}
				pixel[3] = 255
			}
			clear(sums)
		}
	}
	return to
}

// turned returns a picture turned and mirrored as EXIF's orientation says, from 1, which is as it is, to 8.
func turned(img *image.RGBA, orientation int32) *image.RGBA {
	if orientation < 2 || orientation > 8 {
		return img
	}
	width, height := img.Bounds().Dx(), img.Bounds().Dy()
	to := image.NewRGBA(image.Rect(0, 0, width, height))
	if orientation > 4 {
		to = image.NewRGBA(image.Rect(0, 0, height, width))
	}
	for y := range height {
		for x := range width {
			atX, atY := x, y
			switch orientation {
			case 2:
				atX = width - 1 - x
			case 3:
				atX, atY = width-1-x, height-1-y
			case 4:
				atY = height - 1 - y
			case 5:
				atX, atY = y, x
			case 6:
				atX, atY = height-1-y, x
			case 7:
				atX, atY = height-1-y, width-1-x
			case 8:
				atX, atY = y, width-1-x
			}
			to.SetRGBA(atX, atY, img.RGBAAt(x, y))
		}
	}
	return to
}
