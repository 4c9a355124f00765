package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/dataset"
	"exporter/internal/export"
	"exporter/internal/human"
	"exporter/pipeline"
)

func newDatasetCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "dataset EXPORT... OUT",
		Short: "Make training data of exports: Parquet, WebDataset or image folders",
		Long: `dataset writes the pictures of the exports EXPORT, with what the manifest and pages.parquet say of them, to OUT: directories, or
s3://BUCKET/PREFIX. They come in a form that training code reads: a folder for each kind of pictures (pages, figures) and each split, with a card
(README.md), a Croissant document and a report (dataset.json) beside them. It asks the API for nothing, needs no key and changes no
export, but for what --decode, --phash and --near find out, which is kept in .exporter/derived/ of it. The same exports and flags give
the same bytes on every machine. docs/datasets.md says how to load each form.

A split is of documents: all pictures of a file, or of a parse job of which the file is not known, are in one, and stay there when the export
grows. A picture with the bytes of one in "train" is in no other split.

Each picture is compared with its SHA-256. Those that are damaged are named and left out, and the exit code is 7. left-out.jsonl lists
duplicates, damaged and undecodable pictures. When it is killed, the same command goes on behind the last shard that was finished. OUT has to be
missing, empty, or a dataset of the same command: where the exports have changed since, it is made anew.`,
		Example: `  exporter dataset export ds --format parquet
  exporter dataset export ds --format webdataset --split train=0.9,val=0.05,test=0.05 --seed 1
  exporter dataset export ds --format imagefolder --kind figure --no-noise --min-size 64 --dedup sha256
  exporter dataset 2025 2026 ds --format parquet --where "category = 'table' and width >= 200"`,
		Args: cobra.MinimumNArgs(2),
	}
	load := a.withConfig(c, config.SectionLog)
	config.AddPlaceFlags(c.Flags())
	f := a.addDatasetFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		cfg, err := load()
		if err != nil {
			return err
		}
		o, err := f.options(c)
		if err != nil {
			return err
		}
		ctx, cancel := export.Interruptible(c.Context(), a.stop)
		defer cancel()
		last := len(args) - 1
		o.Exports, o.Out = args[:last], args[last]
		o.Place = export.PlaceOptions(cfg, nil)
		return a.makeDataset(ctx, o, cfg.Log)
	}
	a.withPprof(c, load)
	return c
}

func (a *app) makeDataset(ctx context.Context, o dataset.Options, log config.Log) error {
	console, err := a.openConsole(log)
	if err != nil {
		return err
	}
	o.Log, o.Place.Log, o.Own = console.log, console.log, a.own
	o.Watch = func(p func() dataset.Progress) func() { return console.showProgress(datasetProgress(p)) }
	report, err := dataset.Make(ctx, o)
	err = export.InParts(ctx, err, o.Exports...)
	if whole, ok := export.AnyInParts(ctx, o.Exports); ok && errors.Is(err, dataset.ErrDamaged) {
		err = &damagedPartError{err, whole}
	}
	if report == nil || err == nil && log.Quiet && !o.DryRun {
		return err
	}
	return errors.Join(err, a.printDataset(report, o.DryRun))
}

// damagedPartError is a dataset.ErrDamaged of pictures that may be in parts of an export.
type damagedPartError struct {
	error
	whole string
}

// Unwrap returns the error.
func (e *damagedPartError) Unwrap() error { return e.error }

// printDataset prints what was made, or would be.
func (a *app) printDataset(r *dataset.Report, dryRun bool) error {
	var text strings.Builder
	for _, config := range r.Configs {
		for _, split := range config.Splits {
			line := fmt.Sprintf("%-8s %-10s %d pictures, %s", config.Name, split.Name, split.Pictures, human.Bytes(split.Bytes))
			if files := len(split.Files); files > 0 {
				line += fmt.Sprintf(", %d files", files)
			}
			text.WriteString(line + "\n")
		}
	}
	if r.Pictures == 0 {
		text.WriteString("nothing  no picture is chosen\n")
	}
	for _, reason := range slices.Sorted(maps.Keys(r.LeftOut)) {
		fmt.Fprintf(&text, "%-8s %-10s %d pictures\n", "left out", reason, r.LeftOut[reason])
	}
	if dryRun {
		text.WriteString("dry run  nothing was written\n")
	}
	if _, err := a.stdout.Write([]byte(text.String())); err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}
	return nil
}

