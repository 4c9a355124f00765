package governor

import "math"

type phase int

const (
	searching phase = iota // the rate doubles
	counting               // it stays, and rows are counted
	steady                 // it is known, and rises by the root law
)

const (
	// firstRate is what a search begins with, in requests a second.
	firstRate = 8
	// doubling is how long a rate must have been used before it is doubled, in seconds; after the first row,
	// 1/doublings of a window.
	doubling, doublings = 0.05, 12
	// patience is how many windows a rate is tested before one that no row confirms is searched again.
	patience = 4
	// below is where the pace goes on under what was found, fall what is left of it after a hit.
	below, fall = 0.985, 0.95
	// graceful is how long after a decrease hits are about what was before, in windows.
	graceful = 1.1
	// step is by how much the root of what a window holds rises in a cycle.
	step = 0.25
	// surge and surging: after so many cycles without a hit the rate rises faster and faster.
	surge, surging = 1.2, 0.6
	// resting is the shortest rest, in seconds.
	resting = 10
	// near is how far apart two levels of a limit may be that are the same.
	near = 0.15
	// leastTime and leastCount are what it takes to judge, in seconds and requests.
	leastTime, leastCount = 0.9, 10
)

// pace learns how fast one may go.
type pace struct {
	// ceiling is the given rate, infinite if there is none.
	ceiling float64
	phase   phase
	// level counts the changes of the rate.
	level int

	// While searching and counting: the rate, when it was doubled last, how many were accepted and throttled since.
	trial        float64
	doubled      float64
	used, spoilt int
	slow         bool

	// When steady: the rate after the last decrease, and for how many seconds requests were sent since.
	base, active float64
	grace        float64
	// known is the level at which the limit was hit, sure how often in a row it was the same.
	known float64
	sure  int

	// window is the length of the origin's window in seconds, pause what the last row cost.
	window, pause float64

	epoch   count
	recent  recent
	windows windows
	seconds seconds
	noise   noise
	rows    int
	answers int
	// first is what was accepted before the first row: a bucket's burst, perhaps.
	first int
	// seen is the rate of the last whole row, which ended at seenAt.
	seen, seenAt float64

	// admitted and waited are when a request was sent last, and when one had waited for it.
	admitted, waited float64
}

func newPace(perSecond float64, auto bool) *pace {
	p := &pace{ceiling: math.Inf(1), window: 1, waited: -1, epoch: count{from: -1}, phase: counting}
	if perSecond > 0 {
		p.ceiling = perSecond
	}
	p.trial = p.ceiling
	if auto {
		p.trial, p.phase = min(firstRate, p.ceiling), searching
	}
	return p
}

// rate returns the rate in requests a second, which depends only on what was sent and answered, not on time that passes.
//
// It is additive increase and multiplicative decrease, in the root of what a window holds: small programs grow relatively
// faster and all shrink alike, so that shares of rivals meet (binomial congestion control: Bansal and Balakrishnan,
// INFOCOM 2001).
func (p *pace) rate() float64 {
	if p.phase != steady {
		return p.trial
	}
	hold, cycle := p.rhythm()
	x := max(0, p.active-hold) / cycle
	root := math.Sqrt(p.base*p.window) + step*x
	rate := root * root / p.window
	if x > surge {
		rate *= math.Exp(min(20, surging*(x-surge)*(x-surge)))
	}
	return min(rate, p.ceiling)
}

// rhythm returns for how long a rate is held after a decrease and how long a step up takes, in seconds. The surer the
// limit the longer: looking for more costs a throttled answer or two.
func (p *pace) rhythm() (hold, cycle float64) {
	switch p.sure {
	case 0:
		return p.window, max(30, 0.7*p.window)
	case 1:
		return 3 * p.window, max(20, 2*p.window)
	}
	return 9 * p.window, max(40, 4*p.window, 20*min(p.pause, 2))
}

// admit counts the time in which requests are sent: an idle hour is not an hour without a hit.
func (p *pace) admit(now float64, waited bool) {
	if p.phase == steady {
		p.active += min(now-p.admitted, p.moment())
	}
	p.admitted = now
	if waited {
		p.waited = now
	}
}

// rest forgets the counts that have begun if nothing was asked for of late, and holds the rate anew: an hour in which nothing was
// sent says nothing about how much may be, and a bucket that has filled meanwhile makes a limit look larger. Pauses aren't rests.
func (p *pace) rest(now float64) {
	if now-p.admitted > max(resting, 10*p.moment()) {
		p.epoch = count{from: now}
		p.recent.reset(now)
		if p.phase == steady {
			p.base, p.active = p.rate(), 0
		}
	}
}

// moment is the time in which a few requests are sent, in seconds.
func (p *pace) moment() float64 { return max(1, 3/p.rate()) }

func (p *pace) accept(now float64, q Passage) {
	p.epoch.accepted++
	p.recent.add(now, 1, 0)
	p.seconds.add(now)
	p.answers++
	if p.phase == counting && p.trial < p.ceiling && now-p.epoch.from > patience*p.window {
		p.phase = searching
		p.test(now)
	}
	if p.phase == searching && q.Sent > p.doubled {
		p.search(now)
	}
}

// search doubles the rate if the last one has been made use of.
func (p *pace) search(now float64) {
	p.used++
	least := doubling
	if p.slow {
		least = max(1, p.window/doublings)
	}
	if t := now - p.doubled; t >= least && float64(p.used) >= p.trial*t/2 {
		p.trial = min(2*p.trial, p.ceiling)
		p.test(now)
		p.level++
	}
}

// test begins to find out whether a rate is made use of.
func (p *pace) test(now float64) { p.doubled, p.used, p.spoilt = now, 0, 0 }

// searchAgain doubles the rate as if no limit was known.
func (p *pace) searchAgain(now float64) {
	p.trial, p.phase = min(p.rate(), p.ceiling), searching
	p.test(now)
	p.known, p.sure, p.windows = 0, 0, p.windows[:0]
	p.size(1)
	p.level++
}

// set goes on with a rate.
func (p *pace) set(rate float64) {
	p.base, p.active, p.phase = min(rate, p.ceiling), 0, steady
	p.level++
}

// found goes on with a rate below the limit that was found.
func (p *pace) found(now, limit float64) {
	p.set(below * limit)
	p.learn(p.base)
	p.grace = now + graceful*p.window
}

// learn takes note of the level of a limit.
func (p *pace) learn(level float64) {
	if p.known > 0 && math.Abs(level/p.known-1) < near {
		p.sure = min(2, p.sure+1)
	} else {
		p.sure, p.known = 0, level
	}
}

func (p *pace) decrease(now float64) {
	hold, _ := p.rhythm()
	at := p.rate()
	p.learn(at)
	if p.active < hold {
		// It has not risen, and is too much: others rise, or the limit has fallen.
		p.sure = 0
	}
	p.set(fall * at)
	p.grace = now + graceful*p.window
}
