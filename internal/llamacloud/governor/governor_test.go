package governor

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"exporter/pipeline"
)

// Where many of the others are throttled too, three times as many attempts are made before one is hopeless.
func TestRequest_Hopeless_WhereOthersAreThrottledToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{})
		var poisoned Request
		const attempts = 2
		for n := 1; n <= manyAttempts*attempts; n++ {
			if poisoned.Hopeless(attempts) {
				t.Fatalf("hopeless after %d attempts", n-1)
			}
			first := mustAdmit(t, g)
			for range 3 {
				mustThrottle(t, mustAdmit(t, g), 0)
				mustAdmit(t, g).Accepted(nil)
			}
			if _, err := first.Throttled(&poisoned, Delay{}, nil); err != nil {
				t.Fatal(err)
			}
		}
		if !poisoned.Hopeless(attempts) {
			t.Errorf("not hopeless after %d attempts", poisoned.Throttled())
		}
	})
}

// That no answer came says nothing of a quota.
func TestGovernor_Quota_HoldsWhereARequestFails(t *testing.T) {
	for name, tell := range map[string]func(*Ticket){
		"failed": func(t *Ticket) { _ = t.Failed(errors.New("reset")) },
		"untold": func(t *Ticket) { t.Untold() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, _ := newGovernor(Options{})
				mustAdmit(t, g).Accepted(&Quota{Limit: 20, Remaining: 0, Reset: 10, Window: 60})
				tell(mustAdmit(t, g))
				mustAdmit(t, g)
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if _, err := g.Admit(ctx, nil); err == nil {
					t.Errorf("the next one goes after %v, though it is not known what is left", time.Since(start))
				}
			})
		})
	}
}

// A redirect that goes on without a token counts where a quota is announced.
func TestGovernor_Follow_CountsInAQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{})
		mustAdmit(t, g).Accepted(&Quota{Limit: 20, Remaining: 2, Reset: 10, Window: 60})
		start := time.Now()
		for range 2 {
			if _, err := g.Follow(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		mustAdmit(t, g)
		if waited := time.Since(start); waited < 10*time.Second {
			t.Errorf("the third waited %v, want until the reset in 10 s", waited)
		}
	})
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder keeps the events.
type recorder struct {
	mu     sync.Mutex
	events []pipeline.Event
}

func (r *recorder) Observe(e pipeline.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// eventsOf returns the recorded events of one type.
func eventsOf[E pipeline.Event](r *recorder) (found []E) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e, ok := e.(E); ok {
			found = append(found, e)
		}
	}
	return found
}

// newGovernor returns a governor with the limits of a client's defaults.
func newGovernor(o Options) (*Governor, *recorder) {
	events := &recorder{}
	o.MaxPause, o.MaxOutage, o.MaxAttempts = 15*time.Minute, 2*time.Minute, 6
	o.Observer, o.Log = events, func(string) {}
	return New(o, NewSwitch()), events
}

func mustAdmit(t *testing.T, g *Governor) *Ticket {
	t.Helper()
	ticket, err := g.Admit(t.Context(), nil)
	if err != nil && !errors.Is(err, pipeline.ErrStopped) {
		t.Error(err)
	}
	return ticket
}

// mustThrottle says that a request was throttled, and was told to come back in so many seconds.
func mustThrottle(t *testing.T, ticket *Ticket, wait float64) {
	t.Helper()
	if _, err := ticket.Throttled(new(Request), Delay{Wait: wait, Unit: 1}, nil); err != nil {
		t.Error(err)
	}
}

