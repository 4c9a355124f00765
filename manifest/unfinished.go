package manifest

import (
	"context"
	"iter"
	"slices"

	"exporter/pipeline"
)

// findUnfinished adds the states of files of which only assets have rows, since a run was killed between the two.
func (s *Snapshot) findUnfinished(ctx context.Context) error {
	for _, spans := range s.spans {
		for id := range spans {
			if s.states.has(pipeline.FileKey{FileID: id}) {
				continue
			}
			row, err := s.unfinishedRow(ctx, id)
			if err != nil {
				return err
			}
			if row != nil {
				s.states.add(row)
				s.unfinished = append(s.unfinished, id)
			}
		}
	}
	slices.Sort(s.unfinished)
	return nil
}

// unfinishedRow returns the row of a file as those of its assets have it; nil where these are lost.
func (s *Snapshot) unfinishedRow(ctx context.Context, id string) (*fileRow, error) {
	assets, err := s.Assets(ctx, pipeline.ID(id))
	if err != nil || len(assets) == 0 {
		return nil, err
	}
	return new(fromFileRow(pipeline.UnfinishedFile(assets))), nil
}

// allFileRows yields fileRows and those of unfinished files, sorted.
func (s *Snapshot) allFileRows(ctx context.Context) iter.Seq2[*fileRow, error] {
	if len(s.unfinished) == 0 {
		return s.fileRows(ctx)
	}
	return func(yield func(*fileRow, error) bool) {
		left := s.unfinished
		// before yields the unfinished files that come before an id, or all that are left.
		before := func(id string, all bool) bool {
			for ; len(left) > 0 && (all || left[0] < id); left = left[1:] {
				row, err := s.unfinishedRow(ctx, left[0])
				if row == nil && err == nil {
					continue
				}
				if !yield(row, err) || err != nil {
					return false
				}
			}
			return true
		}
		for row, err := range s.fileRows(ctx) {
			if err == nil && !before(row.FileID, false) || !yield(row, err) || err != nil {
				return
			}
		}
		before("", true)
	}
}
