package llamacloud

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"time"

	"exporter/pipeline"
)

// Selection says which files a Source gives. The zero Selection has none.
type Selection struct {
	// Directories and Pipelines are listed in order, then the project where Project is set, then Files are given as they
	// stand, whatever the filters say.
	Directories, Pipelines, Files []pipeline.ID
	Project                       bool

	// DisplayName and the other filters narrow the listings; zero values do not. The API applies them to directories, the
	// Source to the rest: there DisplayNameContains minds upper and lower case, UniqueID is the external_file_id, removed
	// files are not listed at all, and a file whose time of change is not known is taken for changed at the right time.
	DisplayName, DisplayNameContains, UniqueID, FileID string
	IncludeDeleted                                     bool
	// UpdatedAtOnOrAfter and UpdatedAtOnOrBefore are inclusive.
	UpdatedAtOnOrAfter, UpdatedAtOnOrBefore time.Time
}

// Source gives the files of a Selection and their assets.
//
// An error that concerns one file or asset is a *pipeline.Failure with a class of this package. The others, which end a
// run, are *APIError where the API refused the key, *RequestError where its certificate was refused, *PauseError,
// *ListingError, *pipeline.StorageError, an error that wraps pipeline.ErrStopped, and the cause of the context.
type Source struct {
	client    *Client
	selection Selection
}

var _ pipeline.Source = (*Source)(nil)

// NewSource returns a Source that uses the client, whose requests Stop ends too.
func NewSource(c *Client, selection Selection) *Source {
	return &Source{client: c, selection: selection}
}

// Sources returns the keys of the listings that Files goes through.
func (s Selection) Sources() []pipeline.SourceKey {
	var keys []pipeline.SourceKey
	for _, id := range s.Directories {
		keys = append(keys, pipeline.DirectorySource(string(id)))
	}
	for _, id := range s.Pipelines {
		keys = append(keys, pipeline.PipelineSource(string(id)))
	}
	if s.Project {
		keys = append(keys, pipeline.ProjectSource)
	}
	for _, id := range s.Files {
		keys = append(keys, pipeline.FileSource(string(id)))
	}
	return keys
}

// Stop implements pipeline.Source.
func (s *Source) Stop() { s.client.origins.Stop() }

// Files implements pipeline.Source.
func (s *Source) Files(ctx context.Context) iter.Seq2[pipeline.File, error] {
	return func(yield func(pipeline.File, error) bool) {
		for _, listing := range s.listings(ctx) {
			for file, err := range listing {
				if !yield(file, err) || err != nil {
					return
				}
			}
		}
		for _, id := range s.selection.Files {
			if !yield(pipeline.File{ID: string(id), Source: pipeline.FileSource(string(id))}, nil) {
				return
			}
		}
	}
}

// listings returns the listings of the selection in order. None is asked for before it is read.
func (s *Source) listings(ctx context.Context) []iter.Seq2[pipeline.File, error] {
	var all []iter.Seq2[pipeline.File, error]
	query := s.directoryQuery()
	for _, id := range s.selection.Directories {
		files := s.client.DirectoryFiles(ctx, id, query)
		all = append(all, listing("directory "+quoteID(id), files, func(f *DirectoryFile) (pipeline.File, bool) {
			return directoryFile(f, id), true
		}))
	}
	for _, id := range s.selection.Pipelines {
		files := s.client.PipelineFiles(ctx, id)
		all = append(all, listing("pipeline "+quoteID(id), files, func(f *PipelineFile) (pipeline.File, bool) {
			file := pipelineFile(f, id)
			return file, s.selection.matches(&file)
		}))
	}
	if s.selection.Project {
		files := s.client.ProjectFiles(ctx)
		all = append(all, listing("project files", files, func(f *ProjectFile) (pipeline.File, bool) {
			file := projectFile(f)
			return file, s.selection.matches(&file)
		}))
	}
	return all
}

// listing converts the items of a listing, and leaves out those that are not wanted.
func listing[T any](
	what string, items iter.Seq2[T, error], convert func(*T) (file pipeline.File, wanted bool),
) iter.Seq2[pipeline.File, error] {
	return func(yield func(pipeline.File, error) bool) {
		for item, err := range items {
			if err != nil {
				yield(pipeline.File{}, listingError(what, err))
				return
			}
			if file, wanted := convert(&item); wanted && !yield(file, nil) {
				return
			}
		}
	}
}

