package llamacloud

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"exporter/pipeline"
)

const (
	screenshotsRoute = "/api/v1/files/{id}/page_screenshots"
	screenshotRoute  = "/api/v1/files/{id}/page_screenshots/{page_index}"
	figuresRoute     = "/api/v1/files/{id}/page-figures"
	figureRoute      = "/api/v1/files/{id}/page-figures/{page_index}/{figure_name}"
)

// PageScreenshot describes the screenshot of a page.
type PageScreenshot struct {
	Item
	// ImageSize is in bytes; the API also gives 0, meaning nothing.
	ImageSize Optional[int64]
	// PageIndex may have gaps, and may begin with 1.
	PageIndex int32
	// Metadata is compacted, in the API's order and spelling.
	Metadata Optional[json.RawMessage]
}

// readPageScreenshot reads an item, which has to have a page_index.
func readPageScreenshot(o *object, v value) (s PageScreenshot) {
	if s.Malformed = o.parse(v); s.Malformed == nil {
		s.PageIndex, s.Malformed = need(o, "page_index", value.pageIndex)
		s.ImageSize = o.integer("image_size")
		s.Metadata = o.document("metadata")
	}
	s.finish(o, v)
	return s
}

// PageFigure describes a figure on a page.
type PageFigure struct {
	Item
	// PageIndex and Metadata are as in PageScreenshot, FigureSize as ImageSize there.
	FigureSize Optional[int64]
	PageIndex  int32
	// FigureName may be any string.
	FigureName    string
	Confidence    Optional[float64]
	IsLikelyNoise Optional[bool]
	Metadata      Optional[json.RawMessage]
}

// readPageFigure reads an item, which has to have a page_index and a figure_name.
func readPageFigure(o *object, v value) (f PageFigure) {
	if f.Malformed = o.parse(v); f.Malformed == nil {
		var unnamed error
		f.PageIndex, f.Malformed = need(o, "page_index", value.pageIndex)
		if f.FigureName, unnamed = need(o, "figure_name", value.text); f.Malformed == nil {
			f.Malformed = unnamed
		}
		f.FigureSize = o.integer("figure_size")
		f.Confidence = o.number("confidence")
		f.IsLikelyNoise = o.boolean("is_likely_noise")
		f.Metadata = o.document("metadata")
	}
	f.finish(o, v)
	return f
}

// PageScreenshots lists the screenshots of all pages of a file.
func (c *Client) PageScreenshots(ctx context.Context, file pipeline.ID) ([]PageScreenshot, error) {
	k, err := c.newCall(http.MethodGet, screenshotsRoute, nil, idSegment(file))
	if err != nil {
		return nil, err
	}
	return listOf(ctx, k, readPageScreenshot)
}

// PageFigures lists the figures on all pages of a file.
func (c *Client) PageFigures(ctx context.Context, file pipeline.ID) ([]PageFigure, error) {
	k, err := c.newCall(http.MethodGet, figuresRoute, nil, idSegment(file))
	if err != nil {
		return nil, err
	}
	return listOf(ctx, k, readPageFigure)
}

// listOf does the call and returns the list of its answer.
func listOf[T any](ctx context.Context, k *call, decode func(*object, value) T) (list []T, err error) {
	err = k.stream(ctx, k.client.maxJSON, func(s *stream) (err error) {
		list, err = decodeList(s, decode)
		return err
	})
	return list, err
}

// Image is the body of an image that is still coming. Nothing of it has been verified.
type Image struct {
	// ContentType is what the server declares.
	ContentType string
	// Length is the declared length in bytes; -1 when there is none.
	Length int64
	// Body has to be closed. A read fails with a *RequestError when the body breaks off, stalls, or comes too slowly.
	Body io.ReadCloser
}

// PageScreenshot opens the screenshot of a page. Only the request is tried again, not what comes after the headers.
func (c *Client) PageScreenshot(ctx context.Context, file pipeline.ID, page int32) (*Image, error) {
	k, err := c.screenshotCall(file, page)
	if err != nil {
		return nil, err
	}
	return k.open(ctx)
}

// PageFigure opens a figure on a page, as PageScreenshot does.
func (c *Client) PageFigure(ctx context.Context, file pipeline.ID, page int32, name string) (*Image, error) {
	k, err := c.figureCall(file, page, name)
	if err != nil {
		return nil, err
	}
	return k.open(ctx)
}

func (c *Client) screenshotCall(file pipeline.ID, page int32) (*call, error) {
	return c.newCall(http.MethodGet, screenshotRoute, nil, idSegment(file), pageSegment(page))
}

func (c *Client) figureCall(file pipeline.ID, page int32, name string) (*call, error) {
	return c.newCall(http.MethodGet, figureRoute, nil, idSegment(file), pageSegment(page), nameSegment(name))
}

func (k *call) open(ctx context.Context) (*Image, error) {
	var image *Image
	err := k.do(ctx, func(a *answer) error {
		image = &Image{ContentType: a.header.Get("Content-Type"), Length: a.length, Body: a.body}
		return nil
	})
	return image, err
}
