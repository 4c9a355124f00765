package pipeline

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Assets that wait for long leave their places and their memory to others: sixteen that are throttled do not hold up the rest.
func TestRun_Pause_GivesPlaceAndMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := testSource(4*maxParked), newFakeStore(t)
		var parked, late atomic.Int64
		start := time.Now()
		source.park = func(a *Asset, pause Pause) error {
			if a.Kind != Screenshot || a.PageIndex != 0 {
				if time.Since(start) > time.Second {
					late.Add(1)
				}
				return nil
			}
			parked.Add(1)
			return pause(func() error {
				time.Sleep(time.Minute)
				return nil
			})
		}
		o := testOptions(source, store)
		// Memory for one asset at a time.
		o.Memory = 1
		mustRun(t, o)
		if got := countRows(store, hasStatus(Stored)); got != 80 || parked.Load() != 16 {
			t.Errorf("%d assets are stored, %d were parked, want 80 and 16", got, parked.Load())
		}
		if took := time.Since(start); took > time.Minute+time.Second {
			t.Errorf("took %v, want a minute", took)
		}
		if n := late.Load(); n > 0 {
			t.Errorf("%d of 64 others came late", n)
		}
		if source.most > 4+maxParked*4 {
			t.Errorf("%d were under way or parked at once, want %d at most", source.most, 4+maxParked*4)
		}
	})
}

// gauge counts how many are somewhere at once.
type gauge struct {
	mu        sync.Mutex
	now, most int
}

// during counts one more while f runs.
func (g *gauge) during(f func()) {
	g.add(1)
	defer g.add(-1)
	f()
}

func (g *gauge) add(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now += n
	g.most = max(g.most, g.now)
}

// However many assets wait, and however often: no more than there is room for are parked, what they hold is counted again when
// they go on, and their room is that of others.
func TestRun_Pause_IsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := testSource(6), newFakeStore(t)
		var waiting, working gauge
		source.park = func(_ *Asset, pause Pause) error {
			for range 2 {
				working.during(func() { time.Sleep(time.Second) })
				err := pause(func() error {
					waiting.during(func() { time.Sleep(time.Minute) })
					return nil
				})
				if err != nil {
					return err
				}
			}
			working.during(func() { time.Sleep(time.Second) })
			return nil
		}
		o := testOptions(source, store)
		// Memory for one asset at a time, which the one keeps that waits without being parked.
		o.Concurrency, o.Memory = 2, 1
		start := time.Now()
		mustRun(t, o)
		if want := maxParked*2 + 1; waiting.most != want {
			t.Errorf("%d assets waited at once, want %d", waiting.most, want)
		}
		if working.most != 1 {
			t.Errorf("%d assets were under way at once, want one, as there is memory for", working.most)
		}
		// Sixty waits, of which nine are under way at best; one after the other they take an hour.
		if took := time.Since(start); took > 20*time.Minute {
			t.Errorf("took %v, want 20 minutes at most", took)
		}
	})
}

// What ends a wait ends the asset's fetching, and a run that ends while assets are parked ends at once.
func TestRun_Pause_Ends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := testSource(20), newFakeStore(t)
		stop, stopped := make(chan struct{}), make(chan struct{})
		source.onStop = func() { close(stopped) }
		source.park = func(_ *Asset, pause Pause) error {
			return pause(func() error {
				select {
				case <-stopped:
					return ErrStopped
				case <-time.After(time.Hour):
					return errors.New("waited too long")
				}
			})
		}
		o := testOptions(source, store)
		o.Stop = stop
		start := time.Now()
		time.AfterFunc(time.Second, func() { close(stop) })
		if err := Run(t.Context(), o); !errors.Is(err, ErrInterrupted) {
			t.Errorf("got %v, want %v", err, ErrInterrupted)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("ended after %v, want a second", took)
		}
	})
}

// A panic while an asset is parked is the end of the run, and of no place.
func TestRun_Pause_Panics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := testSource(20), newFakeStore(t)
		var asked atomic.Int64
		source.park = func(_ *Asset, pause Pause) error {
			n := asked.Add(1)
			return pause(func() error {
				time.Sleep(time.Duration(n) * time.Second)
				if n == 3 {
					panic("parked")
				}
				return nil
			})
		}
		o := testOptions(source, store)
		o.Concurrency = 1
		if _, ok := errors.AsType[*PanicError](Run(t.Context(), o)); !ok {
			t.Error("the panic is not the run's error")
		}
	})
}

// Those who wait for a job hold no places: what is parked goes on while the listing yields nothing.
func TestRun_Pause_GoesOnWhileTheListingIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := testSource(2), newFakeStore(t)
		var last time.Duration
		start := time.Now()
		source.park = func(_ *Asset, pause Pause) error {
			err := pause(func() error {
				time.Sleep(time.Second)
				return nil
			})
			last = time.Since(start)
			return err
		}
		source.listErr = func(id ID, _ Kind) error {
			if id == "file-001" {
				time.Sleep(time.Hour)
			}
			return nil
		}
		o := testOptions(source, store)
		o.Concurrency, o.Listers = 1, 1
		first := time.Duration(0)
		o.Observer = Observers{observerFunc(func(e Event) {
			if done, ok := e.(AssetDone); ok && done.Row.FileID == "file-000" {
				first = max(first, time.Since(start))
			}
		})}
		mustRun(t, o)
		if first > time.Minute || last < time.Hour {
			t.Errorf("the first file's assets were done after %v, the last after %v, want seconds and an hour", first, last)
		}
	})
}

type observerFunc func(Event)

func (f observerFunc) Observe(e Event) { f(e) }
