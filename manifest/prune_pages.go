package manifest

import (
	"cmp"
	"context"
	"iter"

	"exporter/pipeline"
)

// pages yields the keys of all pages that are to go: with their file, or with their job.
func (p *pruning) pages(ctx context.Context) iter.Seq2[*pipeline.PageRow, error] {
	return func(yield func(*pipeline.PageRow, error) bool) {
		owners := newOwners(ctx, p.snapshot)
		defer owners.stop()
		var owner pipeline.Owner
		goes := false
		for page, err := range p.snapshot.pageKeys(ctx) {
			if err == nil && page.Owner != owner {
				owner = page.Owner
				goes, err = p.selectsOwner(ctx, owners, owner)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if goes && !yield(page, nil) {
				return
			}
		}
	}
}

// selectsOwner tells whether a file or a job is to go.
func (p *pruning) selectsOwner(ctx context.Context, owners *owners, owner pipeline.Owner) (bool, error) {
	c := Candidate{Key: keyOf(owner), FileID: string(owner.FileID)}
	known, err := owners.of(ctx, owner)
	if err != nil {
		return false, err
	}
	if known != nil {
		row, err := known.Row()
		if err != nil {
			return false, err
		}
		c.Sources, c.Gone, c.FileID = row.Sources, row.Gone, cmp.Or(c.FileID, row.ID)
	}
	return p.Selects(c), nil
}

// withdrawPages commits that pages are to go, without their texts.
func (p *pruning) withdrawPages(ctx context.Context) error {
	var batch []*pipeline.PageRow
	for page, err := range p.pages(ctx) {
		if err != nil {
			return err
		}
		page.Error = pipeline.ReasonPruned
		if batch = append(batch, page); len(batch) == pruneBatch {
			if err := p.ledger.Commit(ctx, pipeline.Rows{Pages: batch}); err != nil {
				return err
			}
			batch = nil
		}
	}
	return p.ledger.Commit(ctx, pipeline.Rows{Pages: batch})
}
