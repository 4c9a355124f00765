package export

import (
	"testing"
	"time"

	"exporter/internal/config"
	"exporter/pipeline"
)

// In a bucket a commit is a request, and ends a shard: blobs are committed each minute, shards when they are full, or old.
func TestSetCheckpoints_SuitThePlace(t *testing.T) {
	const mib = 1 << 20
	for name, tt := range map[string]struct {
		environ     []string
		every       time.Duration
		sparse      time.Duration
		rows        int
		bytes       int64
		note, shard int64
	}{
		"a directory":          {nil, 5 * time.Second, time.Minute, 0, 0, 15, 1024 * mib},
		"often in one":         {[]string{"EXPORTER_OUTPUT_CHECKPOINT=5s"}, 5 * time.Second, 0, 0, 0, 15, 1024 * mib},
		"shards in one":        {[]string{"EXPORTER_OUTPUT_SINK=archive"}, 5 * time.Second, time.Minute, 0, 0, 15, 1024 * mib},
		"a bucket":             {[]string{"EXPORTER_OUTPUT_DIR=s3://bucket/x"}, time.Minute, 0, bucketRows, bucketBytes, 60, 256 * mib},
		"shards in a bucket":   {[]string{"EXPORTER_OUTPUT_DIR=s3://bucket/x", "EXPORTER_OUTPUT_SINK=archive"}, 15 * time.Minute, 0, bucketRows, 448 * mib, 60, 256 * mib},
		"a checkpoint is said": {[]string{"EXPORTER_OUTPUT_DIR=s3://bucket/x", "EXPORTER_OUTPUT_SINK=archive", "EXPORTER_OUTPUT_CHECKPOINT=7s"}, 7 * time.Second, 0, bucketRows, 448 * mib, 60, 256 * mib},
		"all is said": {[]string{"EXPORTER_OUTPUT_DIR=s3://bucket/x", "EXPORTER_OUTPUT_SINK=archive", "EXPORTER_OUTPUT_ARCHIVE_SEAL_AFTER=1m",
			"EXPORTER_OUTPUT_ARCHIVE_SHARD_SIZE=64MiB"}, time.Minute, 0, bucketRows, 112 * mib, 60, 64 * mib},
		"a huge shard": {[]string{"EXPORTER_OUTPUT_DIR=s3://bucket/x", "EXPORTER_OUTPUT_SINK=archive", "EXPORTER_OUTPUT_ARCHIVE_SHARD_SIZE=8000000TiB"},
			15 * time.Minute, 0, bucketRows, (1<<61 - 1) / 8 * 7 * 2, 60, 8_000_000 << 40},
	} {
		cfg, err := config.Load(config.LoadOptions{Environ: tt.environ})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var o pipeline.Options
		r := &run{Options: Options{Config: cfg}}
		r.setCheckpoints(&o)
		if o.Checkpoint != tt.every || o.SparseCheckpoint != tt.sparse || o.CheckpointRows != tt.rows || o.CheckpointBytes != tt.bytes || int64(cfg.Output.Archive.ShardSize) != tt.shard {
			t.Errorf("%s: every %v, sparse ones every %v, %d rows, %d bytes, shards of %v, want %+v", name, o.Checkpoint, o.SparseCheckpoint, o.CheckpointRows, o.CheckpointBytes,
				cfg.Output.Archive.ShardSize, tt)
		}
		if got := r.noteInterval(); got != time.Duration(tt.note)*time.Second {
			t.Errorf("%s: the note is written every %v, want %ds", name, got, tt.note)
		}
	}
}

// An export in a bucket remembers its sink, which says how often a run commits there.
func TestSetCheckpoints_SinkIsRemembered_SuitsIt(t *testing.T) {
	cfg, err := config.Load(config.LoadOptions{Environ: []string{"EXPORTER_OUTPUT_DIR=s3://bucket/x"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cfg.Recall(config.Remembered{"output.sink": "archive", "source.project": "true"}, "s3://bucket/x"); err != nil {
		t.Fatal(err)
	}
	if got := cfg.Output.Checkpoint; got != 15*time.Minute {
		t.Errorf("a checkpoint is made every %v, want 15m", got)
	}
}
