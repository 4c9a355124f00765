package main

import (
	"context"
	"fmt"

	"exporter/internal/durable"
	"exporter/manifest"
	"exporter/pipeline"
	"exporter/sinks"
)

// prunedAtOnce is how many assets may be removed at once, however many are stored.
const prunedAtOnce = 100

// pruneError says that pruning would remove more than a tenth of what is stored.
type pruneError struct{ gone, stored int64 }

func (e *pruneError) Error() string { return e.what() + ", so none was" }

func (e *pruneError) what() string {
	return fmt.Sprintf("%d of %d stored assets would be pruned", e.gone, e.stored)
}

// removeGone drops the rows of what went upstream when the ledger is merged, and removes its local blobs.
func (e *export) removeGone(ctx context.Context, dir durable.FS, ledger *manifest.Ledger, console *console) error {
	gone := func(g pipeline.Gone) bool {
		return e.cfg.Run.Prune && !g.VanishedAt.IsZero() || e.cfg.Run.PruneExpired && !g.ExpiredAt.IsZero()
	}
	allow := func(extent manifest.Extent) error {
		much := &pruneError{extent.Stored, extent.AllStored}
		if much.gone > much.stored/10 && much.gone > prunedAtOnce && !e.force.accept(forcePrune, console.log, much.what()) {
			return much
		}
		return nil
	}
	removal := manifest.Removal{Gone: gone, At: e.started, Allow: allow, RemoveBlobs: func(rows []*pipeline.Row) error {
		e.report.addPruned(len(rows))
		return sinks.RemoveBlobs(dir, rows)
	}}
	err := ledger.Prune(ctx, removal)
	if is[*pruneError](err) {
		return err
	}
	return storageError("prune", err)
}
