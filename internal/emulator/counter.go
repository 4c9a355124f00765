package emulator

import (
	"sort"
	"time"
)

// counter counts requests as one LimitKind does. Times may go back a little, since requests overtake each other.
type counter interface {
	// begin is called once, before all else.
	begin(at time.Time)
	// take counts a request. wait is 0 where it is let through.
	take(now time.Time) (wait time.Duration)
	// skip counts requests that came at even distances until a time, when some windows had passed since the latest other one.
	skip(requests int64, until time.Time)
	// left returns how many requests would be let through at once, and how long the next one would then have to wait.
	left(now time.Time) (remaining int, wait time.Duration)
}

func newCounter(l *RateLimit) counter {
	switch l.Kind {
	case SlidingWindow:
		return &slidingCounter{window: l.Window, passed: make([]time.Time, l.Requests)}
	case TokenBucket:
		full := int64(l.Requests) * int64(l.Window)
		return &bucketCounter{each: int64(l.Window), gain: int64(l.Requests), full: full, credit: full}
	}
	return &windowCounter{window: l.Window, requests: l.Requests, aligned: l.Kind == AlignedWindow}
}

// windowCounter is FixedWindow and AlignedWindow.
type windowCounter struct {
	window   time.Duration
	requests int
	aligned  bool
	// ends is when the window does, used how many it has let through.
	ends time.Time
	used int
}

func (c *windowCounter) begin(at time.Time) {
	if c.aligned {
		c.ends = at.Add(c.window)
	}
}

// turn begins the window of a request that comes after the end of the last one.
func (c *windowCounter) turn(now time.Time) {
	late := now.Sub(c.ends)
	switch {
	case late < 0:
		return
	case c.aligned:
		c.ends = now.Add(c.window - late%c.window)
	default:
		c.ends = now.Add(c.window)
	}
	c.used = 0
}

func (c *windowCounter) take(now time.Time) time.Duration {
	c.turn(now)
	if c.used == c.requests {
		return c.ends.Sub(now)
	}
	c.used++
	return 0
}

// skip does nothing: what is counted next begins another window.
func (c *windowCounter) skip(int64, time.Time) {}

func (c *windowCounter) left(now time.Time) (int, time.Duration) {
	next := *c // a look begins no window
	next.turn(now)
	return next.requests - next.used, next.ends.Sub(now)
}

// slidingCounter is SlidingWindow.
type slidingCounter struct {
	window time.Duration
	// passed are when the latest requests were let through, a ring of which the oldest is at next.
	passed []time.Time
	next   int
}

func (c *slidingCounter) begin(time.Time) {}

// age returns how long ago the request i places behind the oldest was let through, a whole window at most.
func (c *slidingCounter) age(now time.Time, i int) time.Duration {
	at := c.passed[(c.next+i)%len(c.passed)]
	if at.IsZero() {
		return c.window
	}
	return min(c.window, now.Sub(at))
}

func (c *slidingCounter) take(now time.Time) time.Duration {
	if age := c.age(now, 0); age < c.window {
		return c.window - age
	}
	c.passed[c.next] = now
	c.next = (c.next + 1) % len(c.passed)
	return 0
}

// skip does nothing: what came so long before is out of the window.
func (c *slidingCounter) skip(int64, time.Time) {}

func (c *slidingCounter) left(now time.Time) (int, time.Duration) {
	n := sort.Search(len(c.passed), func(i int) bool { return c.age(now, i) < c.window })
	if n == len(c.passed) {
		return n, c.window
	}
	return n, c.window - c.age(now, n)
}

// bucketCounter is TokenBucket. It counts in fractions of a token that make all its numbers whole: a token costs as many
// as the window has nanoseconds, and each nanosecond gains as many as the window has requests.
type bucketCounter struct {
	each, gain, full int64
	// credit is what there was at filled.
	credit int64
	filled time.Time
}

func (c *bucketCounter) begin(at time.Time) { c.filled = at }

func (c *bucketCounter) fill(now time.Time) {
	passed := int64(now.Sub(c.filled))
	if passed <= 0 {
		return
	}
	c.filled = now
	if passed > (c.full-c.credit)/c.gain {
		c.credit = c.full
	} else {
		c.credit += passed * c.gain
	}
}

// until returns how long it is until a token is whole when credit is left of it.
func (c *bucketCounter) until(credit int64) time.Duration {
	return time.Duration((c.each - credit + c.gain - 1) / c.gain)
}

func (c *bucketCounter) take(now time.Time) time.Duration {
	c.fill(now)
	if c.credit < c.each {
		return c.until(c.credit)
	}
	c.credit -= c.each
	return 0
}

func (c *bucketCounter) skip(requests int64, until time.Time) {
	gained := float64(until.Sub(c.filled)) * float64(c.gain)
	switch credit := float64(c.credit) + gained - float64(requests)*float64(c.each); {
	case credit >= float64(c.full):
		c.credit = c.full
	default:
		c.credit = int64(max(0, credit))
	}
	c.filled = until
}

func (c *bucketCounter) left(now time.Time) (int, time.Duration) {
	c.fill(now)
	return int(c.credit / c.each), c.until(c.credit % c.each)
}
