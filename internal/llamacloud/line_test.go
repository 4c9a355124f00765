package llamacloud

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestFlow_Fortune(t *testing.T) {
	const grace, waited = 30 * time.Second, 40 * time.Second
	const due = 10 * minBodyRate
	fair := func(bytes int64) int64 { return bytes * shareUnit }
	for _, test := range []struct {
		name string
		flow flow
		want fortune
	}{
		{"in its grace", flow{waited: grace}, flowing},
		{"at the least rate", flow{waited, due, reading{due, fair(due)}, 0}, flowing},
		{"alone and below it", flow{waited, due - 1, reading{due - 1, fair(due - 1)}, 0}, slow},
		{"all together are below it", flow{waited, due / 3, reading{due - 1, fair(due / 3)}, 0}, slow},
		{"one of many", flow{waited, due / 3, reading{due, fair(due / 3)}, 0}, starving},
		{"one of many that others outrun", flow{waited, due / 8, reading{9 * due, fair(due)}, 0}, starving},
		{"far from its fair share", flow{waited, due/8 - 1, reading{9 * due, fair(due)}, 0}, slow},
		{"nothing at all", flow{waited, 0, reading{9 * due, fair(due)}, 0}, slow},
	} {
		if got := test.flow.fortune(grace); got != test.want {
			t.Errorf("%s: got %d, want %d", test.name, got, test.want)
		}
	}
}

func TestLine_Starve_LeavesAsManyAsCanLive(t *testing.T) {
	for _, test := range []struct {
		came int64
		want int
	}{{12 * minBodyRate * 10, 6}, {minBodyRate * 10, 1}, {1, 1}, {math.MaxInt32, math.MaxInt32 / 10 / thinRate}} {
		l := newLine()
		l.starve(0, test.came, 10*time.Second)
		// Those that began before are not heard again.
		l.starve(0, 1, 10*time.Second)
		if got := int(l.limit); got != test.want || l.begin().cuts != 1 {
			t.Errorf("%d bytes in 10 s: %d may be under way, want %d", test.came, got, test.want)
		}
	}
}

func TestLine_Ended_LetsMoreIn(t *testing.T) {
	l := newLine()
	for _, test := range []struct {
		name     string
		received int64
		waited   time.Duration
		bodies   int
		want     float64
	}{
		{"what comes slowly", telling, time.Hour, 4, 5},
		{"what comes fast", telling, time.Second, 4, 8},
		{"what is too small to tell", telling - 1, 0, 4, 5},
	} {
		l.limit = 4
		l.thin.Store(true)
		f := l.begin()
		f.received, f.waited = test.received, test.waited
		for range test.bodies {
			l.ended(&f)
		}
		if math.Abs(l.limit-test.want) > 0.2 {
			t.Errorf("%s: %d bodies raise the limit from 4 to %v, want about %v", test.name, test.bodies, l.limit, test.want)
		}
	}
	old := l.begin()
	l.starve(0, 0, time.Second)
	old.received = telling
	if l.ended(&old); l.limit != 1 {
		t.Errorf("a body that began before the limit was lowered raises it to %v", l.limit)
	}
	f := l.begin()
	for f.received = telling; l.thin.Load(); {
		l.ended(&f)
	}
	if l.limit != unlimited {
		t.Errorf("the limit is %v in the end, want %d", l.limit, unlimited)
	}
}

// FuzzLine_Share compares the fair share of bodies that wait, and are given bytes, in any order with its definition.
func FuzzLine_Share(f *testing.F) {
	f.Add([]byte{0, 0, 1, 0, 0, 10, 1, 20, 2, 0, 2, 255})
	f.Add([]byte{0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 6, 255, 5, 255})
	f.Fuzz(func(t *testing.T, steps []byte) {
		const bodies = 7
		// Each step rounds by one part of a byte at most.
		rounding := float64(len(steps))/shareUnit + 1e-6
		l := newLine()
		var flows [bodies]flow
		var waits [bodies]*reading
		var came [bodies]int64
		var fair [bodies]float64
		for ; len(steps) >= 2; steps = steps[2:] {
			i, n := int(steps[0])%bodies, int(steps[1])
			if waits[i] == nil {
				from := l.wait()
				waits[i] = &from
				continue
			}
			waiting := 0
			for _, wait := range waits {
				if wait != nil {
					waiting++
				}
			}
			for j := range waits {
				if waits[j] != nil {
					came[j] += int64(n)
					fair[j] += float64(n) / float64(waiting)
				}
			}
			l.got(&flows[i], *waits[i], n, time.Second)
			waits[i] = nil
		}
		for i, wait := range waits {
			if wait != nil {
				l.got(&flows[i], *wait, 0, 0)
			}
			got := flows[i].meanwhile
			share := float64(got.share) / shareUnit
			if got.came != came[i] || math.Abs(share-fair[i]) > rounding {
				t.Errorf("body %d: %d bytes came and %f are its share, want %d and %f", i, got.came, share, came[i], fair[i])
			}
		}
		if n := l.waiting.Load(); n != 0 {
			t.Errorf("%d bodies wait in the end, want none", n)
		}
	})
}

// FuzzLine_Places has blobs come, give up and go in any order while the limit changes: there are never more at once than it
// allowed when the last of them was let in, nobody waits while there is a place, and who comes first is first.
func FuzzLine_Places(f *testing.F) {
	f.Add([]byte{0, 0, 0, 5, 0, 0, 1, 1, 4, 4, 4, 2, 1})
	f.Add([]byte{6, 0, 0, 0, 0, 2, 1, 5, 0, 1, 3, 3})
	f.Fuzz(func(t *testing.T, steps []byte) {
		l := newLine()
		var inside, waiting []chan struct{}
		admit := func() {
			for len(waiting) > 0 {
				select {
				case <-waiting[0]:
					inside, waiting = append(inside, waiting[0]), waiting[1:]
				default:
					return
				}
			}
		}
		check := func(before int) {
			t.Helper()
			admit()
			for _, turn := range waiting {
				select {
				case <-turn:
					t.Fatal("somebody was let in before who came first")
				default:
				}
			}
			if most := max(before, int(l.limit)); len(inside) > most || len(waiting) > 0 && len(inside) < int(l.limit) {
				t.Fatalf("%d are inside and %d wait, with %d before and a limit of %v", len(inside), len(waiting), before, l.limit)
			}
		}
		for _, step := range steps {
			before := len(inside)
			switch f := l.begin(); {
			case step%8 < 3:
				if turn := l.enter(); turn == nil {
					inside = append(inside, nil)
				} else {
					waiting = append(waiting, turn)
				}
			case step%8 == 3 && len(waiting) > 0:
				i := int(step/8) % len(waiting)
				l.leave(waiting[i])
				waiting = slices.Delete(waiting, i, i+1)
			case step%8 == 4:
				f.received = telling
				l.ended(&f)
			case step%8 == 5:
				l.starve(f.cuts, int64(step/8)*thinRate, time.Second)
			case len(inside) > 0:
				l.leave(inside[0])
				inside = inside[1:]
				before--
			}
			check(before)
		}
		for len(inside)+len(waiting) > 0 {
			for _, turn := range inside {
				l.leave(turn)
			}
			inside = nil
			admit()
		}
		if l.inside != 0 || len(l.queue) != 0 {
			t.Errorf("%d are inside and %d wait in the end, want none", l.inside, len(l.queue))
		}
	})
}
