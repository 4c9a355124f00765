package emulator

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Throttle answers requests at random as if they were too many, whatever their rate is, as an overloaded gateway in front
// of an API does. It is drawn anew for each request with a valid key. What is throttled does not count for Options.Limit,
// and tells no quota.
type Throttle struct {
	// Share of the requests, from 0 to 1.
	Share float64
	// Status is 429 or 503; 429 when 0.
	Status int
	// Wait is what clients are told to wait, in the style RetryAfter: RetryAfterNone, the zero value, sends no header.
	Wait       time.Duration
	RetryAfter RetryAfterStyle
}

// ThrottleStatuses returns the statuses with which servers throttle.
func ThrottleStatuses() []int {
	return []int{http.StatusTooManyRequests, http.StatusServiceUnavailable}
}

// throttler is a Throttle and its source of chance.
type throttler struct {
	Throttle
	mu     sync.Mutex
	random *rand.Rand
}

func newThrottler(t Throttle, seed uint64) (*throttler, error) {
	t.Status = cmp.Or(t.Status, http.StatusTooManyRequests)
	switch {
	case !(t.Share >= 0 && t.Share <= 1):
		return nil, fmt.Errorf("Throttle.Share is %v, it must be from 0 to 1", t.Share)
	case !slices.Contains(ThrottleStatuses(), t.Status):
		return nil, fmt.Errorf("Throttle.Status is %d, it must be 429 or 503", t.Status)
	case t.Wait < 0:
		return nil, fmt.Errorf("Throttle.Wait is %v, it must not be negative", t.Wait)
	case !t.RetryAfter.known():
		return nil, fmt.Errorf("Throttle.RetryAfter: there is no style %q", t.RetryAfter)
	}
	return &throttler{Throttle: t, random: rand.New(rand.NewPCG(seed, mix(seed)))}, nil
}

// draw tells whether a request is throttled.
func (t *throttler) draw() bool {
	if t.Share == 0 {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.random.Float64() < t.Share
}

// answer is what a request that is throttled gets.
func (t *throttler) answer(now time.Time) reply {
	r := tooMany()
	if t.Status == http.StatusServiceUnavailable {
		r = detail(t.Status, "Service Unavailable")
	}
	return r.toWait(t.RetryAfter, now, t.Wait)
}
