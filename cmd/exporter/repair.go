package main

import (
	"context"
	"errors"

	"exporter/internal/verify"
	"exporter/manifest"
	"exporter/pipeline"
)

// mend verifies what is stored and makes the ledger say what is true, so that the run fetches what is damaged or missing
// again.
func (e *export) mend(ctx context.Context, console *console) error {
	ctx, cancel := e.interruptible(ctx)
	defer cancel()
	if err := e.mendLedger(ctx, console); err != nil {
		return err
	}
	repair := verify.NewRepair(verify.RepairOptions{
		Export: e.store,
		OpenLedger: func(ctx context.Context) (verify.Ledger, error) {
			return e.openLedger(ctx, console)
		},
		OpenSink: func(ctx context.Context, rows verify.Ledger) (pipeline.Sink, error) {
			return e.newSink(ctx, rows)
		},
		Found: func(f verify.Finding) { logDamage(console, f) },
	})
	stop := console.showProgress(verifyProgress{repair})
	done, err := repair.Run(ctx)
	stop()
	if err != nil {
		return storageError("repair", err)
	}
	c := repair.Counts()
	console.log.Info("repaired", "verified", c.CheckedBlobs, "bytes", c.CheckedBytes, "to_fetch_again", done.Lost,
		"moved", done.Moved, "shards_emptied", done.Emptied, "orphans", c.Orphans)
	return nil
}

// mendLedger writes damaged files of the ledger anew, without what is lost.
func (e *export) mendLedger(ctx context.Context, console *console) (err error) {
	ledger, damages, err := manifest.OpenSalvaged(ctx, e.store, e.info())
	if err != nil {
		return storageError("open the ledger", err)
	}
	defer func() { err = errors.Join(err, ledger.Close()) }()
	for _, d := range damages {
		console.log.Warn("damaged", "path", d.Path, "error", tableError(d))
		for _, key := range d.Assets {
			console.log.Warn("damaged", append(keyAttrs(key), "path", d.Path, "error", "the row is lost")...)
		}
	}
	return nil
}

// logDamage logs what was found damaged. The logger quotes names.
func logDamage(console *console, f verify.Finding) {
	var attrs []any
	if f.Row != nil {
		attrs = keyAttrs(f.Row.Key())
	}
	console.log.Warn("damaged", append(attrs, "path", f.Path, "lost", f.Lost, "error", f.Err)...)
}

func keyAttrs(key pipeline.AssetKey) []any {
	return []any{"file_id", key.FileID, "kind", key.Kind, "page", key.PageIndex, "figure", key.FigureName}
}
