package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/export"
	"exporter/internal/human"
	"exporter/pipeline"
)

func newPlanCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "plan",
		Short: "Say what a run would do: files, assets, bytes, requests, time; fetches no blob",
		Long: `plan lists what run would list, compares it with the export if there is one, and says what would be fetched,
kept and skipped, how many bytes and requests that is, and how long it takes at the given rate, or at the one that the API was
found to accept or announces; for an export in a bucket also how many requests and bytes that is there. It reads the listing of files twice, and logs in between how many requests it needs for the rest.
With --write-list it lists the files alone and keeps them for many runs that are to make parts of one export: docs/clusters.md.
It changes nothing else, takes the flags of run but --repair, and goes on with the settings of the export as run does. What a run would
refuse it tells of, with the --force that accepts it; with that --force, it plans what such a run would do. What --prune would
remove is no part of it.`,
		Example: `  exporter plan --directory dir-abc123 --rate 20/m
  exporter plan --project --skip-noise --json
  exporter plan --project --write-list s3://my-bucket/files.list`,
		Args: cobra.NoArgs,
	}
	load := a.withConfig(c, config.Sections()...)
	for _, ofRuns := range []string{"metrics-file", "metrics-listen", "ping", "ping-url-file"} {
		// A plan is no run that somebody watches over.
		c.Flags().Lookup(ofRuns).Hidden = true
	}
	c.Flags().Lookup("partial-ok").Hidden = true
	asJSON := c.Flags().Bool("json", false, "print JSON")
	listTo := c.Flags().String("write-list", "", "list the files alone, and write them to `FILE`, or to s3://BUCKET/NAME, for run --list to take them from there")
	var o export.Options
	c.Flags().BoolVar(&o.Refetch, "refetch", false, "plan to fetch everything again")
	addForce(c.Flags(), &o.Force)
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		if c.Flags().Changed("write-list") && *listTo == "" {
			return misused(c, "--write-list: it is empty", "name a file, or leave it out")
		}
		if o.Config, err = load(); err != nil {
			return err
		}
		if err := o.Config.EnterPart(); err != nil {
			return err
		}
		if err := o.Config.CheckPlaces(); err != nil {
			return err
		}
		if o.Files, err = a.readFilesFrom(o.Config); err != nil {
			return err
		}
		console, err := a.openConsole(o.Config.Log)
		if err != nil {
			return err
		}
		o.Log, o.Watcher, o.Stop = console.log, console, a.stop
		defer a.limitMemory(&o)()
		if c.Flags().Changed("write-list") {
			return a.writeList(c.Context(), o, *listTo, *asJSON)
		}
		report, err := export.Plan(c.Context(), o)
		if err != nil {
			return err
		}
		if *asJSON {
			err = printJSON(a.stdout, report)
		} else {
			err = printPlan(a.stdout, report)
		}
		err = unlessUnread(err)
		if err == nil && (report.Files.Failed > 0 || len(report.Incomplete) > 0) {
			err = errUnlisted
		}
		return err
	}
	a.withPprof(c, load)
	return c
}

// writeList writes the list of the files of a source, and says how many there are.
func (a *app) writeList(ctx context.Context, o export.Options, to string, asJSON bool) error {
	report, err := export.WriteList(ctx, o, to)
	if err != nil {
		return err
	}
	if asJSON {
		err = printJSON(a.stdout, report)
	} else {
		err = printList(a.stdout, report)
	}
	if err = unlessUnread(err); err == nil && len(report.Unlisted) > 0 {
		err = errListed
	}
	return err
}

func printList(w io.Writer, l *export.ListReport) error {
	t := tabwriter.NewWriter(printableWriter{w}, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "files\t%d\tlisted\n", l.Files)
	for _, f := range l.Unlisted {
		fmt.Fprintf(t, "unlisted\t%s\t%s\n", f.Source, f.Error)
	}
	fmt.Fprintf(t, "requests\t%d\n", l.Requests)
	fmt.Fprintf(t, "list\t%s\tfor run --list\n", l.List)
	return t.Flush()
}

// surveyText says what a plan needs.
func surveyText(s export.Survey) string {
	text := fmt.Sprintf("%d files to be listed, %d requests", s.Files, s.Requests)
	if s.Limit != nil {
		text += fmt.Sprintf(", about %s at %s", humanSeconds(*s.Seconds), s.Limit)
	}
	return text
}

func printPlan(w io.Writer, p *export.PlanReport) error {
	t := tabwriter.NewWriter(printableWriter{w}, 0, 0, 2, ' ', 0)
	if p.Part != "" {
		fmt.Fprintf(t, "part\t%s\tall numbers are of this part\n", p.Part)
	}
	fmt.Fprintf(t, "files\t%d\t%d unchanged\n", p.Files.Listed, p.Files.Unchanged)
	if p.Files.LeftOut > 0 {
		fmt.Fprintf(t, "left out\t%d\tlisted, and not taken\n", p.Files.LeftOut)
	}
	if p.Assets.Documents > 0 {
		fmt.Fprintf(t, "documents\t%d\tlisted\n", p.Assets.Documents)
	}
	if p.Pages > 0 {
		fmt.Fprintf(t, "pages\t%d\trecorded already\n", p.Pages)
	}
	for _, class := range slices.Sorted(maps.Keys(p.Errors)) {
		fmt.Fprintf(t, "failed\t%d\t%s\n", p.Errors[class].Count, p.Errors[class].First)
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
	fmt.Fprintf(t, "fetch\t%d\t%s%s\n", p.Assets.Fetch, human.Bytes(p.Bytes), unknown)
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
		at = time.Duration(*p.Seconds).Round(time.Second).String() + " at "
		if p.Limit.By == pipeline.LimitGiven {
			at += "rate " + p.Rate
		} else {
			at += p.Limit.String()
		}
	}
	fmt.Fprintf(t, "requests\t%d\t%s\n", p.Requests, at)
	if b := p.Bucket; b != nil {
		fmt.Fprintf(t, "bucket\t%d\tPUT, %d GET, %d LIST, %s sent, about\n", b.Puts, b.Gets, b.Lists, human.Bytes(b.Bytes))
	}
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
