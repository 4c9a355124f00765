package llamacloud

import (
	"math"
	"time"
)

const (
	// autoStart is the rate with which "auto" begins, in requests a second.
	autoStart = 8.0
	// autoStep is the least time between two doublings of "auto".
	autoStep = 50 * time.Millisecond
	// justUnder is the share of what the API was accepting that is asked of it afterwards.
	justUnder = 0.985
	// dip is by how much the rate begins below the limit, as a share of it.
	dip = 0.05
)

// pace is how many requests a second may be sent. Time is passed in, so that it is a pure function of what happened.
//
// While nothing was throttled the rate is the given one; "auto" begins with autoStart and doubles. From the first
// throttled answer on it follows, like CUBIC (RFC 9438, section 4.2) and the adaptive retry mode of the AWS clients,
//
//	rate(t) = limit · (1 + dip · ((t - hold)/hold)³)
//
// with t the time since sending was resumed: back fast at first, flat near the limit, which is just under what the API
// was accepting, and then beyond it in search of a new one.
type pace struct {
	// ceiling is the rate that is never passed; infinite where none is given.
	ceiling float64

	// trial is the rate while nothing was throttled; with doubling it grows.
	trial    float64
	doubling bool
	doubled  time.Time
	// used counts the requests sent since then that were accepted.
	used int

	// limit is just under what the API was accepting when it throttled last; 0 before it ever did.
	limit float64
	// hold is the time that it takes from resuming to the limit.
	hold time.Duration
	// now is the epoch that began when sending did, or was resumed; last is the one before.
	now, last epoch
	// relapses counts the throttling windows in a row that came right after the one before.
	relapses int
	recent   recent
	// cost is how many answers a throttling window has, as a moving average, and longest how long one took.
	cost    float64
	longest time.Duration
}

// epoch is the time from resuming to the next throttling window.
type epoch struct {
	began time.Time
	// accepted counts the requests that were sent in it and accepted.
	accepted int
}

func newPace(r Rate) *pace {
	p := &pace{ceiling: math.Inf(1)}
	if r.PerSecond > 0 {
		p.ceiling = r.PerSecond
	}
	p.trial, p.doubling = p.ceiling, r.Auto
	if r.Auto {
		p.trial = min(autoStart, p.ceiling)
	}
	return p
}

// rate returns the rate at a time, in requests a second; it may be infinite.
func (p *pace) rate(now time.Time) float64 {
	if p.limit == 0 {
		return p.trial
	}
	x := float64(now.Sub(p.now.began)-p.hold) / float64(p.hold)
	return min(p.limit*(1+dip*x*x*x), p.ceiling)
}

// accept takes note, at now, of an accepted request.
func (p *pace) accept(now, sent time.Time) {
	if p.now.began.IsZero() {
		p.now.began = sent
	}
	p.now.accepted++
	p.recent.add(sent)
	if p.limit == 0 && p.doubling {
		p.double(now, sent)
	}
}

// double doubles the rate of "auto" when that which was set last has been made use of without being throttled.
func (p *pace) double(now, sent time.Time) {
	if !sent.After(p.doubled) {
		return
	}
	p.used++
	if d := now.Sub(p.doubled); d >= autoStep && float64(p.used) >= p.trial*min(1, d.Seconds())/2 {
		p.trial, p.doubled, p.used = min(2*p.trial, p.ceiling), now, 0
	}
}

// throttling is a throttling window: the time in which the API throttles requests, because it accepted too many before.
type throttling struct {
	// at is when the first throttled answer came, and rate the one at which requests were sent.
	at   time.Time
	rate float64
	// answers is how many were throttled.
	answers int
	// ends is the earliest time at which it may have ended, by when requests are sent; over is when the request was sent that
	// was accepted again.
	ends, over time.Time
}

// note takes note of a throttled request.
func (w *throttling) note(sent time.Time, d delay) {
	w.answers++
	w.ends = sent.Add(max(0, d.wait-d.unit))
}

// resume goes on after a throttling window with a new limit.
func (p *pace) resume(w throttling) {
	before, ran, pause := p.limit, w.at.Sub(p.now.began), w.over.Sub(w.at)
	p.longest = max(p.longest, pause)
	if p.relapsed(w.at) {
		p.relapses++
		p.now = epoch{began: p.last.began, accepted: p.last.accepted + p.now.accepted}
	} else {
		p.relapses = 0
	}
	p.limit = p.estimate(w)
	p.cost += 0.3 * (float64(w.answers) - p.cost)
	// Looking for a new limit costs a pause and some throttled answers: the more, the rarer.
	price := min(20*pause, time.Minute)
	if confirmed := math.Abs(p.limit/before-1) < 0.1; !confirmed {
		// It may be far too low, when nothing was sent for a while for reasons of its own.
		p.hold, price = 0, min(8*pause, 20*time.Second)
	} else if ran > p.hold/2 {
		p.hold = min(2*p.hold, max(time.Minute, p.requests(200*p.cost)))
	}
	p.hold = max(p.hold, 4*time.Second, p.requests(20), price, 3*p.longest)
	p.last, p.now = p.now, epoch{began: w.over}
}

// relapsed tells whether a throttled answer to a request came so soon after sending was resumed that it is still about what
// was sent before.
func (p *pace) relapsed(sent time.Time) bool {
	return p.limit > 0 && sent.Sub(p.now.began) < time.Second
}

// requests returns the time that n requests take at the limit, a day at most.
func (p *pace) requests(n float64) time.Duration {
	const day = 24 * time.Hour
	return time.Duration(min(n/p.limit, day.Seconds()) * float64(time.Second))
}

// estimate returns what is just under the rate that the API was accepting.
func (p *pace) estimate(w throttling) float64 {
	if p.rose(w) {
		return justUnder * w.rate
	}
	// Windows of the API that are longer than a second show in the average over the epoch, shorter ones in the last second.
	ended := w.ends.Add(w.over.Sub(w.ends) / 2)
	average := float64(p.now.accepted) / max(1, ended.Sub(p.now.began).Seconds())
	accepted := max(average, float64(p.recent.count(w.ends)))
	most := w.rate
	if p.relapses > 0 {
		most = p.limit / justUnder
	}
	const slowest = 1.0 / 3600
	return max(slowest, justUnder*min(most, accepted))
}

// rose tells whether the rate has risen to the limit so slowly, and was made use of so well, that it is the limit.
func (p *pace) rose(w throttling) bool {
	ran := w.at.Sub(p.now.began)
	earlier := w.at.Add(-max(time.Second, p.longest))
	return p.limit > 0 && ran > p.hold/2 && w.rate < 1.05*p.rate(earlier) &&
		float64(p.now.accepted) > 0.8*p.limit*ran.Seconds()
}

// recent counts by the time at which they were sent the requests of the last second.
type recent struct {
	// began is when the first one was sent: times are told apart by what has passed since, whatever the clock says.
	began time.Time
	slots [slotsPerSecond + 3]struct{ number, count int }
}

const slotsPerSecond = 125

func (r *recent) slot(t time.Time) int { return int(t.Sub(r.began) / (time.Second / slotsPerSecond)) }

func (r *recent) add(t time.Time) {
	if r.began.IsZero() {
		r.began = t
	}
	number := max(0, r.slot(t))
	s := &r.slots[number%len(r.slots)]
	if s.number != number {
		s.number, s.count = number, 0
	}
	s.count++
}

// count returns how many there were in the second before end.
func (r *recent) count(end time.Time) int {
	last, n := r.slot(end), 0
	for _, s := range r.slots {
		if s.number > last-slotsPerSecond && s.number <= last {
			n += s.count
		}
	}
	return n
}
