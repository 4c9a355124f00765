package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/emulator"
	"exporter/internal/emulator/sample"
	"exporter/internal/export"
	"exporter/manifest"
	"exporter/pipeline"
)

// demoDir is the export directory of the demo, where none is named.
const demoDir = "exporter-demo"

// demoRows is how many rows of the manifest the demo shows.
const demoRows = 8

func newDemoCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "demo",
		Short: "Export the built-in sample: start the emulator, export, print what to look at next",
		Long: `demo serves a small built-in corpus on loopback as LlamaCloud would, exports it, and shows the first rows of the manifest
and what to try next. It needs no API key and no network, and writes to the directory exporter-demo.`,
		Example: `  exporter demo
  exporter demo --out /tmp/demo --sink archive --skip-noise`,
		Args: cobra.NoArgs,
	}
	load := a.withConfig(c, config.SectionAssets, config.SectionLimits, config.SectionOutput, config.SectionArchive,
		config.SectionLog)
	c.Flags().Lookup("out").DefValue = demoDir
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := load()
		if err != nil {
			return err
		}
		if !cfg.IsGiven("output.dir") {
			cfg.Output.Dir = demoDir
		}
		return a.demo(c.Context(), cfg)
	}
	return c
}

func (a *app) demo(ctx context.Context, cfg *config.Config) error {
	corpus, err := emulator.LoadCorpus(sample.FS())
	if err != nil {
		return err
	}
	handler, err := emulator.New(emulator.Options{Corpus: corpus, LogLimit: -1})
	if err != nil {
		return err
	}
	server, err := serveLoopback("--listen", "127.0.0.1:0", handler)
	if err != nil {
		return err
	}
	defer server.close()
	if cfg, err = demoConfig(cfg, server.url); err != nil {
		return err
	}
	if err := a.export(ctx, export.Options{Config: cfg, Source: map[string]string{"demo": "sample"}}, false); err != nil {
		return err
	}
	if cfg.Log.Quiet {
		return nil
	}
	return a.showExport(ctx, cfg)
}

// demoConfig points the configuration to all directories of the emulator, and away from whatever the environment names.
func demoConfig(cfg *config.Config, url string) (*config.Config, error) {
	folders, err := fs.Glob(sample.FS(), "*/directory.json")
	if err != nil {
		return nil, err
	}
	for i, name := range folders {
		folders[i] = path.Dir(name)
	}
	demo, err := config.Load(config.LoadOptions{Environ: []string{
		"LLAMA_CLOUD_API_KEY=demo", "LLAMA_CLOUD_BASE_URL=" + url, "EXPORTER_SOURCE_DIRECTORIES=" + strings.Join(folders, ","),
	}})
	if err != nil {
		return nil, err
	}
	demo.Assets, demo.Limits, demo.Output, demo.Log = cfg.Assets, cfg.Limits, cfg.Output, cfg.Log
	// The emulator has no limit that could be found.
	if demo.Limits.Rate.Auto {
		demo.Limits.Rate = config.Rate{}
	}
	return demo, nil
}

// showExport prints the first rows of an export and commands to try on it.
func (a *app) showExport(ctx context.Context, cfg *config.Config) error {
	rows, err := export.FirstStored(ctx, cfg.Output.Dir, demoRows)
	if err != nil {
		return err
	}
	err = printRows(a.stdout, rows)
	if err == nil && len(rows) > 0 {
		err = printNext(a.stdout, cfg.Output.Dir, rows[len(rows)-1])
	}
	return unlessUnread(err)
}

func printRows(w io.Writer, rows []*pipeline.Row) error {
	fmt.Fprintf(w, "\nThe first rows of %s:\n\n", manifest.AssetsName)
	t := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  display_name\tkind\tpage\tsize\tpixels\tis_likely_noise\tpath")
	for _, r := range rows {
		name := "null"
		if r.File.DisplayName != nil {
			name = fmt.Sprintf("%q", *r.File.DisplayName)
		}
		noise := "null"
		if r.IsLikelyNoise != nil {
			noise = fmt.Sprint(*r.IsLikelyNoise)
		}
		fmt.Fprintf(t, "  %s\t%s\t%d\t%d\t%d×%d\t%s\t%s\n",
			name, r.Kind, r.PageIndex, r.Content.Size, r.Content.Width, r.Content.Height, noise, r.Location.Path)
	}
	return t.Flush()
}

// printNext prints three commands to try, which name what is really there.
func printNext(w io.Writer, dir string, row *pipeline.Row) error {
	key := fmt.Sprintf("%s %d", row.FileID, row.PageIndex)
	if row.Kind == pipeline.Figure {
		key += " " + shellQuote(row.FigureName)
	}
	shard := row.Location.Path
	tar := fmt.Sprintf("tar --create --file - --directory %s blobs | tar --list --file - | head", shellQuote(dir))
	if row.Location.Shard != nil {
		tar = fmt.Sprintf("tar --zstd --list --file %s | head", shellQuote(dir+"/"+shard))
	}
	_, err := fmt.Fprintf(w, `
Try next:

  exporter cat --out %[1]s %[2]s > picture.jpg
  %[3]s
  duckdb -c "SELECT kind, status, count(*), sum(size) FROM '%[4]s/manifest.parquet' GROUP BY ALL"
`, shellQuote(dir), key, tar, dir)
	return err
}
