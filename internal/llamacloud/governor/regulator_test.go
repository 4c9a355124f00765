package governor

import (
	"math"
	"math/rand/v2"
	"testing"
)

func newTest(perSecond float64, auto bool) *Regulator {
	return NewRegulator(perSecond, auto, rand.New(rand.NewPCG(1, 2)))
}

func TestRegulator_Throttled_ShutsUntilTheHeadersTime(t *testing.T) {
	r := newTest(10, false)
	p := r.Admit(1, false)
	r.Throttled(1.1, p, &Tries{}, Delay{Wait: 60, Unit: 1})
	if got := r.Next(2); got < 61.1 || got > 61.1+jitter {
		t.Errorf("next is allowed at %v, want 61.1 and at most %v more", got, jitter)
	}
}

func TestRegulator_Throttled_ContradictedStaysOpen(t *testing.T) {
	r := newTest(10, false)
	first, second := r.Admit(1, false), r.Admit(1.1, false)
	r.Accepted(1.2, second)
	if own := r.Throttled(1.3, first, &Tries{}, Delay{Wait: 60, Unit: 1}); own < 60 {
		t.Errorf("the request itself waits %v s, want 60 at least", own)
	}
	if got := r.Next(1.3); got > 1.5 {
		t.Errorf("next is allowed at %v, want it at once", got)
	}
}

func TestRegulator_Next_OneProbe(t *testing.T) {
	r := newTest(10, false)
	r.Throttled(1.1, r.Admit(1, false), &Tries{}, Delay{Wait: 1, Unit: 1})
	now := r.Next(1.2)
	probe := r.Admit(now, true)
	if !probe.Probe {
		t.Fatal("what passes a shut gate is no probe")
	}
	if got := r.Next(now + 5); !math.IsInf(got, 1) {
		t.Errorf("a second request is allowed at %v while the probe is out", got)
	}
	r.Untold(probe)
	if got := r.Next(now + 5); math.IsInf(got, 1) {
		t.Error("a probe that told nothing is not freed")
	}
}

func TestRegulator_Untold_OldProbeFreesNoOther(t *testing.T) {
	r := newTest(10, false)
	late := r.Admit(0.9, false)
	r.Throttled(1.1, r.Admit(1, false), &Tries{}, Delay{Wait: 1, Unit: 1})
	now := r.Next(1.2)
	r.Admit(now, true)
	r.Untold(late)
	if got := r.Next(now + 5); !math.IsInf(got, 1) {
		t.Errorf("a second request is allowed at %v while the probe is out", got)
	}
}

func TestRegulator_Throttled_FirstLeavesAGivenRate(t *testing.T) {
	r := newTest(20, false)
	var now float64
	for range 100 {
		now = r.Next(now)
		r.Accepted(now+0.005, r.Admit(now, true))
	}
	now = r.Next(now)
	r.Throttled(now+0.005, r.Admit(now, true), &Tries{}, Delay{})
	now = r.Next(now)
	r.Accepted(now+0.005, r.Admit(now, true))
	if got := r.Rate(); got != 20 {
		t.Errorf("rate is %v after one throttled answer, want 20", got)
	}
}

func TestRegulator_Next_UnlimitedIsAtOnce(t *testing.T) {
	r := newTest(0, false)
	for range 1000 {
		if got := r.Next(3); got != 3 {
			t.Fatalf("next is allowed at %v, want 3", got)
		}
		r.Admit(3, false)
	}
}

