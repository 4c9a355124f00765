package llamacloud

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"exporter/pipeline"
)

// directoryBatches lists the jobs of all batches of a directory.
func (s *Source) directoryBatches(ctx context.Context, directory pipeline.ID) pipeline.Listing {
	key := pipeline.BatchesSource(string(directory))
	return pipeline.Listing{Key: key, Files: func(yield func(pipeline.File, error) bool) {
		what := "batches of directory " + quoteID(directory)
		var ids []pipeline.ID
		for b, err := range s.client.Batches(ctx, BatchesQuery{SourceDirectoryID: directory}) {
			if err == nil {
				err = b.Malformed
			}
			var id pipeline.ID
			if err == nil {
				id, err = pipeline.ParseID(b.ID)
			}
			if err != nil {
				yield(pipeline.File{}, sourceError(key, what, err))
				return
			}
			ids = append(ids, id)
		}
		s.batchFiles(ctx, key, ids)(yield)
	}}
}

// batchFiles yields the jobs of batches, each with the file that it is of. At the end comes an error where a batch is not done.
func (s *Source) batchFiles(ctx context.Context, key pipeline.SourceKey, ids []pipeline.ID) iter.Seq2[pipeline.File, error] {
	return func(yield func(pipeline.File, error) bool) {
		var undone error
		for _, id := range ids {
			more, err := s.batch(ctx, id, func(f pipeline.File) bool { return yield(f, nil) })
			what := "batch " + quoteID(id)
			var state *batchState
			switch {
			case !more:
				return
			case errors.As(err, &state):
				undone = &pipeline.SourceError{Key: key, Grows: true, Err: &ListingError{What: what, Err: err}}
			case err != nil:
				yield(pipeline.File{}, listingError(key, what, err))
				return
			}
		}
		if undone != nil {
			yield(pipeline.File{}, undone)
		}
	}
}

// sourceError says what is wrong with a listing that the API has not refused.
func sourceError(key pipeline.SourceKey, what string, err error) error {
	if _, ok := concern(err); ok {
		return listingError(key, what, err)
	}
	return &pipeline.SourceError{Key: key, Err: &ListingError{What: what, Err: err}}
}

// batchState says that a batch is not done.
type batchState struct{ status string }

func (e *batchState) Error() string {
	return fmt.Sprintf("it is %s: not all of its jobs are there", printable(e.status))
}

// batch yields the files of a batch as long as it is to. Where the batch is not done it yields what there is, and returns a *batchState.
func (s *Source) batch(ctx context.Context, id pipeline.ID, yield func(pipeline.File) bool) (more bool, err error) {
	for poll := firstPoll; ; poll = min(2*poll, slowestPoll) {
		var results []BatchResult
		b, err := s.client.Batch(ctx, id, func(r *BatchResult) error {
			results = append(results, *r)
			return nil
		})
		switch {
		case err != nil:
			return true, err
		case s.selection.Wait && !isDone(b.Status):
			if err := s.client.origins.Sleep(ctx, poll); err != nil {
				return true, err
			}
			continue
		}
		files, err := s.filesOf(ctx, &b, results)
		if err != nil {
			return true, err
		}
		for _, f := range files {
			if !yield(f) {
				return false, nil
			}
		}
		if !isDone(b.Status) {
			return true, &batchState{b.Status}
		}
		return true, nil
	}
}

// filesOf returns what the results of a batch are of. The directory tells which file each is.
func (s *Source) filesOf(ctx context.Context, b *Batch, results []BatchResult) ([]pipeline.File, error) {
	known := map[string]*pipeline.File{}
	for i := range results {
		if results[i].SourceDirectoryFileID != "" {
			known[results[i].SourceDirectoryFileID] = nil
		}
	}
	if directory, err := pipeline.ParseID(b.SourceDirectoryID); err == nil && len(known) > 0 {
		for f, err := range s.client.DirectoryFiles(ctx, directory, DirectoryFilesQuery{IncludeDeleted: true}) {
			if IsAbsent(err) {
				// The directory is gone; its jobs are not.
				break
			}
			if err != nil {
				return nil, err
			}
			if _, wanted := known[f.ID]; wanted && f.Malformed == nil {
				file := directoryFile(&f, directory)
				known[f.ID] = &file
			}
		}
	}
	files := make([]pipeline.File, 0, len(results))
	for i := range results {
		files = append(files, results[i].file(b, known[results[i].SourceDirectoryFileID]))
	}
	return files, nil
}

// file returns the job of a result, with what is known of its file. A result without a job that makes pictures is one of which nothing can be
// asked for.
func (r *BatchResult) file(b *Batch, known *pipeline.File) pipeline.File {
	f := pipeline.File{DirectoryID: b.SourceDirectoryID, DirectoryFileID: r.SourceDirectoryFileID, ProjectID: b.ProjectID}
	kind := r.JobType
	if kind == "" {
		kind = b.JobType.Or("")
	}
	switch {
	case r.Malformed != nil:
		f.DirectoryFileID, f.Idle = r.identity, "the result of the batch cannot be read: "+r.Malformed.Error()
	case r.JobID == "":
		f.Idle = "the batch has no job of it: " + printable(r.ErrorMessage.Or("it failed"))
	case kind != "" && kind != "parse_v2":
		f.Idle = fmt.Sprintf("its job in the batch is of type %s, which makes no pictures", printable(kind))
	default:
		if known != nil {
			f = *known
		}
		f.JobID, f.UpdatedAt, f.ExpiresAt = r.JobID, latest(at(b.UpdatedAt), at(b.CreatedAt)), at(Optional[Timestamp]{})
		f.Odd = r.Odd
	}
	if f.Idle != "" {
		f.DisplayName = nil
		if known != nil {
			f.DisplayName = known.DisplayName
		}
	}
	return f
}
