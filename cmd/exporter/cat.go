package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/export"
	"exporter/pipeline"
)

func newCatCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "cat FILE_ID PAGE [FIGURE_NAME]",
		Short: "Write one stored blob to standard output",
		Long: `cat finds a blob by its file, its page index and, for a figure, its name as it was listed, and writes its bytes to standard
output, from a plain file or from a shard, also while an export is running. It checks the SHA-256 while it writes.`,
		Example: `  exporter cat 182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e 0 > page.jpg
  exporter cat --out export 182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e 3 --name page_4_figure_1.jpg > figure.jpg`,
		Args: cobra.RangeArgs(2, 3),
	}
	load := a.withConfig(c, config.SectionOutput)
	name := c.Flags().String("name", "", "the figure's `NAME`, in place of the third argument")
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		cfg, err := load()
		if err != nil {
			return err
		}
		if c.Flags().Changed("name") {
			if len(args) == 3 {
				return usagef("FIGURE_NAME %q and --name %q: give one of them", args[2], *name)
			}
			args = append(args, *name)
		}
		key, err := parseAssetKey(args)
		if err != nil {
			return err
		}
		if isTerminal(a.stdout) {
			return usagef("a picture would garble the terminal: redirect standard output, as in exporter cat … > page.jpg")
		}
		ctx, cancel := export.Interruptible(c.Context(), a.stop)
		defer cancel()
		return export.Cat(ctx, a.stdout, cfg.Output.Dir, key)
	}
	return c
}

func parseAssetKey(args []string) (pipeline.AssetKey, error) {
	id, err := pipeline.ParseID(args[0])
	if err != nil {
		return pipeline.AssetKey{}, usagef("FILE_ID: %w", err)
	}
	page, err := strconv.ParseInt(args[1], 10, 32)
	if err != nil {
		return pipeline.AssetKey{}, usagef("PAGE %q: want a page index such as 0", args[1])
	}
	key := pipeline.AssetKey{FileID: id, Kind: pipeline.Screenshot, PageIndex: int32(page), Origin: pipeline.OriginFile}
	if len(args) == 3 {
		key.Kind, key.FigureName = pipeline.Figure, args[2]
	}
	return key, nil
}
