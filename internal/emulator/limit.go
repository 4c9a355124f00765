package emulator

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"
)

// LimitKind is a way in which servers limit rates.
type LimitKind string

// The kinds of LimitKind. FixedWindow is the default.
const (
	// FixedWindow counts the requests of a window, which begins with the first request after the last window has ended.
	FixedWindow LimitKind = "fixed"
	// AlignedWindow counts the requests of a window. One follows the other without a gap, whether or not there are requests.
	AlignedWindow LimitKind = "aligned"
	// SlidingWindow lets a request through where fewer than RateLimit.Requests were in the window that ends with it.
	SlidingWindow LimitKind = "sliding"
	// TokenBucket holds RateLimit.Requests tokens at most, and gains as many in each window, evenly.
	TokenBucket LimitKind = "bucket"
)

// LimitKinds returns all kinds of limit.
func LimitKinds() []LimitKind {
	return []LimitKind{FixedWindow, AlignedWindow, SlidingWindow, TokenBucket}
}

// RateLimit throttles requests: those beyond the limit are answered 429, and do not count.
type RateLimit struct {
	Kind LimitKind
	// Requests is how many are let through in each window.
	Requests int
	Window   time.Duration
	// RetryAfter says how throttled clients are told when to come back.
	RetryAfter RetryAfterStyle

	// Used is how many requests were let through before the start, at even distances in the time Age, the first of them
	// at its beginning: with Age 0, all at the start.
	Used int
	// Age is less than Window. An AlignedWindow began at this time before the start, whatever was Used.
	Age time.Duration
	// Rival is another client of the same limit.
	Rival Rival

	// QuotaHeaders says how every answer, throttled or not, tells what is left; Lie what is wrong with it.
	QuotaHeaders QuotaHeaders
	Lie          QuotaLie
}

// Limiter is the state of a RateLimit. It reads no clock, and is safe for concurrent use. It starts with the first call
// of Start, Take or Quota.
type Limiter struct {
	RateLimit
	mu      sync.Mutex
	counter counter
	started bool
	start   time.Time
	// rivals is how many requests of the rival were counted.
	rivals int64
}

// NewLimiter returns a limiter that has not started. It fails when the limit makes no sense.
func NewLimiter(l RateLimit) (*Limiter, error) {
	l.Kind = cmp.Or(l.Kind, FixedWindow)
	if err := l.validate(); err != nil {
		return nil, err
	}
	return &Limiter{RateLimit: l, counter: newCounter(&l)}, nil
}

// mostSliding is how many requests a SlidingWindow remembers at most: some 240 MB of them.
const mostSliding = 10_000_000

// MostRequests returns how many requests in a window a kind of limit can count.
func MostRequests(kind LimitKind, window time.Duration) int64 {
	switch kind {
	case SlidingWindow:
		return mostSliding
	case TokenBucket:
		// Credit is counted in fractions of a token.
		return math.MaxInt64 / int64(window)
	}
	return math.MaxInt
}

func (l *RateLimit) validate() error {
	switch {
	case !slices.Contains(LimitKinds(), l.Kind):
		return fmt.Errorf("Limit.Kind: there is no limit %q", l.Kind)
	case l.Requests < 1 || l.Window <= 0:
		return fmt.Errorf("a limit of %d requests in %v, both must be positive", l.Requests, l.Window)
	case int64(l.Requests) > MostRequests(l.Kind, l.Window):
		return fmt.Errorf("Limit.Requests is %d, which is too many in %v", l.Requests, l.Window)
	case !l.RetryAfter.known():
		return fmt.Errorf("Limit.RetryAfter: there is no style %q", l.RetryAfter)
	case l.Used < 0 || l.Used > l.Requests:
		return fmt.Errorf("Limit.Used is %d, it must be from 0 to %d", l.Used, l.Requests)
	case l.Age < 0 || l.Age >= l.Window:
		return fmt.Errorf("Limit.Age is %v, it must be from 0 to less than %v", l.Age, l.Window)
	case l.QuotaHeaders != QuotaNone && !slices.Contains(QuotaSpellings(), l.QuotaHeaders):
		return fmt.Errorf("Limit.QuotaHeaders: there is no spelling %q", l.QuotaHeaders)
	case l.Lie != LieNone && !slices.Contains(QuotaLies(), l.Lie):
		return fmt.Errorf("Limit.Lie: there is no lie %q", l.Lie)
	}
	return l.Rival.validate()
}

// Start lets the limit start at that time, unless it has started: windows and rivals count from it.
func (l *Limiter) Start(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.advance(now)
}

// Take counts a request. wait is how long it is until the next one is let through when this one is one too many, else 0.
func (l *Limiter) Take(now time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.advance(now)
	return l.counter.take(now)
}

// Quota returns what is left of the limit, and counts nothing.
func (l *Limiter) Quota(now time.Time) Quota {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.advance(now)
	remaining, reset := l.counter.left(now)
	return Quota{Limit: l.Requests, Window: l.Window, Remaining: remaining, Reset: reset}
}

// advance counts what came before now: what was used at the start, and the rival's requests.
func (l *Limiter) advance(now time.Time) {
	if !l.started {
		l.started, l.start = true, now
		l.counter.begin(now.Add(-l.Age))
		for i := range l.Used {
			l.counter.take(now.Add(l.Age/time.Duration(l.Used)*time.Duration(i) - l.Age))
		}
	}
	if l.Rival.Requests > 0 {
		l.advanceRival(now.Sub(l.start))
	}
}

// rivalWindows is how many windows of the rival's requests are counted one by one. Of what came before, a bucket remembers the
// sum, and the other kinds nothing but the phase of a fixed window, which is as good as any.
const rivalWindows = 3

// advanceRival counts the rival's requests until a time after the start. What that costs depends on what the limit lets through
// in a few windows, and neither on the rival's rate nor on the time since the last call.
func (l *Limiter) advanceRival(now time.Duration) {
	last := l.Rival.by(now)
	if old := l.Rival.by(max(0, now-rivalWindows*l.Window)); old > l.rivals {
		l.counter.skip(old-l.rivals, l.start.Add(l.Rival.after(old)))
		l.rivals = old
	}
	for l.rivals < last {
		l.rivals++
		at := l.Rival.after(l.rivals)
		if wait := l.counter.take(l.start.Add(at)); wait > 0 {
			// So are all others before that time.
			l.rivals = min(last, max(l.rivals, l.Rival.by(at+wait-1)))
		}
	}
}

// Header returns the header, by name and value, that tells a client to wait; both are empty where none does.
func (l *Limiter) Header(now time.Time, wait time.Duration) (name, value string) {
	return l.RetryAfter.header(now, wait)
}

// throttled is the answer to a request that has to wait.
func (l *Limiter) throttled(now time.Time, wait time.Duration) reply {
	return tooMany().toWait(l.RetryAfter, now, wait)
}

func tooMany() reply {
	return detail(http.StatusTooManyRequests, "Rate limit exceeded. Please try again later.")
}
