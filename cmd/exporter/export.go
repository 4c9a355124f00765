package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"slices"
	"time"

	"exporter/internal/config"
	"exporter/internal/durable"
	"exporter/internal/llamacloud"
	"exporter/internal/verify"
	"exporter/manifest"
	"exporter/pipeline"
	"exporter/sinks"
)

// export is one run: what was asked, and what came of it.
type export struct {
	*app
	cfg *config.Config
	// refetch fetches again what is stored; incremental lists only what was updated since the last complete listing; prune
	// removes what vanished upstream; repair verifies first and fetches again what is damaged.
	refetch, incremental, prune, repair bool
	force                               force
	output                              outputOptions
	// source identifies what is exported; nil stands for the settings of cfg.
	source map[string]string

	report  *report
	started time.Time
	last    lastRun
}

// force is what a run accepts that it would refuse otherwise: another source or sink than that of the export so far, a listing that
// lost much, pruning of much.
type force struct{ source, listing, prune bool }

// run exports. It returns why the run ended early, errIncomplete if something failed, or nil.
func (e *export) run(ctx context.Context) (err error) {
	e.report, e.started = newReport(), time.Now()
	if e.source == nil {
		e.source = e.cfg.SourceSettings()
	}
	if e.ownProcess {
		defer limitMemory(e.environ, int64(e.cfg.Limits.Memory))()
	}
	console := newConsole(e.stderr, e.output)
	observers := pipeline.Observers{e.report, newLogObserver(console.log)}

	// Nothing is written before the settings have been found good.
	client, err := connect(e.cfg, console.log, durable.TempPath(e.cfg.Output.Dir), observers)
	if err != nil {
		return err
	}
	defer client.Close()
	owned, err := openOutput(e.cfg.Output.Dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, owned.Close()) }()
	var dir durable.FS = owned
	if e.wrapFS != nil {
		dir = e.wrapFS(dir)
	}
	if e.repair {
		if err := e.mend(ctx, dir, console); err != nil {
			return err
		}
	}
	ledger, err := e.openLedger(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ledger.Close()) }()
	if e.last, err = readLastRun(dir, console.log); err != nil {
		return err
	}
	runErr := e.transfer(ctx, client, dir, ledger, console, observers)
	return e.finish(ctx, dir, ledger, runErr)
}

// openLedger opens the ledger of an export that was made with the same settings.
func (e *export) openLedger(ctx context.Context, dir durable.FS) (*manifest.Ledger, error) {
	ledger, err := manifest.Open(ctx, dir, e.info())
	if err != nil {
		return nil, storageError("open the ledger", err)
	}
	if e.force.source {
		return ledger, nil
	}
	if err := e.checkSettings(ledger.Info()); err != nil {
		return nil, errors.Join(err, ledger.Close())
	}
	return ledger, nil
}

// transfer runs the pipeline and shows how far it is.
func (e *export) transfer(ctx context.Context, client *llamacloud.Client, dir durable.FS, ledger *manifest.Ledger,
	console *console, observer pipeline.Observer) (err error) {
	sink, err := newSink(ctx, e.cfg, dir, ledger)
	if err != nil {
		return storageError("open the sink", err)
	}
	defer func() { err = errors.Join(err, storageError("close the sink", sink.Close())) }()
	files := selection(&e.cfg.Source)
	incremental := e.incremental && e.narrow(&files, console.log)
	defer console.showProgress(e.report)()
	return pipeline.Run(ctx, pipeline.Options{
		Source:         llamacloud.NewSource(client, files),
		Sink:           sink,
		Ledger:         ledger,
		Observer:       observer,
		Filters:        pipeline.Filters(e.cfg.Assets),
		Sources:        files.Sources(),
		Refetch:        e.refetch,
		Relist:         e.cfg.Run.Relist,
		Settle:         e.cfg.Run.Settle,
		BySize:         e.cfg.Run.Changed == config.ChangedSize,
		AcceptListing:  e.force.listing,
		Incremental:    incremental,
		Concurrency:    e.cfg.Limits.Concurrency,
		Memory:         int64(e.cfg.Limits.Memory),
		Checkpoint:     e.cfg.Output.Checkpoint,
		CheckpointRows: e.checkpointRows,
		Stop:           e.stop,
	})
}

