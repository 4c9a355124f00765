package manifest

import (
	"context"
	"errors"

	"exporter/pipeline"
)

// pruneBatch is how many rows lose their blobs at once.
const pruneBatch = 1000

// Prune makes Compact drop the rows of all files and assets that are gone, as the caller has it. Before, it asks allow about the
// number of stored assets that are and of all, whose error it returns; then it calls remove with the rows of those that are stored,
// some at a time: the ledger does not vouch for their blobs any more then.
func (l *Ledger) Prune(ctx context.Context, gone func(pipeline.Gone) bool, allow func(gone, stored int64) error,
	remove func([]*pipeline.Row) error) (err error) {
	// What this run has committed counts as well.
	snapshot, err := OpenSnapshot(ctx, l.fsys)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	found, err := snapshot.countGone(ctx, gone)
	if err != nil || !found.any {
		return err
	}
	if err := allow(found.storedGone, found.stored); err != nil {
		return err
	}
	l.pruned = gone
	var stored []*pipeline.Row
	for row, err := range snapshot.Rows(ctx) {
		if err != nil {
			return err
		}
		if !gone(row.Gone) || row.Status != pipeline.Stored {
			continue
		}
		if stored = append(stored, row); len(stored) == pruneBatch {
			if err := l.disown(ctx, stored, remove); err != nil {
				return err
			}
			stored = stored[:0]
		}
	}
	return l.disown(ctx, stored, remove)
}

// goneCount is how much is gone: anything at all, how many stored assets, and how many are stored.
type goneCount struct {
	any                bool
	storedGone, stored int64
}

func (s *Snapshot) countGone(ctx context.Context, gone func(pipeline.Gone) bool) (c goneCount, err error) {
	for row, err := range s.Files(ctx) {
		if err != nil {
			return c, err
		}
		c.any = c.any || gone(row.Gone)
	}
	for row, err := range s.Rows(ctx) {
		if err != nil {
			return c, err
		}
		isGone, isStored := gone(row.Gone), row.Status == pipeline.Stored
		c.any = c.any || isGone
		if isStored {
			c.stored++
		}
		if isStored && isGone {
			c.storedGone++
		}
	}
	return c, nil
}

// disown commits that rows have no blobs, and then has the blobs removed.
func (l *Ledger) disown(ctx context.Context, stored []*pipeline.Row, remove func([]*pipeline.Row) error) error {
	if len(stored) == 0 {
		return nil
	}
	pruned := make([]*pipeline.Row, len(stored))
	for i, row := range stored {
		pruned[i] = new(*row)
		pruned[i].Status, pruned[i].Reason = pipeline.Skipped, pipeline.ReasonPruned
	}
	if err := l.Commit(ctx, pruned, nil); err != nil {
		return err
	}
	return remove(stored)
}
