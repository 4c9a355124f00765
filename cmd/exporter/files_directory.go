package main

import (
	"context"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/export"
	"exporter/internal/llamacloud"
	"exporter/pipeline"
)

// withDirectory calls do with a client and the ids among the arguments, of which the first is that of a directory, and may have been given
// by its name. It says which one that is.
func (f *filesCommand) withDirectory(
	c *cobra.Command, args []string, do func(ctx context.Context, client *llamacloud.Client, ids []pipeline.ID) error,
) error {
	names := strings.Fields(c.Use)[1:]
	directory, err := parseDirectory(args[0], names[0])
	if err != nil {
		return err
	}
	ids, err := parseIDs(args[1:], names[1:])
	if err != nil {
		return err
	}
	return f.withClient(c, func(ctx context.Context, client *llamacloud.Client, log *slog.Logger) error {
		f.logger = log
		id, err := f.findDirectory(ctx, client, directory)
		if err != nil {
			return err
		}
		return do(ctx, client, append([]pipeline.ID{id}, ids...))
	})
}

// parseDirectory checks what is an id or a name; what is the argument or the flag that it is of.
func parseDirectory(text, what string) (config.Reference, error) {
	directory, err := config.ParseReference(text)
	if err != nil {
		return "", usagef("%s: %w", what, err)
	}
	return directory, nil
}

// findDirectory returns the id of a directory, and says so where it was given by its name.
func (f *filesCommand) findDirectory(ctx context.Context, client *llamacloud.Client, directory config.Reference) (pipeline.ID, error) {
	id, err := export.DirectoryID(ctx, client, directory)
	if err == nil && string(id) != string(directory) {
		f.logger.Info("found by its name", "directory", string(directory), "id", string(id))
	}
	return id, err
}

// parseIDs checks ids; names are those of the usage line, of which the last may stand for many.
func parseIDs(args, names []string) ([]pipeline.ID, error) {
	ids := make([]pipeline.ID, len(args))
	for i, arg := range args {
		id, err := pipeline.ParseID(arg)
		if err != nil {
			return nil, usagef("%s: %w", strings.TrimSuffix(names[min(i, len(names)-1)], "..."), err)
		}
		ids[i] = id
	}
	return ids, nil
}