// admissions lets workers ask for n admissions in all, and returns when each was given.
func admissions(t *testing.T, g *Governor, workers, n int) []time.Time {
	var mu sync.Mutex
	var times []time.Time
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range n / workers {
				ticket, err := g.Admit(t.Context(), nil)
				if err != nil {
					t.Error(err)
					return
				}
				ticket.Accepted(nil)
				mu.Lock()
				times = append(times, time.Now())
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.SortFunc(times, time.Time.Compare)
	return times
}

// checkRate checks that in no window more was sent than the rate allows, beside what the bucket of tokens holds: a
// twentieth of a second's worth, one at least.
func checkRate(t *testing.T, times []time.Time, perSecond float64) {
	t.Helper()
	burst := int(max(1, perSecond/20))
	for i := range times {
		for j := i + burst; j < len(times); j++ {
			window := times[j].Sub(times[i]).Seconds()
			if most := float64(burst) + perSecond*window + 1e-3; float64(j-i) > most {
				t.Fatalf("%d requests in %v s, want at most %v", j-i, window, most)
			}
		}
	}
}

func TestGovernor_Admit_KeepsTheRateInEveryWindow(t *testing.T) {
	for _, perSecond := range []float64{1.0 / 3, 7, 200} {
		synctest.Test(t, func(t *testing.T) {
			g, _ := newGovernor(Options{PerSecond: perSecond})
			const n = 400
			times := admissions(t, g, 8, n)
			checkRate(t, times, perSecond)
			if got := (n - 1) / times[n-1].Sub(times[0]).Seconds(); got < 0.98*perSecond {
				t.Errorf("%v a second, want %v", got, perSecond)
			}
		})
	}
}

// A given rate is kept after throttled answers too, however long nothing is throttled any more.
func TestGovernor_Admit_KeepsTheRateAfterThrottling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{PerSecond: 20})
		times := admissions(t, g, 4, 100)
		for range 4 {
			mustThrottle(t, mustAdmit(t, g), 1)
			times = append(times, admissions(t, g, 4, 400)...)
		}
		times = append(times, admissions(t, g, 4, 20_000)...)
		checkRate(t, times[len(times)-2000:], 20)
		last := times[len(times)-2000:]
		if got := 1999 / last[1999].Sub(last[0]).Seconds(); got < 0.97*20 {
			t.Errorf("%v a second in the end, want 20", got)
		}
	})
}

func TestGovernor_Throttled_StopsAllWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, events := newGovernor(Options{PerSecond: 10})
		start := time.Now()
		mustAdmit(t, g).Accepted(nil)
		limited := mustAdmit(t, g)
		mustThrottle(t, limited, 60)
		times := admissions(t, g, 20, 200)
		if first := times[0].Sub(start); first < 60*time.Second || first > 61*time.Second {
			t.Errorf("the first one went on after %v, want a minute", first)
		}
		if took := times[19].Sub(times[0]); took < 1800*time.Millisecond {
			t.Errorf("20 requests in %v after the pause, want no burst", took)
		}
		got := eventsOf[pipeline.Paused](events)
		if len(got) != 1 || got[0].For.Round(time.Second) != time.Minute || got[0].Until.Sub(start) < time.Minute {
			t.Errorf("events %v, want one pause of a minute", got)
		}
	})
}

func TestGovernor_Throttled_LongestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{})
		start := time.Now()
		tickets := []*Ticket{mustAdmit(t, g), mustAdmit(t, g), mustAdmit(t, g)}
		for i, seconds := range []float64{1, 10, 2} {
			mustThrottle(t, tickets[i], seconds)
		}
		mustAdmit(t, g)
		if took := time.Since(start); took < 10*time.Second || took > 11*time.Second {
			t.Errorf("admitted after %v, want 10 s and some jitter", took)
		}
	})
}

// A throttled answer says nothing where requests that were sent after it are accepted.
func TestGovernor_Throttled_Contradicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, order := range []string{"accepted first", "throttled first"} {
			g, _ := newGovernor(Options{})
			start := time.Now()
			refused, later := mustAdmit(t, g), mustAdmit(t, g)
			if order == "accepted first" {
				later.Accepted(nil)
				mustThrottle(t, refused, 60)
			} else {
				mustThrottle(t, refused, 60)
				later.Accepted(nil)
			}
			mustAdmit(t, g).Accepted(nil)
			if waited := time.Since(start); waited != 0 {
				t.Errorf("%s: others waited %v", order, waited)
			}
		}
	})
}

// The request that was throttled waits for as long as it was told, also when the others go on.
func TestTicket_Throttled_OwnWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{})
		refused := mustAdmit(t, g)
		mustAdmit(t, g).Accepted(nil)
		own, err := refused.Throttled(new(Request), Delay{Wait: 60, Unit: 1}, nil)
		if err != nil || own < time.Minute || own > 63*time.Second {
			t.Errorf("got %v, %v, want a minute and little more", own, err)
		}
	})
}

