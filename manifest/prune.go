package manifest

import (
	"context"
	"errors"

	"exporter/pipeline"
)

// pruneBatch is how many rows lose their blobs at once.
const pruneBatch = 1000

// Prune makes Compact drop the rows of all files and assets that vanished upstream. Before, it calls remove with the
// rows of those that are stored, some at a time; the ledger does not vouch for their blobs any more then.
func (l *Ledger) Prune(ctx context.Context, remove func([]*pipeline.Row) error) (err error) {
	// What this run has committed counts as well.
	snapshot, err := OpenSnapshot(ctx, l.fsys)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	for row, err := range snapshot.Files(ctx) {
		if err != nil {
			return err
		}
		l.pruning = l.pruning || !row.VanishedAt.IsZero()
	}
	var stored []*pipeline.Row
	for row, err := range snapshot.Rows(ctx) {
		if err != nil {
			return err
		}
		if row.VanishedAt.IsZero() {
			continue
		}
		l.pruning = true
		if row.Status != pipeline.Stored {
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
