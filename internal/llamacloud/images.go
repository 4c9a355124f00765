package llamacloud

import (
	"context"
	"encoding/json"
	"errors"
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
	// FileID is the file that the listing says it belongs to, unchecked.
	FileID string
	// ImageSize is in bytes; the API also gives 0, meaning nothing.
	ImageSize Optional[int64]
	// PageIndex may have gaps, and may begin with 1.
	PageIndex int32
	// Metadata is compacted, in the API's order and spelling.
	Metadata Optional[json.RawMessage]
}

// UnmarshalJSON reads an item of the listing, which has to have a page_index.
func (s *PageScreenshot) UnmarshalJSON(data []byte) error {
	var w struct {
		FileID    string                    `json:"file_id"`
		ImageSize Optional[integer]         `json:"image_size"`
		PageIndex *pageIndex                `json:"page_index"`
		Metadata  Optional[json.RawMessage] `json:"metadata"`
	}
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	if w.PageIndex == nil {
		return errors.New("a screenshot has no page_index")
	}
	*s = PageScreenshot{
		FileID: w.FileID, ImageSize: asInt64(w.ImageSize), PageIndex: int32(*w.PageIndex), Metadata: w.Metadata,
	}
	return nil
}

// PageFigure describes a figure on a page.
type PageFigure struct {
	// FileID, PageIndex and Metadata are as in PageScreenshot, FigureSize as ImageSize there.
	FileID     string
	FigureSize Optional[int64]
	PageIndex  int32
	// FigureName may be any string.
	FigureName    string
	Confidence    Optional[float64]
	IsLikelyNoise Optional[bool]
	Metadata      Optional[json.RawMessage]
}

// UnmarshalJSON reads an item of the listing, which has to have a page_index and a figure_name.
func (f *PageFigure) UnmarshalJSON(data []byte) error {
	var w struct {
		FileID        string                    `json:"file_id"`
		FigureSize    Optional[integer]         `json:"figure_size"`
		PageIndex     *pageIndex                `json:"page_index"`
		FigureName    *string                   `json:"figure_name"`
		Confidence    Optional[float64]         `json:"confidence"`
		IsLikelyNoise Optional[bool]            `json:"is_likely_noise"`
		Metadata      Optional[json.RawMessage] `json:"metadata"`
	}
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	if w.PageIndex == nil || w.FigureName == nil {
		return errors.New("a figure has no page_index or no figure_name")
	}
	*f = PageFigure{
		FileID: w.FileID, FigureSize: asInt64(w.FigureSize), PageIndex: int32(*w.PageIndex), FigureName: *w.FigureName,
		Confidence: w.Confidence, IsLikelyNoise: w.IsLikelyNoise, Metadata: w.Metadata,
	}
	return nil
}

func asInt64(o Optional[integer]) Optional[int64] {
	return Optional[int64]{value: int64(o.value), state: o.state}
}

// PageScreenshots lists the screenshots of all pages of a file.
func (c *Client) PageScreenshots(ctx context.Context, file pipeline.ID) ([]PageScreenshot, error) {
	k, err := c.newCall(http.MethodGet, screenshotsRoute, nil, idSegment(file))
	if err != nil {
		return nil, err
	}
	return fetch(ctx, k, decodeList[PageScreenshot])
}

// PageFigures lists the figures on all pages of a file.
func (c *Client) PageFigures(ctx context.Context, file pipeline.ID) ([]PageFigure, error) {
	k, err := c.newCall(http.MethodGet, figuresRoute, nil, idSegment(file))
	if err != nil {
		return nil, err
	}
	return fetch(ctx, k, decodeList[PageFigure])
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
