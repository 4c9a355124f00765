package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/llamacloud"
	"exporter/internal/store"
	"exporter/manifest"
	"exporter/pipeline"
)

// planReport is what a run would do. Its JSON is the answer of plan --json.
type planReport struct {
	Files struct {
		Listed    int64 `json:"listed"`
		Unchanged int64 `json:"unchanged"`
		Failed    int64 `json:"failed"`
		// WithoutPictures have no asset of the kinds asked for.
		WithoutPictures int64 `json:"without_pictures"`
	} `json:"files"`
	Assets struct {
		Fetch   int64            `json:"fetch"`
		Keep    int64            `json:"keep"`
		Skip    map[string]int64 `json:"skip"`
		Skipped int64            `json:"skip_in_unchanged_files"`
		// NewerDate counts those to fetch that have the size that is stored.
		NewerDate    int64 `json:"newer_date"`
		MissingPages int64 `json:"missing_pages"`
	} `json:"assets"`
	// Bytes is the listed size of what would be fetched; UnknownSizes counts the assets for which none is listed.
	Bytes        int64 `json:"bytes"`
	UnknownSizes int64 `json:"unknown_sizes"`
	// Notes say what seems to be missing upstream, and what a run would not believe.
	Notes []string `json:"notes,omitempty"`
	// Requests is how many the run would make if none is sent again: those of the listings, which were made for this plan as
	// well, and one for each blob.
	Requests int64 `json:"requests"`
	// Rate is as given; Limit is the rate that holds as far as it was learnt, and Seconds how long the requests take at it. Both
	// are null where there is none.
	Rate    string     `json:"rate"`
	Limit   *planLimit `json:"limit"`
	Seconds *float64   `json:"seconds"`

	// Incomplete are the sources that were not listed completely.
	Incomplete []incompleteSource `json:"incomplete_sources,omitempty"`

	errors map[string]*errorClass
}

// planLimit is a rate and what sets it.
type planLimit struct {
	PerSecond float64        `json:"per_second"`
	By        pipeline.Limit `json:"by"`
}

func (l *planLimit) paced() pipeline.Paced { return pipeline.Paced{PerSecond: l.PerSecond, By: l.By} }

func newPlanCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "plan",
		Short: "Say what a run would do: files, assets, bytes, requests, time; fetches no blob",
		Long: `plan lists what run would list, compares it with the export directory if there is one, and says what would be fetched,
kept and skipped, how many bytes and requests that is, and how long it takes at the given rate, or at the one that the API was
found to accept or announces. It reads the listing of files twice, and logs in between how many requests it needs for the rest.
It changes nothing, takes the flags of run but --repair, and goes on with the settings of the export as run does. What a run would
refuse it tells of, with the --force that accepts it; with that --force, it plans what such a run would do. What --prune would
remove is no part of it.`,
		Example: `  exporter plan --directory dir-abc123 --rate 20/m
  exporter plan --project --skip-noise --json`,
		Args: cobra.NoArgs,
	}
	load := a.withConfig(c, config.Sections()...)
	asJSON := c.Flags().Bool("json", false, "print JSON")
	refetch := c.Flags().Bool("refetch", false, "plan to fetch everything again")
	var force force
	force.addFlag(c.Flags())
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := load()
		if err != nil {
			return err
		}
		console := newConsole(a.stderr, cfg.Log)
		if err := recallSettings(c.Context(), cfg, console.log); err != nil {
			return err
		}
		ctx, cancel := a.interruptible(c.Context())
		defer cancel()
		report, err := plan(ctx, cfg, console, *refetch, &force)
		if err != nil {
			return err
		}
		if *asJSON {
			err = printJSON(a.stdout, report)
		} else {
			err = report.print(a.stdout)
		}
		if err == nil && (report.Files.Failed > 0 || len(report.Incomplete) > 0) {
			err = errUnlisted
		}
		return err
	}
	a.withPprof(c, load)
	return c
}

