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

// pageID says which page it is: Number counts from 1 where that is known. Otherwise it is 0, and Index is as the API counts.
type pageID struct {
	Number int32 `json:"page_number,omitempty"`
	Index  int32 `json:"page_index"`
}

// pageIDOf returns the page of an asset, of which the number is to be read. What has a number belongs together by it, whatever its index.
func pageIDOf(a *inventory.Asset) pageID {
	if a.PageNumber > 0 {
		return pageID{Number: a.PageNumber}
	}
	return pageID{Index: a.Key.PageIndex}
}

// compare orders pages by their numbers or else indexes. As an unsigned number, the index of no page is the largest.
func (p pageID) compare(o pageID) int {
	return cmp.Or(cmp.Compare(uint32(p.Number+p.Index), uint32(o.Number+o.Index)), cmp.Compare(o.Number, p.Number))
}

// pageInfo is a page of a document.
type pageInfo struct {
	pageID
	// Screenshots, Figures and Documents are how many assets it has of each kind.
	Screenshots int32 `json:"screenshots"`
	Figures     int32 `json:"figures"`
	Documents   int32 `json:"documents"`
	// places are where these are in the manifest, in its order.
	places []pagePlace
}

// pagePlace is what the keys of some assets of a page have in common.
type pagePlace struct {
	kind  pipeline.Kind
	index int32
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
	// Notice is that of the export.
	Notice string `json:"notice,omitempty"`
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
	all, err := l.allPages(ctx, of)
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
	a.Notice = l.notice()
	a.File, err = l.fileOf(ctx, of)
	return a, err
}

// allPages is pagesOf, which it asks once.
func (l *look) allPages(ctx context.Context, of pipeline.Owner) ([]pageInfo, error) {
	return l.pages.get(ctx, fmt.Sprintf("%q", of), func() ([]pageInfo, error) { return l.pagesOf(ctx, of) })
}

// pagesOf returns all pages of an owner. What has no page is on the last one.
func (l *look) pagesOf(ctx context.Context, of pipeline.Owner) ([]pageInfo, error) {
	pages := map[pageID]*pageInfo{}
	for a, err := range l.Assets(ctx, inventory.Choice{Of: &of, Columns: []string{"page_number"}}) {
		if err != nil {
			return nil, err
		}
		if a.Key.Owner() != of {
			continue
		}
		id := pageIDOf(a)
		p := pages[id]
		if p == nil {
			p = &pageInfo{pageID: id}
			pages[id] = p
		}
		place := pagePlace{a.Key.Kind, a.Key.PageIndex}
		if last := len(p.places) - 1; last < 0 || p.places[last] != place {
			p.places = append(p.places, place)
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
	slices.SortFunc(all, func(a, b pageInfo) int { return a.compare(b.pageID) })
	return all, nil
}

// page returns a page with the first of its assets of each kind, the screenshot before what is on it.
func (l *look) page(ctx context.Context, of pipeline.Owner, p pageInfo) (shown shownPage, err error) {
	shown = shownPage{pageInfo: p, Assets: []json.RawMessage{}}
	left := map[pipeline.Kind]int{}
	for _, kind := range []pipeline.Kind{pipeline.Screenshot, pipeline.Figure, pipeline.Document} {
		left[kind] = mostBeside
		for _, place := range p.places {
			if place.kind != kind || left[kind] == 0 {
				continue
			}
			if err := l.assetsAt(ctx, of, p.pageID, place, left, &shown); err != nil {
				return shown, err
			}
		}
	}
	text, err := l.text(ctx, of, p.Number)
	if text != nil && text.Width != nil && text.Height != nil {
		shown.Width, shown.Height = *text.Width, *text.Height
	}
	return shown, err
}

// assetsAt adds the assets of a page that are at a place, as many as are left of their kind.
func (l *look) assetsAt(ctx context.Context, of pipeline.Owner, page pageID, at pagePlace, left map[pipeline.Kind]int, to *shownPage) error {
	key := pipeline.AssetKey{FileID: of.FileID, JobID: of.JobID, Kind: at.kind, PageIndex: at.index}
	for a, err := range l.Assets(ctx, inventory.Choice{Of: &of, From: &key, Columns: assetColumns}) {
		if err != nil {
			return err
		}
		if left[at.kind] == 0 || a.Key.Owner() != of || a.Key.Kind != at.kind || a.Key.PageIndex != at.index {
			break
		}
		if pageIDOf(a) == page {
			left[at.kind]--
			to.Assets = append(to.Assets, append(a.AppendJSON([]byte{'{'}), '}'))
		}
	}
	return nil
}

// text returns the row of a page by its number; nil where there is none, or it is damaged, which notice says then.
func (l *look) text(ctx context.Context, of pipeline.Owner, number int32) (*pipeline.PageRow, error) {
	if number == 0 {
		return nil, nil
	}
	text, err := l.Page(ctx, of, number)
	if l.isPagesDamage(err) {
		return nil, nil
	}
	return text, err
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
	// Notice is that of the export.
	Notice string `json:"notice,omitempty"`
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
	a, id, of := &pictureAnswer{}, pageID{}, key.Owner()
	for asset, err := range l.Assets(ctx, inventory.Choice{Of: &of, From: &key, All: true}) {
		if err != nil {
			return nil, err
		}
		if asset.Key == key {
			a.Asset, id = append(asset.AppendJSON([]byte{'{'}), '}'), pageIDOf(asset)
		}
		break
	}
	if a.Asset == nil {
		return nil, errNoAsset
	}
	all, err := l.allPages(ctx, of)
	if err != nil {
		return nil, err
	}
	at, isThere := slices.BinarySearchFunc(all, id, func(p pageInfo, id pageID) int { return p.compare(id) })
	if isThere {
		page, err := l.page(ctx, of, all[at])
		if err != nil {
			return nil, err
		}
		a.Page = &page
	}
	text, err := l.text(ctx, of, id.Number)
	if err != nil {
		return nil, err
	}
	if text != nil {
		a.Text, a.Markdown = text.Text, text.Markdown
	}
	a.Notice = l.notice()
	a.File, err = l.fileOf(ctx, of)
	return a, err
}
