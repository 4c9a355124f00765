package main

import (
	"context"
	"errors"
	"iter"
	"os"
	"syscall"
	"time"

	"exporter/internal/config"
	"exporter/internal/llamacloud"
	"exporter/internal/store"
	"exporter/internal/verify"
	"exporter/manifest"
	"exporter/pipeline"
	"exporter/sinks"
)

// export is one run: what was asked, and what came of it.
type export struct {
	*app
	cfg *config.Config
	// refetch fetches again what is stored; repair verifies first and fetches again what is damaged; force is what the run is
	// to do although it would refuse it.
	refetch, repair bool
	force           force
	// store is the export, once it is open.
	store store.Store
	// source identifies what is exported; nil stands for the settings of cfg, and of the export.
	source map[string]string

	report  *report
	started time.Time
	last    lastRun
	// asked are the listings of this run.
	asked []pipeline.SourceKey
	// begun says that there is a note of the run.
	begun bool
}

// run exports. It returns why the run ended early, errIncomplete if something failed, or nil.
func (e *export) run(ctx context.Context) (err error) {
	e.report, e.started = newReport(), time.Now()
	console := newConsole(e.stderr, e.cfg.Log)
	if e.source == nil {
		if err := recallSettings(ctx, e.cfg, console.log); err != nil {
			return err
		}
		e.source = e.cfg.SourceSettings()
	}
	if e.ownProcess {
		defer limitMemory(e.environ, int64(e.cfg.Limits.Memory))()
	}
	defer e.announceStop(console)()
	observers := pipeline.Observers{e.report, newLogObserver(console.log)}

	// Nothing is written before the settings have been found good.
	client, err := connect(e.cfg, console.log, func() (llamacloud.Spool, error) { return e.store.Spool() }, observers)
	if err != nil {
		return err
	}
	defer client.Close()
	var folders []string
	if e.cfg.Output.Sink == config.SinkLocal {
		folders = append(folders, sinks.LocalDir)
	}
	if e.store, err = e.openOutput(ctx, e.cfg.Output.Dir, folders...); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.store.Close()) }()
	defer func() {
		// Where the run came to its end by itself, the note is gone already.
		_ = e.end(ctx)
	}()
	if e.repair {
		if err := e.mend(ctx, console); err != nil {
			return err
		}
	}
	ledger, err := e.openLedger(ctx, console)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ledger.Close()) }()
	if e.last, err = readLastRun(ctx, e.store, console.log); err != nil {
		return err
	}
	runErr := e.transfer(ctx, client, ledger, console, observers)
	return e.finish(ctx, ledger, console, runErr)
}

// openLedger opens the ledger of an export that was made with no more than these settings, and notes that the run is under way.
func (e *export) openLedger(ctx context.Context, console *console) (*manifest.Ledger, error) {
	ledger, err := manifest.Open(ctx, e.store, e.info())
	if err != nil {
		return nil, storageError("open the ledger", err)
	}
	if ledger.IsEarlier() {
		console.log.Info("raising the tables of the export to those of this version", "schema", manifest.Schema)
	}
	err = e.checkSettings(ledger.Info(), console.log)
	if err == nil {
		err = e.begin(ctx, console)
	}
	if err != nil {
		return nil, errors.Join(err, ledger.Close())
	}
	return ledger, nil
}

// transfer runs the pipeline and shows how far it is.
func (e *export) transfer(ctx context.Context, client *llamacloud.Client, ledger *manifest.Ledger, console *console, observer pipeline.Observer) (err error) {
	sink, err := e.newSink(ctx, ledger)
	if err != nil {
		return storageError("open the sink", err)
	}
	defer func() { err = errors.Join(err, storageError("close the sink", sink.Close())) }()
	files := selection(&e.cfg.Source)
	incremental := e.cfg.Run.Since == config.SinceLast && narrow(&files, e.last.watermark(e.source), console.log)
	source := llamacloud.NewSource(client, files)
	for _, listing := range source.Listings(ctx) {
		e.asked = append(e.asked, listing.Key)
	}
	defer e.keepNote(ctx)()
	defer console.showProgress(e.report)()
	defer func() {
		e.report.warnOfNothing(console.log, err, incremental)
		if lost := e.report.snapshot().accepted; lost != "" {
			e.force.accept(forceListing, console.log, lost)
		}
	}()
	return pipeline.Run(ctx, pipeline.Options{
		Source:         source,
		Sink:           sink,
		Ledger:         ledger,
		Observer:       observer,
		Filters:        pipeline.Filters(e.cfg.Assets),
		Refetch:        e.refetch,
		Relist:         e.cfg.Run.Relist,
		Settle:         e.cfg.Run.Settle,
		BySize:         e.cfg.Run.Changed == config.ChangedSize,
		AcceptListing:  e.force.accepts(forceListing),
		Incremental:    incremental,
		Limit:          e.cfg.Run.Limit,
		Concurrency:    e.cfg.Limits.Concurrency,
		Memory:         int64(e.cfg.Limits.Memory),
		Checkpoint:     e.cfg.Output.Checkpoint,
		CheckpointRows: e.checkpointRows,
		Stop:           e.stop,
	})
}

