package governor

import (
	"math"
	"math/rand/v2"
)

// A Regulator tells when requests to one origin may be sent. It isn't safe for concurrent use.
type Regulator struct {
	// Fixed keeps the rate whatever comes back; the gate still shuts.
	Fixed bool

	gate   gate
	pace   *pace
	rnd    *rand.Rand
	tokens float64
	filled float64
	// group is how many of those that are sent together are still to come, rtt the mean time to an answer.
	group int
	rtt   float64
	// announced is the rate that the origin's headers allow; 0 where they do not say.
	announced float64
}

const (
	// share of a second's requests that the bucket of tokens holds, as 1/share.
	burstShare = 20
	// announcedShare is burstShare of a rate that is announced.
	announcedShare = 100
	// leastBurst is what it holds at least where no rate is given: with 1, a late timer is a lost token.
	leastBurst = 2
	// ownLeast and ownMost are the bounds of a throttled request's own backoff, in seconds, before jitter.
	ownLeast, ownMost = 0.5, 30
)

// NewRegulator returns a regulator that never passes perSecond; 0 is for no such bound. With auto it begins slowly and
// finds the origin's rate, else it begins with perSecond.
func NewRegulator(perSecond float64, auto bool, rnd *rand.Rand) *Regulator {
	return &Regulator{gate: gate{rnd: rnd}, pace: newPace(perSecond, auto), rnd: rnd}
}

// Rate returns the rate of now in requests a second; infinite if there is none.
func (r *Regulator) Rate() float64 {
	switch {
	case r.announced == 0:
		return r.pace.rate()
	case r.pace.phase == steady:
		return min(r.announced, r.pace.rate())
	}
	return min(r.announced, r.pace.ceiling)
}

// Found tells whether the rate is below the given one because the origin's limit was found.
func (r *Regulator) Found() bool { return r.pace.phase == steady && r.pace.rate() < r.pace.ceiling }

// Announce sets the rate that the origin's headers allow: 0 where they do not say, infinite for all that is left at once.
func (r *Regulator) Announce(perSecond float64) {
	if !(perSecond > 0) {
		perSecond = 0
	}
	r.announced = perSecond
}

// Follow sends a request now that takes no token and waits for nothing.
func (r *Regulator) Follow(now float64) Passage {
	r.gate.sent++
	return Passage{Seq: r.gate.sent, Sent: now, Level: r.pace.level}
}

// Begin sends a request now that was admitted before; ok is false if it must not be any more.
func (r *Regulator) Begin(now float64, p Passage) (q Passage, ok bool) {
	q, ok = r.gate.begin(now, p)
	q.Level = r.pace.level
	return q, ok
}

// Unused gives back the token of a request that was admitted and never sent.
func (r *Regulator) Unused(p Passage) {
	r.tokens++
	r.gate.back(p)
}

// Next returns when the next request may be sent; infinite where something has to come back first.
func (r *Regulator) Next(now float64) float64 {
	if at := r.gate.next(now); at > now {
		return at
	}
	rate := r.fill(now)
	if math.IsInf(rate, 1) {
		return now
	}
	want := 1.0
	if r.group == 0 {
		want = r.together(rate)
	}
	const rounding = 1e-9
	if r.tokens >= want-rounding {
		return now
	}
	return now + (want-r.tokens)/rate
}

// Admit sends a request now, which Next allowed. Waited is true if something had to wait for it.
func (r *Regulator) Admit(now float64, waited bool) Passage {
	if rate := r.fill(now); !math.IsInf(rate, 1) {
		if r.group == 0 {
			r.group = int(r.together(rate))
		}
		r.group--
		r.tokens--
	}
	if !r.gate.shut {
		r.pace.rest(now)
	}
	p := r.gate.pass(now, r.pace.level)
	r.pace.admit(now, waited)
	return p
}

// Accepted takes note of an answer that isn't throttled.
func (r *Regulator) Accepted(now float64, p Passage) {
	r.trip(now - p.Sent)
	opened := r.gate.accept(p)
	r.pace.accept(now, p)
	if !opened {
		return
	}
	if !r.Fixed {
		r.pace.resume(now, r.gate.row)
	}
	if p.Probe {
		// What a pause saved is what is throttled next.
		r.fill(now)
		r.tokens = min(r.tokens, 0)
	}
}

// Throttled takes note of an answer that is, and returns for how many seconds the request itself is to wait: for as long as
// it was told, and a backoff with full jitter.
func (r *Regulator) Throttled(now float64, p Passage, t *Tries, d Delay) (own float64) {
	if r.gate.throttle(now, p, t, d, r.pace.window) && !r.Fixed {
		r.pace.soft(now, p)
	}
	back := min(ownMost, ownLeast*math.Pow(2, float64(t.Throttled-1)))
	return d.Wait + r.rnd.Float64()*min(d.Wait/20, jitter) + r.rnd.Float64()*back
}

// Untold takes note of a request from which nothing came that says anything about the rate: it frees the probe.
func (r *Regulator) Untold(p Passage) { r.gate.back(p) }

// fill fills the bucket of tokens up to now, and returns the rate at which it does.
func (r *Regulator) fill(now float64) float64 {
	rate := r.Rate()
	if !math.IsInf(rate, 1) {
		r.tokens = min(r.burst(rate), r.tokens+(now-r.filled)*rate)
	}
	r.filled = now
	return rate
}

// burst returns how many tokens the bucket holds at a rate. With a given rate it is that one's, whatever the pace is.
func (r *Regulator) burst(rate float64) float64 {
	if r.announced > 0 {
		// With what underQuota leaves, rate and burst fit into the quota.
		return max(1, math.Floor(rate/announcedShare))
	}
	if c := r.pace.ceiling; !math.IsInf(c, 1) {
		return max(1, math.Floor(c/burstShare))
	}
	return max(leastBurst, math.Floor(rate/burstShare))
}

// together returns how many requests are sent at once. Where so few are under way that a throttled answer is never
// contradicted, and such answers look like chance, all but the last of a group have one that is sent after them.
func (r *Regulator) together(rate float64) float64 {
	const underWay = 2
	if r.rtt == 0 || rate*r.rtt > underWay || !r.pace.noise.suspected(r.pace.answers) {
		return 1
	}
	return r.burst(rate)
}

// trip takes note of a round trip, in seconds.
func (r *Regulator) trip(seconds float64) {
	const weight = 1.0 / 32
	if r.rtt == 0 {
		r.rtt = seconds
	}
	r.rtt += (seconds - r.rtt) * weight
}
