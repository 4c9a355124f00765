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

// Probe tells that all others wait for what comes of the request, since the origin wanted fewer.
func (t *Ticket) Probe() bool { return t.passage.Probe }

// Request is what a governor keeps of a request that was throttled. The zero value is one that was not.
type Request struct {
	// governor is that of the origin which throttled it last.
	governor *Governor
	tries    Tries
	// admitted is how many had been sent when it was throttled last.
	admitted int
	// accepted and fresh are the governor's counts when it was throttled first. Since then others were accepted, and refused
	// were throttled for the first time.
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

// Throttled returns how often the request was throttled.
func (r *Request) Throttled() int { return r.tries.Throttled }

// Accepted tells that the origin took the request, whatever it answered otherwise, and what it says of its quota; nil for
// nothing.
func (t *Ticket) Accepted(q *Quota) {
	g := t.governor
	g.mu.Lock()
	now := g.now()
	if g.rtt == 0 {
		g.rtt = now - t.passage.Sent
	}
	g.rtt += (now - t.passage.Sent - g.rtt) / 16
	g.back(now, t, q)
	g.breaker.answered()
	g.accepted++
	g.regulator.Accepted(now, t.passage)
	g.unlock(nil)
}

// Throttled tells that the origin wants fewer requests. It returns how long the request itself has to wait, and an error if
// that, or the pause of all, cannot be waited for.
func (t *Ticket) Throttled(r *Request, d Delay, q *Quota) (own time.Duration, err error) {
	g := t.governor
	if longest := g.options.MaxPause; longest > 0 && d.Wait > longest.Seconds() {
		t.Untold()
		return 0, &PauseError{For: duration(d.Wait), Max: longest}
	}
	g.mu.Lock()
	now := g.now()
	if g.quota.contradict(q) {
		g.options.Log("the headers that announce a quota are wrong, and not believed any more: it was throttled though they say that there is more")
	}
	g.back(now, t, q)
	g.breaker.answered()
	if r.governor != g {
		g.fresh++
		// What is under way was sent before, and says nothing.
		*r = Request{governor: g, accepted: g.accepted + max(0, g.quota.flying), fresh: g.fresh}
	}
	gate := &g.regulator.gate
	if !gate.shut {
		g.shutSince = now
	}
	before := gate.until
	own = duration(g.regulator.Throttled(now, t.passage, &r.tries, d))
	r.admitted = g.admitted
	r.others, r.refused = max(0, g.accepted-r.accepted), g.fresh-r.fresh
	var event pipeline.Event
	if until := gate.until; gate.shut && until > before {
		event = pipeline.Paused{
			For: duration(until - now), Until: time.Now().Add(duration(until - now)), Elsewhere: g.options.Elsewhere,
		}
		if asked, longest := until-g.shutSince, g.options.MaxPause; longest > 0 && asked > longest.Seconds() {
			err = &PauseError{For: duration(asked), Max: longest}
		}
	}
	g.unlock(event)
	return own, err
}

// Failed tells that no answer came, or that of a gateway that cannot reach the origin. It returns an error if that has lasted
// too long.
func (t *Ticket) Failed(cause error) (err error) {
	g := t.governor
	g.mu.Lock()
	now := g.now()
	g.back(now, t, nil)
	g.regulator.Untold(t.passage)
	var event pipeline.Event
	if g.options.Elsewhere {
		g.unlock(nil)
		return nil
	}
	pause, over := g.breaker.failed(now, t.outage)
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
	g.back(g.now(), t, nil)
	g.regulator.Untold(t.passage)
	g.breaker.untold(t.outage)
	g.unlock(nil)
}

// back takes note of a request that has come back.
func (g *Governor) back(now float64, t *Ticket, q *Quota) {
	g.quota.back()
	if q != nil {
		g.quota.hear(now, g.rtt, t.passage.Sent, *q)
	} else {
		g.quota.silent(t.passage.Sent)
	}
	perSecond, _ := g.quota.pace()
	g.regulator.Announce(perSecond)
}

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
	now := pipeline.Paced{PerSecond: g.options.PerSecond}
	if now.PerSecond > 0 {
		now.By = pipeline.LimitGiven
	}
	lower := func(perSecond float64, by pipeline.Limit) {
		if perSecond > 0 && (now.PerSecond == 0 || perSecond < now.PerSecond) {
			now = pipeline.Paced{PerSecond: perSecond, By: by}
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
