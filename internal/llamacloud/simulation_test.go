//go:build !race

package llamacloud

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"exporter/internal/emulator"
)

// simulation is workers that send requests through a governor, as fast as it lets them, to a server that limits them.
type simulation struct {
	rate     Rate
	limit    emulator.RateLimit
	workers  int
	latency  time.Duration
	requests int
}

// outcome is what a simulated server saw.
type outcome struct {
	// used is the share of the limit, from the first to the last request, that was accepted; throttled is the share of all
	// requests that was not.
	used, throttled float64
	took            time.Duration
}

func (s simulation) run(t *testing.T) outcome {
	var o outcome
	synctest.Test(t, func(t *testing.T) {
		g, _ := newTestGovernor(t, s.rate)
		limiter := limiterOf(t, s.limit)
		var accepted, throttled atomic.Int64
		// Clocks of real servers do not begin with a whole second.
		time.Sleep(rand.N(time.Second))
		start := time.Now()
		done := make(chan struct{})
		for range s.workers {
			go func() {
				defer func() { done <- struct{}{} }()
				for accepted.Load() < int64(s.requests) {
					ticket, err := g.admit(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					time.Sleep(s.latency / 2)
					now := time.Now()
					wait := limiter.Take(now)
					time.Sleep(s.latency / 2)
					if wait == 0 {
						accepted.Add(1)
						ticket.accepted()
						continue
					}
					throttled.Add(1)
					h := http.Header{"Date": {now.UTC().Format(http.TimeFormat)}}
					if name, value := limiter.Header(now, wait); name != "" {
						h.Set(name, value)
					}
					if err := ticket.throttled(parseRetryAfter(h, now)); err != nil {
						t.Error(err)
						return
					}
				}
			}()
		}
		for range s.workers {
			<-done
		}
		o.took = time.Since(start)
		perSecond := float64(s.limit.Requests) / s.limit.Window.Seconds()
		o.used = float64(accepted.Load()) / (o.took.Seconds() * perSecond)
		o.throttled = float64(throttled.Load()) / float64(accepted.Load()+throttled.Load())
	})
	return o
}

// However the API counts and whatever it says about when to come back, "auto" finds its limit and keeps just under it: over
// 8,000 requests, or a minute where those take a few seconds, of which a pause of whole seconds would be too large a part.
func TestGovernor_Auto_FindsTheLimit(t *testing.T) {
	limits := []emulator.RateLimit{
		{Requests: 20, Window: time.Minute},
		{Requests: 10, Window: time.Second},
		{Requests: 50, Window: time.Second},
		{Requests: 200, Window: time.Second},
		{Requests: 1000, Window: time.Second},
	}
	styles := []emulator.RetryAfterStyle{
		emulator.RetryAfterMillis, emulator.RetryAfterSeconds, emulator.RetryAfterDate, emulator.RetryAfterNone,
	}
	for _, limit := range limits {
		s := simulation{rate: Rate{Auto: true}, latency: 5 * time.Millisecond, requests: 8000}
		if limit.Requests == 1000 {
			s.requests = 60_000
		}
		for _, limit.Kind = range emulator.LimitKinds() {
			for _, limit.RetryAfter = range styles {
				for _, s.workers = range []int{8, 32, 128} {
					s.limit = limit
					name := fmt.Sprintf("%d in %v/%s/%s/%d workers",
						limit.Requests, limit.Window, limit.Kind, cmp.Or(limit.RetryAfter, "none"), s.workers)
					t.Run(name, func(t *testing.T) {
						o := s.run(t)
						t.Logf("used %.1f %%, throttled %.2f %%, in %v", 100*o.used, 100*o.throttled, o.took.Round(time.Second))
						if o.used < 0.9 || o.throttled > 0.01 {
							t.Error("want at least 90 % used, and at most 1 % throttled")
						}
					})
				}
			}
		}
	}
}

// A limit that was found too low, or that rises, is found again: four times as much within two minutes.
func TestGovernor_Auto_FollowsTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newTestGovernor(t, Rate{Auto: true})
		low := limiterOf(t, emulator.RateLimit{Requests: 50, Window: time.Second, RetryAfter: emulator.RetryAfterDate})
		high := limiterOf(t, emulator.RateLimit{Requests: 200, Window: time.Second, RetryAfter: emulator.RetryAfterDate})
		start := time.Now()
		accepted := 0
		for since := time.Duration(0); since < 3*time.Minute; since = time.Since(start) {
			limiter := low
			if since > 10*time.Second {
				limiter = high
			}
			ticket := mustAdmit(t, g)
			now := time.Now()
			if wait := limiter.Take(now); wait > 0 {
				if err := ticket.throttled(delay{wait: wait.Truncate(time.Second) + time.Second, unit: time.Second}); err != nil {
					t.Fatal(err)
				}
				continue
			}
			ticket.accepted()
			if since > 2*time.Minute {
				accepted++
			}
		}
		if want := 200 * 60 * 9 / 10; accepted < want {
			t.Errorf("%d requests in the last minute, want %d at least", accepted, want)
		}
	})
}

func limiterOf(t *testing.T, l emulator.RateLimit) *emulator.Limiter {
	t.Helper()
	limiter, err := emulator.NewLimiter(l)
	if err != nil {
		t.Fatal(err)
	}
	return limiter
}

// A given rate is kept to, never passed in any window, and made use of.
func TestGovernor_Rate_IsKeptUnderAnyLimit(t *testing.T) {
	for _, kind := range emulator.LimitKinds() {
		for _, workers := range []int{8, 32, 128} {
			o := simulation{
				rate: Rate{PerSecond: 95}, limit: emulator.RateLimit{Kind: kind, Requests: 100, Window: time.Second},
				workers: workers, latency: 50 * time.Millisecond, requests: 8000,
			}.run(t)
			if share := o.used * 100 / 95; share < 0.98 || o.throttled > 0 {
				t.Errorf("%s, %d workers: used %.1f %% of the rate, throttled %.2f %%", kind, workers, 100*share, 100*o.throttled)
			}
		}
	}
}
