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
	// TokenBucket holds RateLimit.Burst tokens at most, and gains RateLimit.Requests in each window, evenly.
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
	// Burst is the size of a TokenBucket; Requests when 0.
	Burst int
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
	if l.Burst == 0 {
		l.Burst = l.Requests
	}
	if err := l.validate(); err != nil {
		return nil, err
	}
	return &Limiter{RateLimit: l, counter: newCounter(&l)}, nil
}

func (l *RateLimit) validate() error {
	most := l.Requests
	if l.Kind == TokenBucket {
		most = l.Burst
	}
	switch {
	case !slices.Contains(LimitKinds(), l.Kind):
		return fmt.Errorf("Limit.Kind: there is no limit %q", l.Kind)
	case l.Requests < 1 || l.Window <= 0:
		return fmt.Errorf("a limit of %d requests in %v, both must be positive", l.Requests, l.Window)
	case l.Burst < 0:
		return fmt.Errorf("Limit.Burst is %d, it must not be negative", l.Burst)
	case l.Kind == TokenBucket && int64(l.Burst) > math.MaxInt64/int64(l.Window):
		return fmt.Errorf("Limit.Burst is %d, which is too many in %v", l.Burst, l.Window)
	case l.Used < 0 || l.Used > most:
		return fmt.Errorf("Limit.Used is %d, it must be from 0 to %d", l.Used, most)
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
	for l.Rival.Requests > 0 {
		at := l.start.Add(l.Rival.after(l.rivals + 1))
		if at.After(now) {
			return
		}
		l.rivals++
		l.counter.take(at)
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
