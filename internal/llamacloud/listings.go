package llamacloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"exporter/pipeline"
)

const (
	projectFilesRoute  = "/api/v1/beta/files"
	pipelineFilesRoute = "/api/v1/pipelines/{pipeline_id}/files2"

	// maxPageSize is the most that the API gives with a cursor.
	maxPageSize = 1000
)

// listItem is an item of a listing.
type listItem[T any] interface {
	*T
	item() *Item
}

// page is a page of a listing with a cursor.
type page[T any] struct {
	Items []T
	// Next is the cursor of the next page; empty on the last one.
	Next string
}

func decodePage[T any](s *stream, decode func(*object, value) T) (page[T], error) {
	items, o, err := decodeItems(s, "items", decode)
	if err != nil {
		return page[T]{}, err
	}
	token := o.text("next_page_token")
	if len(o.odd) > 0 {
		return page[T]{}, fmt.Errorf("next_page_token is %s", o.odd[0].Value)
	}
	return page[T]{Items: items, Next: token.Or("")}, nil
}

// decodeItems takes a page apart: the items of one of its members, of which the last of two counts, and the other members. A page
// without an array of items is refused: an empty answer must not pass for an empty listing.
func decodeItems[T any](s *stream, of string, decode func(*object, value) T) (items []T, others object, err error) {
	others, err = s.listIn(of, func(o *object, v value) error {
		items = append(items, decode(o, v))
		return nil
	}, func(isList bool) error {
		if items = nil; isList {
			items = []T{}
		}
		return nil
	})
	if err == nil && items == nil {
		err = fmt.Errorf("%s: %w", of, errAbsent)
	}
	return items, others, err
}

// identities returns what stands for the items of a page.
func identities[T any, P listItem[T]](items []T) []string {
	ids := make([]string, len(items))
	for i := range items {
		ids[i] = P(&items[i]).item().identity
	}
	return ids
}

// pages goes through a listing with a cursor.
func pages[T any, P listItem[T]](
	ctx context.Context, c *Client, r listRequest, decode func(*object, value) T,
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		var cursor cursor
		l := c.newLister("page_size", r)
		for {
			p, err := fetchPage(ctx, l, func(s *stream) (page[T], error) { return decodePage(s, decode) })
			if err == nil {
				err = cursor.page(identities[T, P](p.Items))
			} else if l.query.Has("page_token") {
				err = cursorRefused(err)
			}
			if err != nil {
				yield(none, err)
				return
			}
			for _, item := range p.Items {
				c.cleanItem(P(&item).item())
				if !yield(item, nil) {
					return
				}
			}
			if p.Next == "" {
				return
			}
			if err := cursor.token(p.Next); err != nil {
				yield(none, err)
				return
			}
			l.query.Set("page_token", p.Next)
		}
	}
}

// ProjectFile is a file of the project. All of it is the server's word, unchecked.
type ProjectFile struct {
	Item
	// ID is the file_id.
	ID             string              `json:"id"`
	ProjectID      string              `json:"project_id"`
	Name           Optional[string]    `json:"name,omitzero"`
	ExternalFileID Optional[string]    `json:"external_file_id,omitzero"`
	LastModifiedAt Optional[Timestamp] `json:"last_modified_at,omitzero"`
	ExpiresAt      Optional[Timestamp] `json:"expires_at,omitzero"`
}

// readProjectFile reads an item, which has to have an id.
func readProjectFile(o *object, v value) (f ProjectFile) {
	if f.Malformed = o.parse(v); f.Malformed == nil {
		f.ID, f.Malformed = o.id()
		f.ProjectID = o.text("project_id").Or("")
		f.Name = o.text("name")
		f.ExternalFileID = o.text("external_file_id")
		f.LastModifiedAt = o.timestamp("last_modified_at")
		f.ExpiresAt = o.timestamp("expires_at")
	}
	f.finish(o, v)
	f.identify(v, f.ID)
	return f
}

