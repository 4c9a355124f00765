package export

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"exporter/internal/config"
	"exporter/internal/llamacloud"
	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/internal/verify"
	"exporter/manifest"
	"exporter/pipeline"
)

// Options says what to export, and whom to tell of it. Config, Log and Watcher are required, and for Run ExitCode is.
type Options struct {
	// Config is completed by what the export remembers.
	Config *config.Config
	// Source identifies what is exported; nil stands for the settings of Config, and of the export.
	Source map[string]string
	// Files are the ids of the only files to take of those that are listed; where no source is named and none is remembered, they are what is
	// exported. None stands for all.
	Files []pipeline.ID
	// Refetch fetches again what is stored. Repair verifies first, and fetches again what is damaged; a plan knows nothing of it.
	Refetch, Repair bool
	// AcceptFailed is what of the failures does not count as such; a plan accepts none.
	AcceptFailed AcceptFailed
	// Force is what to do although it would be refused.
	Force []ForceKind

	Log     *slog.Logger
	Watcher Watcher
	// Stop is closed where what is in flight is to be finished and committed, and nothing else begun.
	Stop <-chan struct{}
	// ExitCode returns the exit code for an error, which run.json has.
	ExitCode func(error) int

	// Own and CheckpointRows are for tests: they open the export for writing, and bound the assets that are not committed; nil and 0
	// change nothing.
	Own            place.Owner
	CheckpointRows int
}

// Watcher shows how far something is. It asks for numbers until the returned function is called.
type Watcher interface {
	// Transfer shows how far listing and fetching are.
	Transfer(counts func() Counts) (stop func())
	// Verification shows how far a verification is.
	Verification(counts func() verify.Counts) (stop func())
	// Surveyed says what a plan needs, before it lists the first asset.
	Surveyed(Survey)
}

// run is one run, or a plan of it: what was asked, and what came of it.
type run struct {
	Options
	force    acceptances
	counter  *counter
	observer pipeline.Observer
	// store is the export, once it is open.
	store   store.Store
	started time.Time
	last    lastRun
	// asked are the listings of this run.
	asked []pipeline.SourceKey
	// begun says that there is a note of the run, and settings is what it says of the configuration.
	begun    bool
	settings map[string]string
	// unsure tells that what is to be exported may be a name, although it is taken for an id.
	unsure bool
	// expiries are when directories expire that were listed for their names; zero for never.
	expiries map[pipeline.ID]time.Time
	// list is what takes the place of the listings; nil where the API is asked.
	list *fileList
	// isPlain says that the run has seen that the new export is not in parts.
	isPlain bool
	// part is the part that the run makes; nil where it makes all.
	part *part
	// wanted are Files, and whether each was listed; nil where all files are taken.
	wanted map[string]bool
	// notes are what else the report says.
	notes []string
	// worth is what a compaction would gain.
	worth *Worth
}

// newRun completes the configuration by what the export remembers.
func newRun(ctx context.Context, o Options) (*run, error) {
	r := startRun(o)
	if r.Source == nil {
		if err := r.enterPart(ctx); err != nil {
			return nil, err
		}
		if err := r.recallSettings(ctx); err != nil {
			return nil, err
		}
	}
	filters := pipeline.Filters(o.Config.Assets)
	r.counter.kinds = len(filters.Kinds())
	return r, r.openList(ctx)
}

// startRun returns a run of which nothing is known but what was asked.
func startRun(o Options) *run {
	r := &run{Options: o, force: acceptances{kinds: o.Force, log: o.Log}, counter: newCounter(), started: time.Now()}
	log := newLogObserver(o.Log)
	log.isAccepted = r.counter.wasAccepted
	r.observer = pipeline.Observers{r.counter, log}
	return r
}

// recall is newRun that an interrupt ends.
func recall(ctx context.Context, o Options) (*run, error) {
	ctx, cancel := Interruptible(ctx, o.Stop)
	defer cancel()
	return newRun(ctx, o)
}

