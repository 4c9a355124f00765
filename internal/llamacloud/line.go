package llamacloud

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// minBodyRate is the least average rate in bytes a second, past a grace of Options.IdleTimeout: of a body, unless it is
	// one of many on a thin line, and of all bodies together.
	minBodyRate = 1 << 10
	// fairDivisor is which part of its fair share a body has to get where the line is thin: connections do not share evenly.
	fairDivisor = 8
	// shareUnit is one byte in line.share: with fewer bits, a byte that many wait for would be shared as nothing.
	shareUnit = 1 << 16
	// fewPackets is the fair share in bytes that may pass a body by without a byte for it. A line gives packets, in no order.
	fewPackets = 8 << 10
	// thinRate is how many bytes a second each body is to have when fewer are let in, and ampleRate at how many more may
	// follow soon.
	thinRate, ampleRate = 2 * minBodyRate, 4 * minBodyRate
	// telling is the length in bytes from which on a body's rate tells something of the line: less comes in one piece.
	telling = 16 << 10
	// unlimited is more bodies than there ever are.
	unlimited = 1 << 20
)

// line is what all bodies of a client come over. It tells a body that comes too slowly from one that is one of many, and
// lets fewer in where many starve. It is safe for concurrent use; time is passed in.
//
// share is the clock of fair queueing: it goes on by what each of the bodies that wait would get if all got the same. What
// it moves while a body waits is that body's fair share.
type line struct {
	// waiting is how many bodies wait for bytes, came how many bytes have come for all of them, share what each should have
	// got of them, in parts of shareUnit.
	waiting, came, share atomic.Int64
	// cuts is how often limit was lowered. What began before the last time says nothing about the limit that there is.
	cuts atomic.Int64
	// thin tells that limit is below unlimited.
	thin atomic.Bool

	mu sync.Mutex
	// limit is how many blobs may be under way, inside how many are.
	limit  float64
	inside int
	// queue holds those who wait for a place, the first come first.
	queue []chan struct{}
}

func newLine() *line { return &line{limit: unlimited} }

// reading is what line.came and line.share read at some time.
type reading struct{ came, share int64 }

func (l *line) read() reading { return reading{l.came.Load(), l.share.Load()} }

// since returns what has been added since an earlier reading.
func (l *line) since(r reading) reading {
	now := l.read()
	return reading{now.came - r.came, now.share - r.share}
}

// fair returns what each body that waited should have got, in bytes.
func (r reading) fair() int64 { return r.share / shareUnit }

// flow is how a body fared, over all the time that it waited for bytes. It belongs to one body.
type flow struct {
	waited   time.Duration
	received int64
	// meanwhile is what came for all bodies while this one waited, and which part of it was this body's by right.
	meanwhile reading
	// cuts is line.cuts when the body began.
	cuts int64
}

// begin returns the flow of a new body.
func (l *line) begin() flow { return flow{cuts: l.cuts.Load()} }

// wait says that a body waits for bytes from now on, until got is called with the reading that it returns.
func (l *line) wait() reading {
	l.waiting.Add(1)
	return l.read()
}

// got says that n bytes came for a body after it had waited for so long.
func (l *line) got(f *flow, from reading, n int, waited time.Duration) {
	if n > 0 {
		l.came.Add(int64(n))
		l.share.Add(int64(n) * shareUnit / max(1, l.waiting.Load()))
	}
	l.waiting.Add(-1)
	given := l.since(from)
	f.waited += waited
	f.received += int64(n)
	f.meanwhile.came += given.came
	f.meanwhile.share += given.share
}

// fortune is how a body fares.
type fortune int

const (
	// flowing: it comes, or has not had its grace.
	flowing fortune = iota
	// starving: it comes too slowly, for it is one of many.
	starving
	// slow: it comes too slowly, though the line gives more, or all bodies together do.
	slow
)

// fortune judges a body that was to come at minBodyRate past a grace.
func (f *flow) fortune(grace time.Duration) fortune {
	due := minBodyRate * (f.waited - grace).Seconds()
	switch {
	case float64(f.received) >= due:
		return flowing
	case float64(f.meanwhile.came) < due, f.received < f.meanwhile.fair()/fairDivisor:
		return slow
	}
	return starving
}

// crowded tells whether a body for which nothing came since an early reading is one of many: since a late one, so long ago,
// the line has given what it has to, but the fair share of it all is no more than a few packets.
func (l *line) crowded(early, late reading, ago time.Duration) bool {
	return float64(l.since(late).came) >= minBodyRate*ago.Seconds() && l.since(early).fair() < fewPackets
}

// starve lets fewer bodies in: so many that each has thinRate of what came for all while this one waited. Bodies that began
// before the last time are not heard.
func (l *line) starve(cuts, came int64, waited time.Duration) {
	if l.cuts.Load() != cuts {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cuts.CompareAndSwap(cuts, cuts+1) {
		l.limit = max(1, min(l.limit, float64(came)/waited.Seconds()/thinRate))
		l.thin.Store(true)
	}
}

// ended says that a body came to its end without starving. One more may follow for all that are let in at once, or for each
// where there is ample.
func (l *line) ended(f *flow) {
	if !l.thin.Load() || l.cuts.Load() != f.cuts {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.received >= telling && float64(f.received) >= ampleRate*f.waited.Seconds() {
		l.limit++
	} else {
		l.limit += 1 / l.limit
	}
	if l.limit >= unlimited {
		l.limit = unlimited
		l.thin.Store(false)
	}
	l.fill()
}

// enter asks for a place for a blob, which leave gives back. It returns nil where there is one, and otherwise a channel
// that is closed when there is.
func (l *line) enter() chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inside < int(l.limit) {
		l.inside++
		return nil
	}
	turn := make(chan struct{})
	l.queue = append(l.queue, turn)
	return turn
}

// leave gives back what enter gave, be it a place or a turn that never came.
func (l *line) leave(turn chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.queue, turn); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
	} else {
		l.inside--
	}
	l.fill()
}

// fill gives places to those who wait, as far as there are any.
func (l *line) fill() {
	for len(l.queue) > 0 && l.inside < int(l.limit) {
		close(l.queue[0])
		l.queue = slices.Delete(l.queue, 0, 1)
		l.inside++
	}
}
