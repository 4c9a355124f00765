package governor

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// openBreaker lets requests fail until a probe is needed, and returns that.
func openBreaker(t *testing.T, g *Governor) *Ticket {
	t.Helper()
	for range outageAfter {
		if err := mustAdmit(t, g).Failed(errors.New("reset")); err != nil {
			t.Fatal(err)
		}
	}
	probe := mustAdmit(t, g)
	if !probe.Outage() {
		t.Fatal("the request after them is no probe")
	}
	return probe
}

// A probe of which nothing came makes room for the next.
func TestGovernor_Outage_ProbeThatCameToNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{})
		openBreaker(t, g).Untold()
		start := time.Now()
		next := mustAdmit(t, g)
		if waited := time.Since(start); waited != 0 || !next.Outage() {
			t.Errorf("the next one waited %v and is the probe: %v", waited, next.Outage())
		}
	})
}

// An answer that throttles is an answer.
func TestGovernor_Outage_EndsWithAnAnswerThatThrottles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{})
		mustThrottle(t, openBreaker(t, g), 1)
		if next := mustAdmit(t, g); next.Outage() || !next.Probe() {
			t.Error("the outage goes on")
		}
	})
}

// A long pause among failures is no part of an outage.
func TestGovernor_Outage_BeginsWhenAllWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{})
		slow := mustAdmit(t, g)
		const pause = 100 * time.Second
		mustThrottle(t, mustAdmit(t, g), pause.Seconds())
		if err := slow.Failed(errors.New("reset")); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		mustAdmit(t, g).Untold()
		if waited := time.Since(start); waited < pause {
			t.Fatalf("the pause lasted %v", waited)
		}
		for {
			err := mustAdmit(t, g).Failed(errors.New("reset"))
			if err == nil {
				continue
			}
			outage, ok := errors.AsType[*OutageError](err)
			if took := time.Since(start) - pause; !ok || took < time.Minute || outage.For > 2*time.Minute {
				t.Errorf("got %v after %v, want an outage of one to two minutes", err, took)
			}
			return
		}
	})
}

// Nor is an hour for which the machine stands still among failures.
func TestGovernor_Outage_OfAMachineThatStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{})
		for n := range outageAfter + 3 {
			if n == 1 {
				g.mu.Lock()
				g.began = g.began.Add(-time.Hour)
				g.mu.Unlock()
			}
			if err := mustAdmit(t, g).Failed(errors.New("reset")); err != nil {
				t.Fatalf("request %d: %v", n+1, err)
			}
		}
	})
}

// An outage ends the run in the end also where each request takes longer to fail than an outage may last.
func TestGovernor_Outage_OfSlowFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{})
		start := time.Now()
		for time.Since(start) < time.Hour {
			ticket := mustAdmit(t, g)
			time.Sleep(3 * time.Minute)
			if err := ticket.Failed(errors.New("no answer in time")); err != nil {
				return
			}
		}
		t.Error("it did not end within an hour")
	})
}

// A request gives up later than an outage is known, however few attempts it has.
func TestGovernor_Outage_IsKnownBeforeARequestGivesUp(t *testing.T) {
	for _, attempts := range []int{1, 2, 3, 6, 10} {
		g := New(Options{MaxAttempts: attempts}, NewSwitch())
		if want := max(1, min(outageAfter, attempts-1)); g.breaker.after != want {
			t.Errorf("%d attempts: known after %d failures, want %d", attempts, g.breaker.after, want)
		}
	}
}
