package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"exporter/internal/config"
	"exporter/internal/store"
	"exporter/pipeline"
)

const (
	// runReportName is the last run's report in the export, runHistoryPrefix that of the reports of all runs.
	runReportName    = "run.json"
	runHistoryPrefix = "runs/"
	// runHistoryTime is how a report is called there. Names sort by time.
	runHistoryTime = "20060102T150405.000000Z"
)

// runReport is what a run did. Its JSON is run.json and what is kept in runs/, see docs/format.md.
type runReport struct {
	Version    string    `json:"version"`
	StartedAt  time.Time `json:"started_at"`
	FinishedAt time.Time `json:"finished_at"`
	Seconds    float64   `json:"seconds"`
	ExitCode   int       `json:"exit_code"`
	Error      string    `json:"error,omitempty"`
	// Needs is the flag without which the same command does not go on; empty where it does.
	Needs string `json:"needs,omitempty"`
	// Accepted is what the run would have refused without --force.
	Accepted []acceptance `json:"accepted,omitempty"`
	// Notes say what seems to be missing upstream.
	Notes  []string          `json:"notes,omitempty"`
	Source map[string]string `json:"source"`
	Sink   map[string]string `json:"sink"`
	Assets map[string]string `json:"asset_filters"`
	Counts counts            `json:"counts"`
	// Incomplete are the sources that were not listed completely, NotOffered the kinds that the API does not offer.
	Incomplete []incompleteSource `json:"incomplete_sources,omitempty"`
	NotOffered []pipeline.Kind    `json:"kinds_not_offered,omitempty"`
	// Watermark is the time before which all updates upstream are known.
	Watermark time.Time `json:"watermark,omitzero"`

	dir   string
	limit int
	err   error
}

func (e *export) summarize(c counts, err error) *runReport {
	now := time.Now()
	r := &runReport{
		Version:    version(),
		StartedAt:  e.started.UTC(),
		FinishedAt: now.UTC(),
		Seconds:    now.Sub(e.started).Seconds(),
		Source:     e.source,
		Sink:       e.cfg.SinkSettings(),
		Assets: map[string]string{
			"screenshots":    fmt.Sprint(e.cfg.Assets.Screenshots),
			"figures":        fmt.Sprint(e.cfg.Assets.Figures),
			"skip_noise":     fmt.Sprint(e.cfg.Assets.SkipNoise),
			"min_confidence": fmt.Sprint(e.cfg.Assets.MinConfidence),
			"pages":          e.cfg.Assets.Pages.String(),
		},
		Accepted:   e.force.accepted,
		Counts:     c,
		Notes:      c.notes(),
		Incomplete: c.incomplete,
		NotOffered: c.notOffered,
		Watermark:  e.watermark(c, err),
		dir:        e.cfg.Output.Dir,
		limit:      e.cfg.Run.Limit,
		err:        err,
	}
	if err != nil {
		r.ExitCode, r.Error, r.Needs = explainError(err).code, err.Error(), neededFlag(err)
	}
	return r
}

