package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/export"
	"exporter/pipeline"
)

func newRunCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "run",
		Short: "Export (resumes by itself)",
		Long: `run lists the files of the given sources, fetches every screenshot and figure that is not stored yet, and records
each in the manifest. When it is run again it goes on where it stopped, and fetches only what is new, changed or failed.

An export remembers what it was made of: "exporter run --out DIR" alone goes on with the source, its filters and those of
assets. A run that would leave out part of what was exported, or that has another API or sink, needs --force source.

The first Ctrl-C, SIGTERM or SIGHUP finishes and commits what is in flight; another one stops at once, but for SIGTERM and
SIGHUP that come within two seconds.`,
		Example: `  exporter run --directory dir-abc123 --out export
  exporter run --out export
  exporter run --project --sink archive --rate 50/s --skip-noise
  exporter run --config exporter.toml --log-format json
  exporter run --config exporter.toml --job invoices
  exporter run --config exporter.toml --all-jobs`,
		Args: cobra.NoArgs,
	}
	load := a.withConfig(c, config.Sections()...)
	var o export.Options
	c.Flags().BoolVar(&o.Refetch, "refetch", false, "fetch everything again, stored or not")
	c.Flags().BoolVar(&o.Repair, "repair", false, "verify what is stored first, and fetch again what is damaged or missing")
	addForce(c.Flags(), &o.Force)
	addAcceptFailed(c.Flags(), &o.AcceptFailed)
	asJSON := c.Flags().Bool("json", false, "print the report as JSON, as run.json has it")
	dryRun := c.Flags().BoolP("dry-run", "n", false, "")
	c.Flags().Lookup("dry-run").Hidden = true
	allJobs := c.Flags().Bool(allJobsFlag, false, "run every job of the file, one after the other, also behind one that fails")
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		if *dryRun {
			return usagef("there is no --dry-run: exporter plan says what a run would do, and takes the same flags")
		}
		if *allJobs {
			return a.runJobs(c, o, *asJSON)
		}
		if o.Config, err = load(); err != nil {
			return err
		}
		return a.export(c.Context(), o, *asJSON)
	}
	a.withPprof(c, load)
	return c
}

// readFilesFrom reads the list of ids of --files-from; there is none without.
func (a *app) readFilesFrom(cfg *config.Config) ([]pipeline.ID, error) {
	switch name := cfg.Run.FilesFrom; name {
	case "":
		return nil, nil
	case "-":
		return config.ReadIDs(a.input(a.stdin, stdinName), stdinName)
	default:
		file, err := a.openInput(name)
		if err != nil {
			return nil, usagef("--files-from: %w", err)
		}
		defer file.Close()
		return config.ReadIDs(file, name)
	}
}

// export runs an export and prints what came of it, for a person or as JSON.
func (a *app) export(ctx context.Context, o export.Options, asJSON bool) (err error) {
	o.ExitCode = func(err error) int { return explainError(err).code }
	o.Own, o.CheckpointRows = a.own, a.checkpointRows
	if err := o.Config.EnterPart(); err != nil {
		return err
	}
	if err := o.Config.CheckPlaces(); err != nil {
		return err
	}
	silent, err := a.reportBefore(ctx, o.Config)
	if err != nil {
		return err
	}
	if o.Files, err = a.readFilesFrom(o.Config); err != nil {
		return err
	}
	console, err := a.openConsole(o.Config.Log)
	if err != nil {
		return err
	}
	if job := o.Config.Job(); job != "" {
		console.log = console.log.With("job", job)
	}
	o.Log, o.Watcher, o.Stop = console.log, console, a.stop
	if silent != nil {
		o.Log.Warn("the place of the report does not answer as it should: the run goes on, and tries again at its end", "error", silent)
	}
	defer a.limitMemory(&o)()
	w, err := a.startWatch(&o)
	if err != nil {
		return err
	}
	report, err := export.Run(ctx, o)
	s := summary{Report: report, dir: o.Config.Output.Dir, trial: trialText(o.Config), partialOK: o.Config.Run.PartialOK}
	if isQuiet := o.Config.Log.Quiet && err == nil && !asJSON; report != nil && !isQuiet {
		err = errors.Join(err, unlessUnread(s.print(a.stdout, asJSON, console)))
	}
	w.end(&s, err)
	if report != nil && o.Config.Run.Report != "" {
		a.reportAfter(ctx, &o)
	}
	if o.Config.Run.PartialOK && err != nil && explainError(err).code == exitIncomplete {
		return a.passPartial(err)
	}
	return err
}

// passPartial says what failed, and that it is no failure of the command.
func (a *app) passPartial(err error) error {
	return a.note(messageOf(err) + "; " + explainError(err).hint + " (--partial-ok: 0 in place of 3)")
}
