package governor

import (
	"math"
	"math/rand/v2"
)

type Passage struct {
	Seq           uint64
	Sent          float64
	Level         int
	Probe, Outage bool
}

type Delay struct{ Wait, Unit float64 }

// Tries is what a governor keeps of one request that was throttled.
type Tries struct {
	// Throttled is how often it was, and accepted how many others had been accepted by then.
	Throttled          int
	accepted, throttle uint64
}

var never = math.Inf(1)

type gate struct {
	rnd                       *rand.Rand
	shut, probing             bool
	since, until              float64
	vain                      int
	sent, throttled, accepted uint64
	acceptedAll, throttledAll uint64
	reopened                  float64
	lastThrottled             uint64
	row                       row
}

// row is the throttled answers of one shutting of the gate.
type row struct {
	first, last, demanded, over float64
	wait                        float64
	firstSeq                    uint64
	header, soft, contradicted  bool
	isolated                    bool
	answers, level, vain        int
}

func (r *row) need() float64 {
	if r.header {
		return max(0, r.demanded-r.first)
	}
	return max(0, r.over-r.first)
}

func (g *gate) next(now float64) float64 {
	switch {
	case !g.shut:
		return now
	case g.probing:
		return never
	}
	return max(now, g.until)
}

func (g *gate) pass(now float64, level int) Passage {
	g.sent++
	p := Passage{Seq: g.sent, Sent: now, Level: level}
	if g.shut {
		p.Probe, g.probing = true, true
	}
	return p
}

type hitKind int

const (
	opened hitKind = iota + 1
	softHit
)

// accept returns true if the gate opened.
func (g *gate) accept(p Passage) bool {
	g.accepted = max(g.accepted, p.Seq)
	g.acceptedAll++
	if p.Probe {
		g.probing = false
	}
	if !g.shut || p.Seq < g.throttled {
		return false
	}
	g.shut, g.probing = false, false
	g.row.over = p.Sent
	if !p.Probe {
		g.row.contradicted = true
	}
	g.row.soft = g.row.contradicted || !g.row.header && g.vain == 0
	g.reopened = p.Sent
	return true
}

// throttle returns how long the request itself has to wait, and whether it is a soft hit.
func (g *gate) throttle(now float64, p Passage, t *Tries, d Delay, w float64) (hit, isolated bool) {
	isolated = p.Seq > g.lastThrottled+2
	g.lastThrottled = max(g.lastThrottled, p.Seq)
	g.throttledAll++
	t.Throttled++
	others := g.acceptedAll - t.accepted
	bad := g.throttledAll - t.throttle - 1
	again := t.Throttled > 1 && others >= 10 && float64(bad) <= 0.05*float64(others)
	t.accepted, t.throttle = g.acceptedAll, g.throttledAll
	if p.Probe {
		g.probing = false
	}
	if !p.Probe && p.Seq < g.accepted {
		return p.Sent >= g.reopened && !again, isolated
	}
	if again && !p.Probe {
		return false, false
	}
	if !g.shut {
		g.shut, g.since, g.until, g.vain = true, now, 0, 0
		g.row = row{first: p.Sent, level: p.Level, firstSeq: p.Seq, isolated: isolated}
		g.throttled = 0
	}
	g.throttled = max(g.throttled, p.Seq)
	r := &g.row
	r.answers++
	r.last = p.Sent
	if d.Wait > 0 {
		r.header = true
		r.demanded = max(r.demanded, p.Sent+d.Wait-d.Unit)
		r.wait = max(r.wait, d.Wait)
	}
	wait := d.Wait
	if p.Probe {
		g.vain++
		r.vain++
		// Without a header the time to the last failed probe is what is known.
		backoff := (0.5 + g.rnd.Float64()/2) * min(30, max(0.05, w/20)*math.Pow(1.6, float64(g.vain)))
		wait = max(wait, backoff)
	} else if wait == 0 {
		wait = (0.5 + g.rnd.Float64()/2) * max(0.05, w/20)
	}
	g.until = max(g.until, now+wait+g.rnd.Float64()*min(wait/20, 0.25))
	return false, false
}
