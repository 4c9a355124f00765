package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/export"
	"exporter/internal/llamacloud"
	"exporter/pipeline"
)

// clientCommand is what commands share that ask the API, and have no export.
type clientCommand struct {
	*app
	load func() (*config.Config, error)
	log  config.Log
}

func (a *app) newClientCommand(c *cobra.Command) *clientCommand {
	return &clientCommand{app: a, load: a.withConfig(c, config.SectionAPI, config.SectionLimits, config.SectionLog)}
}

// withClient calls do with a client and the ids among the arguments, until the first interrupt.
func (k *clientCommand) withClient(c *cobra.Command, args []string,
	do func(ctx context.Context, client *llamacloud.Client, ids []pipeline.ID) error) error {
	ids, err := parseIDs(args, strings.Fields(c.Use)[1:])
	if err != nil {
		return err
	}
	cfg, err := k.load()
	if err != nil {
		return err
	}
	k.log = cfg.Log
	log := newConsole(k.stderr, cfg.Log).log
	client, err := export.Connect(cfg, log, nil, export.NewLogObserver(log))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := export.Interruptible(c.Context(), k.stop)
	defer cancel()
	return do(ctx, client, ids)
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
