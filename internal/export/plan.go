package export

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"time"

	"exporter/internal/config"
	"exporter/internal/llamacloud"
	"exporter/internal/store/place"
	"exporter/manifest"
	"exporter/pipeline"
)

// PlanReport is what a run would do. Its JSON is the answer of plan --json.
type PlanReport struct {
	Files struct {
		Listed    int64 `json:"listed"`
		Unchanged int64 `json:"unchanged"`
		Failed    int64 `json:"failed"`
		// LeftOut are listed, and not taken.
		LeftOut int64 `json:"left_out,omitempty"`
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
		// Documents counts the listed ones.
		Documents int64 `json:"documents,omitempty"`
	} `json:"assets"`
	// Pages counts those of parse jobs of which earlier runs recorded the text: a plan asks for none.
	Pages int64 `json:"pages,omitempty"`
	// Bytes is the listed size of what would be fetched; UnknownSizes counts the assets for which none is listed.
	Bytes        int64 `json:"bytes"`
	UnknownSizes int64 `json:"unknown_sizes"`
	// Part is the part of the export that is planned, as in 3/8: all numbers are of it alone. It is empty for a plain export.
	Part string `json:"part,omitempty"`
	// Notes say what seems to be missing upstream, and what a run would not believe.
	Notes []string `json:"notes,omitempty"`
	// Requests is how many the run would make if none is sent again: those of the listings, which were made for this plan as
	// well, and one for each blob.
	Requests int64 `json:"requests"`
	// Bucket is about what the run would ask of the bucket that the export is in; nil where it is in a directory.
	Bucket *BucketCost `json:"bucket,omitempty"`
	// Rate is as given; Limit is the rate that holds as far as it was learnt, and Seconds how long the requests take at it. Both
	// are null where there is none.
	Rate    string    `json:"rate"`
	Limit   *PlanPace `json:"limit"`
	Seconds *Seconds  `json:"seconds"`

	// Incomplete are the sources that were not listed completely.
	Incomplete []IncompleteSource `json:"incomplete_sources,omitempty"`
	// Errors counts failures of files by class, and keeps the first of each.
	Errors map[string]*ErrorClass `json:"-"`
}

// PlanPace is a rate, in requests per second, and what sets it.
type PlanPace struct {
	PerSecond float64        `json:"per_second"`
	By        pipeline.Limit `json:"by"`
}

// String says it for people, as in "98/s found".
func (p *PlanPace) String() string { return paceText(pipeline.Paced{PerSecond: p.PerSecond, By: p.By}) }

// seconds is how long so many requests take; nil where no pace is known.
func (p *PlanPace) seconds(requests int64) *Seconds {
	if p == nil {
		return nil
	}
	return new(Seconds(min(float64(requests)/p.PerSecond, maxLeft.Seconds()) * float64(time.Second)))
}

// Survey is what a plan needs: the requests that list the files once more, and one for each kind of asset of a file. Limit and
// Seconds are those of PlanReport.
type Survey struct {
	Files, Requests int64
	Limit           *PlanPace
	Seconds         *Seconds
}

// Plan says what Run would do with the same options, and changes nothing.
func Plan(ctx context.Context, o Options) (*PlanReport, error) {
	ctx, cancel := Interruptible(ctx, o.Stop)
	defer cancel()
	r, err := newRun(ctx, o)
	if err != nil {
		return nil, err
	}
	r.counter.plansOnly = true
	client, err := Connect(r.Config, r.Log, nil, r.observer)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	report, err := r.plan(ctx, client)
	if report == nil && r.foundName(ctx, client, &err) {
		report, err = r.plan(ctx, client)
	}
	return report, err
}

// plan is Plan with a client.
func (r *run) plan(ctx context.Context, client *llamacloud.Client) (report *PlanReport, err error) {
	if err := r.seePart(ctx); err != nil {
		return nil, err
	}
	if err := r.identify(ctx, client); err != nil {
		return nil, err
	}
	history, closeHistory, err := r.openHistory(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeHistory()) }()
	before, err := r.surveyAndPlan(ctx, history, r.pipelineOptions(client))
	doubt, doubted := errors.AsType[*pipeline.DoubtError](err)
	if err != nil && !doubted {
		return nil, err
	}
	report = newPlanReport(r.counter.snapshot(), before, r.Config.Limits.Rate)
	if report.Bucket, err = costOf(ctx, r.Config, report); err != nil {
		return nil, err
	}
	report.Notes = append(append(report.Notes, r.unlistedNotes()...), r.notes...)
	if r.part != nil {
		report.Part = r.part.String()
	}
	if doubted {
		report.Notes = append(report.Notes, doubt.Error()+", so nothing would count as vanished; if it is meant to be so, run with --force listing")
	}
	return report, nil
}

