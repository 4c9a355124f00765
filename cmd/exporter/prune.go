package main

import (
	"context"
	"errors"

	"exporter/internal/durable"
	"exporter/manifest"
	"exporter/pipeline"
	"exporter/sinks"
)

// errNothingListed says that a source which had files has none any more.
var errNothingListed = errors.New("no file is listed any more, so --prune would remove the whole export")

// removeVanished drops the rows of what vanished upstream when the ledger is merged, and removes its local blobs.
func (e *export) removeVanished(ctx context.Context, dir durable.FS, ledger *manifest.Ledger, console *console) error {
	c := e.report.snapshot()
	if c.filesKnown() == 0 && c.Files.Vanished > 0 && !e.force.accept(forcePrune, console.log, "no file is listed any more") {
		return errNothingListed
	}
	err := ledger.Prune(ctx, func(rows []*pipeline.Row) error {
		e.report.addPruned(len(rows))
		return sinks.RemoveBlobs(dir, rows)
	})
	return storageError("prune", err)
}
