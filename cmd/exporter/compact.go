package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/export"
	"exporter/internal/human"
	"exporter/internal/verify"
)

func newCompactCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "compact [EXPORT]",
		Short: "Repack shards, and remove what no row names",
		Long: `compact rewrites the export EXPORT, or that of --out, a directory or s3://BUCKET/PREFIX, without what is dead in it. It asks the API for nothing
and needs no key.

Shards of which something is dead, and shards smaller than a quarter of --shard-size, are repacked: their members move into new shards
under the names that they have, each checked against its SHA-256. Shards and blobs that no row names go, and so do tables that were
kept of an earlier version, and texts from upstream in old reports (run.json, runs/). Whoever reads blobs or shards then finds every
picture once, and none that the manifest does not have. After --prune and "exporter rm", nothing is left of what was removed.

It owns the export while it works, as a run does, and needs room for the shards that it makes before the old ones go: up to eight of
--shard-size at a time. When it is killed, the same command goes on. A shard with a damaged member stays as it is, the member is named,
the rest goes on, and the exit code is 7. What exporter has not made, it names and leaves alone.`,
		Example: `  exporter compact export
  exporter compact export --dry-run
  exporter compact export --least-dead 30`,
		Args: cobra.MaximumNArgs(1),
	}
	load := a.withConfig(c, config.SectionOutput, config.SectionArchive, config.SectionLog)
	hideFlags(c, "sink", "checkpoint", "seal-after")
	var o export.CompactOptions
	least := c.Flags().Int("least-dead", 0, "leave a shard that is not small as it is where less than `PERCENT` of it is dead, which then stays in it")
	c.Flags().BoolVarP(&o.DryRun, "dry-run", "n", false, "say what would be done, and change nothing")
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		if *least < 0 || *least > 100 {
			return usagef("--least-dead is %d: want a percentage from 0 to 100", *least)
		}
		if err := exportArgument(c, args); err != nil {
			return err
		}
		if o.Config, err = load(); err != nil {
			return err
		}
		ctx, cancel := export.Interruptible(c.Context(), a.stop)
		defer cancel()
		console, err := a.openConsole(o.Config.Log)
		if err != nil {
			return err
		}
		o.LeastDead, o.Own, o.Log = float64(*least)/100, a.own, console.log
		p := &findingPrinter{out: printableWriter{a.stdout}}
		o.Found = p.compacting
		done, err := export.Compact(ctx, o)
		if err == nil && (o.DryRun || !o.Config.Log.Quiet) || errors.Is(err, export.ErrDamaged) {
			p.compacted(&done, o.DryRun)
		}
		if !o.DryRun {
			err = errors.Join(err, a.noteStaleMerge(ctx, o.Config.Output.Dir))
		}
		return errors.Join(err, p.err)
	}
	return c
}

// compacting prints what a compaction found.
func (p *findingPrinter) compacting(f verify.Finding) {
	if f.Err == nil {
		p.write(fmt.Appendf(nil, "foreign  %q was not made by exporter, and is left alone\n", f.Path))
		return
	}
	p.found(f)
}

// compacted prints what a compaction did, or would do.
func (p *findingPrinter) compacted(done *export.Compacted, dryRun bool) {
	line := func(name, format string, args ...any) {
		p.write(fmt.Appendf(nil, "%-8s "+format+"\n", append([]any{name}, args...)...))
	}
	shards := []string{fmt.Sprintf("%d repacked", done.Repacked)}
	if !dryRun {
		shards[0] += fmt.Sprintf(" into %d", done.Written)
	}
	shards = appendCount(shards, done.Removed, "without a row removed")
	shards = appendCount(shards, done.Kept, "kept, as they are damaged")
	line("shards", "%s", strings.Join(shards, ", "))
	line("moved", "%d pictures, %s", done.Members, human.Bytes(done.Bytes))
	line("orphans", "%d files without a row removed", done.Orphans)
	if len(done.Tables) > 0 {
		line("tables", "%s removed", strings.Join(done.Tables, ", "))
	}
	if done.Reports > 0 {
		line("reports", "%d without texts from upstream now", done.Reports)
	}
	switch {
	case done.Freed < 0:
		line("freed", "nothing: %s more are taken", human.Bytes(-done.Freed))
	default:
		line("freed", "%s", human.Bytes(done.Freed))
	}
	if dryRun {
		line("dry run", "nothing was changed")
	}
}
