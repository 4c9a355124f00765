package manifest

import (
	"context"
	"iter"

	"exporter/pipeline"
)

// owners finds what is known of the files and jobs to which rows belong, in one pass over both: rows of files come in the order of the
// rows of what they have, and those of jobs are looked up, once each.
type owners struct {
	snapshot *Snapshot
	next     func() (*pipeline.KnownFile, error, bool)
	stop     func()
	// file is the next one; nil behind the last.
	file *pipeline.KnownFile
	// job is the last that was looked up, by its id, and its row is nil where there is none.
	jobID pipeline.ID
	job   *pipeline.KnownFile
}

func newOwners(ctx context.Context, s *Snapshot) *owners {
	next, stop := iter.Pull2(s.Known(ctx))
	return &owners{snapshot: s, next: next, stop: stop, file: &pipeline.KnownFile{}}
}

// of returns what is known of an owner, nil where that is nothing. Owners come in order, and may be repeated.
func (o *owners) of(ctx context.Context, owner pipeline.Owner) (*pipeline.KnownFile, error) {
	if owner.JobID != "" {
		return o.ofJob(ctx, owner.JobID)
	}
	key := keyOf(owner)
	for o.file != nil && o.file.Key.Compare(key) < 0 {
		file, err, more := o.next()
		if err != nil {
			return nil, err
		}
		if o.file = file; !more {
			o.file = nil
		}
	}
	if o.file == nil || o.file.Key != key {
		return nil, nil
	}
	return o.file, nil
}

func (o *owners) ofJob(ctx context.Context, id pipeline.ID) (*pipeline.KnownFile, error) {
	if o.jobID == id {
		return o.job, nil
	}
	key := pipeline.FileKey{JobID: string(id)}
	row, err := o.snapshot.FileRow(ctx, key)
	if err != nil {
		return nil, err
	}
	o.jobID, o.job = id, nil
	if row != nil {
		o.job = &pipeline.KnownFile{Key: key, FileState: *row.State(), Row: func() (*pipeline.FileRow, error) { return row, nil }}
	}
	return o.job, nil
}
