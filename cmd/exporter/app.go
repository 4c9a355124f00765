package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"math"
	"time"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/export"
	"exporter/internal/store/place"
)

// app is what a command gets of the world around it.
type app struct {
	// args is the command line without the program's name.
	args           []string
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
	// system has the files of this machine that say how much memory this process may take; nil for no limit.
	system fs.FS
	// stop is closed at the first interrupt. The context ends at the second.
	stop <-chan struct{}
	// logFormat is the form of what goes to standard error, as far as it is known.
	logFormat config.LogFormat
	// files are the files of configurations that were read: one may be a pipe, which can be read once.
	files map[string]configFile
	// logFile is where the log goes; nil for standard error.
	logFile *logFile
	// ownProcess is true where nothing else runs in this process, so that its memory is tuned for the command, and dumped nowhere.
	ownProcess bool
	// own, checkpointRows and reportPatience are for tests: they open the export that a run writes, bound the assets that it has not
	// committed, and the time for which it waits for the place of its report before it begins; nil and 0 change nothing.
	own            place.Owner
	checkpointRows int
	reportPatience time.Duration
}

// run runs a command line and returns the exit code.
func run(ctx context.Context, a *app, args []string) int {
	a.logFormat = config.GuessLogFormat(args, a.environ)
	if a.ownProcess {
		if err := forbidCoreDumps(); err != nil {
			newLogger(a.stderr, config.Log{Format: a.logFormat}).Warn("a core dump would hold the API key: forbid core dumps", "error", err)
		}
		defer export.KeepHeapFloor(a.environ)()
	}
	results := newResults(a.stdout)
	a.stdout = results
	a.args = joinForce(args)
	root := newRoot(a)
	if isCompletion(args) {
		a.addCompletions(root)
	}
	root.SetArgs(a.args)
	err := results.outcome(root.ExecuteContext(ctx))
	defer a.closeLog()
	return a.explain(err)
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "exporter",
		Short: "Export every page screenshot and figure of a LlamaCloud directory, pipeline or project",
		Long: `exporter copies every page screenshot and every figure of a LlamaCloud directory, pipeline, project or list of files
to disk or to a bucket (--out s3://BUCKET/PREFIX), as plain files or as zstd tar shards, with a Parquet manifest that describes each
blob. It resumes by itself.

Try "exporter demo": it needs no key and no network.

Exit codes:
    0  complete
    1  internal error
    3  some assets, files or sources failed; the same command tries them again
    4  refused: a person has to do something
    5  stopped early; the same command goes on, unless "needs" in run.json is a flag that it needs
    6  storage
    7  what is stored is damaged; run --repair fetches it again
   64  wrong usage or configuration
   75  another run has the export
  130  interrupted; the same command goes on`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
	}
	version := root.Flags().BoolP("version", "V", false, "print the version of this program")
	root.RunE = func(c *cobra.Command, _ []string) error {
		if *version {
			return a.printVersion()
		}
		return c.Help()
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(a.wrongFlag)
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { fmt.Fprint(a.stdout, helpText(c, helpWidth(a.stdout))) })
	root.AddCommand(
		newRunCommand(a), newPlanCommand(a), newLsCommand(a), newVerifyCommand(a), newCatCommand(a), newRmCommand(a), newCompactCommand(a), newMergeCommand(a), newViewCommand(a), newReportCommand(a),
		newDatasetCommand(a), newDemoCommand(a), newEmulateCommand(a), newSourcesCommand(a), newFilesCommand(a), newConfigCommand(a),
		newVersionCommand(a), newLicensesCommand(a), newManCommand(a),
	)
	root.SetHelpCommand(newHelpCommand())
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
		}
	}
	a.asUsage(root)
	return root
}

// hideFlags hides flags of sections that a command takes, but makes no use of.
func hideFlags(c *cobra.Command, names ...string) {
	for _, name := range names {
		c.Flags().Lookup(name).Hidden = true
	}
}

// exportArgument makes the argument of a command, if there is one, its --out. It is to be called before the configuration is loaded.
func exportArgument(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	out := c.Flags().Lookup("out")
	if given := out.Value.String(); out.Changed && !place.Same(given, args[0]) {
		return usagef("the argument is %q, and --out %q: name one export", args[0], given)
	}
	return c.Flags().Set(out.Name, args[0])
}

// limitMemory has a run fit into what this process may take, until restore is called.
func (a *app) limitMemory(o *export.Options) (restore func()) {
	limit := a.processLimit()
	export.FitMemory(&o.Config.Limits, limit, o.Log)
	if !a.ownProcess {
		return func() {}
	}
	return export.LimitMemory(a.environ, int64(o.Config.Limits.Memory), limit)
}

// boundMemory has what else a command does fit into so many bytes, and into what this process may take, until restore is called.
func (a *app) boundMemory(most int64) (restore func()) {
	if !a.ownProcess {
		return func() {}
	}
	return export.LimitMemory(a.environ, 0, min(most, a.processLimit()))
}

// processLimit returns how much memory this process may take, as far as it is known.
func (a *app) processLimit() int64 {
	if a.system == nil {
		return math.MaxInt64
	}
	return export.ProcessLimit(a.system, a.environ)
}