func TestGate_Offends(t *testing.T) {
	for _, c := range []struct {
		name                string
		throttled           int
		accepted, throttles int // of others since
		want                bool
	}{
		{"first time", 0, 100, 0, false},
		{"others are accepted", 1, others, 0, true},
		{"too few are", 1, others - 1, 0, false},
		{"others are throttled as well", 1, others, others/blame + 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := gate{acceptedCount: uint64(c.accepted), refusedCount: uint64(c.throttles)}
			if got := g.offends(&Tries{Throttled: c.throttled}); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestRow_Need_OneFarDemandIsNoWindow(t *testing.T) {
	var r row
	r.first = 10
	r.add(Passage{Sent: 10}, Delay{Wait: 60, Unit: 1})
	r.add(Passage{Sent: 10.1}, Delay{Wait: 0.9, Unit: 0.001})
	r.end(Passage{Sent: 70, Probe: true}, 70)
	if got := r.need(); got > 1 {
		t.Errorf("got %v s, want less than 1", got)
	}
}

// That nobody sends anything for an hour in a pause does not make it longer.
func TestRow_Need_OfAPauseInWhichNobodyAsks(t *testing.T) {
	var r row
	r.first = 10
	r.add(Passage{Sent: 10}, Delay{})
	r.end(Passage{Sent: 3600, Probe: true}, 12)
	if got := r.need(); got != 2 {
		t.Errorf("got %v s, want 2", got)
	}
}

func TestWindows_Agreed(t *testing.T) {
	for _, c := range []struct {
		name  string
		w     windows
		rate  float64
		exact bool
		ok    bool
	}{
		{"one", windows{{20, 59, 60, 1}}, 0, false, false},
		{"two of a natural window", windows{{20, 59, 60, 1}, {21, 58.5, 60.2, 1}}, 20.5 / 60, true, true},
		{"two of none", windows{{20, 40, 41, 1}, {20, 40, 41, 1}}, 0, false, false},
		{"three of none", windows{{20, 40, 41, 1}, {20, 40, 41, 1}, {20, 40, 41, 1}}, 0.5, false, true},
		{"two that differ", windows{{20, 59, 60, 1}, {30, 59, 60, 1}}, 0, false, false},
		{"too small", windows{{4, 59, 60, 1}, {4, 59, 60, 1}}, 0, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			rate, exact, ok := c.w.agreed()
			if rate != c.rate || exact != c.exact || ok != c.ok {
				t.Errorf("got %v, %v, %v, want %v, %v, %v", rate, exact, ok, c.rate, c.exact, c.ok)
			}
		})
	}
}

func TestWindows_Mean(t *testing.T) {
	for _, c := range []struct {
		name string
		w    windows
		rate float64
		ok   bool
	}{
		{"too few", windows{{20, 59, 60, 10}, {40, 59, 60, 30}}, 0, false},
		{"pauses that end together", windows{{20, 59, 60, 10}, {40, 59, 60, 30}, {30, 59, 60, 20}}, 0.5, true},
		{"pauses that are all alike", windows{{20, 59, 60, 10}, {40, 59, 60, 10}, {30, 59, 60, 9.5}}, 0.5, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if rate, ok := c.w.mean(); rate != c.rate || ok != c.ok {
				t.Errorf("got %v, %v, want %v, %v", rate, ok, c.rate, c.ok)
			}
		})
	}
}

// Pauses that are all alike after counts that are not are chance, after which the rate is looked for again.
func TestPace_Judge_SearchesAgainAfterChance(t *testing.T) {
	for _, c := range []struct {
		name   string
		counts []int
		needs  []float64
		search bool
	}{
		{"chance", []int{43, 20, 90, 42}, []float64{59, 59, 59, 59}, true},
		{"a window that is shared", []int{43, 20, 90, 42}, []float64{10, 30, 50, 20}, false},
		{"counts that are alike", []int{43, 45, 40, 42}, []float64{59, 59, 59, 59}, false},
		{"a limit by the second", []int{43, 20, 90, 42}, []float64{1, 1, 1, 1}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPace(0, true)
			p.rows, p.phase = 1, counting
			now := 0.0
			for i, n := range c.counts {
				for range n {
					p.accept(now, Passage{Sent: now, Level: p.level})
				}
				p.resume(now+70, row{first: now + 10, last: now + 10, over: now + 70, due: now + 70, demanded: now + 10 + c.needs[i],
					header: true, answers: 1, level: p.level})
				now += 70
			}
			if got := p.phase == searching; got != c.search {
				t.Errorf("it is looked for again: %v, want %v", got, c.search)
			}
		})
	}
}

