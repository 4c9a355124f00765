package emulator

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// RetryAfterStyle says how an answer to a throttled request tells when to come back.
type RetryAfterStyle string

// The styles of RetryAfterStyle. The zero value is RetryAfterNone.
const (
	RetryAfterNone RetryAfterStyle = ""
	// RetryAfterSeconds sends Retry-After in whole seconds, rounded up.
	RetryAfterSeconds RetryAfterStyle = "seconds"
	// RetryAfterDate sends Retry-After as an HTTP date, rounded up to the next second.
	RetryAfterDate RetryAfterStyle = "date"
	// RetryAfterMillis sends Retry-After-Ms, rounded up to the next millisecond.
	RetryAfterMillis RetryAfterStyle = "ms"
)

// LimitKind is a way in which servers limit rates.
type LimitKind string

// The kinds of LimitKind. FixedWindow is the default.
const (
	// FixedWindow counts the requests of a window, which begins with the first request after the last window has ended.
	FixedWindow LimitKind = "fixed"
	// SlidingWindow lets a request through where fewer than RateLimit.Requests were in the window that ends with it.
	SlidingWindow LimitKind = "sliding"
	// TokenBucket holds RateLimit.Burst tokens at most, and gains RateLimit.Requests in each window, evenly.
	TokenBucket LimitKind = "bucket"
)

// LimitKinds returns all kinds of limit.
func LimitKinds() []LimitKind { return []LimitKind{FixedWindow, SlidingWindow, TokenBucket} }

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
}

// Limiter is the state of a RateLimit. It is safe for concurrent use.
type Limiter struct {
	RateLimit
	mu sync.Mutex
	// ends is when the window does, used how many it has let through (FixedWindow).
	ends time.Time
	used int
	// passed are when the latest Requests were let through, a ring of which the oldest is at next (SlidingWindow).
	passed []time.Time
	next   int
	// tokens there were at filled (TokenBucket).
	tokens float64
	filled time.Time
}

// NewLimiter returns a limiter that has let nothing through yet. It fails when the limit makes no sense.
func NewLimiter(l RateLimit) (*Limiter, error) {
	l.Kind = cmp.Or(l.Kind, FixedWindow)
	switch {
	case !slices.Contains(LimitKinds(), l.Kind):
		return nil, fmt.Errorf("Limit.Kind: there is no limit %q", l.Kind)
	case l.Requests < 1 || l.Window <= 0:
		return nil, fmt.Errorf("a limit of %d requests in %v, both must be positive", l.Requests, l.Window)
	case l.Burst < 0:
		return nil, fmt.Errorf("Limit.Burst is %d, it must not be negative", l.Burst)
	case l.Burst == 0:
		l.Burst = l.Requests
	}
	limiter := &Limiter{RateLimit: l, tokens: float64(l.Burst)}
	if l.Kind == SlidingWindow {
		limiter.passed = make([]time.Time, l.Requests)
	}
	return limiter, nil
}

// Take counts a request. wait is how long it is until the next one is let through when this one is one too many, else 0.
func (l *Limiter) Take(now time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch l.Kind {
	case SlidingWindow:
		return l.takeSliding(now)
	case TokenBucket:
		return l.takeToken(now)
	}
	if !now.Before(l.ends) {
		l.ends, l.used = now.Add(l.Window), 0
	}
	if l.used == l.Requests {
		return l.ends.Sub(now)
	}
	l.used++
	return 0
}

func (l *Limiter) takeSliding(now time.Time) time.Duration {
	if oldest := l.passed[l.next]; !oldest.IsZero() && now.Sub(oldest) < l.Window {
		return l.Window - now.Sub(oldest)
	}
	l.passed[l.next] = now
	l.next = (l.next + 1) % len(l.passed)
	return 0
}

func (l *Limiter) takeToken(now time.Time) time.Duration {
	each := l.Window / time.Duration(l.Requests)
	if !l.filled.IsZero() {
		l.tokens = min(float64(l.Burst), l.tokens+float64(now.Sub(l.filled))/float64(each))
	}
	l.filled = now
	if l.tokens < 1 {
		return time.Duration(math.Ceil((1 - l.tokens) * float64(each)))
	}
	l.tokens--
	return 0
}

// Header returns the header, by name and value, that tells a client to wait; both are empty where none does.
func (l *Limiter) Header(now time.Time, wait time.Duration) (name, value string) {
	switch l.RetryAfter {
	case RetryAfterSeconds:
		return "Retry-After", strconv.FormatInt(ceil(wait, time.Second), 10)
	case RetryAfterDate:
		at := now.Add(wait + time.Second - time.Nanosecond).Truncate(time.Second)
		return "Retry-After", at.UTC().Format(http.TimeFormat)
	case RetryAfterMillis:
		return "Retry-After-Ms", strconv.FormatInt(ceil(wait, time.Millisecond), 10)
	}
	return "", ""
}

// throttled is the answer to a request that has to wait.
func (l *Limiter) throttled(now time.Time, wait time.Duration) reply {
	r := detail(http.StatusTooManyRequests, "Rate limit exceeded. Please try again later.")
	if name, value := l.Header(now, wait); name != "" {
		r = r.with(name, value)
	}
	return r
}

func ceil(d, unit time.Duration) int64 { return int64((d + unit - 1) / unit) }
