package export

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"exporter/internal/compact"
	"exporter/internal/config"
	"exporter/internal/derived"
	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/internal/verify"
	"exporter/manifest"
	"exporter/pipeline"
)

// CompactOptions says which export to compact, and how. Config and Log are required.
type CompactOptions struct {
	// Config says where the export is, and how shards are written. What the export remembers of that completes it.
	Config *config.Config
	// LeastDead is the share of a shard, from 0 to 1, of which less may be dead without its being repacked.
	LeastDead float64
	// DryRun changes nothing.
	DryRun bool
	// Found is told of damage, and of what is not ours.
	Found func(verify.Finding)
	Log   *slog.Logger

	// Own is for tests, as that of Options.
	Own place.Owner
}

// Compacted is what Compact did, or would do.
type Compacted struct {
	compact.Result
	// Tables are those of an earlier version that were kept until now, and Reports counts reports that lost texts from upstream.
	Tables  []string
	Reports int
}

// Compact rewrites an export without what is dead in it. It needs neither a key nor the network. Damage is ErrDamaged, when all else is
// done.
func Compact(ctx context.Context, o CompactOptions) (done Compacted, err error) {
	path := o.Config.Output.Dir
	if err := refuseParts(ctx, path, PlaceOptions(o.Config, o.Log)); err != nil {
		return done, err
	}
	there, err := openPlace(ctx, path, o.Log)
	if err != nil {
		return done, err
	}
	err = refuseLost(ctx, path, there)
	if err == nil {
		err = recallSink(ctx, o.Config, there)
	}
	if err == nil && o.DryRun {
		done, err = o.plan(ctx, there)
	}
	if err := errors.Join(err, there.Close()); err != nil || o.DryRun {
		return done, err
	}
	st, err := own(ctx, o.Own, path, PlaceOptions(o.Config, o.Log))
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	warnOfUnfinished(ctx, st, o.Log)
	c := &compacting{CompactOptions: o, store: st}
	return c.run(ctx)
}

// recallSink takes how the export was stored, and refuses what differs from it.
func recallSink(ctx context.Context, cfg *config.Config, from store.Reader) error {
	info := manifest.ReadInfo(ctx, from)
	if info == nil || info.Sink == "" {
		return nil
	}
	var sink config.Remembered
	if err := json.Unmarshal([]byte(info.Sink), &sink); err != nil {
		return &pipeline.DamageError{Path: manifest.AssetsName, Err: fmt.Errorf("settings of the last run: %w", err)}
	}
	if _, err := cfg.RecallSink(sink, cfg.Output.Dir); err != nil {
		return err
	}
	if text, err := narrower(&manifest.Info{Sink: info.Sink}, nil, cfg.SinkSettings()); err != nil || text != "" {
		return errors.Join(err, usagef("the export in %q was made with other settings: %s (leave them out)", cfg.Output.Dir, text))
	}
	return nil
}

