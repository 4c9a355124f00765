package export

import (
	"context"
	"errors"
	"slices"
	"time"

	"exporter/internal/store"
	"exporter/manifest"
	"exporter/pipeline"
	"exporter/sinks"
)

// Remove removes files from the export at path, for good, and returns how much that was. An id is the file_id of a file, or its
// directory_file_id where that is null; where the export has none of an id, nothing is removed.
func Remove(ctx context.Context, path string, ids []string) (removed manifest.Extent, err error) {
	// The directory is not to be made where it is missing.
	there, err := openDir(path)
	if err == nil {
		err = there.Close()
	}
	if err != nil {
		return removed, err
	}
	st, err := own(ctx, ownDir, path)
	if err != nil {
		return removed, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	r := &removal{store: st, path: path, ids: ids}
	return r.run(ctx)
}

// removal is one call of Remove.
type removal struct {
	store store.Store
	path  string
	ids   []string
}

func (r *removal) run(ctx context.Context) (removed manifest.Extent, err error) {
	ledger, err := manifest.Open(ctx, r.store, knownInfo(ctx, r.store))
	if err != nil {
		return removed, storageError("open the ledger", err)
	}
	defer func() { err = errors.Join(err, ledger.Close()) }()
	if ledger.Info() == nil {
		return removed, noManifestError(r.path)
	}
	found := map[string]bool{}
	err = ledger.Prune(ctx, manifest.Removal{
		Selects: func(key pipeline.FileKey, _ []pipeline.SourceKey, _ pipeline.Gone) bool {
			id := key.FileID + key.DirectoryFileID
			selected := slices.Contains(r.ids, id)
			if selected {
				found[id] = true
			}
			return selected
		},
		At: time.Now().UTC(),
		Allow: func(extent manifest.Extent) error {
			removed = extent
			return r.checkFound(ctx, found)
		},
		RemoveBlobs: func(blobs []pipeline.Location) error { return sinks.RemoveBlobs(ctx, r.store, blobs) },
	})
	if err == nil {
		err = r.removeLeftOvers(ctx)
	}
	if err == nil || Is[*UsageError](err) {
		// A removal that was killed may have left rows that nothing shows any more: they go in any case.
		err = errors.Join(err, ledger.Compact(ctx))
	}
	if err == nil {
		err = r.store.Remove(ctx, manifest.EarlierTables(ctx, r.store)...)
	}
	return removed, storageError("remove files", err)
}

// checkFound refuses ids of which nothing is there: neither rows nor blobs.
func (r *removal) checkFound(ctx context.Context, found map[string]bool) error {
	for _, text := range r.ids {
		if found[text] {
			continue
		}
		hasBlobs := false
		if id, err := pipeline.ParseID(text); err == nil {
			if hasBlobs, err = sinks.HasFolder(ctx, r.store, id); err != nil {
				return err
			}
		}
		if !hasBlobs {
			return usagef("the export in %q has no file %q, so none was removed: file_id in files.parquet names those that it has",
				r.path, text)
		}
	}
	return nil
}

// removeLeftOvers removes blobs of the files that no row names any more: those of a run, or of a removal, that was killed.
func (r *removal) removeLeftOvers(ctx context.Context) error {
	for _, text := range r.ids {
		id, err := pipeline.ParseID(text)
		if err != nil {
			// No blob was stored of it.
			continue
		}
		if err := sinks.RemoveFolder(ctx, r.store, id); err != nil {
			return err
		}
	}
	return nil
}
