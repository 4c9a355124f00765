package emulator

import (
	"net/http"
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

// RateLimit throttles requests in fixed windows: those beyond the limit are answered 429. A window begins with the first
// request after the last window has ended, and throttled requests do not count.
type RateLimit struct {
	// Requests is how many are let through in each window.
	Requests int
	Window   time.Duration
	// RetryAfter says how the rest of the window is told to throttled clients.
	RetryAfter RetryAfterStyle
}

// limiter is the state of a RateLimit.
type limiter struct {
	RateLimit
	mu   sync.Mutex
	ends time.Time
	used int
}

// take counts a request. wait is what is left of the window when the request is one too many, else 0.
func (l *limiter) take(now time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !now.Before(l.ends) {
		l.ends, l.used = now.Add(l.Window), 0
	}
	if l.used == l.Requests {
		return l.ends.Sub(now)
	}
	l.used++
	return 0
}

// throttled is the answer to a request that has to wait.
func (l *limiter) throttled(now time.Time, wait time.Duration) reply {
	r := detail(http.StatusTooManyRequests, "Rate limit exceeded. Please try again later.")
	switch l.RetryAfter {
	case RetryAfterSeconds:
		return r.with("Retry-After", strconv.FormatInt(ceil(wait, time.Second), 10))
	case RetryAfterDate:
		at := now.Add(wait + time.Second - time.Nanosecond).Truncate(time.Second)
		return r.with("Retry-After", at.UTC().Format(http.TimeFormat))
	case RetryAfterMillis:
		return r.with("Retry-After-Ms", strconv.FormatInt(ceil(wait, time.Millisecond), 10))
	}
	return r
}

func ceil(d, unit time.Duration) int64 { return int64((d + unit - 1) / unit) }
