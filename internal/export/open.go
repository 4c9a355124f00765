package export

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"strings"

	"exporter/internal/config"
	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/internal/verify"
	"exporter/manifest"
	"exporter/pipeline"
	"exporter/sinks"
)

// own opens the export of the run for writing, and makes it where it is missing. An interrupt ends that at once.
func (r *run) own(ctx context.Context) (store.Store, error) {
	ctx, cancel := Interruptible(ctx, r.Stop)
	defer cancel()
	r.warnOfPartition()
	var folders []string
	if r.Config.Output.Sink == config.SinkLocal {
		folders = append(folders, sinks.LocalDir)
	}
	o := PlaceOptions(r.Config, r.Log, folders...)
	o.Repair = r.Repair
	if r.part != nil {
		o.Above = parts.Levels
	}
	return own(ctx, r.Own, r.Config.Output.Dir, o)
}

// PlaceOptions says how the place of a configuration is opened for writing. Blobs are to go into the folders.
func PlaceOptions(cfg *config.Config, log *slog.Logger, folders ...string) place.Options {
	return place.Options{Folders: folders, Scratch: cfg.Output.Scratch, SingleWriter: cfg.Output.SingleWriter, Log: log}
}

// warnOfPartition says that the path of the export has a folder that readers of tables take for the value of a column of ours, for
// every row.
func (r *run) warnOfPartition() {
	p, err := place.Parse(r.Config.Output.Dir)
	if err != nil {
		return
	}
	folders, err := p.Folders()
	if err != nil {
		return
	}
	for _, folder := range folders {
		if column, _, isPartition := strings.Cut(folder, "="); isPartition && manifest.HasColumn(column) {
			r.Log.Warn("readers such as DuckDB and Spark take a folder of this name for the value of a column, in place of what the tables say: "+
				"export to another --out", "folder", folder, "column", column)
		}
	}
}

// own opens the export at path for writing by a function, where nil is place.Own, and makes it where it is missing. It refuses a place that
// has never been an export, and has something else where a run would put its tables.
func own(ctx context.Context, open place.Owner, path string, o place.Options) (store.Store, error) {
	if open == nil {
		open = place.Own
	}
	s, err := open(ctx, path, o)
	if err != nil {
		return nil, openError(path, err)
	}
	if s.IsNew() {
		err = errors.Join(manifest.CheckOrigin(ctx, s), checkReportOrigin(ctx, s))
	}
	if err != nil {
		err = usagef("%q has never been an export, and what is there is not to be replaced: %w (export to another --out, or move it away)", path, err)
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// openLedger opens the ledger of an export that was made with no more than these settings, and notes that the run is under way.
func (r *run) openLedger(ctx context.Context) (*manifest.Ledger, error) {
	ledger, err := manifest.Open(ctx, r.store, r.info())
	if err != nil {
		return nil, storageError("open the ledger", err)
	}
	if ledger.IsEarlier() {
		r.Log.Info("raising the tables of the export to those of this version", "schema", manifest.Schema)
	}
	err = r.checkSettings(ledger.Info())
	if err == nil {
		err = r.begin(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, ledger.Close())
	}
	return ledger, nil
}

// archiveOptions says how shards are written.
func archiveOptions(cfg *config.Config) (sinks.ArchiveOptions, error) {
	a := cfg.Output.Archive
	options := sinks.ArchiveOptions{
		Compress:  a.Compression == config.CompressionZstd,
		Level:     string(a.Level),
		ShardSize: int64(a.ShardSize),
		FrameSize: int64(a.FrameSize),
	}
	if err := options.Validate(); err != nil {
		return options, &UsageError{err}
	}
	return options, nil
}

// newSink returns the configured sink, which may go on with the last shard of an earlier run. A new sink is one more case.
func (r *run) newSink(ctx context.Context, ledger verify.Rows, goOn bool) (pipeline.Sink, error) {
	cfg := r.Config
	switch cfg.Output.Sink {
	case config.SinkArchive:
		options, err := archiveOptions(cfg)
		if err != nil {
			return nil, err
		}
		options.GoOn = goOn
		if largest := int64(cfg.Limits.MaxBlobSize); options.Compress && largest > sinks.MaxFrameSize-options.FrameSize {
			return nil, usagef("limits.max_blob_size is %v: with compressed shards it can be %v at most, as a blob is in one zstd frame "+
				"(lower it, or set output.archive.compression to none)", cfg.Limits.MaxBlobSize, config.Size(sinks.MaxFrameSize-options.FrameSize))
		}
		committed := func() iter.Seq2[*pipeline.Row, error] { return ledger.Rows(ctx) }
		return sinks.NewArchive(ctx, r.store, options, committed)
	case config.SinkLocal:
		return sinks.NewLocal(r.store), nil
	}
	return nil, usagef("there is no sink %q", cfg.Output.Sink)
}
