package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"
)

const (
	// listingShare is which part of the memory all listings may have together, but for one. The rest is for blobs, of which more
	// in flight hide the latency of the API, while a listing that is read before its turn gains nothing.
	listingShare = 8
	// leastShare is how much that is at least, beside the blobs, and leastListing how much the one may have in any case, in bytes.
	leastShare   = 1 << 20
	leastListing = 16 << 20
	// assetOverhead is what an asset takes on its way beside what it has: numbers, the place in its listing, and its job.
	assetOverhead = 64
	// knownWeight is what the row of an asset takes that is known.
	knownWeight = 768
)

// ListingShare is how many bytes listings may have of so many.
func ListingShare(memory int64) int64 { return max(memory/listingShare, leastShare) }

// Weight is how many bytes the asset is charged of the memory of a run.
func (a *Asset) Weight() int64 {
	texts := len(a.FigureName) + len(a.Metadata)
	if d := a.Details; d != nil {
		texts += int(unsafe.Sizeof(*d)) + len(d.UpstreamName) + len(d.Category) + len(d.Label)
		if d.Caption != nil {
			texts += len(*d.Caption)
		}
	}
	return int64(unsafe.Sizeof(*a)) + int64(texts) + assetOverhead
}

// weight is how many bytes the file is charged of the memory of a run.
func (f *File) weight() int64 {
	texts := 0
	for _, text := range []*string{f.DisplayName, f.UniqueID} {
		if text != nil {
			texts += len(*text)
		}
	}
	return int64(unsafe.Sizeof(*f)) + int64(texts+len(f.Metadata)) + assetOverhead
}

// errNoRoom says that a listing cannot have more memory at present.
var errNoRoom = errors.New("no memory is left for the listing")

// memory shares out that of a run: to blobs, and to listings with all that comes of them until it is committed. Nothing waits for
// ever: a blob may go on that is the only one, and so may one listing, the large one, which ends without waiting for another.
// It is safe for concurrent use.
type memory struct {
	// most bounds all together, and share the listings but for the large one, which may have largest by itself.
	most, share, largest int64
	// turn is held by the blob that gets memory next, so that a large one does not wait for ever.
	turn chan struct{}

	mu sync.Mutex
	// parked is how much of listed is that of files which wait for what comes of others.
	blobs, listed, parked int64
	large                 *room
	// last is what the listings had of the file that was listed last: those of the next may have as much.
	last int64
	// waiting is how many wait until freed is closed, since there may be more.
	waiting int
	freed   chan struct{}

	// listers are those among them that wait to list, and press is called each time that one has to go on waiting. It may be nil.
	listers atomic.Int64
	press   func()
}

func newMemory(most int64) *memory {
	return &memory{
		most: most, share: ListingShare(most), largest: max(most, leastListing),
		turn: make(chan struct{}, 1), freed: make(chan struct{}),
	}
}

// wait calls try until it succeeds, each time that there may be more memory.
func (m *memory) wait(ctx context.Context, try func() bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for !try() {
		freed := m.freed
		m.waiting++
		m.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
		}
		m.mu.Lock()
		m.waiting--
		if err := context.Cause(ctx); err != nil {
			return err
		}
	}
	return nil
}

// waitToList is wait of a listing.
func (m *memory) waitToList(ctx context.Context, try func() bool) error {
	waits := false
	err := m.wait(ctx, func() bool {
		if try() {
			return true
		}
		if !waits {
			waits = true
			m.listers.Add(1)
		}
		if m.press != nil {
			m.press()
		}
		return false
	})
	if waits {
		m.listers.Add(-1)
	}
	return err
}

// change calls do, and has all look again who wait.
func (m *memory) change(do func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if do(); m.waiting > 0 {
		close(m.freed)
		m.freed = make(chan struct{})
	}
}

// takeBlob waits for the memory of a blob.
func (m *memory) takeBlob(ctx context.Context, bytes int64) error {
	select {
	case m.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-m.turn }()
	return m.wait(ctx, func() bool {
		if m.blobs > 0 && m.blobs+max(m.listed-leastShare, 0)+bytes > m.most {
			return false
		}
		m.blobs += bytes
		return true
	})
}

func (m *memory) freeBlob(bytes int64) { m.change(func() { m.blobs -= bytes }) }

// freeListed gives back what was charged to a listing.
func (m *memory) freeListed(bytes int64) { m.change(func() { m.listed -= bytes }) }

// park says of what is charged that it waits for what comes of other files, or where it is negative, that it waits no more.
func (m *memory) park(bytes int64) { m.change(func() { m.parked += bytes }) }

// room is the memory of a file that is being listed. One goroutine uses it.
type room struct {
	memory *memory
	// known is what was in use before anything was listed, used what is now, and held what is charged for it.
	known, used, held int64
}

// enter waits until there is room for a file of which so many bytes are known, and for as much as was listed last; or for the place
// of the large listing.
func (m *memory) enter(ctx context.Context, known int64) (*room, error) {
	r := &room{memory: m, known: known, used: known}
	err := m.waitToList(ctx, func() bool {
		bytes := known + m.last
		if m.under()+bytes > m.share && !m.enlarge(r) {
			return false
		}
		r.held = bytes
		m.listed += bytes
		return true
	})
	return r, err
}

// under is what listings have that comes to its end whatever happens to others.
func (m *memory) under() int64 { return m.listed - m.parked }

// enlarge makes a listing the large one, if there is none and what is left of the one before leaves the others their share.
func (m *memory) enlarge(r *room) bool {
	if m.large == nil && m.under() <= m.share {
		m.large = r
	}
	return m.large == r
}

// take is a Room. Where another listing is the large one, it may return errNoRoom.
func (r *room) take(bytes int64) error {
	r.used += bytes
	more := r.used - r.held
	if more <= 0 {
		return nil
	}
	m := r.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.listed+more > m.share && !m.enlarge(r):
		return errNoRoom
	case r.used > m.largest:
		return &Failure{Class: ClassTooLarge, Err: fmt.Errorf("the listings of the file take more than %d bytes of memory", m.largest)}
	}
	r.held += more
	m.listed += more
	return nil
}

// back gives back all but so many bytes.
func (r *room) back(used int64) {
	r.memory.change(func() {
		r.memory.listed -= r.held - used
		r.used, r.held = used, used
	})
}

// grow waits for the place of the large listing.
func (r *room) grow(ctx context.Context) error {
	return r.memory.waitToList(ctx, func() bool { return r.memory.enlarge(r) })
}

// leave ends the listing, and returns what stays charged: what is in use.
func (r *room) leave() int64 {
	r.back(r.used)
	r.memory.change(func() { r.memory.last = r.used - r.known })
	return r.used
}

// close lets another listing be the large one.
func (r *room) close() {
	r.memory.change(func() {
		if r.memory.large == r {
			r.memory.large = nil
		}
	})
}
