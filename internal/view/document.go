package view

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"

	"exporter/internal/inventory"
	"exporter/pipeline"
)

// mostPages is how many pages of a document an answer has at most, and mostBeside how many figures it has of each.
const (
	mostPages  = 20
	mostBeside = 24
)

// pageInfo is a page of a document.
type pageInfo struct {
	Index int32 `json:"page_index"`
	// Screenshots, Figures and Documents are how many assets it has of each kind.
	Screenshots int32 `json:"screenshots"`
	Figures     int32 `json:"figures"`
	Documents   int32 `json:"documents"`
}

// shownPage is a page with its assets, of which there may be more figures.
type shownPage struct {
	pageInfo
	Assets []json.RawMessage `json:"assets"`
	// Width and Height are those of the page in the units of boxes; 0 where they are not known.
	Width  float64 `json:"width,omitempty"`
	Height float64 `json:"height,omitempty"`
}

// pagesAnswer is some of the pages of a document.
type pagesAnswer struct {
	Total int         `json:"total"`
	Pages []shownPage `json:"pages"`
	// File is the row of the document; nil where there is none.
	File json.RawMessage `json:"file,omitempty"`
}

// servePages answers with some of the pages of a document.
func (s *Server) servePages(w http.ResponseWriter, r *http.Request) error {
	l := s.enter()
	defer l.leave()
	owner, err := parseOwner(r.URL.Query())
	if err != nil {
		return err
	}
	from, err := number(r, "from", math.MaxInt32)
	if err != nil {
		return err
	}
	count, err := number(r, "count", mostPages)
	if err != nil {
		return err
	}
	a, err := l.document(r.Context(), owner, int(from), int(count))
	if err != nil {
		return err
	}
	return writeJSON(w, a)
}

// document returns some of the pages of a file, or of a parse job.
func (l *look) document(ctx context.Context, of pipeline.Owner, from, count int) (*pagesAnswer, error) {
	all, err := l.pages.get(ctx, fmt.Sprintf("%q", of), func() ([]pageInfo, error) { return l.pagesOf(ctx, of) })
	if err != nil {
		return nil, err
	}
	a := &pagesAnswer{Total: len(all), Pages: []shownPage{}}
	for _, p := range all[min(from, len(all)):min(from+count, len(all))] {
		shown, err := l.page(ctx, of, p)
		if err != nil {
			return nil, err
		}
		a.Pages = append(a.Pages, shown)
	}
	a.File, err = l.fileOf(ctx, of)
	return a, err
}

// pagesOf returns all pages of an owner. What has no page is on the last one.
func (l *look) pagesOf(ctx context.Context, of pipeline.Owner) ([]pageInfo, error) {
	pages := map[int32]*pageInfo{}
	for a, err := range l.Assets(ctx, inventory.Choice{Of: &of}) {
		if err != nil {
			return nil, err
		}
		if a.Key.Owner() != of {
			continue
		}
		p := pages[a.Key.PageIndex]
		if p == nil {
			p = &pageInfo{Index: a.Key.PageIndex}
			pages[a.Key.PageIndex] = p
		}
		switch a.Key.Kind {
		case pipeline.Screenshot:
			p.Screenshots++
		case pipeline.Figure:
			p.Figures++
		default:
			p.Documents++
		}
	}
	all := make([]pageInfo, 0, len(pages))
	for _, p := range pages {
		all = append(all, *p)
	}
	// As an unsigned number, that of no page is the largest.
	slices.SortFunc(all, func(a, b pageInfo) int { return cmp.Compare(uint32(a.Index), uint32(b.Index)) })
	return all, nil
}

// page returns a page with the first of its assets of each kind.
func (l *look) page(ctx context.Context, of pipeline.Owner, p pageInfo) (shown shownPage, err error) {
	shown = shownPage{pageInfo: p, Assets: []json.RawMessage{}}
	number := int32(0)
	for _, k := range []struct {
		kind  pipeline.Kind
		there int32
	}{{pipeline.Screenshot, p.Screenshots}, {pipeline.Figure, p.Figures}, {pipeline.Document, p.Documents}} {
		if k.there == 0 {
			continue
		}
		key := pipeline.AssetKey{FileID: of.FileID, JobID: of.JobID, Kind: k.kind, PageIndex: p.Index}
		left := mostBeside
		for a, err := range l.Assets(ctx, inventory.Choice{Of: &of, From: &key, Columns: assetColumns}) {
			if err != nil {
				return shown, err
			}
			if left == 0 || a.Key.Owner() != of || a.Key.Kind != k.kind || a.Key.PageIndex != p.Index {
				break
			}
			left--
			number = max(number, a.PageNumber)
			shown.Assets = append(shown.Assets, append(a.AppendJSON([]byte{'{'}), '}'))
		}
	}
	text, err := l.Page(ctx, of, number)
	if err == nil && text != nil && text.Width != nil && text.Height != nil {
		shown.Width, shown.Height = *text.Width, *text.Height
	}
	return shown, err
}

// fileOf returns the row of the file, or of the parse job, that an owner is; nil where there is none.
func (l *look) fileOf(ctx context.Context, of pipeline.Owner) (json.RawMessage, error) {
	file := pipeline.File{ID: string(of.FileID), JobID: string(of.JobID)}
	key := file.Key()
	for f, err := range l.Files(ctx, inventory.Choice{FromFile: &key, Columns: fileColumns}) {
		if err != nil {
			return nil, err
		}
		if f.Key == key {
			return append(f.AppendJSON([]byte{'{'}), '}'), nil
		}
		break
	}
	return nil, nil
}

// parsePage reads the index of a page.
func parsePage(text string) (int32, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, badRequest("page %q: want the index of a page", text)
	}
	return int32(n), nil
}

// pictureAnswer is all that there is of an asset.
type pictureAnswer struct {
	Asset json.RawMessage `json:"asset"`
	// Page is its page with what else is on it.
	Page *shownPage `json:"page"`
	// Text is that of the page; nil where there is none.
	Text     *string         `json:"text"`
	Markdown *string         `json:"markdown"`
	File     json.RawMessage `json:"file,omitempty"`
}

// servePicture answers with all that there is of an asset.
func (s *Server) servePicture(w http.ResponseWriter, r *http.Request) error {
	l := s.enter()
	defer l.leave()
	key, err := parseKey(r.URL.Query())
	if err != nil {
		return err
	}
	a, err := l.picture(r.Context(), key)
	if err != nil {
		return err
	}
	return writeJSON(w, a)
}

func (l *look) picture(ctx context.Context, key pipeline.AssetKey) (*pictureAnswer, error) {
	a, number, of := &pictureAnswer{}, int32(0), key.Owner()
	for asset, err := range l.Assets(ctx, inventory.Choice{Of: &of, From: &key, All: true}) {
		if err != nil {
			return nil, err
		}
		if asset.Key == key {
			a.Asset, number = append(asset.AppendJSON([]byte{'{'}), '}'), asset.PageNumber
		}
		break
	}
	if a.Asset == nil {
		return nil, errNoAsset
	}
	page, err := l.page(ctx, of, pageInfo{Index: key.PageIndex, Screenshots: 1, Figures: 1, Documents: 1})
	if err != nil {
		return nil, err
	}
	a.Page = &page
	text, err := l.Page(ctx, of, number)
	if err != nil {
		return nil, err
	}
	if text != nil {
		a.Text, a.Markdown = text.Text, text.Markdown
	}
	a.File, err = l.fileOf(ctx, of)
	return a, err
}