// ProjectFilesQuery narrows a listing. Zero fields do not. A deployment that refuses a narrower listing gives all.
type ProjectFilesQuery struct {
	// Name is a file's own, in upper and lower case.
	Name, ExternalFileID string
	FileIDs              []string
}

func (q *ProjectFilesQuery) values() url.Values {
	v := url.Values{"order_by": {orderByID}}
	setText(v, "file_name", q.Name)
	setText(v, "external_file_id", q.ExternalFileID)
	for _, id := range q.FileIDs {
		v.Add("file_ids", id)
	}
	return v
}

// ProjectFiles lists the files of the project. Items may be malformed. An error ends the sequence, which then is not complete.
func (c *Client) ProjectFiles(ctx context.Context, q ProjectFilesQuery) iter.Seq2[ProjectFile, error] {
	r := listRequest{
		route: projectFilesRoute, query: q.values(), narrowing: []string{"file_name", "external_file_id", "file_ids"}, size: maxPageSize,
	}
	return pages(ctx, c, r, readProjectFile)
}

// PipelineFile is a file of a pipeline, without the fields that are of its processing alone. All of it is the server's
// word, unchecked.
type PipelineFile struct {
	Item
	// ID is the pipeline's own for the file; FileID names the stored file.
	ID             string                    `json:"id"`
	FileID         Optional[string]          `json:"file_id,omitzero"`
	ProjectID      Optional[string]          `json:"project_id,omitzero"`
	Name           Optional[string]          `json:"name,omitzero"`
	ExternalFileID Optional[string]          `json:"external_file_id,omitzero"`
	CustomMetadata Optional[json.RawMessage] `json:"custom_metadata,omitzero"`
	CreatedAt      Optional[Timestamp]       `json:"created_at,omitzero"`
	UpdatedAt      Optional[Timestamp]       `json:"updated_at,omitzero"`
	LastModifiedAt Optional[Timestamp]       `json:"last_modified_at,omitzero"`
}

// readPipelineFile reads an item. Without a file_id, the file is known by its id alone.
func readPipelineFile(o *object, v value) (f PipelineFile) {
	if f.Malformed = o.parse(v); f.Malformed == nil {
		f = PipelineFile{
			ID:             o.text("id").Or(""),
			FileID:         o.text("file_id"),
			ProjectID:      o.text("project_id"),
			Name:           o.text("name"),
			ExternalFileID: o.text("external_file_id"),
			CustomMetadata: o.document("custom_metadata"),
			CreatedAt:      o.timestamp("created_at"),
			UpdatedAt:      o.timestamp("updated_at"),
			LastModifiedAt: o.timestamp("last_modified_at"),
		}
		f.Malformed = o.fileWithout(f.FileID, f.ID)
	}
	f.finish(o, v)
	f.identify(v, f.ID)
	return f
}

// PipelineFilesQuery narrows a listing. Zero fields do not. A deployment that refuses a narrower listing gives all.
type PipelineFilesQuery struct {
	// NameContains leaves files whose name contains it, whether in upper or lower case.
	NameContains string
}

// PipelineFiles lists the files of a pipeline. Items may be malformed, and may come more than once, where the listing shifted
// while it was read. An error ends the sequence, which then is not complete.
func (c *Client) PipelineFiles(ctx context.Context, id pipeline.ID, q PipelineFilesQuery) iter.Seq2[PipelineFile, error] {
	query := url.Values{"order_by": {orderByID}}
	setText(query, "file_name_contains", q.NameContains)
	r := listRequest{
		route: pipelineFilesRoute, segments: []segment{idSegment(id)}, query: query, narrowing: []string{"file_name_contains"},
	}
	return offsets(ctx, c, r, readPipelineFile)
}

// pageSize returns how many items a page is to have at most where it was asked for some; 0 is for the most that there can be.
func pageSize(asked int) int {
	if asked < 1 || asked > maxPageSize {
		return maxPageSize
	}
	return asked
}