// Run brings an export up to date. It returns why it ended early, ErrIncomplete if something failed, or nil. The report is nil
// where the run did not come so far that there is something to tell.
func Run(ctx context.Context, o Options) (report *Report, err error) {
	r, err := recall(ctx, o)
	if err != nil {
		return nil, err
	}
	// Nothing is written before the settings have been found good.
	client, err := Connect(r.Config, r.Log, func() (llamacloud.Spool, error) { return r.store.Spool() }, r.observer)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	report, err = r.bringUp(ctx, client)
	if report == nil && r.foundName(ctx, client, &err) {
		report, err = r.bringUp(ctx, client)
	}
	return report, err
}

// bringUp is Run with a client.
func (r *run) bringUp(ctx context.Context, client *llamacloud.Client) (report *Report, err error) {
	if err := r.takePart(ctx); err != nil {
		return nil, err
	}
	if r.store, err = r.own(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.store.Close()) }()
	defer r.announceStop()()
	defer func() {
		// Where the run came to its end by itself, the note is gone already.
		_ = r.end(ctx)
	}()
	if err := r.identify(ctx, client); err != nil {
		return nil, err
	}
	if r.Repair {
		if err := r.mend(ctx); err != nil {
			return nil, err
		}
	}
	ledger, err := r.openLedger(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ledger.Close()) }()
	if err := r.stayPlain(ctx, ledger); err != nil {
		return nil, err
	}
	if r.last, err = readLastRun(ctx, r.store, r.Log); err != nil {
		return nil, err
	}
	if err := r.readAccepted(ctx, r.store); err != nil {
		return nil, err
	}
	return r.finish(ctx, ledger, r.transfer(ctx, client, ledger))
}

// pipelineOptions are those of a run and of a plan.
func (r *run) pipelineOptions(client *llamacloud.Client) pipeline.Options {
	cfg, files := r.Config, selection(&r.Config.Source, r.Config.Run.Wait, r.expiries)
	incremental := cfg.Run.Since == config.SinceLast && narrow(&files, r.last.watermark(r.Source), r.Log)
	if len(r.Files) > 0 && !cfg.NamesSource() {
		files.Files = r.Files
	} else {
		r.wanted = wantedFiles(r.Files)
	}
	listedAt, repeats := r.listedAt()
	return pipeline.Options{
		Source:        r.sourceOf(client, files),
		Observer:      r.observer,
		Filters:       pipeline.Filters(cfg.Assets),
		Refetch:       r.Refetch,
		Relist:        cfg.Run.Relist,
		Settle:        cfg.Run.Settle,
		BySize:        cfg.Run.Changed == config.ChangedSize,
		ListedAt:      listedAt,
		Repeats:       repeats,
		AcceptListing: r.force.accepts(ForceListing),
		Incremental:   incremental,
		Limit:         cfg.Run.Limit,
		Sample:        cfg.Run.Sample,
		Takes:         r.takes(),
		IsTrial:       len(r.Files) > 0,
		Concurrency:   cfg.Limits.Concurrency,
		Memory:        int64(cfg.Limits.Memory),
	}
}

// transfer runs the pipeline.
func (r *run) transfer(ctx context.Context, client *llamacloud.Client, ledger *manifest.Ledger) (err error) {
	sink, err := r.newSink(ctx, ledger, true)
	if err != nil {
		return storageError("open the sink", err)
	}
	defer func() { err = errors.Join(err, storageError("close the sink", sink.Close())) }()
	o := r.pipelineOptions(client)
	o.Sink, o.Ledger, o.Stop = sink, ledger, r.Stop
	r.setCheckpoints(&o)
	for _, listing := range o.Source.Listings(ctx) {
		r.asked = append(r.asked, listing.Key)
	}
	defer r.keepNote(ctx)()
	defer r.Watcher.Transfer(r.counter.snapshot)()
	err = r.explainList(pipeline.Run(ctx, o))
	r.tellOfListing(err, o.Incremental)
	return err
}

// tellOfListing warns where a listing came to its end without a file, and says what was accepted of it. A listing of what was updated
// lately often has no file.
func (r *run) tellOfListing(err error, incremental bool) {
	c := r.counter.snapshot()
	// A part may have no file: where the listings have some, or nothing of what was named is of the part.
	hasElsewhere := c.inListings > 0 || r.part != nil && len(r.asked) == 0
	if err == nil && !incremental && c.Files.Listed == 0 && !hasElsewhere {
		r.Log.Warn("no file is listed: check the ids and the filters, and that the key is one for this project")
	}
	if c.accepted != "" {
		r.force.accept(ForceListing, c.accepted)
	}
}

