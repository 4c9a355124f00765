package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/export"
)

func newMergeCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "merge [EXPORT]",
		Short: "Merge the tables of all parts of an export",
		Long: `merge makes manifest.parquet, files.parquet, pages.parquet and README.md of the export EXPORT, or that of --out, a directory or
s3://BUCKET/PREFIX, from the tables of its parts, which many tasks made with "exporter run --part". It moves no blob: rows name them where
they are, as in parts/part=0003/blobs/…. It asks the API for nothing and needs no key.

Each part counts as of its last commit, also while its task runs: merge owns the export, and none of its parts, of which it changes nothing.
Where nothing has changed since the last merge, it writes nothing. Parts that are missing, running or incomplete are named, and the exit code
is 3; what they have committed is merged.

An export that was made without --part, and moved to parts/NAME, is merged as well; of a file or a job that a part has, too, the part's rows
count. A file or a job that two parts have, and parts of another source, are refused. A damaged part is named, the exit code is 7, and the
tables stay as they were.

It takes little memory, however many parts there are, and room for about twice the tables that it makes: in the directory, or in that of
--scratch for a bucket.

With --json, standard output has a JSON object a line. An object has a "type":
  part     with "folder", "state" (complete, incomplete, running or missing) and "why"
  summary  the last one: "parts" there are to be, how many folders are "complete", "incomplete", "running" and "missing", rows of "files",
           "pages" and "assets", "changed", which is false where nothing was written, and "seconds"`,
		Example: `  exporter merge export
  exporter merge s3://bucket/export --json`,
		Args: cobra.MaximumNArgs(1),
	}
	load := a.withConfig(c, config.SectionOutput, config.SectionLog)
	hideFlags(c, "sink", "checkpoint")
	asJSON := c.Flags().Bool("json", false, "print JSON lines")
	partialOK := c.Flags().Bool("partial-ok", false, "end with 0 in place of 3 where some parts are missing, running or incomplete")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := exportArgument(c, args); err != nil {
			return err
		}
		cfg, err := load()
		if err != nil {
			return err
		}
		ctx, cancel := export.Interruptible(c.Context(), a.stop)
		defer cancel()
		console, err := a.openConsole(cfg.Log)
		if err != nil {
			return err
		}
		defer a.boundMemory(mergeMemory)()
		started := time.Now()
		merged, err := export.Merge(ctx, export.MergeOptions{
			Path: cfg.Output.Dir, Place: export.PlaceOptions(cfg, console.log), Log: console.log, Own: a.own,
		})
		if err != nil && !errors.Is(err, export.ErrIncomplete) {
			return err
		}
		print := printMerged
		if *asJSON {
			print = printMergedJSON
		} else if err == nil && cfg.Log.Quiet {
			return nil
		}
		if printErr := print(a.stdout, &merged, time.Since(started)); printErr != nil || err == nil {
			return printErr
		}
		if *partialOK || cfg.Run.PartialOK {
			return a.passPartial(err)
		}
		return err
	}
	return c
}

// mergeMemory is how much memory a merge takes at most, in bytes, of however many parts.
const mergeMemory = 120 << 20

// mostShown is how many parts of a state are named to people.
const mostShown = 10

// printMerged prints what a merge did.
func printMerged(to io.Writer, m *export.Merged, _ time.Duration) (err error) {
	line := func(name, format string, args ...any) {
		if err == nil {
			_, err = fmt.Fprintf(printableWriter{to}, "%-11s "+format+"\n", append([]any{name}, args...)...)
		}
	}
	shown := map[export.PartState]int{}
	for _, p := range m.Parts {
		if p.State == export.PartComplete {
			continue
		}
		if shown[p.State]++; shown[p.State] <= mostShown {
			line(string(p.State), "parts/%s: %s", p.Folder, p.Why)
		}
	}
	for _, state := range []export.PartState{export.PartIncomplete, export.PartRunning, export.PartMissing} {
		if more := shown[state] - mostShown; more > 0 {
			line(string(state), "and %d more, which --json names", more)
		}
	}
	of := fmt.Sprintf("%d of %d parts", len(m.Parts)-m.Number(export.PartMissing), m.Count)
	if moved := len(m.Parts) - m.Count; moved > 0 {
		of = fmt.Sprintf("%d of %d parts, and of %d moved there", len(m.Parts)-moved-m.Number(export.PartMissing), m.Count, moved)
	}
	switch {
	case m.IsCurrent:
		line("merged", "nothing has changed: the tables are those of %s", of)
	case len(m.Parts) == m.Number(export.PartMissing):
		line("merged", "nothing: no part has a table yet")
	default:
		pages := ""
		if m.Rows.Pages > 0 {
			pages = fmt.Sprintf(", %d pages", m.Rows.Pages)
		}
		line("merged", "%d files, %d assets%s of %s", m.Rows.Files, m.Rows.Assets, pages, of)
	}
	return err
}

// mergedPart and mergedSummary are lines of JSON.
type mergedPart struct {
	Type string `json:"type"`
	export.Part
}

type mergedSummary struct {
	Type       string         `json:"type"`
	Parts      int            `json:"parts"`
	Complete   int            `json:"complete"`
	Incomplete int            `json:"incomplete"`
	Running    int            `json:"running"`
	Missing    int            `json:"missing"`
	Files      int64          `json:"files"`
	Pages      int64          `json:"pages"`
	Assets     int64          `json:"assets"`
	Changed    bool           `json:"changed"`
	Seconds    export.Seconds `json:"seconds"`
}

func printMergedJSON(to io.Writer, m *export.Merged, took time.Duration) error {
	encoder := json.NewEncoder(to)
	for _, p := range m.Parts {
		if err := encoder.Encode(mergedPart{"part", p}); err != nil {
			return err
		}
	}
	return encoder.Encode(mergedSummary{
		Type: "summary", Parts: m.Count, Complete: m.Number(export.PartComplete), Incomplete: m.Number(export.PartIncomplete),
		Running: m.Number(export.PartRunning), Missing: m.Number(export.PartMissing), Files: m.Rows.Files, Pages: m.Rows.Pages, Assets: m.Rows.Assets,
		Changed: !m.IsCurrent && m.Number(export.PartMissing) < len(m.Parts), Seconds: export.Seconds(took),
	})
}