// A request that is throttled again and again while others are accepted is hopeless; one that shares its fate is not.
func TestRequest_Hopeless(t *testing.T) {
	for _, others := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			g, _ := newGovernor(Options{PerSecond: 100})
			var poisoned Request
			for n := 1; n <= 6; n++ {
				if poisoned.Hopeless(6) {
					t.Fatalf("hopeless after %d attempts", n-1)
				}
				for range 20 {
					other := mustAdmit(t, g)
					if others {
						other.Accepted(nil)
					} else {
						other.Untold()
					}
				}
				ticket := mustAdmit(t, g)
				if _, err := ticket.Throttled(&poisoned, Delay{Wait: 1, Unit: 1}, nil); err != nil {
					t.Fatal(err)
				}
			}
			if got := poisoned.Hopeless(6); got != others {
				t.Errorf("others accepted: %v, hopeless: %v", others, got)
			}
		})
	}
}

// A request that was throttled lets OthersFirst others go first, if there are any.
func TestGovernor_Admit_ThrottledRequestYields(t *testing.T) {
	for _, others := range []int{0, 4} {
		synctest.Test(t, func(t *testing.T) {
			g, _ := newGovernor(Options{PerSecond: 10})
			var refused Request
			if _, err := mustAdmit(t, g).Throttled(&refused, Delay{Wait: 5, Unit: 1}, nil); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			var before atomic.Int64
			var workers sync.WaitGroup
			for range others {
				workers.Go(func() {
					for range 30 {
						mustAdmit(t, g).Accepted(nil)
						before.Add(1)
					}
				})
			}
			synctest.Wait()
			ticket, err := g.Admit(t.Context(), &refused)
			if err != nil {
				t.Fatal(err)
			}
			got, took := before.Load(), time.Since(start)
			ticket.Accepted(nil)
			workers.Wait()
			if others == 0 && took > 6*time.Second {
				t.Errorf("alone it waited %v, want the pause only", took)
			}
			if others > 0 && (got < OthersFirst-1 || got > 3*OthersFirst) {
				t.Errorf("%d others went first, want about %d", got, OthersFirst)
			}
		})
	}
}

// One request goes after a pause; the others wait until it was accepted.
func TestGovernor_Probe_GoesAlone(t *testing.T) {
	outcomes := map[string]struct {
		tell func(*Ticket)
		// others is how many of five others go on.
		others int64
	}{
		"accepted":  {func(t *Ticket) { t.Accepted(nil) }, 5},
		"untold":    {func(t *Ticket) { t.Untold() }, 1},
		"failed":    {func(t *Ticket) { _ = t.Failed(errors.New("reset")) }, 1},
		"throttled": {func(t *Ticket) { _, _ = t.Throttled(new(Request), Delay{Wait: 30, Unit: 1}, nil) }, 1},
	}
	for name, test := range outcomes {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, _ := newGovernor(Options{})
				mustThrottle(t, mustAdmit(t, g), 10)
				probe := mustAdmit(t, g)
				var others atomic.Int64
				for range 5 {
					go func() {
						mustAdmit(t, g)
						others.Add(1)
					}()
				}
				time.Sleep(time.Minute)
				if n := others.Load(); n != 0 {
					t.Fatalf("%d requests beside the probe", n)
				}
				test.tell(probe)
				time.Sleep(time.Minute)
				if n := others.Load(); n != test.others {
					t.Errorf("%d requests went on, want %d", n, test.others)
				}
				g.Stop()
				synctest.Wait()
			})
		})
	}
}

// A pause that is too long, at once or by and by, is an error.
func TestTicket_Throttled_TooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{})
		_, err := mustAdmit(t, g).Throttled(new(Request), Delay{Wait: 16 * 60, Unit: 1}, nil)
		want := &PauseError{For: 16 * time.Minute, Max: 15 * time.Minute}
		if got, ok := errors.AsType[*PauseError](err); !ok || *got != *want {
			t.Errorf("got %v, want %v", err, want)
		}
		start := time.Now()
		mustAdmit(t, g).Accepted(nil)
		if waited := time.Since(start); waited != 0 {
			t.Errorf("others waited %v for what nobody waits for", waited)
		}
	})
}

func TestGovernor_ThrottledForEver_EndsAfterMaxPause(t *testing.T) {
	for _, wait := range []float64{0, 1, 60} {
		synctest.Test(t, func(t *testing.T) {
			g, _ := newGovernor(Options{Auto: true})
			start := time.Now()
			for n := 1; ; n++ {
				_, err := mustAdmit(t, g).Throttled(new(Request), Delay{Wait: wait, Unit: 1}, nil)
				if err == nil {
					continue
				}
				if _, ok := errors.AsType[*PauseError](err); !ok {
					t.Errorf("got %v, want a PauseError", err)
				}
				if took := time.Since(start); took < 10*time.Minute || took > 15*time.Minute+time.Second {
					t.Errorf("gave up after %v, want hardly more than 15 min", took)
				}
				if n > 80 {
					t.Errorf("%d requests, want ever fewer", n)
				}
				return
			}
		})
	}
}

