package manifest

import (
	"context"
	"iter"
	"slices"

	"exporter/pipeline"
)

// takeStock counts the rows that are left of each file, and adds to the damages which assets are lost.
func (s *Snapshot) takeStock(ctx context.Context, damages []Damage) (err error) {
	s.tallies = map[pipeline.FileKey]tally{}
	lost := map[pipeline.AssetKey]struct{}{}
	for row, err := range decoded[assetRow](s.assets.newest(ctx)) {
		if err != nil {
			return err
		}
		if row.isLost() {
			lost[row.key()] = struct{}{}
			continue
		}
		key := keyOf(row.owner())
		s.tallies[key] = s.tallies[key].plus(row.tally())
	}
	if s.pagesLeft, err = s.countPages(ctx); err != nil {
		return err
	}
	for _, t := range s.assets.tables() {
		for _, run := range t.lost {
			for row, err := range decoded[assetRow](t.rows(run)) {
				if err != nil {
					return err
				}
				if _, isLost := lost[row.key()]; isLost {
					d := slices.IndexFunc(damages, func(d Damage) bool { return d.Path == t.name })
					damages[d].Assets = append(damages[d].Assets, row.key())
				}
			}
		}
	}
	return nil
}

// countPages counts the pages that are left of each file and job.
func (s *Snapshot) countPages(ctx context.Context) (map[pipeline.FileKey]int64, error) {
	left := map[pipeline.FileKey]int64{}
	for page, err := range s.pageKeys(ctx) {
		if err != nil {
			return nil, err
		}
		left[keyOf(page.Owner)]++
	}
	return left, nil
}

// tally is how many rows a file has of those that are listed, by status, and the bytes of those that are stored.
type tally struct{ stored, skipped, failed, bytes int64 }

func (t tally) plus(o tally) tally {
	return tally{t.stored + o.stored, t.skipped + o.skipped, t.failed + o.failed, t.bytes + o.bytes}
}

func (r *assetRow) tally() tally {
	if r.VanishedAt != nil || r.MissedAt != nil {
		return tally{}
	}
	switch pipeline.Status(r.Status) {
	case pipeline.Stored:
		return tally{stored: 1, bytes: zeroIfNil(r.Size)}
	case pipeline.Skipped:
		return tally{skipped: 1}
	}
	return tally{failed: 1}
}

// fileRows yields every file's row, sorted.
func (s *Snapshot) fileRows(ctx context.Context) iter.Seq2[*fileRow, error] {
	return func(yield func(*fileRow, error) bool) {
		for row, err := range decoded[fileRow](s.files.all(ctx)) {
			if err == nil {
				s.amend(row)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// amend makes a file partial that is complete, but whose assets' rows are not all there, or not all of its pages. Where pages are lost, it
// does not say any more that their text is recorded.
func (s *Snapshot) amend(row *fileRow) {
	if s.tallies == nil {
		return
	}
	losesPages := s.pagesLeft[row.key()] < zeroIfNil(row.Pages)
	if losesPages {
		row.Pages = nil
	}
	if row.Status == string(pipeline.Complete) && (losesPages || s.tallies[row.key()] != row.tally()) {
		row.Status = string(pipeline.Partial)
	}
}

func (r *fileRow) tally() tally { return tally{r.Stored, r.Skipped, r.Failed, r.Bytes} }
