package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/export"
	"exporter/pipeline"
)

func newCatCommand(a *app) *cobra.Command {
	f := &catFlags{}
	c := &cobra.Command{
		Use:   "cat FILE_ID PAGE [NAME]",
		Short: "Write one stored blob to standard output",
		Long: `cat finds a blob by its file, its page index and, for a figure, its name as it was listed, and writes its bytes to standard
output, from a plain file or from a shard, also while an export is running. It checks the SHA-256 while it writes.

With --origin attachment, it finds an attachment of the file, and with --job ID, in place of FILE_ID, a result of a parse job: by PAGE the
screenshot, or by --name whatever has that upstream_name. PAGE may be left out where one has the name. With --document, it finds the
document itself.`,
		Example: `  exporter cat 182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e 0 > page.jpg
  exporter cat --out export 182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e 3 --name page_4_figure_1.jpg > figure.jpg
  exporter cat 182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e --origin attachment --name screenshots/page_1.jpg > page.jpg
  exporter cat --job pjb-0b2f8c4e-93a1-4d57-8e21-5a8a4f0c7d11 --name img_p0_1.png > image.png
  exporter cat 182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e --document > report.pdf`,
		Args: f.checkCount,
	}
	load := a.withConfig(c, config.SectionOutput)
	hideFlags(c, "sink", "checkpoint", "scratch", "single-writer")
	c.Flags().StringVar(&f.name, "name", "", "the figure's `NAME`, or the upstream_name, in place of the argument NAME")
	c.Flags().StringVar(&f.origin, "origin", string(pipeline.OriginFile), "where the asset comes from: `file`, attachment, or parse, which --job implies")
	c.Flags().StringVar(&f.job, "job", "", "the `ID` of the parse job of which it is a result, in place of FILE_ID")
	c.Flags().BoolVar(&f.document, "document", false, "the document, not a picture")
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		cfg, err := load()
		if err != nil {
			return err
		}
		choice, err := f.choice(c, args)
		if err != nil {
			return err
		}
		if isTerminal(a.stdout) {
			return usagef("a picture would garble the terminal: redirect standard output, as in exporter cat … > page.jpg")
		}
		ctx, cancel := export.Interruptible(c.Context(), a.stop)
		defer cancel()
		return export.Cat(ctx, a.stdout, cfg.Output.Dir, choice, a.plainLog())
	}
	return c
}

// catFlags say, beside the arguments, which asset is meant.
type catFlags struct {
	name, origin, job string
	document          bool
}

// checkCount checks how many arguments there are.
func (f *catFlags) checkCount(c *cobra.Command, args []string) error {
	switch {
	case f.job != "":
		return cobra.MaximumNArgs(2)(c, args)
	case f.document || f.origin != string(pipeline.OriginFile):
		return cobra.RangeArgs(1, 3)(c, args)
	}
	return cobra.RangeArgs(2, 3)(c, args)
}

// choice reads flags and arguments.
func (f *catFlags) choice(c *cobra.Command, args []string) (choice export.Choice, err error) {
	choice = export.Choice{Origin: pipeline.Origin(f.origin), IsDocument: f.document}
	switch {
	case choice.Origin != pipeline.OriginFile && choice.Origin != pipeline.OriginAttachment && choice.Origin != pipeline.OriginParse:
		return choice, usagef("--origin %q: want file, attachment or parse", f.origin)
	case choice.Origin == pipeline.OriginParse && f.job == "":
		return choice, usagef("--origin parse: give the parse job, with --job ID")
	case f.job != "" && c.Flags().Changed("origin") && choice.Origin != pipeline.OriginParse:
		return choice, usagef("--job and --origin %s: what a parse job has is of origin parse", f.origin)
	case f.job != "":
		choice.Origin = pipeline.OriginParse
		if choice.JobID, err = pipeline.ParseID(f.job); err != nil {
			return choice, usagef("--job: %w", err)
		}
	default:
		if choice.FileID, err = pipeline.ParseID(args[0]); err != nil {
			return choice, usagef("FILE_ID: %w", err)
		}
		args = args[1:]
	}
	if len(args) > 0 {
		page, err := strconv.ParseInt(args[0], 10, 32)
		if err != nil {
			return choice, usagef("PAGE %q: want a page index such as 0", args[0])
		}
		choice.Page = new(int32(page))
	}
	if len(args) > 1 {
		choice.Name = &args[1]
	}
	if c.Flags().Changed("name") {
		if choice.Name != nil {
			return choice, usagef("FIGURE_NAME %q and --name %q: give one of them", *choice.Name, f.name)
		}
		choice.Name = &f.name
	}
	return choice, nil
}
