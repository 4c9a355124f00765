package llamacloud

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestVigil_Stalls(t *testing.T) {
	const idle = 10 * time.Second
	for _, test := range []struct {
		name string
		// came is what comes each second for others, of whom so many wait, for so many seconds.
		came, others, seconds int
		want                  time.Duration
	}{
		{"alone", 0, 0, 60, idle},
		{"beside others for whom nothing comes", 0, 100, 60, idle},
		{"beside others for whom next to nothing comes", minBodyRate * 3 / 4, 100, 60, idle},
		{"beside others for whom much comes", 100 << 10, 1, 60, idle},
		{"one of many on a thin line", 10 << 10, 31, 60, 3 * idle},
		{"one of many on a line that is dead soon", 10 << 10, 31, 5, 2 * idle},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLine()
				for range test.others {
					l.wait()
				}
				var stalled time.Duration
				start := time.Now()
				v := &vigil{line: l, idle: idle, stall: func() { stalled = time.Since(start) }}
				v.begin(start, l.wait())
				for second := range 60 {
					if second < test.seconds {
						var f flow
						l.got(&f, l.wait(), test.came, time.Second)
					}
					time.Sleep(time.Second)
				}
				v.close()
				if stalled != test.want {
					t.Errorf("stalled after %v, want %v", stalled, test.want)
				}
				if thin := l.thin.Load(); thin != (test.want > idle) {
					t.Errorf("the line is thin: %t, want it where a body had more time", thin)
				}
			})
		})
	}
}

// The time between waits does not count, nor does a timer that was set for an earlier one.
func TestVigil_CountsWaitsOnly(t *testing.T) {
	const idle = 10 * time.Second
	synctest.Test(t, func(t *testing.T) {
		l := newLine()
		stalled := false
		v := &vigil{line: l, idle: idle, stall: func() { stalled = true }}
		for _, pause := range []time.Duration{0, time.Second, 9 * time.Second, time.Hour} {
			v.begin(time.Now(), l.wait())
			time.Sleep(idle - 1)
			if waited := v.end(time.Now()); waited != idle-1 {
				t.Errorf("waited %v, want %v", waited, idle-1)
			}
			time.Sleep(pause)
		}
		if stalled {
			t.Error("stalled, though no wait was as long as that")
		}
		v.begin(time.Now(), l.wait())
		v.close()
		time.Sleep(time.Hour)
		// The timer may be on its way when the vigil ends.
		v.expire(time.Now())
		v.expire(time.Now().Add(idle))
		if stalled {
			t.Error("stalled after the end")
		}
	})
}

// A machine that stood still for an hour in a wait goes on as if it had begun just now: what has come meanwhile is read, and
// the hour does not count.
func TestVigil_MachineStoodStill(t *testing.T) {
	const idle = 10 * time.Second
	synctest.Test(t, func(t *testing.T) {
		l := newLine()
		stalled := false
		v := &vigil{line: l, idle: idle, stall: func() { stalled = true }}
		defer v.close()

		begin := time.Now()
		v.begin(begin, l.wait())
		if waited := v.end(begin.Add(time.Hour)); waited != 0 {
			t.Errorf("the bytes are first: %v count, want nothing", waited)
		}

		v.begin(begin, l.wait())
		later := begin.Add(time.Hour)
		v.expire(later)
		if waited := v.end(later.Add(time.Second)); waited != time.Second || stalled {
			t.Errorf("the timer is first: %v count, stalled %t, want a second", waited, stalled)
		}

		v.begin(begin, l.wait())
		v.expire(later)
		v.expire(later.Add(idle))
		if !stalled {
			t.Error("not stalled, though nothing came after the hour")
		}
	})
}
