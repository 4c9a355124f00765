package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/export"
	"exporter/internal/human"
	"exporter/internal/store/place"
	"exporter/manifest"
)

func newRmCommand(a *app) *cobra.Command {
	var targets export.Targets
	c := &cobra.Command{
		Use:   "rm EXPORT --file-id ID | --job ID",
		Short: "Remove files or parse jobs and all of their assets from an export, for good",
		Long: `rm removes files and parse jobs from the export EXPORT, a directory or s3://BUCKET/PREFIX: their rows, whatever their status is, from
manifest.parquet, files.parquet, pages.parquet and the commit log, and their blobs. With a file, its parse jobs go. It asks the API for
nothing and changes nothing there: what is still listed, the next run exports again.

Bytes in shards stay there, without a row, until "exporter compact" repacks the shards; rm says how many. Reports of runs (run.json,
runs/) stay as they are until then, too. Tables of an earlier version that were kept (manifest.schema1.parquet, files.schema1.parquet) go.

In an export in parts, EXPORT is the folder of a part, such as OUT/parts/part=0003. Where the parts were merged, the tables of OUT still have
the rows until "exporter merge OUT"; rm says so.

It owns the export while it works, as a run does. An id that the export does not have is an error, and then nothing is removed. When
it is killed, the same command goes on.`,
		Example: `  exporter rm export --file-id 182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e
  exporter rm export --file-id 182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e --file-id dfl-abc123
  exporter rm export --job pjb-0b2f8c4e-93a1-4d57-8e21-5a8a4f0c7d11`,
		Args: cobra.ExactArgs(1),
	}
	c.Flags().StringArrayVar(&targets.Files, "file-id", nil, "remove the file of this `ID`, and its parse jobs: its file_id in "+
		"files.parquet, or its directory_file_id where that is null (may be repeated)")
	c.Flags().StringArrayVar(&targets.Jobs, "job", nil, "remove the parse job of this `ID`: its job_id in files.parquet (may be repeated)")
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(targets.Files)+len(targets.Jobs) == 0 {
			return usagef("nothing to remove: give --file-id ID or --job ID")
		}
		ctx, cancel := export.Interruptible(c.Context(), a.stop)
		defer cancel()
		// The flags --file-id and --job are no keys: only variables and their file say how a bucket is written.
		settings, err := config.Load(config.LoadOptions{Environ: a.environ, Own: a.ownKeys(c.Root()), ReadFile: a.readConfig})
		if err != nil {
			return err
		}
		removed, err := export.Remove(ctx, args[0], targets, export.PlaceOptions(settings, a.plainLog()))
		if err != nil {
			return err
		}
		if err := a.printRemoved(removed); err != nil {
			return err
		}
		return a.noteStaleMerge(ctx, args[0])
	}
	return c
}

// noteStaleMerge says where an export is part of another, whose merged tables are of another state of it.
func (a *app) noteStaleMerge(ctx context.Context, path string) error {
	whole, isStale := export.StaleMerge(ctx, path)
	if !isStale {
		return nil
	}
	return a.note(fmt.Sprintf("the merged tables of %q have the rows that this part had before: exporter merge %s brings them up to date", whole, place.QuotePath(whole)))
}

func (a *app) printRemoved(removed manifest.Extent) error {
	pages := ""
	if removed.Pages > 0 {
		pages = fmt.Sprintf(", %d pages", removed.Pages)
	}
	_, err := fmt.Fprintf(a.stdout, "removed  %d files, %d assets%s, %s\n", removed.Files, removed.Assets, pages, human.Bytes(removed.Bytes))
	if err == nil && removed.ShardBytes > 0 {
		_, err = fmt.Fprintf(a.stdout, "shards   %s of that stay in shards, without a row, until exporter compact repacks them\n",
			human.Bytes(removed.ShardBytes))
	}
	return err
}