// Where there is no limit there is no bucket, also after a throttled answer.
func TestGovernor_Unlimited_HasNoBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{})
		admissions(t, g, 8, 1000)
		refused := mustAdmit(t, g)
		mustThrottle(t, refused, 1)
		mustAdmit(t, g).Accepted(nil)
		start := time.Now()
		admissions(t, g, 8, 8000)
		if took := time.Since(start); took > time.Second {
			t.Errorf("8,000 requests took %v after one throttled answer, want no time", took)
		}
		if rate := g.regulator.Rate(); math.IsNaN(rate) || rate < 8000 {
			t.Errorf("the rate is %v", rate)
		}
	})
}

// Who waits for a token and is cancelled takes none, and who waits for a pause wakes when it ends early.
func TestGovernor_Admit_CancelledWaiterTakesNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{PerSecond: 0.1})
		mustAdmit(t, g).Accepted(nil)
		start := time.Now()
		cause := errors.New("the user has had enough")
		for range 5 {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(cause) })
			if _, err := g.Admit(ctx, nil); !errors.Is(err, cause) {
				t.Errorf("got %v, want %v", err, cause)
			}
		}
		mustAdmit(t, g)
		if took := time.Since(start); took > 10*time.Second+time.Millisecond {
			t.Errorf("the next one was admitted after %v, want 10 s", took)
		}
	})
}

func TestGovernor_Admit_WakesWhenThePauseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{})
		refused, later := mustAdmit(t, g), mustAdmit(t, g)
		mustThrottle(t, refused, 600)
		start := time.Now()
		time.AfterFunc(time.Second, func() { later.Accepted(nil) })
		mustAdmit(t, g)
		if took := time.Since(start); took != time.Second {
			t.Errorf("admitted after %v, want a second", took)
		}
	})
}

func TestGovernor_Admit_WakesWhenThePaceChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{Auto: true})
		var slow []*Ticket
		for range 8 {
			slow = append(slow, mustAdmit(t, g))
		}
		g.mu.Lock()
		g.regulator.pace.trial = 0.001
		g.mu.Unlock()
		start := time.Now()
		time.AfterFunc(time.Second, func() { slow[0].Accepted(&Quota{Limit: 600, Remaining: 500, Reset: 50, Window: 60}) })
		mustAdmit(t, g)
		if took := time.Since(start); took != time.Second {
			t.Errorf("admitted after %v, want a second, when a quota was announced", took)
		}
	})
}

// An API that cannot be reached gets a few requests and what is under way, and then single ones, until it is given up.
func TestGovernor_Failed_OpensTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, events := newGovernor(Options{})
		start := time.Now()
		cause := errors.New("connection refused")
		var sent []time.Duration
		for {
			ticket := mustAdmit(t, g)
			sent = append(sent, time.Since(start))
			err := ticket.Failed(cause)
			if err == nil {
				continue
			}
			outage, ok := errors.AsType[*OutageError](err)
			if !ok || outage.Last != cause || outage.Max != 2*time.Minute {
				t.Errorf("got %v, want an OutageError with the cause", err)
			}
			break
		}
		if took := sent[len(sent)-1]; took < time.Minute || took > 2*time.Minute {
			t.Errorf("gave up after %v, want between one and two minutes", took)
		}
		if len(sent) < outageAfter+5 || len(sent) > outageAfter+12 {
			t.Errorf("%d requests, want %d at once and few more: %v", len(sent), outageAfter, sent)
		}
		if sent[outageAfter] != 0 || sent[outageAfter+1] < 100*time.Millisecond {
			t.Errorf("requests came at %v, want a pause after the first %d and the first probe", sent, outageAfter)
		}
		for _, p := range eventsOf[pipeline.Paused](events) {
			if !p.Outage {
				t.Errorf("%v is reported, want an outage", p)
			}
		}
	})
}

// Failures count in a row only, and those of a host elsewhere not at all.
func TestGovernor_Failed_InARowOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, o := range []Options{{}, {Elsewhere: true}} {
			g, _ := newGovernor(o)
			start := time.Now()
			for n := range 50 {
				ticket := mustAdmit(t, g)
				if ticket.Outage() {
					t.Fatalf("an outage after %d requests", n)
				}
				if n%outageAfter == outageAfter-1 && !o.Elsewhere {
					ticket.Accepted(nil)
				} else if err := ticket.Failed(errors.New("reset")); err != nil {
					t.Fatal(err)
				}
			}
			if waited := time.Since(start); waited != 0 {
				t.Errorf("waited %v", waited)
			}
		}
	})
}