// finish merges the ledger, writes run.json and prints the summary, as far as the run's end allows.
func (e *export) finish(ctx context.Context, ledger *manifest.Ledger, console *console, runErr error) error {
	if ctx.Err() != nil && (runErr == nil || errors.Is(runErr, pipeline.ErrInterrupted) || errors.Is(runErr, context.Canceled)) {
		// Whatever it was about to end as, it was ended at once.
		runErr = context.Cause(ctx)
	}
	c := e.report.snapshot()
	if is[*usageError](runErr) {
		return runErr
	}
	if runErr != nil && ledger.Info() == nil && c.Assets.Committed == 0 && c.filesDone() == 0 {
		// Nothing was exported, now or before: leave nothing behind.
		return runErr
	}
	if !endsEarly(ctx, runErr) {
		runErr = e.merge(ctx, ledger, console, runErr)
	}
	if ctx.Err() == nil && is[*pipeline.StorageError](runErr) && !isFull(runErr) {
		// Storage that failed proves nothing any more.
		return runErr
	}
	s := e.summarize(e.report.snapshot(), runErr)
	err := storageError("write "+runReportName, s.write(context.WithoutCancel(ctx), e.store))
	if endsEarly(ctx, runErr) {
		// Where storage is full, there may have been room for a report.
		return runErr
	}
	if err == nil {
		err = storageError("remove "+runningName, e.end(ctx))
	}
	if err == nil {
		err = s.print(e.stdout, e.stderr, e.cfg.Log.Format)
	}
	if err != nil {
		return errors.Join(runErr, err)
	}
	return runErr
}

// endsEarly tells whether the run has ended so that nothing can be merged any more: at once, or for what is stored.
func endsEarly(ctx context.Context, runErr error) bool {
	return ctx.Err() != nil || is[*pipeline.StorageError](runErr) || is[*pipeline.DamageError](runErr)
}

// merge drops what is gone, if that is asked for, and merges the ledger. It returns runErr, or what came of it.
func (e *export) merge(ctx context.Context, ledger *manifest.Ledger, console *console, runErr error) error {
	if (e.cfg.Run.Prune || e.cfg.Run.PruneExpired) && runErr == nil {
		runErr = e.removeGone(ctx, ledger, console)
		if endsEarly(ctx, runErr) {
			return runErr
		}
	}
	if err := ledger.Compact(ctx); err != nil {
		return errors.Join(runErr, storageError("merge the manifest", err))
	}
	if c := e.report.snapshot(); runErr == nil && c.failed() {
		if unlisted := c.unlisted(); len(unlisted) > 0 {
			return &errUnlistedSources{unlisted}
		}
		return errIncomplete
	}
	return runErr
}

// openOutput opens the export directory at path for writing, and makes it where it is missing. Blobs are to go into the folders. It
// refuses a directory that has never been an export, and has something else in the place of what a run replaces.
func (a *app) openOutput(ctx context.Context, path string, folders ...string) (store.Store, error) {
	own := a.own
	if own == nil {
		own = func(path string, folders ...string) (store.Store, error) { return store.OwnDir(path, folders...) }
	}
	s, err := own(path, folders...)
	if err != nil {
		return nil, openError(path, err)
	}
	if dir, isDir := s.(*store.Dir); isDir && dir.IsNew() {
		err = errors.Join(manifest.CheckOrigin(ctx, s), checkReportOrigin(ctx, s))
	}
	if err != nil {
		err = usagef("%q has never been an export, and what is there is not to be replaced: %w (export to another --out, or move it away)", path, err)
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// openError says why the export directory at path cannot be opened.
func openError(path string, err error) error {
	if errors.Is(err, syscall.ENOTDIR) {
		if info, statErr := os.Stat(path); statErr == nil && !info.IsDir() {
			return usagef("--out %q is a file: name a directory", path)
		}
	}
	return storageError("open the export directory "+path, err)
}

// openExport opens an existing export for reading.
func openExport(path string) (store.ReadCloser, error) {
	dir, err := store.OpenDir(path)
	if err != nil {
		return nil, usagef("%q: %w: name the directory of an export", path, err)
	}
	return dir, nil
}

// noManifestError says that the directory at path has no export in it.
func noManifestError(path string) error {
	return usagef("%q has no manifest: name the directory of an export", path)
}

// storageError says what storage failed at. Damage stays what it is.
func storageError(op string, err error) error {
	if err == nil || is[*pipeline.DamageError](err) || is[*usageError](err) {
		return err
	}
	return &pipeline.StorageError{Op: op, Err: err}
}

// newSink returns the configured sink. A new sink is one more case.
func (e *export) newSink(ctx context.Context, ledger verify.Rows) (pipeline.Sink, error) {
	cfg := e.cfg
	switch cfg.Output.Sink {
	case config.SinkArchive:
		a := cfg.Output.Archive
		options := sinks.ArchiveOptions{
			Compress:  a.Compression == config.CompressionZstd,
			Level:     string(a.Level),
			ShardSize: int64(a.ShardSize),
			FrameSize: int64(a.FrameSize),
		}
		if err := options.Validate(); err != nil {
			return nil, &usageError{err}
		}
		if largest := int64(cfg.Limits.MaxBlobSize); options.Compress && largest > sinks.MaxFrameSize-options.FrameSize {
			return nil, usagef("limits.max_blob_size is %v: with compressed shards it can be %v at most, as a blob is in one zstd frame "+
				"(lower it, or set output.archive.compression to none)", cfg.Limits.MaxBlobSize, config.Size(sinks.MaxFrameSize-options.FrameSize))
		}
		committed := func() iter.Seq2[*pipeline.Row, error] { return ledger.Rows(ctx) }
		return sinks.NewArchive(ctx, e.store, options, committed)
	case config.SinkLocal:
		return sinks.NewLocal(e.store), nil
	}
	return nil, usagef("there is no sink %q", cfg.Output.Sink)
}