func plan(ctx context.Context, cfg *config.Config, console *console, refetch bool, force *force) (report *planReport, err error) {
	r := newReport()
	observer := pipeline.Observers{r, newLogObserver(console.log)}
	client, err := connect(cfg, console.log, nil, observer)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	history, last, closeHistory, err := openHistory(ctx, cfg, force, console.log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeHistory()) }()
	files := selection(&cfg.Source)
	o := pipeline.Options{
		Incremental:   cfg.Run.Since == config.SinceLast && narrow(&files, last.watermark(cfg.SourceSettings()), console.log),
		Source:        llamacloud.NewSource(client, files),
		Observer:      observer,
		Filters:       pipeline.Filters(cfg.Assets),
		Refetch:       refetch,
		Limit:         cfg.Run.Limit,
		Relist:        cfg.Run.Relist,
		Settle:        cfg.Run.Settle,
		BySize:        cfg.Run.Changed == config.ChangedSize,
		AcceptListing: force.accepts(forceListing),
		Concurrency:   cfg.Limits.Concurrency,
	}
	before, err := surveyAndPlan(ctx, history, o, r, cfg.Limits.Rate, console)
	doubt, doubted := errors.AsType[*pipeline.DoubtError](err)
	if err != nil && !doubted {
		return nil, err
	}
	c := r.snapshot()
	report = newPlanReport(c, before, cfg.Limits.Rate)
	if c.accepted != "" {
		force.accept(forceListing, console.log, c.accepted)
	}
	if doubted {
		report.Notes = append(report.Notes, doubt.Error()+", so nothing would count as vanished; if it is meant to be so, run with --force listing")
	}
	return report, nil
}

// surveyAndPlan plans, and logs before it lists the first asset how many requests that needs, so that it can be stopped. It
// returns the counts of what was sent before.
//
// The files are listed twice for that: it costs one request for a thousand of them, and none has to be kept in memory.
func surveyAndPlan(ctx context.Context, history pipeline.History, o pipeline.Options, r *report, given config.Rate,
	console *console) (before counts, err error) {
	defer console.showProgress(r)()
	files, err := pipeline.Survey(ctx, history, o)
	if err != nil {
		return counts{}, err
	}
	before = r.snapshot()
	console.log.Info("plan: " + surveyText(files, len(o.Filters.Kinds()), &before, given))
	err = pipeline.Plan(ctx, history, o)
	r.warnOfNothing(console.log, err, o.Incremental)
	return before, err
}

// needed is how many requests there would have been if none had been sent again.
func (c *counts) needed() int64 { return c.Requests.Sent - c.Requests.Retries }

// surveyText says what a plan needs: the requests that listed the files once more, and one for each kind of asset of a file.
func surveyText(files int64, kinds int, before *counts, given config.Rate) string {
	requests := before.needed() + files*int64(kinds)
	text := fmt.Sprintf("%d files to be listed, %d requests", files, requests)
	if limit := before.limit.holds(given); limit != nil {
		text += fmt.Sprintf(", about %s at %s", humanSeconds(float64(requests)/limit.PerSecond), limitText(limit.paced()))
	}
	return text
}

// holds returns the rate that holds: what was learnt of the API's limit, where that is not above the given rate, or else the given
// one; nil where neither is known.
func (l *limit) holds(given config.Rate) *planLimit {
	learnt := l.paced.PerSecond
	switch {
	case l.paced.By != pipeline.LimitNone && l.paced.By != pipeline.LimitGiven && (given.PerSecond == 0 || learnt <= given.PerSecond):
		return &planLimit{learnt, l.paced.By}
	case given.PerSecond > 0:
		return &planLimit{given.PerSecond, pipeline.LimitGiven}
	}
	return nil
}

// openHistory opens what the export directory says of earlier runs. There may be none. Where a run would refuse to go on there, it
// says so.
func openHistory(ctx context.Context, cfg *config.Config, force *force, log *slog.Logger) (h pipeline.History, last lastRun, end func() error, err error) {
	dir, err := store.OpenDir(cfg.Output.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return noHistory{}, lastRun{}, func() error { return nil }, nil
	}
	if err != nil {
		return nil, lastRun{}, nil, openError(cfg.Output.Dir, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, dir.Close())
		}
	}()
	if last, err = readLastRun(ctx, dir, log); err != nil {
		return nil, lastRun{}, nil, err
	}
	snapshot, err := manifest.OpenSnapshot(ctx, dir)
	if err != nil {
		return nil, lastRun{}, nil, storageError("read the ledger", err)
	}
	end = func() error { return errors.Join(snapshot.Close(), dir.Close()) }
	switch text, err := narrower(snapshot.Info(), cfg.SourceSettings(), cfg.SinkSettings()); {
	case err != nil:
		return nil, lastRun{}, nil, errors.Join(err, snapshot.Close())
	case text != "" && !force.accept(forceSource, log, text):
		log.Warn("run refuses this without --force source: the export was made with other settings", "what", text)
	}
	return snapshot, last, end, nil
}

