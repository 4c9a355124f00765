package llamacloud

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"

	"exporter/pipeline"
)

const (
	projectFilesRoute  = "/api/v1/beta/files"
	pipelineFilesRoute = "/api/v1/pipelines/{pipeline_id}/files2"

	// maxPageSize is the most that the API gives with a cursor.
	maxPageSize = 1000
	// pipelinePageSize is how many files of a pipeline a request asks for.
	pipelinePageSize = 100
	// maxEmptyPages is how many empty pages in a row are taken for a listing that goes on.
	maxEmptyPages = 100
)

// What keeps a listing from being complete although every request was answered.
var (
	// ErrCursorRepeats says that a listing led back to a page that it gave before.
	ErrCursorRepeats = errors.New("the listing leads back to a page that was read before")
	// ErrListingStuck says that a listing claims to go on, but has nothing more to give.
	ErrListingStuck = errors.New("the listing does not end, but gives nothing more")
)

// page is a page of a listing with a cursor.
type page[T any] struct {
	Items []T
	// Next is the cursor of the next page; empty on the last one.
	Next string
}

func decodePage[T any](raw []byte, check func(*T) error) (page[T], error) {
	var w struct {
		Items         []T              `json:"items"`
		NextPageToken Optional[string] `json:"next_page_token"`
	}
	if err := decodeJSON(raw, &w); err != nil {
		return page[T]{}, err
	}
	items, err := checkItems(w.Items, check)
	return page[T]{Items: items, Next: w.NextPageToken.Or("")}, err
}

