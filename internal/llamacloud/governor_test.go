package llamacloud

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"exporter/pipeline"
)

func newTestGovernor(t *testing.T, r Rate) (*governor, *recorder) {
	t.Helper()
	events := &recorder{t: t}
	return newGovernor(Options{Rate: r, Observer: events}.withDefaults()), events
}

// admissions lets workers ask for n admissions in all, and returns when each was given.
func admissions(t *testing.T, g *governor, workers, n int) []time.Time {
	var mu sync.Mutex
	var times []time.Time
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range n / workers {
				ticket, err := g.admit(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				ticket.accepted()
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

func TestGovernor_Admit_KeepsTheRateInEveryWindow(t *testing.T) {
	for _, perSecond := range []float64{1.0 / 3, 7, 200} {
		synctest.Test(t, func(t *testing.T) {
			g, _ := newTestGovernor(t, Rate{PerSecond: perSecond})
			const n = 400
			times := admissions(t, g, 8, n)
			burst := g.bucket.Burst()
			for i := range times {
				for j := i + burst; j < len(times); j++ {
					window := times[j].Sub(times[i]).Seconds()
					if most := float64(burst) + perSecond*window + 1e-3; float64(j-i) > most {
						t.Fatalf("%d admissions in %v s, want at most %v", j-i, window, most)
					}
				}
			}
			took := times[n-1].Sub(times[0]).Seconds()
			if got := (n - 1) / took; got < 0.98*perSecond {
				t.Errorf("%v a second, want %v", got, perSecond)
			}
		})
	}
}

func TestGovernor_Throttled_StopsAllWorkersAndKeepsTheRateAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, events := newTestGovernor(t, Rate{PerSecond: 10})
		start := time.Now()
		mustAdmit(t, g).accepted()
		limited := mustAdmit(t, g)
		go func() {
			time.Sleep(time.Second)
			if err := limited.throttled(delay{wait: time.Minute, unit: time.Second}); err != nil {
				t.Error(err)
			}
		}()
		times := admissions(t, g, 20, 200)
		paused, resumed := start.Add(1100*time.Millisecond), start.Add(61*time.Second)
		var after []time.Time
		for _, at := range times {
			if at.After(paused) && at.Before(resumed) {
				t.Fatalf("admitted %v after the start, in the pause", at.Sub(start))
			}
			if !at.Before(resumed) {
				after = append(after, at)
			}
		}
		if len(after) < 180 {
			t.Fatalf("%d admissions after the pause, want at least 180", len(after))
		}
		if took := after[19].Sub(after[0]); took < 1800*time.Millisecond {
			t.Errorf("20 admissions in %v after the pause, want no burst", took)
		}
		if got := eventsOf[pipeline.Paused](events); len(got) != 1 || got[0].For != time.Minute {
			t.Errorf("events %v, want one pause of a minute", got)
		}
	})
}

func TestGovernor_Throttled_LongestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, events := newTestGovernor(t, Rate{})
		start := time.Now()
		tickets := []*ticket{mustAdmit(t, g), mustAdmit(t, g), mustAdmit(t, g)}
		for i, seconds := range []time.Duration{1, 10, 2} {
			if err := tickets[i].throttled(delay{wait: seconds * time.Second, unit: time.Second}); err != nil {
				t.Fatal(err)
			}
		}
		mustAdmit(t, g)
		if took := time.Since(start); took < 10*time.Second || took > 11*time.Second {
			t.Errorf("admitted after %v, want 10 s and some jitter", took)
		}
		if got := eventsOf[pipeline.Paused](events); len(got) != 1 {
			t.Errorf("%d pauses were reported, want 1: the others belong to the same window", len(got))
		}
	})
}

// One request goes after a pause; the others wait until it was accepted.
func TestGovernor_Probe_GoesAlone(t *testing.T) {
	outcomes := map[string]struct {
		tell func(*ticket)
		// others tells that the others go on, and again that one of them is the next probe, after a pause of at least least.
		others bool
		least  time.Duration
	}{
		"accepted":  {func(t *ticket) { t.accepted() }, true, 0},
		"untold":    {func(t *ticket) { t.untold() }, false, 0},
		"failed":    {func(t *ticket) { _ = t.failed(errors.New("reset")) }, false, 100 * time.Millisecond},
		"throttled": {func(t *ticket) { _ = t.throttled(delay{wait: time.Minute}) }, false, time.Minute},
	}
	for name, test := range outcomes {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, _ := newTestGovernor(t, Rate{})
				if err := mustAdmit(t, g).throttled(delay{wait: 10 * time.Second}); err != nil {
					t.Fatal(err)
				}
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
				told := time.Now()
				test.tell(probe)
				if test.least > 0 {
					time.Sleep(test.least - 1)
					if n := others.Load(); n != 0 {
						t.Fatalf("%d requests %v after a probe in vain", n, time.Since(told))
					}
				}
				time.Sleep(time.Minute)
				want := int64(1)
				if test.others {
					want = 5
				}
				if n := others.Load(); n != want {
					t.Errorf("%d requests went on, want %d", n, want)
				}
				g.stop()
			})
		})
	}
}

