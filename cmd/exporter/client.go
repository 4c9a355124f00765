package main

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/export"
	"exporter/internal/llamacloud"
)

// clientCommand is what commands share that ask the API, and have no export.
type clientCommand struct {
	*app
	load func() (*config.Config, error)
	log  config.Log
}

func (a *app) newClientCommand(c *cobra.Command) *clientCommand {
	load := a.withConfig(c, config.SectionAPI, config.SectionLimits, config.SectionLog)
	hideFlags(c, "concurrency", "max-blob-size")
	return &clientCommand{app: a, load: load}
}

// withClient calls do with a client, and with the log, until the first interrupt.
func (k *clientCommand) withClient(c *cobra.Command, do func(ctx context.Context, client *llamacloud.Client, log *slog.Logger) error) error {
	cfg, err := k.load()
	if err != nil {
		return err
	}
	k.log = cfg.Log
	console, err := k.openConsole(cfg.Log)
	if err != nil {
		return err
	}
	log := console.log
	client, err := export.Connect(cfg, log, nil, export.NewLogObserver(log))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := export.Interruptible(c.Context(), k.stop)
	defer cancel()
	return do(ctx, client, log)
}
