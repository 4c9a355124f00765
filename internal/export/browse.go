package export

import (
	"context"
	"errors"
	"log/slog"

	"exporter/internal/accepted"
	"exporter/internal/inventory"
	"exporter/internal/store"
	"exporter/manifest"
	"exporter/pipeline"
)

// Browsed is an export that is open to be looked at, as of its last commit, whether a run has it or not.
type Browsed struct {
	*inventory.Inventory
	opened *opened
}

// Browse opens the export at path to be looked at. The log is told what is waited for; it may be nil.
func Browse(ctx context.Context, path string, log *slog.Logger) (*Browsed, error) {
	o, err := open(ctx, path, log, manifest.Glance)
	if err != nil {
		return nil, err
	}
	if o.Info() == nil {
		return nil, errors.Join(noTableError(ctx, path, o.dir), o.Close())
	}
	if lost := o.LostTable(); lost != nil {
		return nil, errors.Join(InParts(ctx, lost, path), o.Close())
	}
	// Where it cannot be understood, nothing was accepted.
	set, err := accepted.Read(ctx, o.dir)
	if err != nil && !Is[*pipeline.DamageError](err) {
		return nil, errors.Join(storageError("read "+accepted.Name, err), o.Close())
	}
	return &Browsed{inventory.New(o.Snapshot, set), o}, nil
}

// Blobs is where the blobs are, for package sinks.
func (b *Browsed) Blobs() store.Reader { return b.opened.dir }

// Asset returns the row of an asset; nil where there is none.
func (b *Browsed) Asset(ctx context.Context, key pipeline.AssetKey) (*pipeline.Row, error) {
	return b.opened.Asset(ctx, key)
}

// State tells the export from what it is after another commit. It costs little.
func (b *Browsed) State(ctx context.Context) (string, error) {
	return manifest.State(ctx, b.opened.dir)
}

// Close closes it.
func (b *Browsed) Close() error { return b.opened.Close() }

// Look calls do with the inventory of the export at path, whether a run has it or not. The log is told what is waited for; it may
// be nil.
func Look(ctx context.Context, path string, log *slog.Logger, do func(*inventory.Inventory) error) (err error) {
	b, err := Browse(ctx, path, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	return do(b.Inventory)
}
