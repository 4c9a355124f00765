package view

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"net/url"

	"exporter/internal/inventory"
	"exporter/pipeline"
)

// mostRows is how many rows an answer has at most, and mostFound how many pages may have the text that is looked for.
const (
	mostRows  = 200
	mostFound = 200_000
)

// Columns that the page shows of each asset of a list, and of each file.
var (
	assetColumns = []string{
		"page_number", "status", "reason", "size", "sha256", "media_type", "width", "height", "orientation", "confidence", "is_likely_noise", "category",
		"label", "bbox_x", "bbox_y", "bbox_width", "bbox_height", "caption", "display_name", "missed_at", "vanished_at", "expired_at",
	}
	fileColumns = []string{
		"display_name", "status", "error", "screenshots", "figures", "documents", "missing_pages", "stored", "skipped", "failed", "bytes", "asked_at",
		"missed_at", "vanished_at", "expired_at",
	}
)

// rowsAnswer is some of the rows of a list.
type rowsAnswer struct {
	// Total is how many rows the list has as far as it is known, and IsAll that it is.
	Total int64             `json:"total"`
	IsAll bool              `json:"all"`
	Rows  []json.RawMessage `json:"rows"`
}

// served is what serveRows asks of a look.
type served func(ctx context.Context, f *Filter, from, count int64) (*rowsAnswer, error)

// servePictures answers with some of the assets that a filter leaves, and serveDocuments with some of the files.
func (s *Server) servePictures(w http.ResponseWriter, r *http.Request) error {
	l := s.enter()
	defer l.leave()
	return serveRows(w, r, l.pictures)
}

func (s *Server) serveDocuments(w http.ResponseWriter, r *http.Request) error {
	l := s.enter()
	defer l.leave()
	return serveRows(w, r, l.documents)
}

func serveRows(w http.ResponseWriter, r *http.Request, rows served) error {
	f, err := ParseFilter(r.URL.Query())
	if err != nil {
		return err
	}
	from, err := number(r, "from", 1<<40)
	if err != nil {
		return err
	}
	count, err := number(r, "count", mostRows)
	if err != nil {
		return err
	}
	a, err := rows(r.Context(), &f, from, count)
	if err != nil {
		return err
	}
	return writeJSON(w, a)
}

// pictures returns some of the assets that a filter leaves.
func (l *look) pictures(ctx context.Context, f *Filter, from, count int64) (*rowsAnswer, error) {
	choice, err := l.choice(ctx, f)
	if err != nil {
		return nil, err
	}
	if assets, _, isExact := l.Count(); isExact && *f == (Filter{}) {
		choice.Skip = from
		return answer(l.shownAssets(ctx, choice), assets, true, count)
	}
	name := f.String()
	known, leave, err := l.assets.use(ctx, l.ctx, &l.group, name, func(ctx context.Context) iter.Seq2[func() pipeline.AssetKey, error] { return l.AssetKeys(ctx, choice) })
	if err != nil {
		return nil, err
	}
	defer leave()
	total, isAll, err := known.known(ctx, from+count)
	if err != nil || from >= total {
		return &rowsAnswer{total, isAll, []json.RawMessage{}}, err
	}
	key, skip := known.from(from)
	choice.From, choice.Skip = &key, skip
	return answer(l.shownAssets(ctx, choice), total, isAll, count)
}

// choice returns what a filter leaves of the assets.
func (l *look) choice(ctx context.Context, f *Filter) (c inventory.Choice, err error) {
	c = inventory.Choice{Name: f.Name, Columns: assetColumns}
	if c.Where, err = f.where(); err != nil {
		return c, err
	}
	if f.Owner != (pipeline.Owner{}) {
		c.Of = &f.Owner
	}
	if f.Text == "" {
		return c, nil
	}
	pages, err := l.found.get(ctx, f.Text, func() (*inventory.PageSet, error) {
		pages, isWhole, err := l.PagesWith(ctx, f.Text, mostFound)
		if err == nil && !isWhole {
			err = badRequest("more than %d pages have this text: say more of it", mostFound)
		}
		if l.isPagesDamage(err) {
			err = &requestError{http.StatusInternalServerError, errors.New(l.pagesNotice())}
		}
		return pages, err
	})
	c.Pages = pages
	return c, err
}