func (s *Source) directoryQuery() DirectoryFilesQuery {
	sel := &s.selection
	return DirectoryFilesQuery{
		DisplayName: sel.DisplayName, DisplayNameContains: sel.DisplayNameContains,
		FileID: sel.FileID, UniqueID: sel.UniqueID, IncludeDeleted: sel.IncludeDeleted,
		UpdatedAtOnOrAfter: sel.UpdatedAtOnOrAfter, UpdatedAtOnOrBefore: sel.UpdatedAtOnOrBefore,
	}
}

// matches applies the filters to a file of a listing that cannot.
func (s *Selection) matches(f *pipeline.File) bool {
	after, before := s.UpdatedAtOnOrAfter, s.UpdatedAtOnOrBefore
	switch {
	case s.FileID != "" && f.ID != s.FileID,
		s.DisplayName != "" && (f.DisplayName == nil || *f.DisplayName != s.DisplayName),
		s.DisplayNameContains != "" && (f.DisplayName == nil || !strings.Contains(*f.DisplayName, s.DisplayNameContains)),
		s.UniqueID != "" && (f.UniqueID == nil || *f.UniqueID != s.UniqueID):
		return false
	case f.UpdatedAt.IsZero():
		return true
	}
	return !f.UpdatedAt.Before(after) && (before.IsZero() || !f.UpdatedAt.After(before))
}

// Assets implements pipeline.Source. An answer that is no listing ends the run: what has vanished could not be told from
// what was not understood.
func (s *Source) Assets(ctx context.Context, id pipeline.ID, kind pipeline.Kind) ([]pipeline.Asset, error) {
	switch kind {
	case pipeline.Screenshot:
		return assets(ctx, s.client, screenshotsRoute, id, screenshotAsset)
	case pipeline.Figure:
		return assets(ctx, s.client, figuresRoute, id, figureAsset)
	}
	return nil, fmt.Errorf("list assets: there is no kind %q", kind)
}

func assets[T any](
	ctx context.Context, c *Client, route string, id pipeline.ID, convert func(pipeline.ID, *T) pipeline.Asset,
) ([]pipeline.Asset, error) {
	k, err := c.newCall(http.MethodGet, route, nil, idSegment(id))
	if err != nil {
		return nil, failure(err, 0)
	}
	k.single = true
	items, err := fetch(ctx, k, decodeList[T])
	if err != nil {
		if class, _ := concern(err); class == ClassMalformed {
			return nil, &ListingError{What: "assets of file " + quoteID(id), Err: err}
		}
		return nil, failure(err, k.requests)
	}
	list := make([]pipeline.Asset, len(items))
	for i := range items {
		list[i] = convert(id, &items[i])
	}
	return list, nil
}

// Blob implements pipeline.Source.
func (s *Source) Blob(ctx context.Context, asset *pipeline.Asset, pause pipeline.Pause) (*pipeline.Blob, error) {
	k, err := s.blobCall(asset)
	if err != nil {
		return nil, failure(err, 0)
	}
	k.single, k.blob, k.pause = true, true, pause
	expected, _ := asset.ExpectedSize()
	var blob *pipeline.Blob
	err = k.do(ctx, func(a *answer) (err error) {
		blob, err = s.client.takeBlob(a, expected)
		return err
	})
	if err != nil {
		return nil, failure(err, k.requests)
	}
	return blob, nil
}

func (s *Source) blobCall(a *pipeline.Asset) (*call, error) {
	if a.Kind == pipeline.Figure {
		return s.client.figureCall(a.FileID, a.PageIndex, a.FigureName)
	}
	return s.client.screenshotCall(a.FileID, a.PageIndex)
}

// failure makes an error that concerns only one file or asset a *pipeline.Failure.
func failure(err error, requests int) error {
	if class, ok := concern(err); ok {
		return &pipeline.Failure{Class: class, Attempts: requests, Err: err}
	}
	return err
}

// listingError says which listing it is that was refused or cannot be trusted. What ends a run whatever was asked for
// stays as it is.
func listingError(what string, err error) error {
	class, ok := concern(err)
	if ok || class == ClassMalformed || errors.Is(err, ErrCursorRepeats) || errors.Is(err, ErrListingStuck) {
		return &ListingError{What: what, Err: err}
	}
	return err
}

// quoteID quotes what an ID that was not checked may hold.
func quoteID(id pipeline.ID) string {
	if _, err := pipeline.ParseID(string(id)); err != nil {
		return fmt.Sprintf("%.80q", string(id))
	}
	return string(id)
}
