package governor

import (
	"math"
	"time"

	"exporter/pipeline"
)

// Ticket is the permission to send one request. One of its methods is called, once, when it is known what came of it.
type Ticket struct {
	governor *Governor
	passage  Passage
	// outage tells that the origin could not be reached before.
	outage bool
}

// Outage tells that the origin could not be reached when the request was admitted, and that all others wait for it.
func (t *Ticket) Outage() bool { return t.outage }

// Governor returns the governor that gave it.
func (t *Ticket) Governor() *Governor { return t.governor }

// Probe tells that all others wait for what comes of the request, since the origin wanted fewer.
func (t *Ticket) Probe() bool { return t.passage.Probe }

// Begin tells that the request is sent only now: what has been sent since it was admitted came before it. It is false where the
// origin has asked for a pause meanwhile, so that it must not be sent.
func (t *Ticket) Begin() (ok bool) {
	g := t.governor
	g.mu.Lock()
	defer g.mu.Unlock()
	t.passage, ok = g.regulator.Begin(g.now(), t.passage)
	return ok
}

// Unused tells that the request was never sent.
func (t *Ticket) Unused() {
	g := t.governor
	g.mu.Lock()
	g.quota.unused()
	g.regulator.Unused(t.passage)
	g.breaker.untold(t.outage)
	g.unlock(nil)
}

// Request is what one governor keeps of a request that it throttled. The zero value is one that it did not.
type Request struct {
	tries Tries
	// admitted is how many had been sent when it was throttled last.
	admitted int
	// since is when it was throttled first, and accepted and fresh are the governor's counts at that time. Since then others
	// were accepted, and refused were throttled for the first time.
	since           float64
	accepted, fresh int
	others, refused int
}

const (
	// maxOthersThrottled is the share of the other requests that may be throttled, each counted once, where it is not the rate.
	maxOthersThrottled = 0.2
	// manyAttempts is how many times as many attempts are enough where more of them are.
	manyAttempts = 3
)

// Hopeless tells whether the request has been throttled so often, while others were accepted, that it is a matter of the
// request and not of the rate. Where nothing is accepted, the pause will be too long in the end.
func (r *Request) Hopeless(attempts int) bool {
	few := float64(r.refused) <= maxOthersThrottled*float64(r.others+r.refused)
	return r.others > 0 && (few && r.tries.Throttled >= attempts || r.tries.Throttled >= manyAttempts*attempts)
}

// Throttled returns how often the request was throttled, which is never for nil.
func (r *Request) Throttled() int {
	if r == nil {
		return 0
	}
	return r.tries.Throttled
}

// Accepted tells that the origin took the request, whatever it answered otherwise, and what it says of its quota; nil for
// nothing.
func (t *Ticket) Accepted(q *Quota) {
	g := t.governor
	g.mu.Lock()
	now := g.now()
	g.heard(now, t, q)
	g.breaker.answered()
	g.taken = max(g.taken, t.passage.Sent)
	g.regulator.Accepted(now, t.passage)
	g.unlock(nil)
}

// Throttled tells that the origin wants fewer requests. It returns how long the request itself has to wait, and an error if
// that, or the pause of all, cannot be waited for.
func (t *Ticket) Throttled(r *Request, d Delay, q *Quota) (own time.Duration, err error) {
	g := t.governor
	tooLong := g.options.MaxPause > 0 && d.Wait > g.options.MaxPause.Seconds()
	if tooLong && !g.options.Elsewhere {
		// Nothing is sent any more.
		t.Untold()
		return 0, &PauseError{For: duration(d.Wait), Max: g.options.MaxPause}
	}
	g.mu.Lock()
	now := g.now()
	if g.quota.contradict(q) {
		g.options.Log("the headers that announce a quota are wrong, and not believed any more: it was throttled though they say that there is more")
	}
	g.heard(now, t, q)
	g.breaker.answered()
	if r.tries.Throttled == 0 {
		g.fresh++
		// What is under way was sent before, and says nothing.
		*r = Request{since: now, accepted: g.accepted() + max(0, g.quota.flying), fresh: g.fresh}
	}
	from := g.pausedUntil(now)
	own = duration(g.regulator.Throttled(now, t.passage, &r.tries, d))
	r.admitted = g.admitted
	r.others, r.refused = max(0, g.accepted()-r.accepted), g.fresh-r.fresh
	if g.taken > r.since {
		r.others = max(1, r.others)
	}
	event := g.lengthen(now, from)
	if err = g.pauseError(); tooLong {
		err = &PauseError{For: duration(d.Wait), Max: g.options.MaxPause, Elsewhere: true}
	}
	g.unlock(event)
	return own, err
}

