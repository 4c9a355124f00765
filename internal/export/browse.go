package export

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"

	"exporter/internal/accepted"
	"exporter/internal/inventory"
	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/internal/whole"
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
	set, err := acceptedOf(ctx, path, o)
	if err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return &Browsed{inventory.New(o.Snapshot, set), o}, nil
}

// acceptedOf returns what was accepted to fail of the export at path, which is open. Of one in parts each part keeps its own, which nobody is asked for
// where nothing failed.
func acceptedOf(ctx context.Context, path string, o *opened) (*accepted.Set, error) {
	if _, err := parts.ReadPlan(ctx, o.dir); errors.Is(err, fs.ErrNotExist) {
		return readSound(ctx, o.dir)
	}
	if has, err := inventory.HasFailed(ctx, o.Snapshot); err != nil || !has {
		return nil, storageError("read the ledger", err)
	}
	e, err := whole.OpenParts(ctx, path, nil)
	if err != nil {
		return nil, partsError(path, err)
	}
	folders := e.Folders()
	sets := make([]*accepted.Set, len(folders))
	err = e.Each(ctx, folders, func(ctx context.Context, i int, dir place.Branch) (err error) {
		sets[i], err = readSound(ctx, dir)
		return err
	})
	if err := errors.Join(err, e.Close()); err != nil {
		return nil, partsError(path, err)
	}
	all := accepted.New()
	// The numbered parts come first, and what was moved there yields to them.
	for _, set := range sets {
		all.Include(set)
	}
	return all, nil
}

// readSound reads what was accepted. Where it cannot be understood, nothing was.
func readSound(ctx context.Context, from store.Reader) (*accepted.Set, error) {
	set, err := accepted.Read(ctx, from)
	if Is[*pipeline.DamageError](err) {
		err = nil
	}
	return set, storageError("read "+accepted.Name, err)
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