// datasetFlags are the flags of dataset as they are given.
type datasetFlags struct {
	form, where, minSize, dedup, text, split, seed, splitBy, splitFile, shardSize, cache string
	kinds, columns                                                                       []string
	minConfidence                                                                        float64
	sample, near                                                                         int
	open                                                                                 func(path string) (io.ReadCloser, error)
	noNoise, anyFormat, decode, phash, noVerify, strict, dryRun                          bool
}

func (a *app) addDatasetFlags(c *cobra.Command) *datasetFlags {
	f, flags := &datasetFlags{open: a.openInput}, c.Flags()
	flags.StringVar(&f.form, "format", "", "`FORM` of the dataset: parquet, webdataset or imagefolder (required)")
	flags.StringSliceVar(&f.kinds, "kind", nil, "only pictures of this `KIND`: screenshot or figure")
	flags.StringVar(&f.where, "where", "", "only pictures of which this `CONDITION` on columns holds, such as \"width >= 200 and category = 'table'\"")
	flags.BoolVar(&f.noNoise, "no-noise", false, "leave out figures that are likely to be noise")
	flags.StringVar(&f.minSize, "min-size", "", "only pictures of at least so many `PIXELS` in width and height, such as 64 or 200x100")
	flags.Float64Var(&f.minConfidence, "min-confidence", 0, "leave out figures with a confidence below this `SHARE`, from 0 to 1")
	flags.BoolVar(&f.anyFormat, "any-format", false, "also pictures that Pillow does not open by itself, such as SVG, HEIC and JPEG XL")
	flags.StringVar(&f.dedup, "dedup", "", "leave out pictures that have the `HASH` of one before: sha256")
	flags.IntVar(&f.sample, "sample", 0, "only so many pictures, `N`, chosen by chance and --seed")
	flags.BoolVar(&f.decode, "decode", false, "decode each picture once, and leave out those that fail (slow)")
	flags.StringSliceVar(&f.columns, "columns", nil, "the columns beside the picture, `NAMES` of those of the manifest, in place of the usual ones")
	flags.StringVar(&f.text, "text", dataset.TextMarkdown, "`TEXT` of a page that its picture comes with, where there is one: markdown, text or none")
	flags.BoolVar(&f.phash, "phash", false, "add the column phash, equal to imagehash.phash (decodes each picture once)")
	flags.IntVar(&f.near, "near", -1, "add the column near_group: the same for pictures of which phash differs in `BITS` bits at most")
	flags.StringVar(&f.split, "split", "", "`SHARES` of the splits, such as train=0.9,val=0.05,test=0.05; else all is train")
	flags.StringVar(&f.seed, "seed", "", "`SEED` that makes another split, and another sample")
	flags.StringVar(&f.splitBy, "split-by", dataset.SplitByFile, "`WHAT` is never divided among splits: file, directory, unique_id or display_name")
	flags.StringVar(&f.splitFile, "split-file", "", "`FILE` that gives documents their splits, in lines such as ID,train")
	flags.StringVar(&f.shardSize, "shard-size", "500MB", "the most bytes of pictures in a shard, a `SIZE` of at most 500MB")
	flags.BoolVar(&f.noVerify, "no-verify", false, "do not compare pictures with their SHA-256")
	flags.BoolVar(&f.strict, "strict", false, "end with the first damaged picture")
	flags.StringVar(&f.cache, "cache", "", "`DIR` that keeps what --decode and --phash find out, in place of the exports themselves")
	flags.BoolVarP(&f.dryRun, "dry-run", "n", false, "say what would be written, and write nothing")
	return f
}

