package export

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"

	"exporter/internal/compact"
	"exporter/internal/store"
	"exporter/manifest"
	"exporter/sinks"
)

// Worth is what a compaction would gain. Its JSON is part of run.json.
type Worth struct {
	// Shards are those of which more than three tenths are dead, DeadBytes is about how much that is, and SmallShards are
	// shards that could be few.
	Shards      int64 `json:"shards"`
	DeadBytes   int64 `json:"dead_bytes"`
	SmallShards int64 `json:"small_shards"`
}

// worthKey is where run.json has it.
const worthKey = "worth_compacting"

const (
	// worthDead is the share of a shard from which on it is worth repacking, and worthSmall how many small shards are worth making one.
	worthDead  = 0.3
	worthSmall = 8
)

// seeWorth takes note of what a compaction would gain. Where the run changed no row, that is what it was.
func (r *run) seeWorth(ctx context.Context, ledger *manifest.Ledger) (err error) {
	r.worth = r.last.Worth
	if occupied := ledger.Occupied(); occupied != nil {
		r.worth, err = worth(ctx, r.store, occupied, int64(r.Config.Output.Archive.ShardSize))
	}
	return err
}

// forgetWorth makes the last report say no more what a compaction would gain: there was one.
func forgetWorth(ctx context.Context, st store.Store) error {
	before, err := store.ReadBytes(ctx, st, ReportName, maxReport)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	report := decodeReport(before)
	if report[worthKey] == nil {
		return nil
	}
	delete(report, worthKey)
	after, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return store.PutBytes(ctx, st, ReportName, append(after, '\n'))
}

// worth returns what a compaction would gain; nil where that is little. It compares the sizes of shards with what their rows need, and
// opens none: what zstd saves counts as live.
func worth(ctx context.Context, from store.Reader, occupied map[string]manifest.Occupied, shardSize int64) (*Worth, error) {
	var w Worth
	for e, err := range from.List(ctx, sinks.ShardDir+"/") {
		if err != nil {
			return nil, err
		}
		if !sinks.IsShard(e.Key) {
			continue
		}
		o := occupied[e.Key]
		// One more than there are members, for what ends the shard.
		if dead := e.Size - o.Bytes - (o.Members+1)*sinks.AroundBlob; float64(dead) > worthDead*float64(e.Size) {
			w.Shards++
			w.DeadBytes += dead
		}
		if compact.IsSmall(e.Size, shardSize) {
			w.SmallShards++
		}
	}
	if w.SmallShards < worthSmall {
		w.SmallShards = 0
	}
	if w == (Worth{}) {
		return nil, nil
	}
	return &w, nil
}
