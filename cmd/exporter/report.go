package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/export"
	"exporter/internal/report"
	"exporter/pipeline"
)

func newReportCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Args:  cobra.MaximumNArgs(1),
		Use:   "report [EXPORT]",
		Short: "Tell of an export in numbers and plots",
		Long: `report makes one HTML file, or Markdown, of the export EXPORT, or that of --out: what there is by kind and state, its runs, when it was
fetched, what failed and why, confidence and noise, sizes, formats, and copies. It reads the tables and the reports of the last runs, and no
picture; it asks the API for nothing, and the file asks nobody for anything. --to replaces nothing but an earlier report. "exporter run --report FILE" makes it at the end of a run.`,
		Example: `  exporter report export > report.html
  exporter report export --to report.md
  exporter report s3://my-bucket/scans --format markdown`,
	}
	load := a.withConfig(c, config.SectionOutput)
	hideFlags(c, "sink", "checkpoint", "scratch", "single-writer")
	format := c.Flags().String("format", "", "`FORMAT`: html or markdown (default by the end of the file's name: markdown for .md, else html)")
	to := c.Flags().String("to", "", "write to this `FILE`, and not to standard output")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := exportArgument(c, args); err != nil {
			return err
		}
		cfg, err := load()
		if err != nil {
			return err
		}
		if *to == stdoutName {
			*to = ""
		}
		if *to != "" {
			if err := outsideOf(cfg.Output.Dir, "--to", *to); err != nil {
				return err
			}
		}
		target := reportFile{"--to", *to, "name another one, or none for standard output", a.plainLog()}
		f := formatOf(*to)
		if *format != "" {
			if f, err = report.ParseFormat(*format); err != nil {
				return usagef("--format %w", err)
			}
		}
		defer a.boundMemory(viewMemory)()
		ctx, cancel := export.Interruptible(c.Context(), a.stop)
		defer cancel()
		if *to != "" {
			if err := target.check(ctx); err != nil {
				return err
			}
		}
		text, err := reportOf(ctx, cfg.Output.Dir, f, a.plainLog())
		if err != nil {
			return err
		}
		if *to != "" {
			return target.write(ctx, text)
		}
		_, err = a.stdout.Write(text)
		return err
	}
	return c
}

// stdoutName is what many call standard output.
const stdoutName = "-"

// formatOf returns the format of a file by its name.
func formatOf(name string) report.Format {
	if ext := strings.ToLower(filepath.Ext(name)); ext == ".md" || ext == ".markdown" {
		return report.Markdown
	}
	return report.HTML
}

// reportOf returns the report of the export at a path.
func reportOf(ctx context.Context, path string, format report.Format, log *slog.Logger) (text []byte, err error) {
	b, err := export.Browse(ctx, path, log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	notes, err := reportNotes(ctx, path)
	if err != nil {
		return nil, err
	}
	return report.Make(ctx, &report.Export{
		Inventory: b.Inventory, Name: path, Store: b.Blobs(), Runs: export.HistoryPrefix, Made: time.Now(), Notes: notes,
	}, format)
}

// reportNotes says what the export at a path lacks as it is now.
func reportNotes(ctx context.Context, path string) (notes []string, err error) {
	running, isStale, err := export.RunningIn(ctx, path)
	if err != nil {
		return nil, err
	}
	if running != nil {
		note := "A run is under way since %s UTC: this is as of its last commit."
		if isStale {
			note = "The run that began at %s UTC did not come to its end: this is what it committed."
		}
		notes = append(notes, fmt.Sprintf(note, running.StartedAt.UTC().Format("2006-01-02 15:04")))
	}
	note, err := partsNote(ctx, path)
	if note != "" {
		notes = append(notes, note)
	}
	return notes, err
}

// partsNote says which parts of the export at a path are missing, not complete or damaged; nothing where none are.
func partsNote(ctx context.Context, path string) (note string, err error) {
	err = export.CheckParts(ctx, path, nil)
	if partly, ok := errors.AsType[*export.MergedPartlyError](err); ok {
		return "Not all parts are complete: " + partly.Lacking() + ".", nil
	}
	if export.Is[*pipeline.DamageError](err) {
		return "Parts are damaged: exporter verify says which.", nil
	}
	return "", err
}

// runReport is the file of the report of a run.
func runReport(cfg *config.Config, log *slog.Logger) reportFile {
	return reportFile{"--report (run.report)", cfg.Run.Report, "name another one", log}
}

// reportBefore refuses, before the first request of a run, a place where its report can certainly not be written. It returns as silent why it cannot be told of a
// bucket, which the end of the run may find otherwise: an export is not to be lost for that.
func (a *app) reportBefore(ctx context.Context, cfg *config.Config) (silent, refused error) {
	if cfg.Run.Report == "" {
		return nil, nil
	}
	ctx, cancel := export.Interruptible(ctx, a.stop)
	defer cancel()
	ctx, release := context.WithTimeoutCause(ctx, cmp.Or(a.reportPatience, patienceBefore), errSilent)
	defer release()
	err := runReport(cfg, a.plainLog()).check(ctx)
	if mayPass(err) {
		return err, nil
	}
	return nil, err
}

// reportAfter writes the report at the end of a run. It is no part of the export: where it cannot be written, the run has ended as it has. An interrupt ends
// the wait for its place, and after one it is short.
func (a *app) reportAfter(ctx context.Context, o *export.Options) {
	file := runReport(o.Config, o.Log)
	text, err := reportOf(ctx, o.Config.Output.Dir, formatOf(file.name), nil)
	if err == nil {
		err = a.writePatiently(ctx, file, text)
	}
	if err != nil {
		o.Log.Warn("the report was not written: check run.report and its directory", "error", err)
	}
}

func (a *app) writePatiently(ctx context.Context, file reportFile, text []byte) error {
	patience := patienceBefore
	select {
	case <-a.stop:
	default:
		patience = patienceAfter
		var cancel context.CancelFunc
		ctx, cancel = export.Interruptible(ctx, a.stop)
		defer cancel()
	}
	ctx, release := context.WithTimeoutCause(ctx, patience, errSilent)
	defer release()
	return file.write(ctx, text)
}