// noHistory is the history before the first run.
type noHistory struct{}

func (noHistory) Files(context.Context) iter.Seq2[*pipeline.FileRow, error] {
	return func(func(*pipeline.FileRow, error) bool) {}
}

func (noHistory) File(context.Context, pipeline.FileKey) (*pipeline.FileState, error) {
	return nil, nil
}

func (noHistory) FileRow(context.Context, pipeline.FileKey) (*pipeline.FileRow, error) {
	return nil, nil
}

func (noHistory) States() iter.Seq2[pipeline.FileKey, *pipeline.FileState] {
	return func(func(pipeline.FileKey, *pipeline.FileState) bool) {}
}

func (noHistory) Assets(context.Context, pipeline.ID) ([]*pipeline.Row, error) { return nil, nil }

// newPlanReport reports on a plan. What was sent before it is nothing that the run would send.
func newPlanReport(c, before counts, rate config.Rate) *planReport {
	p := &planReport{
		Bytes:        c.Assets.PlannedBytes,
		UnknownSizes: c.Assets.UnknownSizes,
		Requests:     c.needed() - before.needed() + c.Assets.Planned,
		Rate:         rate.String(),
		Limit:        c.limit.holds(rate),
	}
	p.Files.Listed, p.Files.Unchanged, p.Files.Failed = c.Files.Listed, c.Files.Unchanged, c.Files.Failed
	p.errors, p.Incomplete = c.Errors, c.incomplete
	p.Assets.Fetch, p.Assets.Keep = c.Assets.Planned, c.Assets.Kept
	p.Assets.Skip, p.Assets.Skipped = c.Assets.Skipped, c.Assets.SkippedKept
	p.Assets.NewerDate, p.Assets.MissingPages = c.Assets.NewerDate, c.Assets.MissingPages
	p.Files.WithoutPictures, p.Notes = c.Files.WithoutPictures, c.notes()
	if p.Limit != nil {
		p.Seconds = new(float64(p.Requests) / p.Limit.PerSecond)
	}
	return p
}

func (p *planReport) print(w io.Writer) error {
	t := tabwriter.NewWriter(printableWriter{w}, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "files\t%d\t%d unchanged\n", p.Files.Listed, p.Files.Unchanged)
	for _, class := range slices.Sorted(maps.Keys(p.errors)) {
		fmt.Fprintf(t, "failed\t%d\t%s\n", p.errors[class].Count, p.errors[class].First)
	}
	for _, f := range p.Incomplete {
		if f.Error != "" {
			fmt.Fprintf(t, "unlisted\t%s\t%s\n", f.Source, f.Error)
		}
	}
	unknown := ""
	if p.UnknownSizes > 0 {
		unknown = fmt.Sprintf(", and %d of unknown size", p.UnknownSizes)
	}
	fmt.Fprintf(t, "fetch\t%d\t%s%s\n", p.Assets.Fetch, humanBytes(p.Bytes), unknown)
	if p.Assets.NewerDate > 0 {
		fmt.Fprintf(t, "again\t%d\tof them for a newer date only\n", p.Assets.NewerDate)
	}
	fmt.Fprintf(t, "keep\t%d\tstored already\n", p.Assets.Keep)
	for _, reason := range slices.Sorted(maps.Keys(p.Assets.Skip)) {
		fmt.Fprintf(t, "skip\t%d\t%s\n", p.Assets.Skip[reason], reason)
	}
	if p.Assets.Skipped > 0 {
		fmt.Fprintf(t, "skip\t%d\tin unchanged files\n", p.Assets.Skipped)
	}
	at := "depends on the API's limit at rate " + p.Rate
	if p.Seconds != nil {
		at = (time.Duration(*p.Seconds * float64(time.Second))).Round(time.Second).String() + " at "
		if p.Limit.By == pipeline.LimitGiven {
			at += "rate " + p.Rate
		} else {
			at += limitText(p.Limit.paced())
		}
	}
	fmt.Fprintf(t, "requests\t%d\t%s\n", p.Requests, at)
	for _, note := range p.Notes {
		fmt.Fprintf(t, "note\t\t%s\n", note)
	}
	return t.Flush()
}

func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(printableWriter{w})
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}
