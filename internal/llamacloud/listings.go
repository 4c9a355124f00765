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
)

// page is a page of a listing with a cursor.
type page[T any] struct {
	Items []T
	// IDs are those of the items.
	IDs []string
	// Next is the cursor of the next page; empty on the last one.
	Next string
}

func decodePage[T any](raw []byte, identify func(*T) (string, error)) (page[T], error) {
	var w struct {
		Items         []T              `json:"items"`
		NextPageToken Optional[string] `json:"next_page_token"`
	}
	if err := decodeJSON(raw, &w); err != nil {
		return page[T]{}, err
	}
	ids, err := identifyAll(w.Items, identify)
	return page[T]{Items: w.Items, IDs: ids, Next: w.NextPageToken.Or("")}, err
}

// identifyAll returns the identifiers of a page's items. It refuses a page without an array of items: an empty answer must
// not pass for an empty listing.
func identifyAll[T any](items []T, identify func(*T) (string, error)) ([]string, error) {
	if items == nil {
		return nil, errors.New("the page has no list of items")
	}
	ids := make([]string, len(items))
	for i := range items {
		var err error
		if ids[i], err = identify(&items[i]); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// pages goes through a listing with a cursor.
func pages[T any](
	ctx context.Context, c *Client, route string, query url.Values, identify func(*T) (string, error), segments ...segment,
) iter.Seq2[T, error] {
	decode := func(raw []byte) (page[T], error) { return decodePage(raw, identify) }
	return func(yield func(T, error) bool) {
		var none T
		var cursor cursor
		query := maps.Clone(query)
		for {
			p, err := fetchPage(ctx, c, route, query, decode, segments)
			if err == nil {
				err = cursor.page(p.IDs)
			}
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
			if err := cursor.token(p.Next); err != nil {
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

func (f *ProjectFile) identify() (string, error) {
	if f.ID == "" {
		return "", errors.New("a file has no id")
	}
	return f.ID, nil
}

// ProjectFiles lists the files of the project. An error ends the sequence, which then is not complete.
func (c *Client) ProjectFiles(ctx context.Context) iter.Seq2[ProjectFile, error] {
	query := url.Values{"page_size": {pageSize(0)}}
	return pages(ctx, c, projectFilesRoute, query, (*ProjectFile).identify)
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

func (f *PipelineFile) identify() (string, error) {
	if f.ID == "" {
		return "", errors.New("a pipeline file has no id")
	}
	return f.ID, nil
}

// pipelinePage is a page of a listing by offset. Total is nil where the API does not say.
type pipelinePage struct {
	Files         []PipelineFile
	IDs           []string
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
	ids, err := identifyAll(w.Files, (*PipelineFile).identify)
	return pipelinePage{Files: w.Files, IDs: ids, Total: w.Total.Ptr(), Offset: w.Offset.Ptr()}, err
}

// PipelineFiles lists the files of a pipeline. An error ends the sequence, which then is not complete.
func (c *Client) PipelineFiles(ctx context.Context, id pipeline.ID) iter.Seq2[PipelineFile, error] {
	return func(yield func(PipelineFile, error) bool) {
		var cursor cursor
		for offset := 0; ; {
			query := url.Values{"limit": {strconv.Itoa(pipelinePageSize)}, "offset": {strconv.Itoa(offset)}}
			p, err := fetchPage(ctx, c, pipelineFilesRoute, query, decodePipelinePage, []segment{idSegment(id)})
			if err == nil {
				err = errors.Join(p.check(offset), cursor.page(p.IDs))
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