// surveyAndPlan plans, and says before it lists the first asset how many requests that needs, so that it can be stopped. It
// returns the counts of what was sent before.
//
// The files are listed twice for that: it costs one request for a thousand of them, and none has to be kept in memory.
func (r *run) surveyAndPlan(ctx context.Context, history pipeline.History, o pipeline.Options) (before Counts, err error) {
	defer r.Watcher.Transfer(r.counter.snapshot)()
	files, err := pipeline.Survey(ctx, history, o)
	if err = r.explainList(err); err != nil {
		return Counts{}, err
	}
	before = r.counter.snapshot()
	r.Watcher.Surveyed(newSurvey(files, len(o.Filters.Kinds()), &before, r.Config.Limits.Rate))
	err = r.explainList(pipeline.Plan(ctx, history, o))
	r.tellOfListing(err, o.Incremental)
	return before, err
}

func newSurvey(files int64, kinds int, before *Counts, given config.Rate) Survey {
	s := Survey{Files: files, Requests: before.needed() + files*int64(kinds), Limit: before.Limit.holds(given)}
	s.Seconds = s.Limit.seconds(s.Requests)
	return s
}

// holds returns the rate that holds: what was learnt of the API's limit, where that is not above the given rate, or else the given
// one; nil where neither is known.
func (l *Limit) holds(given config.Rate) *PlanPace {
	learnt := l.paced.PerSecond
	switch {
	case l.paced.By != pipeline.LimitNone && l.paced.By != pipeline.LimitGiven && (given.PerSecond == 0 || learnt <= given.PerSecond):
		return &PlanPace{learnt, l.paced.By}
	case given.PerSecond > 0:
		return &PlanPace{given.PerSecond, pipeline.LimitGiven}
	}
	return nil
}

// newPlanReport reports on a plan. What was sent before it is nothing that the run would send.
func newPlanReport(c, before Counts, rate config.Rate) *PlanReport {
	p := &PlanReport{
		Bytes:        c.Assets.PlannedBytes,
		UnknownSizes: c.Assets.UnknownSizes,
		Notes:        c.notes(),
		Requests:     c.needed() - before.needed() + c.Assets.Planned,
		Rate:         rate.String(),
		Limit:        c.Limit.holds(rate),
		Incomplete:   c.incomplete,
		Errors:       c.Errors,
	}
	p.Seconds = p.Limit.seconds(p.Requests)
	p.Files.Listed, p.Files.Unchanged, p.Files.Failed = c.Files.Listed, c.Files.Unchanged, c.Files.Failed
	p.Files.WithoutPictures, p.Files.LeftOut = c.Files.WithoutPictures, c.Files.LeftOut
	p.Assets.Fetch, p.Assets.Keep = c.Assets.Planned, c.Assets.Kept
	p.Assets.Skip, p.Assets.Skipped = c.Assets.Skipped, c.Assets.SkippedKept
	p.Assets.NewerDate, p.Assets.MissingPages = c.Assets.NewerDate, c.Assets.MissingPages
	p.Assets.Documents, p.Pages = c.Assets.Documents, c.Pages.Known
	return p
}

// openHistory opens what the export directory says of earlier runs. There may be none. Where a run would refuse to go on there, it
// says so.
func (r *run) openHistory(ctx context.Context) (h pipeline.History, end func() error, err error) {
	path := r.Config.Output.Dir
	dir, err := place.Open(ctx, path, r.Log)
	if errors.Is(err, fs.ErrNotExist) {
		return noHistory{}, func() error { return nil }, nil
	}
	if err != nil {
		return nil, nil, openError(path, err)
	}
	past, err := openTables(ctx, dir, manifest.OpenSnapshot)
	if err != nil {
		return nil, nil, err
	}
	if r.last, err = readLastRun(ctx, dir, r.Log); err != nil {
		return nil, nil, errors.Join(err, past.Close())
	}
	if err := r.readAccepted(ctx, dir); err != nil {
		return nil, nil, errors.Join(err, past.Close())
	}
	switch text, err := narrower(past.Info(), r.Source, r.Config.SinkSettings()); {
	case err != nil:
		return nil, nil, errors.Join(err, past.Close())
	case text != "" && !r.force.accept(ForceSource, text):
		r.Log.Warn("run refuses this without --force source: the export was made with other settings", "what", text)
	}
	return past, past.Close, nil
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

func (noHistory) Known(context.Context) iter.Seq2[*pipeline.KnownFile, error] {
	return func(func(*pipeline.KnownFile, error) bool) {}
}

func (noHistory) Assets(context.Context, pipeline.Owner) ([]*pipeline.Row, error) { return nil, nil }
