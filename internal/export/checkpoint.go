package export

import (
	"math"
	"time"

	"exporter/internal/config"
	"exporter/internal/store/place"
	"exporter/pipeline"
)

const (
	// sparseCheckpoint is how often a run commits in a directory that has little to commit, unless it is said how often.
	sparseCheckpoint = time.Minute
	// bucketRows bounds the rows that are not committed in a bucket, of which the memory for listings bounds the weight. bucketBytes bounds
	// nothing: the blobs of the local sink are in the bucket by then.
	bucketRows, bucketBytes = 100_000, 1 << 40
	// shardParts and shardContent are what part of a shard, in eighths, the blobs of a checkpoint take that ends one: the rest is for what
	// is around them, and for those that come while it begins.
	shardParts, shardContent = 8, 7
)

// setCheckpoints says when the run commits. In a bucket each commit is a request, and ends a shard.
func (r *run) setCheckpoints(o *pipeline.Options) {
	output := &r.Config.Output
	o.Checkpoint, o.CheckpointRows = output.Checkpoint, r.CheckpointRows
	if !place.IsBucket(output.Dir) {
		if !r.Config.IsGiven("output.checkpoint") {
			o.SparseCheckpoint = sparseCheckpoint
		}
		return
	}
	if r.CheckpointRows == 0 {
		o.CheckpointRows = bucketRows
	}
	o.CheckpointBytes = bucketBytes
	if output.Sink == config.SinkArchive {
		// A checkpoint begins at half of it.
		o.CheckpointBytes = 2 * max(1, min(int64(output.Archive.ShardSize), math.MaxInt64/4)/shardParts*shardContent)
	}
}

// noteInterval is the time between two updates of the note of a run. In a bucket each is a request.
func (r *run) noteInterval() time.Duration {
	if place.IsBucket(r.Config.Output.Dir) {
		return bucketNoteInterval
	}
	return runningInterval
}