// listRequest says what a listing is asked for.
type listRequest struct {
	route    string
	segments []segment
	// query is that of the first page; nil for none.
	query url.Values
	// narrowing are its parameters that are left out where the API refuses the request.
	narrowing []string
	// size is the most items that a page may have.
	size int
	// single and limit are as in call.
	single bool
	limit  *limiter
}

// lister asks for the pages of a listing.
type lister struct {
	client *Client
	// listRequest has the query of the next page.
	listRequest
	// sizeName is the parameter for how many items a page may have; size is its value, and most what it may grow to.
	sizeName string
	most     int
	// asked is the size of the page that came last.
	asked int
}

// orderByID is the order in which items keep their place whatever happens to others.
const orderByID = "id"

func (c *Client) newLister(sizeName string, r listRequest) *lister {
	l := &lister{client: c, listRequest: r, sizeName: sizeName, most: r.size}
	if l.query = maps.Clone(r.query); l.query == nil {
		l.query = url.Values{}
	}
	known := c.listings.of(r.route)
	if known.unordered {
		l.query.Del("order_by")
	}
	if known.most > 0 {
		l.most = min(l.most, known.most)
	}
	l.size = l.most
	return l
}

// fetchPage asks for a page. One that is refused for its size, too large or, unless it is about one file, not understood is asked for at half
// the size, down to one item; one whose order is refused, in the API's own.
func fetchPage[T any](ctx context.Context, l *lister, decode func(*stream) (T, error)) (p T, err error) {
	for likely := ""; ; {
		l.query.Set(l.sizeName, fmt.Sprint(l.size))
		k, err := l.client.newCall(http.MethodGet, l.route, maps.Clone(l.query), l.segments...)
		if err != nil {
			return p, err
		}
		k.likely, k.single, k.limit = likely, l.single, l.limit
		err = k.stream(ctx, l.mostBytes(), func(s *stream) (err error) {
			p, err = decode(s)
			return err
		})
		if err == nil {
			// Only one page may have been hard to read.
			l.asked, l.size = l.size, min(2*l.size, l.most)
			return p, nil
		}
		if !l.relent(err) {
			return p, err
		}
		likely = likeness(err)
	}
}

// mostBytes bounds a page, all of which is in memory. One item may always be as large as any answer.
func (l *lister) mostBytes() int64 {
	if l.size == 1 {
		return l.client.maxJSON
	}
	return min(l.client.maxJSON, l.client.opts.MaxPageBytes)
}

// relent asks for less, if that may help against the error.
func (l *lister) relent(err error) bool {
	refused, isAPI := errors.AsType[*APIError](err)
	failed, isRequest := errors.AsType[*RequestError](err)
	switch {
	case isAPI && refused.names(l.sizeName) || errors.Is(err, errTooLarge):
		if l.size == 1 {
			return false
		}
		l.size /= 2
		l.most = l.size
		if isAPI {
			l.client.listings.note(l.route, func(k *listingLimits) { k.most = l.most })
		}
		return true
	case isRequest && failed.Class == ClassMalformed && l.size > 1 && !l.single:
		l.size /= 2
		return true
	case !isAPI || !refused.own || refused.Status != http.StatusBadRequest && refused.Status != http.StatusUnprocessableEntity:
		return false
	case l.query.Has("order_by") && !slices.ContainsFunc(l.narrowing, refused.names):
		l.query.Del("order_by")
		if refused.names("order_by") {
			l.client.listings.note(l.route, func(k *listingLimits) { k.unordered = true })
		}
		return true
	}
	// A listing that goes on stays as it is.
	return l.asked == 0 && l.widen()
}

// widen asks for all, unless that is what is asked for.
func (l *lister) widen() bool {
	if !slices.ContainsFunc(l.narrowing, l.query.Has) {
		return false
	}
	for _, name := range l.narrowing {
		l.query.Del(name)
	}
	return true
}
