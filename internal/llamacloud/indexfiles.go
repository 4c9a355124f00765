package llamacloud

import (
	"context"
	"errors"
	"net/http"

	"exporter/pipeline"
)

// indexListing lists the files of an index: those that it is made of, and those that it has made.
func (s *Source) indexListing(ctx context.Context, id pipeline.ID) pipeline.Listing {
	key, what := pipeline.IndexSource(string(id)), "index "+quoteID(id)
	return pipeline.Listing{Key: key, Files: func(yield func(pipeline.File, error) bool) {
		index, err := s.index(ctx, id)
		if err != nil {
			yield(pipeline.File{}, listingError(key, what, err))
			return
		}
		query := s.directoryQuery()
		for _, text := range []string{index.SourceDirectoryID, index.OutputDirectoryID} {
			directory, err := pipeline.ParseID(text)
			if err != nil {
				continue
			}
			files := s.client.DirectoryFiles(ctx, directory, query)
			of := listing(key, what, files, func(f *DirectoryFile) (pipeline.File, bool) { return directoryFile(f, directory), true })
			for file, err := range of.Files {
				_, isSource := errors.AsType[*pipeline.SourceError](err)
				if !yield(file, err) || isSource {
					return
				}
			}
		}
		if index.syncs() {
			yield(pipeline.File{}, &pipeline.SourceError{Key: key, Grows: true, Err: &ListingError{What: what, Err: errSyncs}})
		}
	}}
}

// errSyncs says that an index is being brought up to date.
var errSyncs = errors.New("it is being synchronised, so that its files and pictures may not all be there: the next run asks again")

// syncs tells whether an index is being brought up to date.
func (i *Index) syncs() bool {
	if syncing, ok := i.SyncInProgress.Get(); ok {
		return syncing
	}
	switch i.Status() {
	case "pending", "queued", "running", "syncing", "in_progress", "processing":
		return true
	}
	return false
}

// index returns the index that has an id, which may be the one by which retrieval knows it.
func (s *Source) index(ctx context.Context, id pipeline.ID) (Index, error) {
	index, err := s.client.Index(ctx, id)
	refused, ok := errors.AsType[*APIError](err)
	if !ok || refused.Status != http.StatusNotFound && refused.Status != http.StatusUnprocessableEntity {
		return index, err
	}
	for other, listErr := range s.client.Indexes(ctx, IndexesQuery{}) {
		switch {
		case listErr != nil:
			return Index{}, err
		case other.Malformed == nil && other.ExportConfigID == string(id):
			if exact, idErr := pipeline.ParseID(other.ID); idErr == nil {
				return s.client.Index(ctx, exact)
			}
			return other, nil
		}
	}
	return Index{}, err
}
