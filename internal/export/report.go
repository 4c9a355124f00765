package export

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"exporter/internal/config"
	"exporter/internal/store"
	"exporter/pipeline"
)

const (
	// ReportName is the last run's report in the export, HistoryPrefix that of the reports of all runs.
	ReportName    = "run.json"
	HistoryPrefix = "runs/"
	// historyTime is how a report is called there. Names sort by time.
	historyTime = "20060102T150405.000000Z"
)

// Report is what a run did. Its JSON is run.json and what is kept in runs/, see docs/format.md.
type Report struct {
	Version    string    `json:"version"`
	StartedAt  time.Time `json:"started_at"`
	FinishedAt time.Time `json:"finished_at"`
	Seconds    Seconds   `json:"seconds"`
	ExitCode   int       `json:"exit_code"`
	Error      string    `json:"error,omitempty"`
	// Needs is the flag without which the same command does not go on; empty where it does.
	Needs string `json:"needs,omitempty"`
	// Accepted is what the run would have refused without --force.
	Accepted []Acceptance `json:"accepted,omitempty"`
	// Notes say what seems to be missing upstream.
	Notes []string `json:"notes,omitempty"`
	// Trial is the flag that had the run take some of the files alone: limit, sample or files-from; empty where it took all.
	Trial  string            `json:"trial,omitempty"`
	Source map[string]string `json:"source"`
	Sink   map[string]string `json:"sink"`
	Assets map[string]string `json:"asset_filters"`
	Counts Counts            `json:"counts"`
	// Incomplete are the sources that were not listed completely, NotOffered the kinds that the API does not offer.
	Incomplete []IncompleteSource `json:"incomplete_sources,omitempty"`
	NotOffered []pipeline.Kind    `json:"kinds_not_offered,omitempty"`
	// Expiring are the files that go by themselves soon, if there are any.
	Expiring *Expiring `json:"expiring,omitempty"`
	// WorthCompacting is what exporter compact would gain, if that is anything.
	WorthCompacting *Worth `json:"worth_compacting,omitempty"`
	// Watermark is the time before which all updates upstream are known.
	Watermark time.Time `json:"watermark,omitzero"`
	// ListedAt is when the newest complete listings were made that the export has taken in, by this run or an earlier one.
	ListedAt time.Time `json:"listed_at,omitzero"`
}

// Unlisted returns the sources whose listing ended early.
func (r *Report) Unlisted() []IncompleteSource { return unlisted(r.Incomplete) }

// report sums the run up, which ended with err.
func (r *run) report(err error) *Report {
	now, c, assets := time.Now(), r.counter.snapshot(), r.Config.Assets
	report := &Report{
		Version:    Version(),
		StartedAt:  r.started.UTC(),
		FinishedAt: now.UTC(),
		Seconds:    Seconds(now.Sub(r.started)),
		Source:     r.Source,
		Sink:       r.Config.SinkSettings(),
		Assets: map[string]string{
			"screenshots":    fmt.Sprint(assets.Screenshots),
			"figures":        fmt.Sprint(assets.Figures),
			"documents":      fmt.Sprint(assets.Documents),
			"skip_noise":     fmt.Sprint(assets.SkipNoise),
			"min_confidence": fmt.Sprint(assets.MinConfidence),
			"categories":     strings.Join(assets.Categories, ","),
			"pages":          assets.Pages.String(),
		},
		Accepted:   r.force.made,
		Trial:      trialOf(&r.Config.Run),
		Counts:     c,
		Notes:      slices.Concat(c.notes(), c.categoryNotes(assets.Categories), r.unlistedNotes(), r.notes),
		Incomplete: c.incomplete,
		NotOffered: c.notOffered,
		Expiring:   c.expiring.orNil(),

		WorthCompacting: r.worth,
		Watermark:       r.watermark(c, err),
		ListedAt:        r.newestListing(c, err),
	}
	if err != nil {
		report.ExitCode, report.Error, report.Needs = r.ExitCode(err), err.Error(), neededForce(err)
	}
	return report
}

// trialOf returns the flag that has a run take some of the files alone; empty for none.
func trialOf(c *config.Run) string {
	switch {
	case c.Limit > 0:
		return "limit"
	case c.Sample > 0:
		return "sample"
	case c.FilesFrom != "":
		return "files-from"
	}
	return ""
}

// write stores the report in runs/, and as run.json.
func (r *Report) write(ctx context.Context, to store.Store) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r); err != nil {
		return err
	}
	for _, name := range []string{r.historyName(), ReportName} {
		if err := store.PutBytes(ctx, to, name, b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// historyName returns a name that no other run has, also where a clock was set back.
func (r *Report) historyName() string {
	return HistoryPrefix + r.StartedAt.Format(historyTime) + "-" + rand.Text()[:8] + ".json"
}
