package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"exporter/internal/store"
	"exporter/manifest"
	"exporter/pipeline"
	"exporter/sinks"
)

func newRmCommand(a *app) *cobra.Command {
	r := &rm{app: a}
	c := &cobra.Command{
		Use:   "rm EXPORT --file-id ID",
		Short: "Remove files and all of their assets from an export, for good",
		Long: `rm removes files from the export in the directory EXPORT: their rows, whatever their status is, from manifest.parquet,
files.parquet and the commit log, and their blobs. It asks the API for nothing and changes nothing there: what is still listed,
the next run exports again.

Bytes in shards stay there, without a row, until the shards are rewritten; rm says how many. Reports of runs (run.json,
runs.jsonl) stay as they are.

It owns the export while it works, as a run does. An id that the export does not have is an error, and then no file is removed. When
it is killed, the same command goes on.`,
		Example: `  exporter rm export --file-id 182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e
  exporter rm export --file-id 182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e --file-id dfl-abc123`,
		Args: cobra.ExactArgs(1),
	}
	c.Flags().StringArrayVar(&r.ids, "file-id", nil, "remove the file of this `ID`: its file_id in files.parquet, or its "+
		"directory_file_id where that is null (may be repeated)")
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(r.ids) == 0 {
			return usagef("nothing to remove: give --file-id ID")
		}
		ctx, cancel := a.interruptible(c.Context())
		defer cancel()
		return r.run(ctx, args[0])
	}
	return c
}

// rm is one call of the command.
type rm struct {
	*app
	ids []string
}

func (r *rm) run(ctx context.Context, path string) (err error) {
	// The directory is not to be made where it is missing.
	there, err := openExport(path)
	if err == nil {
		err = there.Close()
	}
	if err != nil {
		return err
	}
	dir, err := r.openOutput(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	extent, err := r.remove(ctx, dir, path)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(r.stdout, "removed  %d files, %d assets, %s\n", extent.Files, extent.Assets, humanBytes(extent.Bytes))
	if err == nil && extent.ShardBytes > 0 {
		_, err = fmt.Fprintf(r.stdout, "shards   %s of that stay in shards, without a row, until the shards are rewritten\n",
			humanBytes(extent.ShardBytes))
	}
	return err
}

// remove removes the files from the export in st, which is at path, and returns how much that was.
func (r *rm) remove(ctx context.Context, st store.Store, path string) (removed manifest.Extent, err error) {
	info := manifest.Info{}
	if known := manifest.ReadInfo(ctx, st); known != nil {
		info = *known
	}
	info.Version = version()
	ledger, err := manifest.Open(ctx, st, info)
	if err != nil {
		return removed, storageError("open the ledger", err)
	}
	defer func() { err = errors.Join(err, ledger.Close()) }()
	if ledger.Info() == nil {
		return removed, noManifestError(path)
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
			return r.checkFound(ctx, st, path, found)
		},
		RemoveBlobs: func(blobs []pipeline.Location) error { return sinks.RemoveBlobs(ctx, st, blobs) },
	})
	if err == nil {
		err = r.removeLeftOvers(ctx, st)
	}
	if err == nil || is[*usageError](err) {
		// A removal that was killed may have left rows that nothing shows any more: they go in any case.
		err = errors.Join(err, ledger.Compact(ctx))
	}
	return removed, storageError("remove files", err)
}

// checkFound refuses ids of which nothing is there: neither rows nor blobs.
func (r *rm) checkFound(ctx context.Context, st store.Store, path string, found map[string]bool) error {
	for _, text := range r.ids {
		if found[text] {
			continue
		}
		hasBlobs := false
		if id, err := pipeline.ParseID(text); err == nil {
			if hasBlobs, err = sinks.HasFolder(ctx, st, id); err != nil {
				return err
			}
		}
		if !hasBlobs {
			return usagef("the export in %q has no file %q, so none was removed: file_id in files.parquet names those that it has",
				path, text)
		}
	}
	return nil
}

// removeLeftOvers removes blobs of the files that no row names any more: those of a run, or of a removal, that was killed.
func (r *rm) removeLeftOvers(ctx context.Context, st store.Store) error {
	for _, text := range r.ids {
		id, err := pipeline.ParseID(text)
		if err != nil {
			// No blob was stored of it.
			continue
		}
		if err := sinks.RemoveFolder(ctx, st, id); err != nil {
			return err
		}
	}
	return nil
}
