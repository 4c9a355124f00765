package pipeline

import (
	"context"
	"time"
)

// commit makes the batch true again and again, until nothing will be added to it any more; then it seals the sink. It comes round when something
// is due alone: a run that waits for its rate is not to be woken for nothing.
func (r *run) commit() error {
	sparse, dense := time.NewTimer(r.SparseCheckpoint), time.NewTimer(r.Checkpoint)
	defer sparse.Stop()
	defer dense.Stop()
	dense.Stop()
	for {
		select {
		case <-r.batch.due:
		case <-r.batch.dense:
			dense.Reset(r.Checkpoint)
			continue
		case <-dense.C:
		case <-sparse.C:
		case <-r.batch.complete:
			return r.finish()
		case <-r.work.Done():
			return context.Cause(r.work)
		}
		dense.Stop()
		if err := r.checkpoint(); err != nil {
			return err
		}
		sparse.Reset(r.SparseCheckpoint)
	}
}

// finish commits what is left and seals the sink.
func (r *run) finish() error {
	if err := context.Cause(r.work); err != nil {
		return err
	}
	if err := r.checkpoint(); err != nil {
		return err
	}
	if err := r.Sink.Seal(r.work); err != nil {
		return r.storageFailed("seal the output", err)
	}
	return nil
}

// checkpoint makes the batch durable: first the blobs, then the rows that refer to them. What these blobs take the place of goes
// last.
func (r *run) checkpoint() error {
	began := time.Now()
	c, blobs, err := r.cut()
	if err != nil {
		return r.storageFailed("sync blobs", err)
	}
	if c.isEmpty() {
		return nil
	}
	if err := blobs.Sync(r.work); err != nil {
		return r.storageFailed("sync blobs", err)
	}
	rows := make([]*Row, len(c.results))
	for i, res := range c.results {
		if res.location != nil {
			res.row.Location = *res.location
		}
		rows[i] = res.row
	}
	files := c.unsettled
	for _, f := range c.files {
		files = append(files, &f.row)
	}
	if err := r.Ledger.Commit(r.work, Rows{Assets: rows, Files: files, Pages: c.pages}); err != nil {
		return r.storageFailed("commit", err)
	}
	if err := r.Sink.Discard(r.work, c.replaced()); err != nil {
		return r.storageFailed("remove replaced blobs", err)
	}
	r.batch.makeRoom()
	r.memory.freeListed(c.free())
	r.settled(c.files)
	r.Observer.Observe(Committed{len(rows), len(c.files), time.Since(began)})
	return nil
}

// cut ends the batch, of rows and of their blobs.
func (r *run) cut() (contents, Batch, error) {
	r.gate.Lock()
	defer r.gate.Unlock()
	c := r.batch.take()
	if c.isEmpty() {
		return c, nil, nil
	}
	blobs, err := r.Sink.Cut(r.work)
	return c, blobs, err
}

// settled tells of files that have all of their rows, but those of which nothing was asked.
func (r *run) settled(files []*fileProgress) {
	for _, f := range files {
		if !f.quiet {
			r.Observer.Observe(FileSettled{&f.row})
		}
	}
}

// forget takes the place of commit where nothing is to be recorded.
func (r *run) forget() error {
	for {
		complete := false
		select {
		case <-r.batch.due:
		case <-r.batch.complete:
			complete = true
		case <-r.work.Done():
			return context.Cause(r.work)
		}
		c := r.batch.take()
		r.batch.makeRoom()
		r.memory.freeListed(c.free())
		r.settled(c.files)
		if complete {
			return nil
		}
	}
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
