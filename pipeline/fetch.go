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
			if err := r.fetchOne(j); err != nil {
				return err
			}
		case <-r.intake.Done():
			return context.Cause(r.intake)
		}
	}
}

// fetchOne fetches and stores an asset and sends its row.
func (r *run) fetchOne(j job) error {
	began := time.Now()
	row := &Row{Asset: *j.asset, File: &j.file.row.File}
	location, err := r.store(row)
	var failure *Failure
	switch {
	case errors.As(err, &failure):
		row.Status, row.Reason, row.Attempts = Failed, failure.Error(), failure.Attempts
	case err != nil:
		return err
	}
	r.Observer.Observe(AssetDone{row, time.Since(began)})
	return r.send(result{j.file, row, location})
}

// store fetches the row's asset, puts it into the sink and fills in the row.
func (r *run) store(row *Row) (*Location, error) {
	weight := r.weight(&row.Asset)
	if err := r.memory.Acquire(r.work, weight); err != nil {
		return nil, context.Cause(r.work)
	}
	defer r.memory.Release(weight)
	blob, err := r.Source.Blob(r.work, &row.Asset)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	location, err := r.Sink.Put(r.work, &row.Asset, blob)
	if err != nil {
		return nil, &StorageError{"store blob", err}
	}
	row.Status, row.Content = Stored, blob.Content
	row.Attempts, row.FetchedAt = blob.Attempts, blob.FetchedAt
	return location, nil
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