// pausedUntil returns until when all wait, as far as it is known.
func (g *Governor) pausedUntil(now float64) float64 {
	if !g.regulator.gate.shut {
		g.pause = 0
		return now
	}
	return max(now, g.regulator.gate.until)
}

// lengthen takes note of a pause that was to last until a time and may last longer now. It returns the event that tells of
// that, or nil.
func (g *Governor) lengthen(now, from float64) pipeline.Event {
	gate := &g.regulator.gate
	if !gate.shut || gate.until <= from {
		return nil
	}
	g.pause += gate.until - from
	left := duration(gate.until - now)
	return pipeline.Paused{For: left, Until: time.Now().Add(left), Elsewhere: g.options.Elsewhere}
}

// Failed tells that no answer came, or that of a gateway that cannot reach the origin. It returns an error if that has lasted
// too long.
func (t *Ticket) Failed(cause error) (err error) {
	g := t.governor
	g.mu.Lock()
	now := g.now()
	g.quota.back()
	g.regulator.Untold(t.passage)
	var event pipeline.Event
	if g.options.Elsewhere {
		g.unlock(nil)
		return nil
	}
	paused := 0.0
	if gate := &g.regulator.gate; gate.shut {
		paused = gate.until
	}
	pause, over := g.breaker.failed(now, t.outage, paused)
	switch {
	case over:
		err = &OutageError{For: duration(now - g.breaker.failing), Max: g.options.MaxOutage, Last: cause}
	case pause > 0:
		event = pipeline.Paused{For: duration(pause), Until: time.Now().Add(duration(pause)), Outage: true}
	}
	g.unlock(event)
	return err
}

// Untold tells that nothing came of the request that says anything about the origin.
func (t *Ticket) Untold() {
	g := t.governor
	g.mu.Lock()
	g.quota.back()
	g.regulator.Untold(t.passage)
	g.breaker.untold(t.outage)
	g.unlock(nil)
}

// heard takes note of what an answer says of the quota.
func (g *Governor) heard(now float64, t *Ticket, q *Quota) {
	g.quota.back()
	if q != nil {
		g.quota.hear(now, g.regulator.rtt, t.passage.Sent, *q)
	} else {
		g.quota.silent(t.passage.Sent)
	}
	perSecond, _ := g.quota.pace()
	g.regulator.Announce(perSecond)
}

// accepted returns how many requests were accepted.
func (g *Governor) accepted() int { return int(g.regulator.gate.acceptedCount) }

// unlock wakes who waits for what may have changed, and tells the observer.
func (g *Governor) unlock(event pipeline.Event) {
	now, before := g.pacedNow(), g.paced
	changed := now.By != before.By || math.Abs(now.PerSecond-before.PerSecond) > 0.1*before.PerSecond
	if changed {
		g.paced = now
	}
	g.mu.Unlock()
	select {
	case g.woken <- struct{}{}:
	default:
	}
	if event != nil {
		g.options.Observer.Observe(event)
	}
	if changed {
		g.options.Observer.Observe(now)
	}
}

// pacedNow returns the rate at present and what sets it: of what is given, announced and found, the lowest.
func (g *Governor) pacedNow() pipeline.Paced {
	now := pipeline.Paced{PerSecond: g.options.PerSecond, Elsewhere: g.options.Elsewhere}
	if now.PerSecond > 0 {
		now.By = pipeline.LimitGiven
	}
	lower := func(perSecond float64, by pipeline.Limit) {
		if perSecond > 0 && (now.PerSecond == 0 || perSecond < now.PerSecond) {
			now.PerSecond, now.By = perSecond, by
		}
	}
	if g.regulator.announced > 0 {
		lower(g.quota.limit/g.quota.window, pipeline.LimitAnnounced)
	}
	if g.regulator.Found() && (now.By != pipeline.LimitAnnounced || g.regulator.pace.rate() < g.regulator.announced) {
		lower(g.regulator.pace.rate(), pipeline.LimitFound)
	}
	return now
}

// duration turns seconds into a Duration, the longest where it is too long.
func duration(seconds float64) time.Duration {
	if d := seconds * float64(time.Second); d < math.MaxInt64 {
		return time.Duration(d)
	}
	return math.MaxInt64
}
