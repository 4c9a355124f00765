package governor

import (
	"math"
	"math/rand/v2"
)

// Passage is the leave that one request was given.
type Passage struct {
	// Seq numbers requests in the order in which they are sent, from 1.
	Seq uint64
	// Sent is when it was given, in seconds.
	Sent float64
	// Level is the pace it was sent at: what came of it says nothing about a later one.
	Level int
	// Probe is true of the only request that a shut gate lets through.
	Probe bool
}

// Delay is what a throttled answer demands: to wait for Wait seconds, 0 if it says nothing, a figure which was rounded up
// by less than Unit seconds.
type Delay struct{ Wait, Unit float64 }

// Tries is what a governor keeps of one request that was throttled.
type Tries struct {
	// Throttled is how often it was.
	Throttled int
	// accepted and throttled are how many answers of either kind there had been when it was.
	accepted, throttled uint64
}

const (
	// quick is the least wait before a probe, in seconds, where no answer said how long.
	quick = 0.05
	// slowest is the longest wait between probes that no answer demands.
	slowest = 30
	// growth is by how much waits between probes grow while these fail.
	growth = 1.6
	// jitter is the most that is added to a demanded wait, so that programs don't return at the same instant.
	jitter = 0.25
	// others is how many others must have been accepted since a request was throttled before it alone is to blame,
	// and blame how many of them for each that was throttled.
	others, blame = 20, 8
)

var never = math.Inf(1)

// gate is shut by a throttled answer and opens for a probe when the time is over that was demanded; for all, once
// something is accepted that was sent after the last that was throttled.
type gate struct {
	rnd   *rand.Rand
	shut  bool
	until float64
	// probe is the request that is out while the gate is shut, 0 if none is.
	probe         uint64
	vain          int
	sent          uint64
	throttled     uint64 // the last of this row
	accepted      uint64 // the last of all
	acceptedCount uint64
	refusedCount  uint64
	reopened      float64
	row           row
}

// next returns when the gate lets a request pass: never, while a probe is out.
func (g *gate) next(now float64) float64 {
	switch {
	case !g.shut:
		return now
	case g.probe != 0:
		return never
	}
	return max(now, g.until)
}

func (g *gate) pass(now float64, level int) Passage {
	g.sent++
	p := Passage{Seq: g.sent, Sent: now, Level: level}
	if g.shut {
		p.Probe, g.probe = true, p.Seq
	}
	return p
}

// begin sends a request that was let pass before, after all that has been sent meanwhile; ok is false if it must not be, since
// the gate has shut.
func (g *gate) begin(now float64, p Passage) (q Passage, ok bool) {
	p.Probe = g.shut && p.Seq == g.probe
	if g.shut && !p.Probe {
		return p, false
	}
	g.sent++
	if p.Probe {
		g.probe = g.sent
	}
	p.Seq, p.Sent = g.sent, now
	return p, true
}

// back takes note that a request is no longer under way.
func (g *gate) back(p Passage) {
	if p.Seq == g.probe {
		g.probe = 0
	}
}

// accept tells whether the gate has opened.
func (g *gate) accept(p Passage) bool {
	g.back(p)
	g.accepted = max(g.accepted, p.Seq)
	g.acceptedCount++
	if !g.shut || p.Seq < g.throttled {
		return false
	}
	g.shut, g.probe = false, 0
	g.row.end(p, g.until)
	g.reopened = p.Sent
	return true
}

// throttle tells whether the answer was contradicted while the gate was open, so that it stays open. Window is the
// length of the origin's window, in seconds, as far as it is known.
func (g *gate) throttle(now float64, p Passage, t *Tries, d Delay, window float64) (contradicted bool) {
	offender := g.offends(t)
	g.back(p)
	switch {
	case !p.Probe && p.Seq < g.accepted:
		return p.Sent >= g.reopened && !offender
	case !p.Probe && offender:
		return false
	}
	if !g.shut {
		g.shut, g.until, g.vain, g.throttled = true, 0, 0, 0
		g.row = row{first: p.Sent, level: p.Level}
	}
	g.throttled = max(g.throttled, p.Seq)
	g.row.add(p, d)
	wait := d.Wait
	switch {
	case p.Probe:
		g.vain++
		wait = max(wait, g.rand(min(slowest, max(quick, window/20)*math.Pow(growth, float64(g.vain)))))
	case wait == 0:
		wait = g.rand(max(quick, window/20))
	}
	g.until = max(g.until, now+wait+g.rnd.Float64()*min(wait/20, jitter))
	return false
}

// offends counts a throttled answer, and tells whether the request is alone to blame: it was throttled before, and
// hardly any other has been since.
func (g *gate) offends(t *Tries) bool {
	t.Throttled++
	good, bad := g.acceptedCount-t.accepted, g.refusedCount-t.throttled
	alone := t.Throttled > 1 && good >= others && blame*bad <= good
	if !alone {
		g.refusedCount++
	}
	t.accepted, t.throttled = g.acceptedCount, g.refusedCount
	return alone
}

// rand returns half of a time and up to as much again.
func (g *gate) rand(seconds float64) float64 { return seconds * (0.5 + g.rnd.Float64()/2) }
