package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/export"
	"exporter/internal/inventory"
	"exporter/internal/store/place"
)

func newLsCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Args:  cobra.ArbitraryArgs,
		Use:   "ls [EXPORT [ID...]]",
		Short: "Say what an export holds: files and assets with their state, what failed and why, sums",
		Long: `ls lists the files of the export EXPORT, or that of --out, with their state, and sums up what it holds. With IDs of
files or parse jobs it lists these and their assets. It asks the API for nothing, needs no key and no lock, and reads the tables of an
export that is under way as well: manifest.parquet, files.parquet and what was committed since.

A file is complete, partial (some of it failed), failed (its listing did) or skipped; an asset is stored, skipped or failed. What is not
listed upstream any more is missed (once), vanished (twice) or expired instead.

--where takes a condition on the columns of manifest.parquet, and lists assets, or on those of files.parquet, and lists files; where
both have the columns, it lists files, and with --tree assets. Its language is that of "exporter dataset --where"; docs/ls.md has it, and
what is asked most often.

With --json, standard output has a JSON object a line. An object has a "type":
  file     with the columns of files.parquet that are not null, and "gaps", pages that are missing between others
  asset    with the columns of manifest.parquet that are not null
  summary  counts of what was listed, of all of the export where nothing was left out
  running  the last one, where a run is under way, or was killed: what .exporter/running.json has, and "stale" where it was killed`,
		Example: `  exporter ls export
  exporter ls export --failed
  exporter ls export 182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e
  exporter ls export --missing-pages
  exporter ls export --where "screenshots = 0 and figures = 0"
  exporter ls export --where "kind = 'figure' and is_likely_noise and size > 1000000" --json`,
	}
	load := a.withConfig(c, config.SectionOutput)
	hideFlags(c, "sink", "checkpoint", "scratch", "single-writer")
	l := &lsCommand{app: a}
	f := c.Flags()
	f.BoolVar(&l.Failed, "failed", false, "list files and assets that failed, and why")
	f.BoolVar(&l.Skipped, "skipped", false, "list files and assets that were left out, and why")
	f.BoolVar(&l.MissingPages, "missing-pages", false, "list files that lack pages between others, and which")
	f.StringVar(&l.where, "where", "", "list those for which a `CONDITION` on columns holds, such as \"size > 1000000\"")
	f.StringArrayVar(&l.IDs, "file-id", nil, "list the file or parse job of this `ID`, and its assets, as the argument ID does (may be repeated)")
	f.BoolVar(&l.Tree, "tree", false, "list assets by file")
	f.BoolVar(&l.SummaryOnly, "summary", false, "sum up, and list nothing")
	f.BoolVar(&l.asJSON, "json", false, "print JSON lines")
	c.RunE = func(c *cobra.Command, args []string) error {
		// With --out, there are ids alone.
		if len(args) > 0 && !namesOther(c, args[0]) {
			if err := exportArgument(c, args[:1]); err != nil {
				return err
			}
			args = args[1:]
		}
		l.IDs = append(l.IDs, args...)
		cfg, err := load()
		if err != nil {
			return err
		}
		return l.run(c, cfg.Output.Dir)
	}
	return c
}

// namesOther tells whether --out is given, and an argument is not the same export.
func namesOther(c *cobra.Command, arg string) bool {
	out := c.Flags().Lookup("out")
	return out.Changed && !place.Same(out.Value.String(), arg)
}

// lsCommand is one call of ls.
type lsCommand struct {
	*app
	inventory.Options
	where  string
	asJSON bool
}

func (l *lsCommand) run(c *cobra.Command, dir string) (err error) {
	if c.Flags().Changed("where") {
		if l.Where, err = inventory.ParseWhere(l.where); err != nil {
			return usagef("--where: %w", err)
		}
	}
	if err := l.Validate(); err != nil {
		return &export.UsageError{Err: err}
	}
	ctx, cancel := export.Interruptible(c.Context(), l.stop)
	defer cancel()
	l.AllColumns = l.asJSON
	out := &outputError{w: l.stdout}
	buffered := bufio.NewWriterSize(printableWriter{out}, 64<<10)
	p := newLsPrinter(buffered, l.asJSON)
	if l.Where != nil && l.Where.FitsFiles() && l.Where.FitsAssets() && !l.Tree {
		p.otherwise = ": the condition was taken for one on files, and with --tree it is one on assets"
	}
	err = export.Look(ctx, dir, l.plainLog(), func(v *inventory.Inventory) error {
		sum, err := v.List(ctx, l.Options, p)
		if unknown, ok := errors.AsType[*inventory.UnknownError](err); ok {
			return usagef("%w (what is behind the export are ids, as exporter ls shows them, and exports are looked at one at a time)", unknown)
		}
		if err != nil {
			return err
		}
		return p.summary(sum)
	})
	if err == nil || errors.Is(err, export.ErrNoManifest) {
		running, isStale, runningErr := export.RunningIn(ctx, dir)
		switch {
		case runningErr != nil:
			err = cmp.Or(err, runningErr)
		case running != nil:
			err = p.running(running, isStale)
		}
	}
	// What was listed before an error is shown as well.
	if flushErr := buffered.Flush(); out.err == nil {
		out.err = flushErr
	}
	if out.err != nil {
		return fmt.Errorf("write to standard output: %w", out.err)
	}
	return err
}