// finish merges the ledger, writes run.json and prints the summary, as far as the run's end allows.
func (e *export) finish(ctx context.Context, dir durable.FS, ledger *manifest.Ledger, runErr error) error {
	c := e.report.snapshot()
	if ctx.Err() != nil || is[*pipeline.StorageError](runErr) || is[*pipeline.DamageError](runErr) || is[*usageError](runErr) {
		return runErr
	}
	if runErr != nil && ledger.Info() == nil && c.Assets.Committed == 0 && c.filesDone() == 0 {
		// Nothing was exported, now or before: leave nothing behind.
		return runErr
	}
	if (e.prune || e.cfg.Run.PruneExpired) && runErr == nil {
		runErr = e.removeGone(ctx, dir, ledger)
		if is[*pipeline.StorageError](runErr) || is[*pipeline.DamageError](runErr) {
			return runErr
		}
	}
	if err := ledger.Compact(ctx); err != nil {
		return errors.Join(runErr, storageError("merge the manifest", err))
	}
	c = e.report.snapshot()
	if runErr == nil && c.failed() {
		runErr = errIncomplete
	}
	s := e.summarize(c, runErr)
	if err := s.write(dir); err != nil {
		return errors.Join(runErr, storageError("write "+runReportName, err))
	}
	if err := s.print(e.stdout, e.stderr, e.output); err != nil {
		return errors.Join(runErr, err)
	}
	return runErr
}

// info is what the files of the export say of this run.
func (e *export) info() manifest.Info {
	return manifest.Info{Version: version(), Source: canonicalJSON(e.source), Sink: canonicalJSON(e.cfg.SinkSettings())}
}

// checkSettings refuses to go on with an export that was made with another source or another sink.
func (e *export) checkSettings(before *manifest.Info) error {
	if before == nil {
		return nil
	}
	for _, s := range []struct {
		before string
		now    map[string]string
	}{{before.Source, e.source}, {before.Sink, e.cfg.SinkSettings()}} {
		var before map[string]string
		if err := json.Unmarshal([]byte(s.before), &before); err != nil {
			return &pipeline.DamageError{Path: manifest.AssetsName, Err: fmt.Errorf("settings of the last run: %w", err)}
		}
		if key := firstDifference(before, s.now); key != "" {
			return usagef("%s is %q, but the export in %q was made with %q (export to another --out, or give --force to go on here)",
				key, s.now[key], e.cfg.Output.Dir, before[key])
		}
	}
	return nil
}

// canonicalJSON encodes settings; a map of strings can always be encoded, and its keys come sorted.
func canonicalJSON(settings map[string]string) string {
	b, err := json.Marshal(settings)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// openOutput opens the export directory, and makes it where it is missing.
func openOutput(path string) (*durable.Dir, error) {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return nil, usagef("--out %q is a file: name a directory", path)
	}
	dir, err := durable.Open(path)
	return dir, storageError("open the export directory "+path, err)
}

// openExport opens an existing export for reading.
func openExport(path string) (*durable.Dir, error) {
	dir, err := durable.OpenReadOnly(path)
	if err != nil {
		return nil, usagef("--out %q: %w: name the directory of an export", path, err)
	}
	return dir, nil
}

// storageError says what storage failed at. Damage stays what it is.
func storageError(op string, err error) error {
	if err == nil || is[*pipeline.DamageError](err) || is[*usageError](err) {
		return err
	}
	return &pipeline.StorageError{Op: op, Err: err}
}

// newSink returns the configured sink. A new sink is one more case.
func newSink(ctx context.Context, cfg *config.Config, dir durable.FS, ledger verify.Rows) (pipeline.Sink, error) {
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
		return sinks.NewArchive(dir, options, committed)
	case config.SinkLocal:
		return sinks.NewLocal(dir), nil
	}
	return nil, usagef("there is no sink %q", cfg.Output.Sink)
}

// firstDifference returns a key that has different values: the first in alphabetical order of those that both have, else
// the first of all.
func firstDifference(a, b map[string]string) string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	first := ""
	for _, key := range slices.Sorted(maps.Keys(all)) {
		before, inA := a[key]
		now, inB := b[key]
		switch {
		case before == now && inA == inB:
		case inA && inB:
			return key
		case first == "":
			first = key
		}
	}
	return first
}
