package governor

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Everything fails, and every request is tried six times: the API sees a fifth more requests than were wanted, and ten a
// second, beside what was saved up before.
func TestBudget_Spend_KeepsTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b Budget
		s := NewSwitch()
		var first, retries atomic.Int64
		start := time.Now()
		var workers sync.WaitGroup
		for range 32 {
			workers.Go(func() {
				for range 20 {
					// Others may spend it as soon as it is earned.
					first.Add(1)
					b.Earn()
					for range 5 {
						if err := s.Sleep(t.Context(), b.Spend()); err != nil {
							t.Error(err)
						}
						retries.Add(1)
						earned := budgetShare*float64(first.Load()) + budgetFloor*time.Since(start).Seconds()
						if most := budgetCap/2 + earned + 1; float64(retries.Load()) > most {
							t.Errorf("%d retries of %d requests after %v, want at most %.0f",
								retries.Load(), first.Load(), time.Since(start), most)
							return
						}
					}
				}
			})
		}
		workers.Wait()
		if took := time.Since(start); retries.Load() != 32*20*5 || took > 6*time.Minute {
			t.Errorf("%d retries in %v, want all %d, at ten a second", retries.Load(), took, 32*20*5)
		}
	})
}

// What is not used is saved, but not without end.
func TestBudget_Spend_SavesUpToTheCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b Budget
		b.Spend()
		time.Sleep(time.Hour)
		for range 10_000 {
			b.Earn()
		}
		for n := range int(budgetCap) {
			if wait := b.Spend(); wait != 0 {
				t.Fatalf("retry %d waits %v, want %v at once", n, wait, budgetCap)
			}
		}
		if wait := b.Spend(); wait != 100*time.Millisecond {
			t.Errorf("the next one waits %v, want a tenth of a second", wait)
		}
		time.Sleep(time.Second)
		if wait := b.Spend(); wait != 0 {
			t.Errorf("a second later one waits %v, want none", wait)
		}
	})
}
