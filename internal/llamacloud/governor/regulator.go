package governor

import (
	"math"
	"math/rand/v2"
)

// Regulator is the pure heart.
type Regulator struct {
	gate
	pace   *pace
	tokens float64
	filled float64
	// Fixed keeps the rate, whatever is learnt.
	Fixed bool
	rtt   float64
	left  int
	// announced is the rate that the origin's headers allow; 0 where they do not say, infinite for what is left at once.
	announced float64
	RTT       float64
	Group     bool
}

func NewRegulator(perSecond float64, auto bool, rnd *rand.Rand) *Regulator {
	r := &Regulator{gate: gate{rnd: rnd}, pace: newPace(perSecond, auto)}
	return r
}

// Rate returns the rate at present in requests a second; infinite for none.
func (r *Regulator) Rate() float64 {
	switch {
	case r.announced == 0:
		return r.pace.rate()
	case r.pace.phase == steady:
		return min(r.announced, r.pace.rate())
	}
	return min(r.announced, r.pace.ceiling)
}

// Found tells whether the rate is below that which was given because the origin's limit was found.
func (r *Regulator) Found() bool { return r.pace.phase == steady && r.pace.rate() < r.pace.ceiling }

// Untold takes note of a request of which nothing came that says anything.
func (r *Regulator) Untold(p Passage) {
	if p.Probe {
		r.gate.probing = false
	}
}

// burst returns how many tokens the bucket holds at a rate.
func (r *Regulator) burst(rate float64) float64 {
	if r.announced > 0 {
		// With what underQuota leaves, rate and burst fit into the quota.
		return max(1, math.Floor(min(1<<20, rate/100)))
	}
	if c := r.pace.ceiling; !math.IsInf(c, 1) {
		return max(1, math.Floor(min(1<<20, max(rate, min(c, knob(6, 1)*c))/20)))
	}
	return max(knob(7, 2), math.Floor(min(1<<20, rate/20)))
}

// group returns how many requests are sent together, so that each but the last has one that is sent after it.
func (r *Regulator) group(rate float64) float64 {
	if knob(8, 0) == 1 || r.rtt == 0 || rate*r.rtt > 2 {
		return 1
	}
	return r.burst(rate)
}

func (r *Regulator) fill(now float64) float64 {
	rate := r.Rate()
	if math.IsInf(rate, 1) {
		return rate
	}
	r.tokens = min(r.burst(rate), r.tokens+(now-r.filled)*rate)
	r.filled = now
	return rate
}

// Next returns when the next request may be sent; infinite where something has to come back first.
func (r *Regulator) Next(now float64) float64 {
	at := r.gate.next(now)
	if at > now {
		return at
	}
	rate := r.fill(now)
	if math.IsInf(rate, 1) {
		return now
	}
	want := 1.0
	if r.left == 0 {
		want = r.group(rate)
	}
	if r.tokens >= want-1e-9 {
		return now
	}
	return now + (want-r.tokens)/rate
}

// Admit sends a request now, which Next allowed.
func (r *Regulator) Admit(now float64, waited bool) Passage {
	rate := r.fill(now)
	if !math.IsInf(rate, 1) {
		if r.left == 0 {
			r.left = int(r.group(rate))
		}
		r.left--
		r.tokens--
	}
	p := r.gate.pass(now, r.pace.level)
	r.pace.admit(now, waited)
	return p
}

func (r *Regulator) Accepted(now float64, p Passage) {
	if r.rtt == 0 {
		r.rtt = now - p.Sent
	}
	r.rtt += (now - p.Sent - r.rtt) / 32
	wasShut := r.gate.shut
	first := r.gate.accept(p)
	r.pace.accept(now, p)
	if wasShut && first {
		if !r.Fixed {
			r.pace.resume(now, r.gate.row)
		}
		if p.Probe {
			r.fill(now)
			r.tokens = min(r.tokens, 0)
		}
	}
}

// Throttled returns how long the request itself is to wait.
func (r *Regulator) Throttled(now float64, p Passage, t *Tries, d Delay) float64 {
	if hit, isolated := r.gate.throttle(now, p, t, d, r.pace.w); hit && !r.Fixed {
		r.pace.soft(now, p, isolated)
	}
	own := max(d.Wait, 0) + r.rnd.Float64()*min(d.Wait/20, 0.25)
	back := r.rnd.Float64() * math.Min(30, 0.5*math.Pow(2, float64(t.Throttled-1)))
	rate := r.pace.rate()
	return own + max(back, min(60, 10/rate))
}

// Follow sends a request now that takes no token and waits for nothing.
func (r *Regulator) Follow(now float64) Passage {
	r.sent++
	return Passage{Seq: r.sent, Sent: now, Level: r.pace.level}
}
