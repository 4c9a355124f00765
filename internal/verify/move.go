package verify

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"exporter/pipeline"
	"exporter/sinks"
)

// moveAll moves what is sound of damaged shards, and then puts empty ones in their place.
func (r *Repair) moveAll(ctx context.Context, shards []string) (err error) {
	sink, err := r.OpenSink(ctx, r.ledger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sink.Close()) }()
	for _, name := range shards {
		if err := r.move(ctx, name, sink); err != nil {
			return err
		}
		if err := r.disown(ctx); err != nil {
			return err
		}
		if err := r.empty(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// move moves the sound members of a shard to a sink. Where it has none, the shard is not even opened.
func (r *Repair) move(ctx context.Context, name string, sink pipeline.Sink) (err error) {
	rows, err := r.members(ctx, name, 0)
	if err != nil || len(rows) == 0 {
		return err
	}
	shard, err := sinks.NewUnpacker(ctx, r.Export, name)
	if err != nil {
		return &pipeline.StorageError{Op: "read a damaged shard", Err: err}
	}
	defer func() { err = errors.Join(err, shard.Close()) }()
	for {
		if err := r.moveRows(ctx, shard, rows, sink); err != nil || len(rows) < r.batchSize {
			return err
		}
		if rows, err = r.members(ctx, name, rows[len(rows)-1].Location.Shard.Offset+1); err != nil {
			return err
		}
	}
}

// members returns the rows of a shard's first members from an offset on, in their order, as many as are moved at once.
func (r *Repair) members(ctx context.Context, name string, from int64) ([]*pipeline.Row, error) {
	byOffset := func(a, b *pipeline.Row) int { return cmp.Compare(a.Location.Shard.Offset, b.Location.Shard.Offset) }
	var rows []*pipeline.Row
	for row, err := range r.ledger.Rows(ctx) {
		if err != nil {
			return nil, err
		}
		if !isMember(row, name) || row.Location.Shard.Offset < from {
			continue
		}
		if rows = append(rows, row); len(rows) == 2*r.batchSize {
			slices.SortFunc(rows, byOffset)
			clear(rows[r.batchSize:])
			rows = rows[:r.batchSize]
		}
	}
	slices.SortFunc(rows, byOffset)
	return rows[:min(len(rows), r.batchSize)], nil
}

func isMember(row *pipeline.Row, shard string) bool {
	return row.Status == pipeline.Stored && row.Location.Shard != nil && row.Location.Path == shard
}

// moveRows moves members, and commits where they are then. What is not what its row says, as it was not seen before, is
// lost.
func (r *Repair) moveRows(ctx context.Context, shard *sinks.Unpacker, rows []*pipeline.Row, sink pipeline.Sink) error {
	var batch moved
	for _, stored := range rows {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		body, err := shard.Blob(stored.Location.Shard, stored.Content.Size)
		if err != nil {
			return &pipeline.StorageError{Op: "read a damaged shard", Err: err}
		}
		if err := compareBytes(body, stored); err != nil {
			if err := r.lose(ctx, stored, err); err != nil {
				return err
			}
			continue
		}
		row := *stored
		blob := pipeline.NewBlob(row.Content, body, nil)
		blob.FetchedAt = row.FetchedAt
		location, err := sink.Put(ctx, &row.Asset, blob, nil)
		if err != nil {
			return &pipeline.StorageError{Op: "store blob", Err: err}
		}
		batch.rows, batch.locations = append(batch.rows, &row), append(batch.locations, location)
	}
	return r.commitMoved(ctx, batch, sink)
}

// moved are rows and where their blobs are now, which is known when the sink has synced them.
type moved struct {
	rows      []*pipeline.Row
	locations []*pipeline.Location
}

func (r *Repair) commitMoved(ctx context.Context, batch moved, sink pipeline.Sink) error {
	if len(batch.rows) == 0 {
		return nil
	}
	blobs, err := sink.Cut(ctx)
	if err == nil {
		err = blobs.Sync(ctx)
	}
	if err != nil {
		return &pipeline.StorageError{Op: "sync blobs", Err: err}
	}
	for i, row := range batch.rows {
		row.Location = *batch.locations[i]
	}
	if err := r.ledger.Commit(ctx, batch.rows, nil); err != nil {
		return &pipeline.StorageError{Op: "commit what has moved", Err: err}
	}
	r.done.Moved += int64(len(batch.rows))
	return nil
}