// write stores the report in runs/, and as run.json.
func (r *runReport) write(ctx context.Context, to store.Store) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r); err != nil {
		return err
	}
	for _, name := range []string{r.historyName(), runReportName} {
		if err := store.PutBytes(ctx, to, name, b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// historyName returns a name that no other run has, also where a clock was set back.
func (r *runReport) historyName() string {
	return runHistoryPrefix + r.StartedAt.Format(runHistoryTime) + "-" + rand.Text()[:8] + ".json"
}

// print tells a person what came of the run, on standard output; with a JSON log, it logs the report instead.
func (r *runReport) print(stdout, stderr io.Writer, format config.LogFormat) error {
	if format == config.LogJSON {
		newLogger(stderr, true, false).Info("summary", "report", r)
		return nil
	}
	_, err := io.WriteString(printableWriter{stdout}, r.text())
	return err
}

func (r *runReport) text() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-9s"+format+"\n", append([]any{name}, args...)...)
	}
	c := &r.Counts
	files := []string{fmt.Sprintf("%d listed", c.Files.Listed)}
	files = appendCount(files, c.Files.Unchanged, "unchanged")
	files = appendCount(files, c.Files.Complete, "complete")
	files = appendCount(files, c.Files.Partial, "incomplete")
	files = appendCount(files, c.Files.Failed, "failed")
	files = appendCount(files, c.Files.Skipped, "without a file_id")
	files = appendCount(files, c.Files.Missed, "not listed for the first time")
	files = appendCount(files, c.Files.Vanished, "not listed any more")
	files = appendCount(files, c.Files.Expired, "expired")
	line("files", "%s", strings.Join(files, ", "))
	for _, f := range c.unlisted() {
		line("unlisted", "%s: %s", f.Source, f.Error)
	}
	for _, kind := range c.notOffered {
		line("skipped", "%ss, which this API does not offer (--%ss=false asks for none)", kind, kind)
	}
	line("stored", "%d assets, %s, in %s", c.Assets.Stored, humanBytes(c.Assets.StoredBytes), humanSeconds(r.Seconds))
	if c.Assets.NewerDate > 0 {
		line("again", "%d assets of the stored size asked for, as their date is newer; %d are the same", c.Assets.NewerDate, c.Assets.Same)
	}
	if c.Assets.Kept > 0 {
		line("kept", "%d assets that were stored before", c.Assets.Kept)
	}
	if c.skipped() > 0 {
		line("skipped", "%s", skippedText(c))
	}
	if c.Assets.Vanished > 0 {
		line("vanished", "%d assets, which are not listed any more", c.Assets.Vanished)
	}
	if c.Assets.Pruned > 0 {
		line("pruned", "%d assets", c.Assets.Pruned)
	}
	if c.Assets.Failed > 0 {
		line("failed", "%d assets", c.Assets.Failed)
	}
	for _, class := range c.errorClasses() {
		e := c.Errors[class]
		line("", "%d × %s", e.Count, e.First)
	}
	if len(c.OddFields) > 0 {
		var fields []string
		for _, name := range slices.Sorted(maps.Keys(c.OddFields)) {
			fields = append(fields, fmt.Sprintf("%d × %s", c.OddFields[name], name))
		}
		line("odd", "%s: values that make no sense, taken for null", strings.Join(fields, ", "))
	}
	for _, note := range r.Notes {
		line("missing", "%s", note)
	}
	requests := []string{fmt.Sprintf("%d", c.Requests.Sent)}
	requests = appendCount(requests, c.Requests.Retries, "retries")
	requests = appendCount(requests, c.Requests.Throttled, "throttled")
	line("requests", "%s", strings.Join(requests, ", "))
	line("output", "%s", r.dir)
	line("next", "%s", r.next())
	return b.String()
}

func appendCount(parts []string, n int64, what string) []string {
	if n == 0 {
		return parts
	}
	return append(parts, fmt.Sprintf("%d %s", n, what))
}

func skippedText(c *counts) string {
	var parts []string
	for _, reason := range []string{pipeline.ReasonNoise, pipeline.ReasonConfidence, pipeline.ReasonPage} {
		parts = appendCount(parts, c.Assets.Skipped[reason], reason)
	}
	parts = appendCount(parts, c.Assets.SkippedKept, "in unchanged files")
	return fmt.Sprintf("%d assets (%s)", c.skipped(), strings.Join(parts, ", "))
}

// next says what to do now.
func (r *runReport) next() string {
	switch {
	case r.err == nil && r.limit > 0:
		return fmt.Sprintf("this was a trial of %d files at most; without --limit, all are exported", r.limit)
	case r.err == nil:
		return "nothing to do; the same command brings the export up to date"
	case r.Needs != "":
		return "run the same command again; " + r.Needs + " accepts what it refused"
	case r.ExitCode == exitIncomplete:
		return "run the same command again to try what failed; manifest.parquet has the reasons"
	}
	return "run the same command again to go on"
}

func humanSeconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", s)
	}
	return d.Round(time.Second).String()
}
