package governor

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"exporter/pipeline"
)

// hour asks a host elsewhere once a second for an hour, and returns how often it was asked and how often it was not to be.
func hour(t *testing.T, g *Governor, asked func(*Ticket)) (sent, refused int) {
	for start := time.Now(); time.Since(start) < time.Hour; {
		ticket, err := g.Admit(t.Context(), nil)
		if failure, ok := errors.AsType[*PauseError](err); ok {
			if !failure.Elsewhere {
				t.Fatalf("%v is said of the API", err)
			}
			refused++
			time.Sleep(time.Second)
			continue
		}
		sent++
		asked(ticket)
	}
	return sent, refused
}

// A host elsewhere that accepts nothing for too long is waited for by nobody, and asked by probes, until it accepts one.
func TestGovernor_Elsewhere_DeadHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{Elsewhere: true})
		start, late := time.Now(), 0
		_, refused := hour(t, g, func(ticket *Ticket) {
			if time.Since(start) > 15*time.Minute {
				late++
			}
			// What comes of it is the asset's.
			_, _ = ticket.Throttled(new(Request), Delay{}, nil)
		})
		if refused < 2000 || late < 20 || late > 200 {
			t.Errorf("%d were refused and %d sent after a quarter of an hour, want nearly one a second and a probe now and then", refused, late)
		}
		for {
			if ticket, err := g.Admit(t.Context(), nil); err == nil {
				ticket.Accepted(nil)
				break
			}
			time.Sleep(time.Second)
		}
		if n := len(admissions(t, g, 8, 80)); n != 80 {
			t.Errorf("%d of 80 are admitted once it accepts", n)
		}
	})
}

// A host elsewhere that asks for a longer pause than is obeyed gets nothing until then.
func TestGovernor_Elsewhere_AsksForTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{Elsewhere: true})
		sent, refused := hour(t, g, func(ticket *Ticket) {
			_, err := ticket.Throttled(new(Request), Delay{Wait: 1800, Unit: 1}, nil)
			if failure, ok := errors.AsType[*PauseError](err); !ok || failure.For != 30*time.Minute || !failure.Elsewhere {
				t.Errorf("got %v, want that it asks for half an hour", err)
			}
		})
		if sent > 3 || refused < 3000 {
			t.Errorf("%d were sent and %d refused, want one each half hour", sent, refused)
		}
	})
}

// The machine stands still in a short pause: that was no pause.
func TestGovernor_Pause_OfAMachineThatStandsStill(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			g, _ := newGovernor(Options{Elsewhere: elsewhere})
			mustThrottle(t, mustAdmit(t, g), 10)
			g.mu.Lock()
			g.began = g.began.Add(-time.Hour)
			g.mu.Unlock()
			probe := mustAdmit(t, g)
			if _, err := probe.Throttled(new(Request), Delay{Wait: 1, Unit: 1}, nil); err != nil {
				t.Errorf("elsewhere %v: %v", elsewhere, err)
			}
			mustAdmit(t, g).Accepted(nil)
		})
	}
}

// Pauses after each of which something is accepted are not one.
func TestGovernor_Pause_EndsWithWhatIsAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{})
		for range 5 {
			mustThrottle(t, mustAdmit(t, g), 600)
			mustAdmit(t, g).Accepted(nil)
		}
	})
}

// Each pause is told of, also one that ends before an earlier one would have.
func TestGovernor_Pause_IsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, events := newGovernor(Options{})
		refused, later := mustAdmit(t, g), mustAdmit(t, g)
		mustThrottle(t, refused, 60)
		later.Accepted(nil)
		mustThrottle(t, mustAdmit(t, g), 20)
		got := eventsOf[pipeline.Paused](events)
		if len(got) != 2 || got[1].For.Round(time.Second) != 20*time.Second {
			t.Errorf("events %v, want a pause of a minute and one of 20 s", got)
		}
	})
}

// A request may be sent later than it was admitted. The evidence is that of when it was sent.
func TestTicket_Begin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{})
		reserved, other := mustAdmit(t, g), mustAdmit(t, g)
		if !reserved.Begin() {
			t.Fatal("it must not be sent, though the gate is open")
		}
		mustThrottle(t, other, 60)
		start := time.Now()
		reserved.Accepted(nil)
		mustAdmit(t, g)
		if waited := time.Since(start); waited != 0 {
			t.Errorf("others waited %v, though what was sent later was accepted", waited)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{})
		mustThrottle(t, mustAdmit(t, g), 10)
		probe := mustAdmit(t, g)
		if !probe.Begin() || !probe.Probe() {
			t.Fatal("the probe must not be sent")
		}
		go probe.Untold()
		if next := mustAdmit(t, g); !next.Probe() {
			t.Error("a probe that began later is none any more")
		}
	})
}

// What was admitted before a pause is not sent in it.
func TestTicket_Begin_InAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{})
		reserved := mustAdmit(t, g)
		mustThrottle(t, mustAdmit(t, g), 60)
		if reserved.Begin() {
			t.Error("it may be sent")
		}
		reserved.Unused()
	})
}

// A probe that was not sent before the gate opened is a request like any other.
func TestTicket_Begin_OfAProbeThatIsNoneAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{})
		refused, slow := mustAdmit(t, g), mustAdmit(t, g)
		mustThrottle(t, refused, 10)
		probe := mustAdmit(t, g)
		slow.Accepted(nil)
		if !probe.Begin() || probe.Probe() {
			t.Fatal("it is the probe, though the gate is open")
		}
		later := mustAdmit(t, g)
		later.Accepted(nil)
		mustThrottle(t, probe, 60)
		start := time.Now()
		mustAdmit(t, g)
		if waited := time.Since(start); waited != 0 {
			t.Errorf("others waited %v for what was contradicted", waited)
		}
	})
}

// What was learnt at a rate is not blamed on one that was set before the request was sent.
func TestRegulator_Begin_TakesTheLevel(t *testing.T) {
	r := NewRegulator(0, true, nil)
	p := r.Admit(1, false)
	r.pace.set(5)
	if q, ok := r.Begin(2, p); !ok || q.Level != r.pace.level || q.Sent != 2 || q.Seq <= p.Seq {
		t.Errorf("got %+v, %v, want the level %d", q, ok, r.pace.level)
	}
}

// A place that was not used leaves the quota and the tokens as they were.
func TestTicket_Unused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{PerSecond: 0.1})
		mustAdmit(t, g).Accepted(&Quota{Limit: 20, Remaining: 1, Reset: 60, Window: 60})
		time.Sleep(10 * time.Second)
		start := time.Now()
		for range 5 {
			mustAdmit(t, g).Unused()
		}
		if waited := time.Since(start); waited > time.Second {
			t.Errorf("waited %v for what was not used", waited)
		}
	})
}

// A request goes at once or not at all.
func TestGovernor_Try(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGovernor(Options{})
		first := g.Try()
		if first == nil {
			t.Fatal("nothing goes, though nothing stops it")
		}
		mustThrottle(t, first, 60)
		if g.Try() != nil {
			t.Error("one goes in a pause")
		}
		mustAdmit(t, g).Accepted(nil)
		g.Stop()
		if g.Try() != nil {
			t.Error("one goes after the end")
		}
	})
}
