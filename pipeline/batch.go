package pipeline

import (
	"context"
	"math"
	"sync"
	"time"
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
	// most is what may be uncommitted. None is to be dense for longer than maxAge, nor one of its blobs older than sparseAge before it is.
	most              extent
	maxAge, sparseAge time.Duration
	// leastCharge is how much of the memory committing has to free for a checkpoint to be made where isPressed tells that listings wait for some,
	// unless no results are to come.
	leastCharge int64
	isPressed   func() bool
	// due has a value when a checkpoint is due, and dense once so much is to be committed that it may wait for less long; complete is closed
	// when nothing will be added any more.
	due, dense, complete chan struct{}

	mu sync.Mutex
	contents
	// expected is of how many files there are results to come.
	expected int
	// committing is the extent of what was taken and is not committed yet.
	committing extent
	// room is closed when that has been committed.
	room chan struct{}
}

// extent is a number of rows, the bytes that these are charged of the memory, and those of their blobs. oldest is when the first
// of the blobs was added, and denseSince when it became more than is sparse; zero where there is none, and where it is not.
type extent struct {
	rows               int
	weight, bytes      int64
	oldest, denseSince time.Time
}

// reaches tells whether any of it is as much as of another one, of which so many make a whole.
func (e extent) reaches(most extent, parts int64) bool {
	return parts*int64(e.rows) >= int64(most.rows) || parts*e.bytes >= most.bytes || parts*e.weight >= most.weight
}

func (e extent) plus(other extent) extent {
	both := extent{e.rows + other.rows, e.weight + other.weight, e.bytes + other.bytes, e.oldest, e.denseSince}
	// What is being committed came before.
	if !other.oldest.IsZero() {
		both.oldest = other.oldest
	}
	if !other.denseSince.IsZero() {
		both.denseSince = other.denseSince
	}
	return both
}

// contents are rows and files that are to be committed together.
type contents struct {
	pages   []*PageRow
	results []result
	files   []*fileProgress
	extent
	// charge is what of the memory committing frees.
	charge int64
	// unsettled are the rows of files that have rows among the results, and will have more. A file of which some assets are recorded
	// and others are not is one that is asked again.
	unsettled []*FileRow
}

func (c *contents) isEmpty() bool {
	return len(c.pages) == 0 && len(c.results) == 0 && len(c.files) == 0
}

// free returns what the contents are charged of the memory, and need no more.
func (c *contents) free() (bytes int64) {
	for _, res := range c.results {
		if res.row != nil {
			freed := min(res.row.Weight(), res.file.held)
			res.file.held -= freed
			bytes += freed
		}
	}
	for _, f := range c.files {
		bytes += f.held
		f.held = 0
	}
	return bytes
}

// sparse is more than what may wait for Options.SparseCheckpoint.
var sparse = extent{rows: 64, weight: math.MaxInt64, bytes: 16 << 20}

func newBatch(most extent, maxAge, sparseAge time.Duration) *batch {
	return &batch{
		most: most, maxAge: maxAge, sparseAge: sparseAge, isPressed: func() bool { return false },
		due: make(chan struct{}, 1), dense: make(chan struct{}, 1), complete: make(chan struct{}), room: make(chan struct{}),
	}
}

// expect notes that results with a row will come of a file.
func (b *batch) expect() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected++
}

// add takes a result. With its last result a file is settled: then it returns true.
func (b *batch) add(res result) (settled bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if res.row != nil {
		b.results = append(b.results, res)
		b.rows++
		weight := res.row.Weight()
		b.weight += weight
		freed := min(weight, res.file.left)
		res.file.left -= freed
		b.charge += freed
		if res.location != nil {
			if b.bytes += res.row.Content.Size; b.oldest.IsZero() {
				b.oldest = time.Now()
			}
		}
		if !res.counted {
			res.file.count(res)
		}
		res.file.pending--
	}
	settled = res.file.pending == 0
	if settled {
		b.supersede(res.file)
		b.files = append(b.files, res.file)
		b.rows++
		b.weight += res.file.row.weight()
		b.charge += res.file.left
		if res.row != nil {
			b.expected--
		}
		if b.isPressed() {
			b.relieve()
		}
	}
	b.grown()
	return settled
}

// addPage takes a page, which counts when the file of it does.
func (b *batch) addPage(page *PageRow) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pages = append(b.pages, page)
	b.rows++
	b.weight += page.weight()
	b.grown()
}

// grown says what the extent of the batch calls for.
func (b *batch) grown() {
	if b.denseSince.IsZero() && b.reaches(sparse, 1) {
		b.denseSince = time.Now()
		b.dense <- struct{}{}
	}
	if b.reaches(b.most, 2) {
		b.hurry()
	}
}

// hurry makes a checkpoint due.
func (b *batch) hurry() {
	select {
	case b.due <- struct{}{}:
	default:
	}
}

// press tells that a listing waits for memory.
func (b *batch) press() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.relieve()
}

// relieve makes a checkpoint due that frees memory for listings that wait for it: much of it, or whatever there is, where nothing else will come that
// could be freed with it.
func (b *batch) relieve() {
	if b.charge >= b.leastCharge || b.expected == 0 && b.charge > 0 {
		b.hurry()
	}
}

// isFull tells whether as much is uncommitted as may be, and isOld whether it has been for as long as it may.
func (b *batch) isFull() bool { return b.plus(b.committing).reaches(b.most, 1) }

func (b *batch) isOld() bool {
	all := b.plus(b.committing)
	if !all.denseSince.IsZero() {
		return time.Since(all.denseSince) >= b.maxAge
	}
	return !all.oldest.IsZero() && time.Since(all.oldest) >= b.sparseAge
}

// waitForRoom waits until less is uncommitted than may be. Whoever gets in may add a result, so that the bound is passed
// by no more results than there are workers. Where blobs are fetched faster than they become durable, fetching waits here.
func (b *batch) waitForRoom(ctx context.Context) error {
	for {
		b.mu.Lock()
		full, old, room := b.isFull(), b.isOld(), b.room
		b.mu.Unlock()
		if !full && !old {
			return context.Cause(ctx)
		}
		if old {
			b.hurry()
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
	for _, told := range []chan struct{}{b.due, b.dense} {
		select {
		case <-told:
		default:
		}
	}
	b.committing = c.extent
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

// supersede adds the rows of a file that others have taken the place of, once these are all stored.
func (b *batch) supersede(f *fileProgress) {
	if f.row.Status != Complete {
		return
	}
	for _, prior := range f.superseded {
		row := *prior
		row.File = &f.row.File
		row.Status, row.Reason, row.Gone = Skipped, ReasonPruned, Gone{VanishedAt: latest(f.row.AskedAt, f.row.ListedAt)}
		b.results = append(b.results, result{file: f, row: &row, prior: prior})
		b.rows++
		b.weight += row.Weight()
	}
	f.superseded = nil
}

// replaced returns where the blobs are that others have taken the place of.
func (c *contents) replaced() []Location {
	var old []Location
	for _, res := range c.results {
		if (res.location != nil || res.row.isPruned()) && res.prior != nil && res.prior.Status == Stored {
			old = append(old, res.prior.Location)
		}
	}
	return old
}
