package export

import (
	"context"
	"time"

	"exporter/internal/config"
	"exporter/internal/store/place"
	"exporter/pipeline"
	"exporter/sinks"
)

// BucketCost is about what a run would ask of the bucket that its export is in, by which stores charge: requests that store something, those that
// read, those that list, and bytes that are sent. Nothing is sent again in it.
type BucketCost struct {
	Puts  int64 `json:"puts"`
	Gets  int64 `json:"gets"`
	Lists int64 `json:"lists"`
	Bytes int64 `json:"bytes"`
}

// What a run costs beside its blobs, or shards, and its commits.
const (
	// fixedPuts, fixedGets and fixedLists are those of opening the export, of reading its tables and of its report, and changedPuts and
	// changedLists what a run adds that has something to store: its tables are written.
	fixedPuts, fixedGets, fixedLists = 6, 50, 18
	changedPuts, changedLists        = 12, 15
	// newPuts and newBytes are what the probe of a store adds to that, once for each export, and newGets all that is read of one which is new.
	newPuts, newGets, newBytes = 165, 25, 43 << 20
	// listsOfCommit is how often the log is looked at when it has a new entry.
	listsOfCommit = 1
	// bytesOfRow is about what a row takes in the tables, and tableReads how often a run reads those that it finds.
	bytesOfRow, tableReads = 160, 3
	// bytesOfRead is how many bytes of a table are read by a request.
	bytesOfRead = 8 << 20
	// weightOfRow is about what a row weighs in memory until it is committed.
	weightOfRow = 320
)

// costOf returns about what the rest of a plan costs in the bucket of its export; nil where it is in a directory.
func costOf(ctx context.Context, cfg *config.Config, p *PlanReport) (*BucketCost, error) {
	if !place.IsBucket(cfg.Output.Dir) {
		return nil, nil
	}
	isNew, err := place.IsNew(ctx, cfg.Output.Dir)
	if err != nil {
		return nil, openError(cfg.Output.Dir, err)
	}
	return CostInBucket(cfg, p, isNew, isNew && cfg.Run.Part.IsZero()), nil
}

// CostInBucket returns about what the rest of a plan costs in a bucket, in which nobody has owned the export where it is new. A new export has the
// store probed first: of those in parts, one of the parts does that for all.
func CostInBucket(cfg *config.Config, p *PlanReport, isNew, probes bool) *BucketCost {
	took := time.Duration(0)
	if p.Seconds != nil {
		took = time.Duration(*p.Seconds)
	}
	known := p.Assets.Keep + p.Assets.Skipped
	rows := known + p.Assets.Fetch
	commits := commitsFor(cfg, p, took)
	c := &BucketCost{Bytes: p.Bytes + 2*rows*bytesOfRow}
	stored := p.Assets.Fetch
	if cfg.Output.Sink == config.SinkArchive {
		stored = commits
		c.Bytes += p.Assets.Fetch * sinks.AroundBlob
	}
	notes := int64(took / bucketNoteInterval)
	c.Puts = stored + commits + notes + fixedPuts
	c.Lists = listsOfCommit*(commits+notes) + fixedLists
	if p.Assets.Fetch > 0 {
		c.Puts, c.Lists = c.Puts+changedPuts, c.Lists+changedLists
	}
	c.Gets = fixedGets + tableReads*known*bytesOfRow/bytesOfRead
	if isNew {
		c.Gets = newGets
	}
	if probes {
		c.Puts, c.Bytes = c.Puts+newPuts, c.Bytes+newBytes
	}
	return c
}

// commitsFor returns how often a run commits that takes so long.
func commitsFor(cfg *config.Config, p *PlanReport, took time.Duration) int64 {
	if p.Assets.Fetch == 0 {
		return 0
	}
	var o pipeline.Options
	(&run{Options: Options{Config: cfg}}).setCheckpoints(&o)
	memory := int64(cfg.Limits.Memory)
	if memory == 0 {
		memory = pipeline.DefaultMemory
	}
	// A checkpoint begins at half of what may wait.
	rows := min(int64(o.CheckpointRows), pipeline.ListingShare(memory)/2/weightOfRow) / 2
	return max(1, int64(took/o.Checkpoint), p.Assets.Fetch/max(1, rows), p.Bytes/max(1, o.CheckpointBytes/2))
}
