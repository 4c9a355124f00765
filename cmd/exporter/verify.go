package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/export"
	"exporter/internal/human"
	"exporter/internal/verify"
)

func newVerifyCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "verify [EXPORT]",
		Short: "Read everything back and compare it with the manifest",
		Long: `verify reads every stored blob of the export EXPORT, or that of --out, and compares its size and
SHA-256 with the manifest, and reads every shard and compares its frames, tar headers and seek table with its format. It
changes nothing and needs no lock, so that it can look at an export that was interrupted; beside a run or a compaction, what is
just being moved may be counted as an orphan.

Standard output has a line for everything damaged, and a summary. Files and members that no row names are orphans: they are
counted, listed with -v, and harmless. A run that is killed, --refetch and --prune leave them, "exporter compact" removes them. Where the manifest is so
damaged that not even the names of lost rows are left, orphans are always listed: they are the blobs of those rows.

With --json it has JSON lines instead. An object has a "type":
  damage   with "path" and "error"; "file_id", "kind", "page_index" and "figure_name" where it concerns an asset, "job_id",
           "origin" and "upstream_name" too where that is no asset of a file's own, and then
           "lost", which tells whether its blob, or its row, is not there; "lost_rows" where the path is that of a part of the
           manifest, -1 where nothing is known of them
  orphan   with "path", "member" where it is inside a shard, and "disowned" where its row may be one of those that are lost
  summary  the last one, with "blobs" and "bytes" that were compared, how many of them are "documents" and how many rows there are
           of "pages", where there are any, the numbers of "lost" assets, of other "damaged"
           things and of "orphans", and "seconds"

The exit code is 7 where anything is damaged.`,
		Example: `  exporter verify export
  exporter verify --out export --quick --json`,
		Args: cobra.MaximumNArgs(1),
	}
	load := a.withConfig(c, config.SectionOutput, config.SectionLog)
	v := &verification{app: a}
	hideFlags(c, "sink", "checkpoint", "scratch", "single-writer")
	c.Flags().Lookup("verbose").Usage = "list orphans"
	c.Flags().BoolVar(&v.quick, "quick", false, "look at names and sizes only, read no blob")
	c.Flags().BoolVar(&v.asJSON, "json", false, "print JSON lines")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := exportArgument(c, args); err != nil {
			return err
		}
		cfg, err := load()
		if err != nil {
			return err
		}
		v.log = cfg.Log
		ctx, cancel := export.Interruptible(c.Context(), a.stop)
		defer cancel()
		return v.run(ctx, cfg.Output.Dir)
	}
	a.withPprof(c, load)
	return c
}

// verification is one call of verify.
type verification struct {
	*app
	log           config.Log
	quick, asJSON bool
}

// run compares the export at path with its rows and prints what is found.
func (v *verification) run(ctx context.Context, path string) error {
	started := time.Now()
	console, err := v.openConsole(v.log)
	if err != nil {
		return err
	}
	p := &findingPrinter{out: v.stdout, asJSON: v.asJSON, orphans: v.asJSON || v.log.Verbose}
	if isTerminal(v.stdout) && isTerminal(v.stderr) {
		// Where progress is shown, it has to be drawn around the findings.
		p.out = console
	}
	c, err := export.Verify(ctx, export.VerifyOptions{Path: path, Quick: v.quick, Table: p.table, Found: p.found, Watcher: console, Log: console.log})
	if err != nil {
		return err
	}
	found := verifySummary{
		Type: "summary", Blobs: c.CheckedBlobs, Bytes: c.CheckedBytes, Documents: c.Documents, Pages: c.Pages,
		Lost: c.Lost, Damaged: c.Damaged, Orphans: c.Orphans, Seconds: export.Seconds(time.Since(started)),
	}
	if c.Lost+c.Damaged > 0 || v.asJSON || !v.log.Quiet {
		p.summary(found)
	}
	if p.err != nil {
		return fmt.Errorf("write to standard output: %w", p.err)
	}
	return c.Err()
}

// verifyProgress shows how far a verification is.
type verifyProgress func() verify.Counts

// bars implements progress.
func (v verifyProgress) bars(took time.Duration) []bar {
	c := v()
	b := bar{
		name: "verify", hasBar: true, done: c.CheckedBytes, total: c.Bytes, before: fmt.Sprintf("%d/%d", c.CheckedBlobs, c.Blobs),
		after: []part{
			{text: human.Bytes(c.CheckedBytes), rank: 4}, {text: human.Bytes(int64(perSecond(c.CheckedBytes, took))) + "/s", rank: 3},
		},
	}
	if left, ok := timeLeft(c.CheckedBytes, c.Bytes, took); ok {
		b.after = append(b.after, part{text: "ETA " + humanTime(left), rank: 2})
	}
	if found := c.Lost + c.Damaged; found > 0 {
		b.after = append(b.after, part{text: fmt.Sprintf("%d damaged", found), rank: 1})
	}
	return []bar{b}
}

// attrs implements progress.
func (v verifyProgress) attrs(took time.Duration) []any {
	c := v()
	attrs := []any{
		"verified", c.CheckedBlobs, "blobs", c.Blobs, "bytes", c.CheckedBytes, "lost", c.Lost, "damaged", c.Damaged,
		"bytes_per_second", int64(perSecond(c.CheckedBytes, took)),
	}
	if left, ok := timeLeft(c.CheckedBytes, c.Bytes, took); ok {
		attrs = append(attrs, "eta_seconds", export.Seconds(left))
	}
	return attrs
}