// plan says what Compact would do.
func (o *CompactOptions) plan(ctx context.Context, dir store.Reader) (done Compacted, err error) {
	snapshot, err := manifest.OpenSnapshot(ctx, dir)
	if err != nil {
		return done, storageError("read the ledger", err)
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	if err := o.checkTables(ctx, dir, snapshot); err != nil {
		return done, err
	}
	archive, err := archiveOptions(o.Config)
	if err != nil {
		return done, err
	}
	done.Tables = manifest.EarlierTables(ctx, dir)
	done.Result, err = compact.Plan(ctx, dir, snapshot, compact.Options{Archive: archive, LeastDead: o.LeastDead, Found: o.Found})
	return done, damagedAfter(done.Result, storageError("survey the export", err))
}

// checkTables refuses to go by tables that are not there: everything would be dead.
func (o *CompactOptions) checkTables(ctx context.Context, from store.Reader, tables *manifest.Snapshot) error {
	for _, pair := range [][2]string{{manifest.AssetsName, manifest.FilesName}, {manifest.FilesName, manifest.AssetsName}} {
		if isThere(ctx, from, pair[1]) && !isThere(ctx, from, pair[0]) {
			return &pipeline.DamageError{Path: pair[0], Err: fmt.Errorf("it is missing, and %s is there: nobody can tell what is dead", pair[1])}
		}
	}
	switch {
	case tables.Info() == nil:
		return noManifestError(o.Config.Output.Dir)
	case tables.LacksBase():
		return &pipeline.DamageError{
			Path: manifest.AssetsName, Err: errors.New("it is missing, and parts that follow it are there: nobody can tell what is dead"),
		}
	}
	return nil
}

func isThere(ctx context.Context, from store.Reader, name string) bool {
	o, err := from.Open(ctx, name)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	// Nothing was written.
	_ = o.Close()
	return true
}

// compacting is a compaction of an export that is owned.
type compacting struct {
	CompactOptions
	store store.Store
	// atOnce is that of compact.Options.
	atOnce int64
}

func (c *compacting) run(ctx context.Context) (done Compacted, err error) {
	archive, err := archiveOptions(c.Config)
	if err != nil {
		return done, err
	}
	// The first ledger is merged before anything is compared with it.
	if err := c.checkLedger(ctx); err != nil {
		return done, err
	}
	done.Result, err = compact.Run(ctx, compact.Options{
		Export: c.store, Archive: archive, LeastDead: c.LeastDead, AtOnce: c.atOnce, Found: c.Found,
		OpenLedger: func(ctx context.Context) (compact.Ledger, error) { return c.openLedger(ctx) },
	})
	if err == nil {
		done.Tables = manifest.EarlierTables(ctx, c.store)
		err = c.store.Remove(ctx, append([]string{RunningName}, done.Tables...)...)
	}
	if err == nil {
		err = errors.Join(c.forgetFacts(ctx), forgetAccepted(ctx, c.store))
	}
	if err == nil {
		done.Reports, err = forgetTexts(ctx, c.store)
	}
	if err == nil {
		err = forgetWorth(ctx, c.store)
	}
	return done, damagedAfter(done.Result, storageError("compact the export", err))
}

// damagedAfter returns the error, or ErrDamaged where something is damaged.
func damagedAfter(r compact.Result, err error) error {
	if err == nil && r.Damaged > 0 {
		return ErrDamaged
	}
	return err
}

func (c *compacting) checkLedger(ctx context.Context) error {
	ledger, err := c.openLedger(ctx)
	if err != nil {
		return err
	}
	if ledger.IsEarlier() {
		c.Log.Info("raising the tables of the export to those of this version", "schema", manifest.Schema)
	}
	return errors.Join(c.checkTables(ctx, c.store, ledger.Snapshot), ledger.Close())
}

func (c *compacting) openLedger(ctx context.Context) (*manifest.Ledger, error) {
	ledger, err := manifest.Open(ctx, c.store, knownInfo(ctx, c.store))
	if err != nil {
		return nil, storageError("open the ledger", err)
	}
	return ledger, nil
}

// knownInfo is what the files of an export say of the run that made them, but for the version.
func knownInfo(ctx context.Context, from store.Reader) (info manifest.Info) {
	if known := manifest.ReadInfo(ctx, from); known != nil {
		info = *known
	}
	info.Version = Version()
	return info
}

// forgetFacts drops what was found out about pictures that are gone.
func (c *compacting) forgetFacts(ctx context.Context) (err error) {
	if !isThere(ctx, c.store, derived.Prefix+derived.FileName) {
		return nil
	}
	snapshot, err := manifest.OpenSnapshot(ctx, c.store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	return derived.Retain(ctx, c.store, derived.Prefix, func(yield func([sha256.Size]byte, error) bool) {
		for row, err := range snapshot.Rows(ctx) {
			if err != nil {
				yield([sha256.Size]byte{}, err)
				return
			}
			if row.Status == pipeline.Stored && !yield(row.Content.SHA256, nil) {
				return
			}
		}
	})
}
