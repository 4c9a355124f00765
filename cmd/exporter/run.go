package main

import (
	"github.com/spf13/cobra"

	"exporter/internal/config"
)

func newRunCommand(a *app) *cobra.Command {
	e := &export{app: a}
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
  exporter run --config exporter.toml --log-format json`,
		Args: cobra.NoArgs,
	}
	load := a.withConfig(c, config.Sections()...)
	c.Flags().BoolVar(&e.refetch, "refetch", false, "fetch everything again, stored or not")
	c.Flags().BoolVar(&e.repair, "repair", false, "verify what is stored first, and fetch again what is damaged or missing")
	e.force.addFlag(c.Flags())
	dryRun := c.Flags().Bool("dry-run", false, "")
	c.Flags().Lookup("dry-run").Hidden = true
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		if *dryRun {
			return usagef("there is no --dry-run: exporter plan says what a run would do, and takes the same flags")
		}
		if e.cfg, err = load(); err != nil {
			return err
		}
		return e.run(c.Context())
	}
	a.withPprof(c, load)
	return c
}