// options returns the options that the flags say.
func (f *datasetFlags) options(c *cobra.Command) (o dataset.Options, err error) {
	o = dataset.Options{
		Form: f.form, NoNoise: f.noNoise, MinConfidence: f.minConfidence, AnyFormat: f.anyFormat, Sample: f.sample, Decode: f.decode,
		Columns: f.columns, Text: f.text, PHash: f.phash, Seed: f.seed, SplitBy: f.splitBy, NoVerify: f.noVerify, Strict: f.strict,
		DryRun: f.dryRun, Cache: f.cache,
	}
	if f.form == "" {
		return o, usagef("--format is missing: parquet, webdataset or imagefolder")
	}
	if c.Flags().Changed("kind") && len(f.kinds) == 0 {
		return o, usagef(`--kind "": want screenshot or figure`)
	}
	for _, kind := range f.kinds {
		o.Kinds = append(o.Kinds, pipeline.Kind(kind))
	}
	// Pages come before figures.
	slices.SortFunc(o.Kinds, func(a, b pipeline.Kind) int { return strings.Compare(string(b), string(a)) })
	o.Kinds = slices.Compact(o.Kinds)
	if c.Flags().Changed("where") {
		if o.Where, err = dataset.ParseWhere(f.where); err != nil {
			return o, usagef("--where: %w", err)
		}
	}
	if f.minSize != "" {
		if o.MinWidth, o.MinHeight, err = parsePixels(f.minSize); err != nil {
			return o, err
		}
	}
	if f.dedup != "" && f.dedup != "sha256" {
		return o, usagef("--dedup %q: want sha256", f.dedup)
	}
	o.Dedup = f.dedup != ""
	if c.Flags().Changed("sample") && f.sample < 1 {
		return o, usagef("--sample %d: want at least 1", f.sample)
	}
	if c.Flags().Changed("near") {
		o.Near = &f.near
	}
	return o, f.splits(c, &o)
}

// splits adds what the flags say of splits and shards.
func (f *datasetFlags) splits(c *cobra.Command, o *dataset.Options) (err error) {
	if c.Flags().Changed("split") {
		if o.Split, err = dataset.ParseSplit(f.split); err != nil {
			return usagef("--split: %w", err)
		}
	}
	if f.splitFile != "" {
		file, err := f.open(f.splitFile)
		if err != nil {
			return usagef("--split-file: %w", err)
		}
		defer file.Close()
		if o.Splits, err = dataset.ReadSplits(file); err != nil {
			return usagef("--split-file %q: %w", f.splitFile, err)
		}
	}
	size, err := config.ParseSize(f.shardSize)
	if err != nil {
		return usagef("--shard-size: %w", err)
	}
	if size < 1 {
		return usagef("--shard-size %s: want at least 1 byte", f.shardSize)
	}
	o.ShardSize = int64(size)
	return nil
}

// parsePixels reads a size such as "64" or "200x100".
func parsePixels(text string) (width, height int, err error) {
	first, second, both := strings.Cut(text, "x")
	if !both {
		second = first
	}
	for _, part := range []struct {
		text string
		into *int
	}{{first, &width}, {second, &height}} {
		if *part.into, err = strconv.Atoi(part.text); err != nil || *part.into < 1 {
			return 0, 0, usagef("--min-size %q: want pixels, such as 64, or 200x100", text)
		}
	}
	return width, height, nil
}

// datasetProgress shows how far a dataset is.
type datasetProgress func() dataset.Progress

// bars implements progress.
func (d datasetProgress) bars(took time.Duration) []bar {
	p := d()
	of := fmt.Sprint(p.Pictures)
	if p.TotalPictures > 0 {
		of = fmt.Sprintf("%d/%d", p.Pictures, p.TotalPictures)
	}
	after := []part{{text: p.Stage, rank: 2}}
	if p.Bytes > 0 {
		after = append(after, part{text: human.Bytes(p.Bytes), rank: 3})
	}
	if p.Damaged > 0 {
		after = append(after, part{text: fmt.Sprintf("%d damaged", p.Damaged), rank: 1})
	}
	return []bar{{name: "dataset", hasBar: true, done: p.Pictures, total: p.TotalPictures, before: of, after: after}}
}

// attrs implements progress.
func (d datasetProgress) attrs(time.Duration) []any {
	p := d()
	return []any{
		"stage", p.Stage, "pictures", p.Pictures, "of_pictures", p.TotalPictures, "bytes", p.Bytes, "of_bytes", p.TotalBytes,
		"damaged", p.Damaged,
	}
}