// Any answer ends an outage, not only one to the probe, whose failure means nothing any more then.
func TestGovernor_Failed_AnswerClosesTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{})
		slow := mustAdmit(t, g)
		probe := openBreaker(t, g)
		start := time.Now()
		slow.Accepted(nil)
		mustAdmit(t, g)
		if err := probe.Failed(errors.New("reset")); err != nil {
			t.Error(err)
		}
		mustAdmit(t, g)
		if waited := time.Since(start); waited != 0 {
			t.Errorf("waited %v after an answer", waited)
		}
	})
}

func TestSwitch_Stop_EndsAllWaiting(t *testing.T) {
	verdict := errors.New("the key was refused")
	for name, test := range map[string]struct {
		end  func(*Switch)
		want error
	}{
		"stopped": {(*Switch).Stop, pipeline.ErrStopped},
		"halted":  {func(s *Switch) { s.Halt(verdict); s.Halt(errors.New("later")) }, verdict},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, _ := newGovernor(Options{PerSecond: 0.001})
				mustAdmit(t, g)
				errs := make(chan error, 3)
				for range 2 {
					go func() {
						_, err := g.Admit(t.Context(), nil)
						errs <- err
					}()
				}
				go func() { errs <- g.Sleep(t.Context(), time.Hour) }()
				synctest.Wait()
				start := time.Now()
				test.end(g.Switch)
				test.end(g.Switch)
				for range 3 {
					if err := <-errs; !errors.Is(err, test.want) {
						t.Errorf("got %v, want %v", err, test.want)
					}
				}
				for _, ask := range []func(context.Context) (*Ticket, error){
					func(ctx context.Context) (*Ticket, error) { return g.Admit(ctx, nil) }, g.Follow,
				} {
					if _, err := ask(t.Context()); !errors.Is(err, test.want) {
						t.Errorf("later: got %v, want %v", err, test.want)
					}
				}
				if waited := time.Since(start); waited != 0 {
					t.Errorf("waited %v", waited)
				}
			})
		})
	}
}

func BenchmarkGovernor_Admit(b *testing.B) {
	g, _ := newGovernor(Options{})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			ticket, err := g.Admit(b.Context(), nil)
			if err != nil {
				b.Error(err)
				return
			}
			ticket.Accepted(nil)
		}
	})
}

// A quota of nothing in no time says nothing, and a given rate holds.
func TestGovernor_Quota_OfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{PerSecond: 5})
		for range 3 {
			mustAdmit(t, g).Accepted(&Quota{})
		}
		checkRate(t, admissions(t, g, 8, 80), 5)
	})
}

// What headers said is out of date once an answer to a request after the reset says nothing, and a slow answer holds up
// nobody beyond the reset.
func TestGovernor_Quota_RunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{PerSecond: 100})
		slow := mustAdmit(t, g)
		mustAdmit(t, g).Accepted(&Quota{Limit: 20, Remaining: 0, Reset: 10, Window: 60})
		start := time.Now()
		mustAdmit(t, g).Accepted(nil)
		if waited := time.Since(start); waited < 10*time.Second || waited > 11*time.Second {
			t.Errorf("waited %v, want until the reset in 10 s", waited)
		}
		start = time.Now()
		admissions(t, g, 8, 800)
		if took := time.Since(start); took > 9*time.Second {
			t.Errorf("800 requests took %v after the reset, want 8 s", took)
		}
		slow.Accepted(nil)
	})
}

// Acceptances of what was sent before say nothing of a request that is throttled.
func TestRequest_Hopeless_ByWhatCameAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{})
		earlier, refused := mustAdmit(t, g), mustAdmit(t, g)
		var request Request
		for range 6 {
			if _, err := refused.Throttled(&request, Delay{}, nil); err != nil {
				t.Fatal(err)
			}
			if earlier != nil {
				earlier.Accepted(nil)
				earlier = nil
			}
			refused = mustAdmit(t, g)
		}
		if request.Throttled() != 6 || request.Hopeless(6) {
			t.Errorf("hopeless after %d, though nothing was accepted after it", request.Throttled())
		}
	})
}