// A pace is sure of a limit that it hits at the same level again and again, after it has risen. It is not where that level
// drifts, as it does while rivals take their shares.
func TestPace_Decrease_IsSureOfALimitThatStays(t *testing.T) {
	for _, c := range []struct {
		name string
		// drift is by how much the level changes from hit to hit, risen whether it rises before each.
		drift float64
		risen bool
		sure  bool
	}{
		{"the same level", 1, true, true}, {"a level that drifts", 0.93, true, false}, {"hit before it has risen", 1, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPace(0, true)
			level, least := 100.0, 2
			for n := range 12 {
				p.set(level)
				if hold, _ := p.rhythm(); c.risen {
					p.active = hold
				}
				p.decrease(0)
				level *= c.drift
				if n > 2 {
					least = min(least, p.sure)
				}
			}
			if got := least == 2; got != c.sure {
				t.Errorf("sure: %d at the least, want %v", least, c.sure)
			}
		})
	}
}

// A window that others have a part of is followed by the mean of what was accepted, however far above the rate is.
func TestPace_Judge_FollowsTheMeanOfASharedWindow(t *testing.T) {
	p := newPace(0, true)
	p.set(1000)
	p.window, p.rows = 60, 9
	now := 0.0
	for i, n := range []int{300, 120, 200, 260} {
		for range n {
			p.accept(now, Passage{Sent: now, Level: p.level})
		}
		used := 20 + 7*float64(i)
		p.resume(now+60, row{first: now + used, last: now + used, over: now + 60, due: now + 60, demanded: now + 59, header: true, answers: 1, level: p.level})
		now += 60
	}
	if got := p.rate(); got < 3 || got > 8 {
		t.Errorf("the rate is %v, want little more than some 3.5 a second", got)
	}
}

// What was throttled before a long pause is no overload after it.
func TestPace_Resume_ForgetsWhatWasBeforeAPause(t *testing.T) {
	p := newPace(0, true)
	p.rows = 1
	p.recent.reset(0)
	for range 30 {
		p.soft(1, Passage{Level: p.level})
		p.accept(1, Passage{Level: p.level})
	}
	p.set(100)
	p.resume(61, row{first: 1, last: 1, over: 61, due: 61, demanded: 60, header: true, answers: 1, level: p.level})
	p.accept(61.2, Passage{Level: p.level})
	if got := p.recent.sum(); got.throttled > 0 || got.from != 61 {
		t.Errorf("%+v is remembered", got)
	}
}

func TestNoise_Burst(t *testing.T) {
	for _, c := range []struct {
		name string
		gaps []int
		want bool
	}{
		{"as chance has it", []int{50, 120, 10, 80, 30, 200, 60, 5, 90, 140, 20, 70, 33, 110, 8, 95}, false},
		{"a bucket that is emptied", []int{1, 2, 1, 1, 3, 1, 2, 1, 1, 1000, 1, 2, 1, 1, 1, 2}, true},
	} {
		var n noise
		at, got := 0, false
		for _, gap := range append([]int{0}, c.gaps...) {
			at += gap
			got = n.burst(at)
		}
		if got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// A limit that is passed throttles in every window, so that throttled answers which are rarer aren't about it.
func TestPace_Soft_RareOnesLowerNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		// gap is how many are accepted between two throttled answers, at 100 a second.
		gap  int
		want bool
	}{{"in every second", 100, true}, {"in every tenth second", 1000, false}} {
		t.Run(c.name, func(t *testing.T) {
			p := newPace(0, true)
			p.set(100)
			now, lowered := 0.0, false
			for n := range 8 {
				for range c.gap {
					now += 0.01
					p.accept(now, Passage{Sent: now, Level: p.level})
				}
				p.waited = now
				level := p.level
				p.soft(now, Passage{Sent: now, Level: p.level})
				lowered = lowered || n >= 2 && p.level > level
			}
			if lowered != c.want {
				t.Errorf("the rate was lowered: %v, want %v", lowered, c.want)
			}
		})
	}
}

