package pipeline

import (
	"context"
	"sync"
)

// result is what became of an asset, or of a file without any, where row is nil.
type result struct {
	file *fileProgress
	row  *Row
	// prior is the asset's row of an earlier run; it may be nil.
	prior *Row
	// location is where the sink put the blob; nil where there is none.
	location *Location
	// counted says that the file's counts have the row already.
	counted bool
	// failure is why the asset could not be fetched; nil where it was, or was not asked for. What was stored of it may stay.
	failure *Failure
}

// batch collects what the next checkpoint will make true. It is safe for concurrent use.
type batch struct {
	maxRows  int
	maxBytes int64
	// due has a value when a checkpoint is due; complete is closed when nothing will be added any more.
	due      chan struct{}
	complete chan struct{}

	mu sync.Mutex
	contents
	// committing is the size of what was taken and is not committed yet.
	committing extent
	// room is closed when that has been committed.
	room chan struct{}
}

// extent is a number of rows and the bytes of their blobs.
type extent struct {
	rows  int
	bytes int64
}

// contents are rows and files that are to be committed together.
type contents struct {
	results []result
	files   []*fileProgress
	bytes   int64
	// unsettled are the rows of files that have rows among the results, and will have more. A file of which some assets are recorded
	// and others are not is one that is asked again.
	unsettled []*FileRow
}

func (c *contents) isEmpty() bool { return len(c.results) == 0 && len(c.files) == 0 }

// rows is how many rows a commit of the contents has.
func (c *contents) rows() int { return len(c.results) + len(c.files) }

func newBatch(maxRows int, maxBytes int64) *batch {
	return &batch{
		maxRows: maxRows, maxBytes: maxBytes,
		due: make(chan struct{}, 1), complete: make(chan struct{}), room: make(chan struct{}),
	}
}

// add takes a result. With its last result a file is settled: then it returns true.
func (b *batch) add(res result) (settled bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if res.row != nil {
		b.results = append(b.results, res)
		if res.location != nil {
			b.bytes += res.row.Content.Size
		}
		if !res.counted {
			res.file.count(res)
		}
		res.file.pending--
	}
	settled = res.file.pending == 0
	if settled {
		b.files = append(b.files, res.file)
	}
	if 2*b.rows() >= b.maxRows || 2*b.bytes >= b.maxBytes {
		select {
		case b.due <- struct{}{}:
		default:
		}
	}
	return settled
}

// isFull tells whether as much is uncommitted as may be.
func (b *batch) isFull() bool {
	return b.rows()+b.committing.rows >= b.maxRows || b.bytes+b.committing.bytes >= b.maxBytes
}

// waitForRoom waits until less is uncommitted than may be. Whoever gets in may add a result, so that the bound is passed
// by no more results than there are workers.
func (b *batch) waitForRoom(ctx context.Context) error {
	for {
		b.mu.Lock()
		full, room := b.isFull(), b.room
		b.mu.Unlock()
		if !full {
			return context.Cause(ctx)
		}
		select {
		case <-room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// take returns the contents and empties the batch. Once they are committed, makeRoom is to be called.
func (b *batch) take() contents {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.contents
	c.findUnsettled()
	b.contents = contents{}
	select {
	case <-b.due:
	default:
	}
	b.committing = extent{c.rows(), c.bytes}
	return c
}

// makeRoom says that what was taken is committed.
func (b *batch) makeRoom() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.committing = extent{}
	close(b.room)
	b.room = make(chan struct{})
}

// findUnsettled fills in unsettled. The files' rows may still change, so copies are made. One that is on its way to be gone stays
// missed, for the next run to go on with.
func (c *contents) findUnsettled() {
	seen := map[*fileProgress]bool{}
	for _, f := range c.files {
		seen[f] = true
	}
	for _, res := range c.results {
		if seen[res.file] {
			continue
		}
		seen[res.file] = true
		file := res.file.row
		file.Status, file.Gone = Partial, Gone{MissedAt: file.since()}
		c.unsettled = append(c.unsettled, &file)
	}
}

// replaced returns where the blobs are that others have taken the place of.
func (c *contents) replaced() []Location {
	var old []Location
	for _, res := range c.results {
		if res.location != nil && res.prior != nil && res.prior.Status == Stored {
			old = append(old, res.prior.Location)
		}
	}
	return old
}