func TestGovernor_Throttled_TooLongEndsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newTestGovernor(t, Rate{PerSecond: 1})
		first := mustAdmit(t, g)
		second := mustAdmit(t, g)
		if err := first.throttled(delay{wait: time.Minute}); err != nil {
			t.Fatal(err)
		}
		waiting := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := g.admit(t.Context())
				waiting <- err
			}()
		}
		synctest.Wait()
		start := time.Now()
		want := &PauseError{For: 16 * time.Minute, Max: 15 * time.Minute}
		check := func(who string, err error) {
			if got, ok := errors.AsType[*PauseError](err); !ok || *got != *want {
				t.Errorf("%s: got %v, want %v", who, err, want)
			}
		}
		check("throttled", second.throttled(delay{wait: 16 * time.Minute}))
		check("who has the turn", <-waiting)
		check("who waits for the turn", <-waiting)
		_, err := g.admit(t.Context())
		check("admit", err)
		check("sleep", g.sleep(t.Context(), time.Hour))
		if waited := time.Since(start); waited != 0 {
			t.Errorf("waited %v", waited)
		}
	})
}

// Where the API throttles whatever is sent, however short the pauses that it asks for, it is given up after max_pause.
func TestGovernor_ThrottledForEver_EndsAfterMaxPause(t *testing.T) {
	for _, wait := range []time.Duration{0, time.Second, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			g, _ := newTestGovernor(t, Rate{Auto: true})
			start := time.Now()
			for n := 1; ; n++ {
				err := mustAdmit(t, g).throttled(delay{wait: wait})
				if err == nil {
					continue
				}
				if _, ok := errors.AsType[*PauseError](err); !ok {
					t.Errorf("got %v, want a PauseError", err)
				}
				if took := time.Since(start); took < 10*time.Minute || took > 15*time.Minute+time.Second {
					t.Errorf("gave up after %v, want hardly more than 15 min", took)
				}
				if n > 60 {
					t.Errorf("%d requests, want ever fewer", n)
				}
				return
			}
		})
	}
}

// An API that cannot be reached gets a few requests and what is under way, and then single ones, until it is given up.
func TestGovernor_Failed_OpensTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newTestGovernor(t, Rate{})
		start := time.Now()
		cause := errors.New("connection refused")
		var sent []time.Duration
		for {
			ticket := mustAdmit(t, g)
			sent = append(sent, time.Since(start))
			err := ticket.failed(cause)
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
		if _, err := g.admit(t.Context()); !errors.Is(err, g.verdict) || err == nil {
			t.Errorf("admit: got %v, want the same", err)
		}
	})
}

// Any answer ends an outage, not only one to the probe, whose failure means nothing any more then.
func TestGovernor_Failed_AnswerClosesTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newTestGovernor(t, Rate{})
		slow := mustAdmit(t, g)
		for range outageAfter {
			if err := mustAdmit(t, g).failed(errors.New("reset")); err != nil {
				t.Fatal(err)
			}
		}
		probe := mustAdmit(t, g)
		start := time.Now()
		slow.accepted()
		mustAdmit(t, g)
		if err := probe.failed(errors.New("reset")); err != nil {
			t.Error(err)
		}
		mustAdmit(t, g)
		if waited := time.Since(start); waited != 0 {
			t.Errorf("waited %v after an answer", waited)
		}
	})
}

func TestGovernor_Stop_EndsAllWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newTestGovernor(t, Rate{PerSecond: 0.001})
		mustAdmit(t, g)
		errs := make(chan error, 3)
		for range 2 {
			go func() {
				_, err := g.admit(t.Context())
				errs <- err
			}()
		}
		go func() { errs <- g.sleep(t.Context(), time.Hour) }()
		synctest.Wait()
		start := time.Now()
		g.stop()
		g.stop()
		for range 3 {
			if err := <-errs; !errors.Is(err, pipeline.ErrStopped) {
				t.Errorf("got %v, want %v", err, pipeline.ErrStopped)
			}
		}
		if _, err := g.admit(t.Context()); !errors.Is(err, pipeline.ErrStopped) {
			t.Errorf("later: got %v, want %v", err, pipeline.ErrStopped)
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestGovernor_Admit_GivesTheCauseOfItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("the user has had enough")
		for _, r := range []Rate{{}, {PerSecond: 1}} {
			g, _ := newTestGovernor(t, r)
			ctx, cancel := context.WithCancelCause(t.Context())
			if err := mustAdmit(t, g).throttled(delay{wait: time.Minute}); err != nil {
				t.Fatal(err)
			}
			done := make(chan error)
			go func() {
				_, err := g.admit(ctx)
				done <- err
			}()
			synctest.Wait()
			cancel(cause)
			if err := <-done; !errors.Is(err, cause) {
				t.Errorf("got %v, want %v", err, cause)
			}
			if _, err := g.admit(ctx); !errors.Is(err, cause) {
				t.Errorf("again: got %v, want %v", err, cause)
			}
			// What was reserved and not used is there for the next one.
			start := time.Now()
			mustAdmit(t, g)
			if took := time.Since(start); took > time.Minute+maxPauseJitter {
				t.Errorf("next one waited %v", took)
			}
		}
	})
}

func mustAdmit(t *testing.T, g *governor) *ticket {
	t.Helper()
	ticket, err := g.admit(t.Context())
	if err != nil && !errors.Is(err, pipeline.ErrStopped) {
		t.Error(err)
	}
	return ticket
}
