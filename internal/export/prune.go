package export

import (
	"context"
	"maps"
	"slices"

	"exporter/manifest"
	"exporter/pipeline"
	"exporter/sinks"
)

// prunedAtOnce is how many assets may be removed at once, however many are stored.
const prunedAtOnce = 100

// removeGone removes what went upstream, and with --force prune also what is known only of sources that are not asked for any more.
func (r *run) removeGone(ctx context.Context, ledger *manifest.Ledger) error {
	takesAway := r.Config.Run.Prune && r.force.accepts(ForcePrune) && r.counter.snapshot().Files.ListingDone
	away := map[string]bool{}
	selects := func(c manifest.Candidate) bool {
		switch {
		case !c.ExpiredAt.IsZero():
			return r.Config.Run.PruneExpired
		case !c.VanishedAt.IsZero():
			return r.Config.Run.Prune
		case !takesAway || len(c.Sources) == 0 || slices.ContainsFunc(c.Sources, r.asksFor):
			return false
		}
		for _, place := range c.Sources {
			away[string(place)] = true
		}
		return true
	}
	allow := func(extent manifest.Extent) error {
		if len(away) > 0 {
			names := firstFew(slices.Sorted(maps.Keys(away)))
			r.force.accept(ForcePrune, "what is known only of sources that are not asked for any more would be pruned: "+names)
		}
		much := &PruneError{extent.Stored, extent.AllStored}
		if much.gone > much.stored/10 && much.gone > prunedAtOnce && !r.force.accept(ForcePrune, much.what()) {
			return much
		}
		return nil
	}
	err := ledger.Prune(ctx, manifest.Removal{
		Selects: selects, At: r.started.UTC(), Allow: allow,
		RemoveBlobs: func(blobs []pipeline.Location) error {
			r.counter.addPruned(len(blobs))
			return sinks.RemoveBlobs(ctx, r.store, blobs)
		},
	})
	if Is[*PruneError](err) {
		return err
	}
	return storageError("prune", err)
}

// asksFor tells whether the run asks for a listing.
func (r *run) asksFor(place pipeline.SourceKey) bool { return slices.Contains(r.asked, place) }
