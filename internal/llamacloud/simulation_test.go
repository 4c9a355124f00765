package llamacloud

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/llamacloud/governor"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// world is an API with a limit, and programs that send requests to it through governors of their own, as fast as these let
// them.
type world struct {
	limit emulator.RateLimit
	// noise is the share of requests that are throttled for no reason, told to come back after noiseWait seconds.
	noise     float64
	noiseWait float64
	rtt       time.Duration
	length    time.Duration
	// programs are their rates; each begins when the one before has run for apart.
	programs []Rate
	apart    time.Duration
}

// tally is what came of the requests of a program in the second half of the time.
type tally struct{ accepted, throttled atomic.Int64 }

// run returns the tallies of all programs.
func (w world) run(t *testing.T) []tally {
	limiter := limiterOf(t, w.limit)
	limiter.Start(time.Now())
	tallies := make([]tally, len(w.programs))
	s := governor.NewSwitch()
	var running sync.WaitGroup
	half := time.Now().Add(w.length / 2)
	for i, r := range w.programs {
		running.Go(func() {
			if s.Sleep(t.Context(), time.Duration(i)*w.apart) == nil {
				w.program(t, r, s, limiter, &tallies[i], half)
			}
		})
	}
	time.Sleep(w.length)
	s.Stop()
	running.Wait()
	return tallies
}

// program is 32 workers. A request that is throttled leaves its worker.
func (w world) program(t *testing.T, r Rate, s *governor.Switch, limiter *emulator.Limiter, count *tally, half time.Time) {
	g := governor.New(governor.Options{
		PerSecond: r.PerSecond, Auto: r.Auto, MaxPause: 2 * time.Hour, MaxOutage: time.Minute, MaxAttempts: 6,
		Observer: pipeline.Observers(nil), Log: func(string) {},
	}, s)
	var workers, parked sync.WaitGroup
	for range 32 {
		workers.Go(func() {
			for {
				var request governor.Request
				own, err := w.send(t, g, limiter, &request, count, half)
				if err != nil {
					return
				}
				if own > 0 {
					parked.Go(func() {
						for own > 0 && err == nil && s.Sleep(t.Context(), own) == nil {
							own, err = w.send(t, g, limiter, &request, count, half)
						}
					})
				}
			}
		})
	}
	workers.Wait()
	parked.Wait()
}

// send sends a request, and returns how long it has to wait if it was throttled.
func (w world) send(
	t *testing.T, g *governor.Governor, limiter *emulator.Limiter, request *governor.Request, count *tally, half time.Time,
) (own time.Duration, err error) {
	ticket, err := g.Admit(t.Context(), request)
	if err != nil {
		return 0, err
	}
	// A tenth of the way is more or less.
	way := func() { time.Sleep(time.Duration(float64(w.rtt) / 2 * (0.9 + 0.2*rand.Float64()))) }
	way()
	now := time.Now()
	h := http.Header{"Date": {now.UTC().Format(http.TimeFormat)}}
	throttled := rand.Float64() < w.noise
	if throttled && w.noiseWait > 0 {
		h.Set("Retry-After", fmt.Sprint(w.noiseWait))
	}
	if !throttled {
		wait := limiter.Take(now)
		if throttled = wait > 0; throttled {
			if name, value := limiter.Header(now, wait); name != "" {
				h.Set(name, value)
			}
		}
	}
	way()
	late := time.Now().After(half)
	if !throttled {
		if late {
			count.accepted.Add(1)
		}
		ticket.Accepted(nil)
		return 0, nil
	}
	if late {
		count.throttled.Add(1)
	}
	d := parseRetryAfter(h, time.Now())
	return ticket.Throttled(request, governor.Delay{Wait: d.wait.Seconds(), Unit: d.unit.Seconds()}, nil)
}

// The real governor, with goroutines and tickets, does what the simulated regulator does. Jitter and noise are other ones in every
// run, and one in sixty finds the limit a little late: the medians of three count.
func TestGovernor_UsesTheLimit(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	auto, second := []Rate{{Auto: true}}, emulator.RateLimit{Requests: 100, Window: time.Second}
	minute := emulator.RateLimit{Requests: 20, Window: time.Minute, Used: 20, RetryAfter: emulator.RetryAfterSeconds}
	of := func(l emulator.RateLimit, kind emulator.LimitKind, style emulator.RetryAfterStyle) emulator.RateLimit {
		l.Kind, l.RetryAfter = kind, style
		return l
	}
	tests := []struct {
		name string
		world
		// used is the least share of the limit, throttled the largest share of all requests.
		used, throttled float64
	}{
		{"fixed, seconds", world{limit: of(second, emulator.FixedWindow, emulator.RetryAfterSeconds), programs: auto}, 0.9, 0.01},
		{"sliding, ms", world{limit: of(second, emulator.SlidingWindow, emulator.RetryAfterMillis), programs: auto}, 0.9, 0.01},
		{"bucket, none", world{limit: of(second, emulator.TokenBucket, emulator.RetryAfterNone), programs: auto}, 0.9, 0.03},
		{"used up, auto", world{limit: minute, programs: auto, length: 40 * time.Minute}, 0.9, 0.05},
		{"used up, given", world{limit: minute, programs: []Rate{{PerSecond: 1.0 / 3}}, length: 20 * time.Minute}, 0.9, 0.05},
		{"noise", world{
			limit: of(second, emulator.FixedWindow, emulator.RetryAfterSeconds), noise: 0.01, programs: auto, length: 4 * time.Minute,
		}, 0.8, 0.03},
		{"noise with a minute's pause", world{
			limit: of(emulator.RateLimit{Requests: 25, Window: time.Second}, emulator.FixedWindow, emulator.RetryAfterSeconds),
			noise: 0.004, noiseWait: 60, length: 20 * time.Minute, programs: []Rate{{PerSecond: 24}},
		}, 0.75, 0.01},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if test.rtt = 100 * time.Millisecond; test.length == 0 {
					test.length = 2 * time.Minute
				}
				var used, shares []float64
				for range 3 {
					tallies := test.run(t)
					accepted, throttled := float64(tallies[0].accepted.Load()), float64(tallies[0].throttled.Load())
					used = append(used, accepted/(float64(test.limit.Requests)*test.length.Seconds()/2/test.limit.Window.Seconds()))
					shares = append(shares, throttled/(accepted+throttled))
				}
				slices.Sort(used)
				slices.Sort(shares)
				if used[1] < test.used || shares[1] > test.throttled {
					t.Errorf("used %.3f, throttled %.4f in three runs; want at least %.2f and at most %.2f", used, shares, test.used, test.throttled)
				}
			})
		})
	}
}

// Two programs on one limit find their shares.
func TestGovernor_SharesTheLimit(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := world{
			limit: emulator.RateLimit{Requests: 100, Window: time.Second, RetryAfter: emulator.RetryAfterMillis},
			rtt:   100 * time.Millisecond, length: 10 * time.Minute, programs: []Rate{{Auto: true}, {Auto: true}}, apart: time.Minute,
		}
		tallies := w.run(t)
		a, b := float64(tallies[0].accepted.Load()), float64(tallies[1].accepted.Load())
		if used := (a + b) / 30_000; used < 0.9 || a > 4*b || b > 4*a {
			t.Errorf("%.0f and %.0f of 30,000, want 90 %% together, and no more than four to one", a, b)
		}
	})
}