// finish merges the ledger and writes the report, as far as the run's end allows. It returns the report where everything is written.
func (r *run) finish(ctx context.Context, ledger *manifest.Ledger, runErr error) (*Report, error) {
	if ctx.Err() != nil && (runErr == nil || errors.Is(runErr, pipeline.ErrInterrupted) || errors.Is(runErr, context.Canceled)) {
		// Whatever it was about to end as, it was ended at once.
		runErr = context.Cause(ctx)
	}
	c := r.counter.snapshot()
	if Is[*UsageError](runErr) {
		return nil, runErr
	}
	if runErr != nil && ledger.Info() == nil && c.Assets.Committed == 0 && c.FilesDone() == 0 {
		// Nothing was exported, now or before: leave nothing behind.
		return nil, runErr
	}
	if !endsEarly(ctx, runErr) {
		runErr = r.merge(ctx, ledger, runErr)
	}
	if r.Config.Run.Compact && (runErr == nil || errors.Is(runErr, ErrIncomplete)) {
		runErr = errors.Join(r.compact(ctx, ledger), runErr)
	}
	if ctx.Err() == nil && Is[*pipeline.StorageError](runErr) && !IsFull(runErr) {
		// Storage that failed proves nothing any more.
		return nil, runErr
	}
	report := r.report(runErr)
	err := storageError("write "+ReportName, report.write(context.WithoutCancel(ctx), r.store))
	if endsEarly(ctx, runErr) {
		// Where storage is full, there may have been room for a report.
		return nil, runErr
	}
	if err == nil {
		err = storageError("remove "+RunningName, r.end(ctx))
	}
	if err != nil {
		return nil, errors.Join(runErr, err)
	}
	return report, runErr
}

// compact compacts the export, of which the ledger is merged.
func (r *run) compact(ctx context.Context, ledger *manifest.Ledger) error {
	if err := ledger.Close(); err != nil {
		return storageError("close the ledger", err)
	}
	ctx, cancel := Interruptible(ctx, r.Stop)
	defer cancel()
	c := &compacting{CompactOptions: CompactOptions{Config: r.Config, Found: r.logFound, Log: r.Log}, store: r.store}
	done, err := c.run(ctx)
	r.worth = nil
	r.Log.Info("compacted", "shards_repacked", done.Repacked, "shards_removed", done.Removed, "shards_kept", done.Kept,
		"shards_written", done.Written, "orphans", done.Orphans, "freed_bytes", done.Freed)
	return err
}

// logFound logs what a compaction found damaged, or left alone. The logger quotes names.
func (r *run) logFound(f verify.Finding) {
	if f.Err != nil {
		r.logDamage(f)
		return
	}
	r.Log.Warn("not made by exporter, and left alone", "path", f.Path)
}

// endsEarly tells whether the run has ended so that nothing can be merged any more: at once, or for what is stored.
func endsEarly(ctx context.Context, runErr error) bool {
	return ctx.Err() != nil || Is[*pipeline.StorageError](runErr) || Is[*pipeline.DamageError](runErr)
}

// merge drops what is gone, if that is asked for, and merges the ledger. It returns runErr, or what came of it.
func (r *run) merge(ctx context.Context, ledger *manifest.Ledger, runErr error) error {
	if (r.Config.Run.Prune || r.Config.Run.PruneExpired) && runErr == nil {
		runErr = r.removeGone(ctx, ledger)
		if endsEarly(ctx, runErr) {
			return runErr
		}
	}
	if err := ledger.Compact(ctx); err != nil {
		return errors.Join(runErr, storageError("merge the manifest", err))
	}
	if err := writeReadme(ctx, r.store); err != nil {
		return errors.Join(runErr, storageError("write "+ReadmeName, err))
	}
	if err := r.seeWorth(ctx, ledger); err != nil {
		return errors.Join(runErr, storageError("list the shards", err))
	}
	if err := r.settleAccepted(ctx, runErr); err != nil {
		return errors.Join(runErr, err)
	}
	if c := r.counter.snapshot(); runErr == nil && c.failed() {
		if unlisted := unlisted(c.incomplete); len(unlisted) > 0 {
			return &UnlistedError{unlisted}
		}
		return ErrIncomplete
	}
	return runErr
}
