package pipeline

import (
	"context"
	"errors"
	"time"
)

// fetch takes jobs until there are none any more or the intake ends.
func (r *run) fetch() error {
	for {
		if err := context.Cause(r.intake); err != nil {
			return err
		}
		select {
		case j, ok := <-r.jobs:
			if !ok {
				return nil
			}
			if err := r.fetchInPlace(j); err != nil {
				return err
			}
		case <-r.intake.Done():
			return context.Cause(r.intake)
		}
	}
}

// fetchInPlace fetches an asset when there is a place among those that fetch. Who waits for a job has none.
func (r *run) fetchInPlace(j job) error {
	if err := r.crew.enter(r.intake); err != nil {
		return err
	}
	defer r.crew.leave()
	return r.fetchOne(j)
}

// fetchOne fetches an asset, stores it and records its row.
func (r *run) fetchOne(j job) error {
	if err := r.batch.waitForRoom(r.work); err != nil {
		return err
	}
	held := hold{run: r, weight: r.weight(j.asset)}
	if err := held.acquire(); err != nil {
		return err
	}
	defer held.release()
	began := time.Now()
	row := &Row{Asset: *j.asset, File: &j.file.row.File}
	blob, err := r.Source.Blob(r.work, j.asset, held.pause)
	if failure, ok := errors.AsType[*Failure](err); ok {
		row.Status, row.Reason, row.Attempts = Failed, failure.Error(), failure.Attempts
		r.Observer.Observe(AssetDone{Row: row, Took: time.Since(began)})
		return r.recordFailure(j, row, failure)
	}
	if err != nil {
		return err
	}
	defer blob.Close()
	r.hope.serve()
	row.Status, row.Content = Stored, blob.Content
	row.Attempts, row.FetchedAt, row.DeclaredType = blob.Attempts, blob.FetchedAt, blob.DeclaredType
	known := j.prior()
	same := !r.Refetch && known.has(&blob.Content)
	if same {
		// What is stored stays, under the newer date.
		row.Location, row.FetchedAt = known.Location, known.FetchedAt
		err = r.add(result{file: j.file, row: row})
	} else {
		err = r.store(j, row, blob)
	}
	if err != nil {
		return err
	}
	r.Observer.Observe(AssetDone{row, time.Since(began), same})
	return nil
}

// has tells whether the row, which may be nil, is of a stored blob of these bytes.
func (r *Row) has(c *Content) bool {
	return r != nil && r.Status == Stored && r.Content.Size == c.Size && r.Content.SHA256 == c.SHA256
}

// store puts the blob into the sink and its row into the batch, as one step for those who hold the gate.
func (r *run) store(j job, row *Row, blob *Blob) error {
	r.gate.RLock()
	defer r.gate.RUnlock()
	var prior *Location
	known := j.prior()
	if known != nil && known.Status == Stored {
		prior = &known.Location
	}
	location, err := r.Sink.Put(r.work, j.asset, blob, prior)
	if err != nil {
		return &StorageError{"store blob", err}
	}
	return r.add(result{file: j.file, row: row, prior: known, location: location})
}

// recordFailure records that an asset could not be fetched. What is stored of it stays, with its date and whatever size is listed
// now: then only the file's row tells that something is to be tried again.
func (r *run) recordFailure(j job, row *Row, failure *Failure) error {
	if known := j.prior(); known != nil && known.Status == Stored {
		kept := *known
		kept.File, kept.Gone = row.File.fetchedUnder(j.earlier.under), Gone{}
		row = &kept
	}
	return r.add(result{file: j.file, row: row, failure: failure})
}

// weight is what an asset is charged of the memory: its listed size, or the most that is buffered where that is unknown
// or larger.
func (r *run) weight(a *Asset) int64 {
	size, known := a.ExpectedSize()
	if !known {
		size = BufferedBlobSize
	}
	return min(size, BufferedBlobSize, r.Memory)
}
