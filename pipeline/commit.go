package pipeline

import (
	"context"
	"time"
)

// batch is what the next checkpoint will make true.
type batch struct {
	rows []*Row
	// locations are those of rows; nil for rows that were not stored.
	locations []*Location
	files     []*FileRow
	bytes     int64
}

func (b *batch) isEmpty() bool { return len(b.rows) == 0 && len(b.files) == 0 }

// commit takes results and makes them true in batches. When there are no more, it seals the sink.
func (r *run) commit() error {
	var b batch
	ticker := time.NewTicker(r.Checkpoint)
	defer ticker.Stop()
	for {
		due := false
		select {
		case res, ok := <-r.results:
			if !ok {
				return r.finish(&b)
			}
			b.add(res)
			due = len(b.rows) >= r.CheckpointRows || b.bytes >= r.CheckpointBytes
		case <-ticker.C:
			due = true
		case <-r.work.Done():
			return context.Cause(r.work)
		}
		if !due {
			continue
		}
		if err := r.checkpoint(&b); err != nil {
			return err
		}
	}
}

// add takes a result. With its last result a file is settled.
func (b *batch) add(res result) {
	if res.row != nil {
		b.rows = append(b.rows, res.row)
		b.locations = append(b.locations, res.location)
		if res.location != nil {
			b.bytes += res.row.Content.Size
		}
		res.file.row.count(res.row)
		res.file.pending--
	}
	if res.file.pending == 0 {
		b.files = append(b.files, &res.file.row)
	}
}

// finish commits what is left and seals the sink.
func (r *run) finish(b *batch) error {
	if err := context.Cause(r.work); err != nil {
		return err
	}
	if err := r.checkpoint(b); err != nil {
		return err
	}
	if err := r.Sink.Seal(r.work); err != nil {
		return r.storageFailed("seal the output", err)
	}
	return nil
}

// checkpoint makes the batch durable, first the blobs, then the rows that refer to them, and empties it.
func (r *run) checkpoint(b *batch) error {
	if b.isEmpty() {
		return nil
	}
	began := time.Now()
	if err := r.Sink.Sync(r.work); err != nil {
		return r.storageFailed("sync blobs", err)
	}
	for i, location := range b.locations {
		if location != nil {
			b.rows[i].Location = *location
		}
	}
	if err := r.Ledger.Commit(r.work, b.rows, b.files); err != nil {
		return r.storageFailed("commit", err)
	}
	for _, f := range b.files {
		r.Observer.Observe(FileSettled{f})
	}
	r.Observer.Observe(Committed{len(b.rows), len(b.files), time.Since(began)})
	*b = batch{}
	return nil
}

// storageFailed ends the run: nothing that comes after a failed sync or commit can be trusted.
func (r *run) storageFailed(op string, err error) error {
	if cause := context.Cause(r.work); cause != nil {
		return cause
	}
	storage := &StorageError{op, err}
	r.abort(storage)
	return storage
}
