package export

import (
	"context"
	"errors"

	"exporter/internal/verify"
	"exporter/manifest"
	"exporter/pipeline"
)

// mend verifies what is stored and makes the ledger say what is true, so that the run fetches what is damaged or missing
// again.
func (r *run) mend(ctx context.Context) error {
	ctx, cancel := Interruptible(ctx, r.Stop)
	defer cancel()
	if err := r.mendLedger(ctx); err != nil {
		return err
	}
	repair := verify.NewRepair(verify.RepairOptions{
		Export: r.store,
		OpenLedger: func(ctx context.Context) (verify.Ledger, error) {
			return r.openLedger(ctx)
		},
		OpenSink: func(ctx context.Context, rows verify.Ledger) (pipeline.Sink, error) {
			// The last shard may be one that is to be replaced.
			return r.newSink(ctx, rows, false)
		},
		Found: r.logDamage,
	})
	stop := r.Watcher.Verification(repair.Counts)
	done, err := repair.Run(ctx)
	stop()
	if err != nil {
		return storageError("repair", err)
	}
	c := repair.Counts()
	r.Log.Info("repaired", "verified", c.CheckedBlobs, "bytes", c.CheckedBytes, "to_fetch_again", done.Lost,
		"moved", done.Moved, "shards_emptied", done.Emptied, "orphans", c.Orphans)
	return nil
}

// mendLedger writes damaged files of the ledger anew, without what is lost.
func (r *run) mendLedger(ctx context.Context) (err error) {
	ledger, damages, err := manifest.OpenSalvaged(ctx, r.store, r.info())
	if err != nil {
		return storageError("open the ledger", err)
	}
	defer func() { err = errors.Join(err, ledger.Close()) }()
	for _, d := range damages {
		r.Log.Warn("damaged", "path", d.Path, "error", TableError(d))
		for _, key := range d.Assets {
			r.Log.Warn("damaged", append(keyAttrs(key), "path", d.Path, "error", "the row is lost")...)
		}
	}
	return nil
}

// logDamage logs what was found damaged. The logger quotes names.
func (r *run) logDamage(f verify.Finding) {
	var attrs []any
	if f.Row != nil {
		attrs = keyAttrs(f.Row.Key())
	}
	r.Log.Warn("damaged", append(attrs, "path", f.Path, "lost", f.Lost, "error", f.Err)...)
}

func keyAttrs(key pipeline.AssetKey) []any {
	return []any{"file_id", key.FileID, "kind", key.Kind, "page", key.PageIndex, "figure", key.FigureName}
}