// Few throttled answers don't hold up the search for a rate, many do.
func TestPace_Search_GoesOnThroughChance(t *testing.T) {
	for _, c := range []struct {
		every int
		want  bool
	}{{40, true}, {10, false}} {
		p := newPace(0, true)
		p.rows, p.slow, p.trial = 1, true, 100
		now := 0.0
		for n := range 300 {
			now += 0.01
			p.accept(now, Passage{Sent: now, Level: p.level})
			if n%c.every == 0 {
				p.contradicted(now, 1)
			}
		}
		if got := p.trial > 100; got != c.want {
			t.Errorf("one in %d throttled: doubled %v, want %v", c.every, got, c.want)
		}
	}
}

// An hour asleep in a pause does not make a window by the hour of two counts that happen to be alike.
func TestPace_Take_AnHourAsleepIsNoWindow(t *testing.T) {
	p := newPace(0, true)
	p.set(0.35)
	p.rows, p.window = 9, 60
	now := 0.0
	for _, asleep := range []float64{0, 3600} {
		for range 270 {
			now += 3
			p.accept(now, Passage{Sent: now, Level: p.level})
		}
		p.resume(now+3+asleep, row{first: now, last: now, over: now + 3 + asleep, due: now + 3, soft: true, answers: 1, level: p.level})
		now += 3 + asleep
	}
	if got := p.rate(); got < 0.3 {
		t.Errorf("%v a second, want hardly less than 0.35", got)
	}
}

// Where the workers hold the rate back and not the doubling, throttled answers in bursts end it.
func TestPace_Soft_BurstsEndTheDoubling(t *testing.T) {
	p := newPace(0, true)
	p.rows, p.trial = 1, 4096
	now := 0.0
	for range 2 {
		for n := range 1000 {
			now += 0.001
			p.accept(now, Passage{Sent: now, Level: p.level})
			if n < 12 {
				p.soft(now, Passage{Sent: now, Level: p.level})
			}
		}
	}
	if p.phase != steady || p.rate() > 1100 {
		t.Errorf("phase %v, %v a second, want it steady at what was accepted", p.phase, p.rate())
	}
}

func TestPace_Rest_AnHourAsleepIsNoCount(t *testing.T) {
	p := newPace(0, true)
	p.admit(1, false)
	p.accept(1.1, Passage{Sent: 1})
	p.rest(3600)
	if p.epoch.accepted != 0 || p.epoch.from != 3600 {
		t.Errorf("the count began at %v with %d, want 3600 and 0", p.epoch.from, p.epoch.accepted)
	}
}

// A bucket fills while nothing is sent: that it takes more for a while is no larger limit, so that a rise begins anew.
func TestPace_Rest_HoldsTheRateAnew(t *testing.T) {
	const asleep = 3600
	p := newPace(0, true)
	p.set(100)
	now := 0.0
	send := func(seconds int) {
		for range seconds {
			now++
			p.rest(now)
			p.admit(now, true)
		}
	}
	send(45)
	before := p.rate()
	now += asleep
	send(1)
	if got := p.rate(); before < 103 || got != before {
		t.Errorf("%v a second after an hour asleep, %v before it; want the same, and more than 103", got, before)
	}
	send(20)
	if got := p.rate(); got <= before || got > 1.1*before {
		t.Errorf("%v a second 20 s later, want it to have risen from %v by a tenth at most", got, before)
	}
}

func TestPace_Rate_SmallRivalsGrowFaster(t *testing.T) {
	grown := func(base float64) float64 {
		p := newPace(0, true)
		p.set(base)
		p.active = 12
		return p.rate() / base
	}
	if small, large := grown(5), grown(50); small <= large {
		t.Errorf("5 a second grows %v-fold, 50 a second %v-fold; want more", small, large)
	}
}
