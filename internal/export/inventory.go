package export

import (
	"context"
	"errors"
	"log/slog"

	"exporter/internal/accepted"
	"exporter/internal/inventory"
	"exporter/manifest"
	"exporter/pipeline"
)

// Look calls do with the inventory of the export at path, whether a run has it or not. The log is told what is waited for; it may
// be nil.
func Look(ctx context.Context, path string, log *slog.Logger, do func(*inventory.Inventory) error) (err error) {
	o, err := open(ctx, path, log, manifest.Glance)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	if o.Info() == nil {
		return noManifestError(path)
	}
	// Where it cannot be understood, nothing was accepted.
	set, err := accepted.Read(ctx, o.dir)
	if err != nil && !Is[*pipeline.DamageError](err) {
		return storageError("read "+accepted.Name, err)
	}
	return do(inventory.New(o.Snapshot, set))
}
