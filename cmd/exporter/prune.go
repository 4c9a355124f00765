package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

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

// removeGone removes what went upstream, and with --force prune also what is known only of sources that are not asked for any more.
func (e *export) removeGone(ctx context.Context, ledger *manifest.Ledger, console *console) error {
	takesAway := e.cfg.Run.Prune && e.force.accepts(forcePrune) && e.report.snapshot().Files.ListingDone
	away := map[string]bool{}
	selects := func(_ pipeline.FileKey, places []pipeline.SourceKey, gone pipeline.Gone) bool {
		switch {
		case !gone.ExpiredAt.IsZero():
			return e.cfg.Run.PruneExpired
		case !gone.VanishedAt.IsZero():
			return e.cfg.Run.Prune
		case !takesAway || len(places) == 0 || slices.ContainsFunc(places, e.asksFor):
			return false
		}
		for _, place := range places {
			away[string(place)] = true
		}
		return true
	}
	allow := func(extent manifest.Extent) error {
		if len(away) > 0 {
			names := firstFew(slices.Sorted(maps.Keys(away)))
			e.force.accept(forcePrune, console.log, "what is known only of sources that are not asked for any more would be pruned: "+names)
		}
		much := &pruneError{extent.Stored, extent.AllStored}
		if much.gone > much.stored/10 && much.gone > prunedAtOnce && !e.force.accept(forcePrune, console.log, much.what()) {
			return much
		}
		return nil
	}
	err := ledger.Prune(ctx, manifest.Removal{
		Selects: selects, At: e.started.UTC(), Allow: allow,
		RemoveBlobs: func(blobs []pipeline.Location) error {
			e.report.addPruned(len(blobs))
			return sinks.RemoveBlobs(ctx, e.store, blobs)
		},
	})
	if is[*pruneError](err) {
		return err
	}
	return storageError("prune", err)
}

// asksFor tells whether the run asks for a listing.
func (e *export) asksFor(place pipeline.SourceKey) bool { return slices.Contains(e.asked, place) }
