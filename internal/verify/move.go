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
	sizes, err := r.countMembers(ctx, shards)
	if err != nil {
		return err
	}
	for len(shards) > 0 {
		count, members := 1, sizes[shards[0]]
		for count < len(shards) && members+sizes[shards[count]] <= membersAtOnce*r.batchSize {
			members += sizes[shards[count]]
			count++
		}
		if err := r.moveGroup(ctx, shards[:count], sink); err != nil {
			return err
		}
		shards = shards[count:]
	}
	return nil
}

// membersAtOnce is how many times as many rows as are committed at once may be held of several shards.
const membersAtOnce = 4

// countMembers returns how many members each of some shards has.
func (r *Repair) countMembers(ctx context.Context, shards []string) (map[string]int, error) {
	sizes := make(map[string]int, len(shards))
	for _, name := range shards {
		sizes[name] = 0
	}
	for row, err := range r.ledger.Rows(ctx) {
		if err != nil {
			return nil, err
		}
		if _, ok := sizes[row.Location.Path]; ok && isMember(row, row.Location.Path) {
			sizes[row.Location.Path]++
		}
	}
	return sizes, nil
}

// moveGroup moves the sound members of a few shards, which is one pass over the rows where they have no more than are moved at once.
func (r *Repair) moveGroup(ctx context.Context, shards []string, sink pipeline.Sink) error {
	for from := int64(0); ; {
		members, err := r.members(ctx, shards, from)
		if err != nil {
			return err
		}
		more := false
		for _, name := range shards {
			rows := members[name]
			if more = len(rows) == r.batchSize && len(shards) == 1; more {
				from = rows[len(rows)-1].Location.Shard.Offset + 1
			}
			if err := r.move(ctx, name, rows, sink); err != nil {
				return err
			}
			if more {
				break
			}
			if err := r.disown(ctx); err != nil {
				return err
			}
			if err := r.empty(ctx, name); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
	}
}

// move moves the sound ones of some members of a shard to a sink. Where there are none, the shard is not even opened.
func (r *Repair) move(ctx context.Context, name string, rows []*pipeline.Row, sink pipeline.Sink) (err error) {
	if len(rows) == 0 {
		return nil
	}
	shard, err := sinks.NewUnpacker(ctx, r.Export, name)
	if err != nil {
		return &pipeline.StorageError{Op: "read a damaged shard", Err: err}
	}
	defer func() { err = errors.Join(err, shard.Close()) }()
	return r.moveRows(ctx, shard, rows, sink)
}

// members returns the rows of the first members of each of some shards from an offset on, in their order, as many as are moved at once.
func (r *Repair) members(ctx context.Context, shards []string, from int64) (map[string][]*pipeline.Row, error) {
	members := make(map[string][]*pipeline.Row, len(shards))
	for _, name := range shards {
		members[name] = nil
	}
	for row, err := range r.ledger.Rows(ctx) {
		if err != nil {
			return nil, err
		}
		rows, ok := members[row.Location.Path]
		if !ok || !isMember(row, row.Location.Path) || row.Location.Shard.Offset < from {
			continue
		}
		if rows = append(rows, row); len(rows) == 2*r.batchSize {
			rows = r.first(rows)
		}
		members[row.Location.Path] = rows
	}
	for name, rows := range members {
		members[name] = r.first(rows)
	}
	return members, nil
}

// first returns the first members among rows of a shard, in their order, as many as are moved at once.
func (r *Repair) first(rows []*pipeline.Row) []*pipeline.Row {
	slices.SortFunc(rows, func(a, b *pipeline.Row) int { return cmp.Compare(a.Location.Shard.Offset, b.Location.Shard.Offset) })
	kept := min(len(rows), r.batchSize)
	clear(rows[kept:])
	return rows[:kept]
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
	if err := r.ledger.Commit(ctx, pipeline.Rows{Assets: batch.rows}); err != nil {
		return &pipeline.StorageError{Op: "commit what has moved", Err: err}
	}
	r.done.Moved += int64(len(batch.rows))
	return nil
}