func (l *look) shownAssets(ctx context.Context, c inventory.Choice) iter.Seq2[json.RawMessage, error] {
	return shown(l.Assets(ctx, c), func(a *inventory.Asset) []byte { return a.AppendJSON([]byte{'{'}) })
}

// documents returns some of the files that a filter leaves.
func (l *look) documents(ctx context.Context, f *Filter, from, count int64) (*rowsAnswer, error) {
	choice := inventory.Choice{Name: f.Name, Columns: fileColumns}
	var err error
	if choice.Where, err = f.whereFiles(); err != nil {
		return nil, err
	}
	if _, files, isExact := l.Count(); isExact && f.Name == "" && choice.Where == nil {
		choice.Skip = from
		return answer(l.shownFiles(ctx, choice), files, true, count)
	}
	name := (&Filter{Name: f.Name, State: f.State}).String()
	known, leave, err := l.files.use(ctx, l.ctx, &l.group, name, func(ctx context.Context) iter.Seq2[func() pipeline.FileKey, error] { return l.FileKeys(ctx, choice) })
	if err != nil {
		return nil, err
	}
	defer leave()
	total, isAll, err := known.known(ctx, from+count)
	if err != nil || from >= total {
		return &rowsAnswer{total, isAll, []json.RawMessage{}}, err
	}
	key, skip := known.from(from)
	choice.FromFile, choice.Skip = &key, skip
	return answer(l.shownFiles(ctx, choice), total, isAll, count)
}

func (l *look) shownFiles(ctx context.Context, c inventory.Choice) iter.Seq2[json.RawMessage, error] {
	return shown(l.Files(ctx, c), func(f *inventory.File) []byte { return f.AppendJSON([]byte{'{'}) })
}

// shown yields rows as JSON.
func shown[T any](rows iter.Seq2[*T, error], of func(*T) []byte) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		for r, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(append(of(r), '}'), nil) {
				return
			}
		}
	}
}

// answer takes the first rows.
func answer(rows iter.Seq2[json.RawMessage, error], total int64, isAll bool, count int64) (*rowsAnswer, error) {
	a := &rowsAnswer{total, isAll, []json.RawMessage{}}
	if count == 0 {
		return a, nil
	}
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		if a.Rows = append(a.Rows, row); int64(len(a.Rows)) == count {
			break
		}
	}
	return a, nil
}

// parseKey reads the key of an asset from the parameters of an address.
func parseKey(q url.Values) (key pipeline.AssetKey, err error) {
	owner, err := parseOwner(q)
	if err != nil {
		return key, err
	}
	page, err := parsePage(q.Get("page"))
	if err != nil {
		return key, err
	}
	key = pipeline.AssetKey{
		FileID: owner.FileID, JobID: owner.JobID, Kind: pipeline.Kind(q.Get("kind")), PageIndex: page, FigureName: q.Get("figure"),
		Origin: pipeline.Origin(q.Get("origin")), UpstreamName: q.Get("upstream"),
	}
	return key, nil
}

// find returns the row of the asset that a request names.
func (l *look) find(r *http.Request) (*pipeline.Row, error) {
	key, err := parseKey(r.URL.Query())
	if err != nil {
		return nil, err
	}
	row, err := l.Asset(r.Context(), key)
	if err == nil && row == nil {
		err = errNoAsset
	}
	return row, err
}

// errNoAsset says that an address is of nothing that there is.
var errNoAsset = &requestError{http.StatusNotFound, errors.New("the export has no such asset (any more)")}
