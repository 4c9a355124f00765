package llamacloud

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"exporter/pipeline"
)

func newTestGovernor(t *testing.T, r Rate) (*governor, *recorder) {
	t.Helper()
	events := &recorder{t: t}
	return newGovernor(r, 15*time.Minute, events), events
}

// admissions lets workers ask for n admissions in all, and returns when each was given.
func admissions(t *testing.T, g *governor, workers, n int) []time.Time {
	var mu sync.Mutex
	var times []time.Time
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range n / workers {
				if err := g.admit(t.Context()); err != nil {
					t.Error(err)
					return
				}
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

func TestGovernor_Pause_StopsAllWorkersAndKeepsTheRateAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, events := newTestGovernor(t, Rate{PerSecond: 10})
		start := time.Now()
		go func() {
			time.Sleep(time.Second)
			if err := g.pause(time.Minute); err != nil {
				t.Error(err)
			}
		}()
		times := admissions(t, g, 20, 200)
		paused, resumed := start.Add(time.Second), start.Add(61*time.Second)
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

func TestGovernor_Pause_LongestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, events := newTestGovernor(t, Rate{})
		start := time.Now()
		for _, d := range []time.Duration{10 * time.Second, time.Second, 10*time.Second + time.Millisecond} {
			if err := g.pause(d); err != nil {
				t.Fatal(err)
			}
		}
		if err := g.admit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 10*time.Second || took > 11*time.Second {
			t.Errorf("admitted after %v, want 10 s and some jitter", took)
		}
		if got := eventsOf[pipeline.Paused](events); len(got) != 1 {
			t.Errorf("%d pauses were reported, want 1: shorter and hardly longer ones are no news", len(got))
		}
	})
}

func TestGovernor_Pause_TooLongEndsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newTestGovernor(t, Rate{PerSecond: 1})
		if err := g.pause(time.Minute); err != nil {
			t.Fatal(err)
		}
		waiting := make(chan error, 2)
		go func() { waiting <- g.admit(t.Context()) }()
		go func() { waiting <- g.admit(t.Context()) }()
		synctest.Wait()
		start := time.Now()
		want := &PauseError{For: 16 * time.Minute, Max: 15 * time.Minute}
		check := func(who string, err error) {
			if got, ok := errors.AsType[*PauseError](err); !ok || *got != *want {
				t.Errorf("%s: got %v, want %v", who, err, want)
			}
		}
		check("pause", g.pause(16*time.Minute))
		check("who has the turn", <-waiting)
		check("who waits for the turn", <-waiting)
		check("admit", g.admit(t.Context()))
		check("sleep", g.sleep(t.Context(), time.Hour))
		if waited := time.Since(start); waited != 0 {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestGovernor_Stop_EndsAllWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newTestGovernor(t, Rate{PerSecond: 0.001})
		if err := g.admit(t.Context()); err != nil {
			t.Fatal(err)
		}
		errs := make(chan error, 3)
		go func() { errs <- g.admit(t.Context()) }()
		go func() { errs <- g.admit(t.Context()) }()
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
		if err := g.admit(t.Context()); !errors.Is(err, pipeline.ErrStopped) {
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
			if err := g.pause(time.Minute); err != nil {
				t.Fatal(err)
			}
			done := make(chan error)
			go func() { done <- g.admit(ctx) }()
			synctest.Wait()
			cancel(cause)
			if err := <-done; !errors.Is(err, cause) {
				t.Errorf("got %v, want %v", err, cause)
			}
			if err := g.admit(ctx); !errors.Is(err, cause) {
				t.Errorf("again: got %v, want %v", err, cause)
			}
			// What was reserved and not used is there for the next one.
			start := time.Now()
			if err := g.admit(t.Context()); err != nil {
				t.Error(err)
			}
			if took := time.Since(start); took > time.Minute+pauseJitter {
				t.Errorf("next one waited %v", took)
			}
		}
	})
}
