package main

import (
	"github.com/spf13/cobra"

	"exporter/internal/config"
)

// sinceLast is the value of --since.
const sinceLast = "last"

func newRunCommand(a *app) *cobra.Command {
	e := &export{app: a}
	c := &cobra.Command{
		Use:   "run",
		Short: "Export (resumes by itself)",
		Long: `run lists the files of the given sources, fetches every screenshot and figure that is not stored yet, and records
each in the manifest. When it is run again it goes on where it stopped, and fetches only what is new, changed or failed.

The first Ctrl-C commits what is done and stops; a second one stops at once.`,
		Example: `  exporter run --directory dir-abc123 --out export
  exporter run --project --sink archive --rate 50/s --skip-noise
  exporter run --config exporter.toml --log-format json`,
		Args: cobra.NoArgs,
	}
	load := a.withConfig(c, config.Sections()...)
	e.output.addFlags(c.Flags())
	c.Flags().BoolVar(&e.refetch, "refetch", false, "fetch everything again, stored or not")
	since := c.Flags().String("since", "", "list only files updated since the `last` complete listing, less an hour")
	c.Flags().BoolVar(&e.prune, "prune", false, "remove what two complete listings in a row do not have: rows, and blobs of the local sink")
	c.Flags().BoolVar(&e.repair, "repair", false, "verify what is stored first, and fetch again what is damaged or missing")
	forced := c.Flags().Bool("force", false, "accept another source or sink than that of the export so far, a listing that lost much, and pruning of much")
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		if err := e.output.validate(); err != nil {
			return err
		}
		if *since != "" && *since != sinceLast {
			return usagef("--since %q: the only value is %q (for a time of your own there is --updated-at-on-or-after)", *since, sinceLast)
		}
		e.incremental = *since == sinceLast
		e.force = force{source: *forced, listing: *forced, prune: *forced}
		if e.cfg, err = load(); err != nil {
			return err
		}
		if err := e.cfg.ValidateSource(); err != nil {
			return err
		}
		return e.run(c.Context())
	}
	a.withPprof(c, &e.output)
	return c
}