// checkItems refuses a page without an array of items: an empty answer must not pass for an empty listing.
func checkItems[T any](items []T, check func(*T) error) ([]T, error) {
	if items == nil {
		return nil, errors.New("the page has no list of items")
	}
	for i := range items {
		if err := check(&items[i]); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// pages goes through a listing with a cursor.
func pages[T any](
	ctx context.Context, c *Client, route string, query url.Values, check func(*T) error, segments ...segment,
) iter.Seq2[T, error] {
	decode := func(raw []byte) (page[T], error) { return decodePage(raw, check) }
	return func(yield func(T, error) bool) {
		var none T
		var seen tokens
		query := maps.Clone(query)
		for {
			p, err := fetchPage(ctx, c, route, query, decode, segments)
			if err != nil {
				yield(none, err)
				return
			}
			for _, item := range p.Items {
				if !yield(item, nil) {
					return
				}
			}
			if p.Next == "" {
				return
			}
			if err := seen.add(p.Next, len(p.Items)); err != nil {
				yield(none, err)
				return
			}
			query.Set("page_token", p.Next)
		}
	}
}

func fetchPage[T any](
	ctx context.Context, c *Client, route string, query url.Values, decode func([]byte) (T, error), segments []segment,
) (T, error) {
	k, err := c.newCall(http.MethodGet, route, query, segments...)
	if err != nil {
		var none T
		return none, err
	}
	return fetch(ctx, k, decode)
}

// tokens watches over a cursor, so that a listing ends.
type tokens struct {
	seen  map[[sha256.Size]byte]struct{}
	empty int
}

// add takes note of a page that had so many items, and of the token of the next page.
func (t *tokens) add(token string, items int) error {
	hash := sha256.Sum256([]byte(token))
	if _, repeats := t.seen[hash]; repeats {
		return ErrCursorRepeats
	}
	if t.seen == nil {
		t.seen = make(map[[sha256.Size]byte]struct{})
	}
	t.seen[hash] = struct{}{}
	if items > 0 {
		t.empty = 0
	} else if t.empty++; t.empty > maxEmptyPages {
		return ErrListingStuck
	}
	return nil
}

// ProjectFile is a file of the project. All of it is the server's word, unchecked, but ID is not empty.
type ProjectFile struct {
	// ID is the file_id.
	ID             string                 `json:"id"`
	ProjectID      string                 `json:"project_id"`
	Name           Optional[string]       `json:"name,omitzero"`
	DownloadURL    Optional[PresignedURL] `json:"download_url,omitzero"`
	ExpiresAt      Optional[Timestamp]    `json:"expires_at,omitzero"`
	ExternalFileID Optional[string]       `json:"external_file_id,omitzero"`
	FileType       Optional[string]       `json:"file_type,omitzero"`
	LastModifiedAt Optional[Timestamp]    `json:"last_modified_at,omitzero"`
	Purpose        Optional[string]       `json:"purpose,omitzero"`
}

func (f *ProjectFile) check() error {
	if f.ID == "" {
		return errors.New("a file has no id")
	}
	return nil
}

// ProjectFiles lists the files of the project. An error ends the sequence, which then is not complete.
func (c *Client) ProjectFiles(ctx context.Context) iter.Seq2[ProjectFile, error] {
	query := url.Values{"page_size": {pageSize(0)}}
	return pages(ctx, c, projectFilesRoute, query, (*ProjectFile).check)
}

// PipelineFile is a file of a pipeline, without the fields that are of its processing alone. All of it is the server's
// word, unchecked, but ID is not empty.
type PipelineFile struct {
	// ID is the pipeline's own for the file; FileID names the stored file.
	ID             string                    `json:"id"`
	PipelineID     string                    `json:"pipeline_id"`
	FileID         Optional[string]          `json:"file_id,omitzero"`
	ProjectID      Optional[string]          `json:"project_id,omitzero"`
	Name           Optional[string]          `json:"name,omitzero"`
	ExternalFileID Optional[string]          `json:"external_file_id,omitzero"`
	CustomMetadata Optional[json.RawMessage] `json:"custom_metadata,omitzero"`
	CreatedAt      Optional[Timestamp]       `json:"created_at,omitzero"`
	UpdatedAt      Optional[Timestamp]       `json:"updated_at,omitzero"`
	LastModifiedAt Optional[Timestamp]       `json:"last_modified_at,omitzero"`
	FileType       Optional[string]          `json:"file_type,omitzero"`
	Status         Optional[string]          `json:"status,omitzero"`
}

func (f *PipelineFile) check() error {
	if f.ID == "" {
		return errors.New("a pipeline file has no id")
	}
	return nil
}

// pipelinePage is a page of a listing by offset. Total is nil where the API does not say.
type pipelinePage struct {
	Files         []PipelineFile
	Total, Offset *integer
}

func decodePipelinePage(raw []byte) (pipelinePage, error) {
	var w struct {
		Files  []PipelineFile    `json:"files"`
		Total  Optional[integer] `json:"total_count"`
		Offset Optional[integer] `json:"offset"`
	}
	if err := decodeJSON(raw, &w); err != nil {
		return pipelinePage{}, err
	}
	files, err := checkItems(w.Files, (*PipelineFile).check)
	return pipelinePage{Files: files, Total: w.Total.Ptr(), Offset: w.Offset.Ptr()}, err
}

// PipelineFiles lists the files of a pipeline. An error ends the sequence, which then is not complete.
func (c *Client) PipelineFiles(ctx context.Context, id pipeline.ID) iter.Seq2[PipelineFile, error] {
	return func(yield func(PipelineFile, error) bool) {
		for offset := 0; ; {
			query := url.Values{"limit": {strconv.Itoa(pipelinePageSize)}, "offset": {strconv.Itoa(offset)}}
			p, err := fetchPage(ctx, c, pipelineFilesRoute, query, decodePipelinePage, []segment{idSegment(id)})
			if err == nil {
				err = p.check(offset)
			}
			if err != nil {
				yield(PipelineFile{}, err)
				return
			}
			for _, f := range p.Files {
				if !yield(f, nil) {
					return
				}
			}
			offset += len(p.Files)
			if len(p.Files) == 0 || p.Total != nil && int64(*p.Total) <= int64(offset) {
				return
			}
		}
	}
}

// check tells whether the page is the one at an offset.
func (p *pipelinePage) check(offset int) error {
	if p.Offset != nil && int64(*p.Offset) != int64(offset) {
		return fmt.Errorf("%w: offset %d was asked for, %d came", ErrCursorRepeats, offset, *p.Offset)
	}
	if len(p.Files) == 0 && p.Total != nil && int64(*p.Total) > int64(offset) {
		return fmt.Errorf("%w: %d files of %d came", ErrListingStuck, offset, *p.Total)
	}
	return nil
}
