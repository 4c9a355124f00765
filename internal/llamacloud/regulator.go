package llamacloud

import (
	"math/rand/v2"
	"time"

	"exporter/pipeline"
)

const (
	// outageAfter is how many requests in a row may fail before all others wait for a probe.
	outageAfter = 5
	// maxPauseJitter is the most by which a pause is longer than the API asked for, so that several programs that are
	// throttled together do not come back together.
	maxPauseJitter = 250 * time.Millisecond
)

// regulator decides what may be sent, by what came of what was sent before. It is pure: time is passed in.
//
// It is a gate, and the pace of what goes through. The gate shuts when the API asks to wait, and when it does not answer
// any more (a circuit breaker). After a pause it is half open: it lets a single request through, the probe. Once that is
// accepted it opens, and the pace goes on with what was learned.
type regulator struct {
	maxPause, maxOutage time.Duration
	// outageAfter is lower than the number of attempts after which a request is given up: an outage is known before.
	outageAfter int
	pace        *pace

	gate gate
	// window is the throttling window for which the gate is shut; nil while it is open, and in an outage.
	window *throttling
	// failures counts the requests in a row that failed; failing is when the first of them did.
	failures int
	failing  time.Time
}

func newRegulator(o Options) regulator {
	return regulator{
		maxPause: o.MaxPause, maxOutage: o.MaxOutage, outageAfter: max(1, min(outageAfter, o.MaxAttempts-1)), pace: newPace(o.Rate),
	}
}

// gate is the zero gate while requests may be sent.
type gate struct {
	shut bool
	// since is when the gate shut, until when it will be half open.
	since, until time.Time
	// probing tells that the probe is under way. probes counts those that were in vain.
	probing bool
	probes  int
}

// passage is the permission to send one request, at a time.
type passage struct {
	sent time.Time
	// probe tells that all other requests wait for what comes of this one, and outage that the API could not be reached before.
	probe, outage bool
}

// pass lets a request through the gate, or not.
func (r *regulator) pass(now time.Time) (p passage, ok bool) {
	if r.gate.shut {
		if r.gate.probing || now.Before(r.gate.until) {
			return p, false
		}
		r.gate.probing = true
	}
	return passage{sent: now, probe: r.gate.shut, outage: r.gate.shut && r.window == nil}, true
}

// accepted takes note of a request that the API took, whatever it answered otherwise.
func (r *regulator) accepted(now time.Time, p passage) (event pipeline.Event) {
	r.failures = 0
	if p.probe && r.window != nil {
		r.window.over = p.sent
		r.pace.resume(*r.window)
		event = pipeline.Paced{PerSecond: r.pace.limit}
	}
	r.pace.accept(now, p.sent)
	// In an outage nobody asked to wait: any answer will do.
	if p.probe || r.window == nil {
		r.gate, r.window = gate{}, nil
	}
	return event
}

// throttled takes note of an answer that wants fewer requests. The verdict, if any, is that this cannot be waited for.
func (r *regulator) throttled(now time.Time, p passage, d delay) (event pipeline.Event, verdict error) {
	r.failures = 0
	if d.wait > r.maxPause {
		return nil, &PauseError{For: d.wait, Max: r.maxPause}
	}
	if !p.probe && p.sent.Before(r.pace.now.began) {
		// A request that was sent later has been accepted.
		return nil, nil
	}
	if r.window == nil {
		r.window = &throttling{at: p.sent, rate: r.pace.rate(now)}
		r.gate = gate{shut: true, since: now, probing: r.gate.probing}
	} else if !p.probe {
		// One of those that were under way when the gate shut.
		r.window.note(p.sent, d)
		r.gate.until = latest(r.gate.until, now.Add(d.wait))
		return nil, nil
	}
	pause := r.pause(p, d.wait)
	if asked := now.Add(pause).Sub(r.gate.since); asked > r.maxPause {
		return nil, &PauseError{For: asked, Max: r.maxPause}
	}
	r.window.note(p.sent, d)
	r.gate.until = now.Add(pause + jitter(pause))
	return pipeline.Paused{For: pause}, nil
}

// failed takes note of a request that no answer came to, or that of a gateway that cannot reach the API. The verdict, if
// any, is that this has lasted too long.
func (r *regulator) failed(now time.Time, p passage, cause error) (event pipeline.Event, verdict error) {
	if r.failures++; r.failures == 1 {
		r.failing = now
	}
	switch {
	case p.probe && r.gate.shut:
		pause := r.pause(p, 0)
		if now.Add(pause).Sub(r.failing) > r.maxOutage {
			return nil, &OutageError{For: now.Sub(r.failing), Max: r.maxOutage, Last: cause}
		}
		r.gate.until = now.Add(pause)
		return pipeline.Paused{For: pause, Outage: true}, nil
	case !r.gate.shut && r.failures >= r.outageAfter:
		// The first probe goes at once: it may be that only some requests fail.
		r.gate = gate{shut: true, since: now}
	}
	return nil, nil
}

// untold takes note of a request of which nothing came that says anything about the API.
func (r *regulator) untold(p passage) {
	if p.probe {
		r.gate.probing = false
	}
}

// pause returns how long to wait before the next probe: as long as was asked for, but ever longer where probes were in
// vain, or did not tell that all is well again.
func (r *regulator) pause(p passage, asked time.Duration) time.Duration {
	if p.probe {
		r.gate.probing = false
		r.gate.probes++
	}
	n := max(0, r.gate.probes-1)
	if r.window != nil && r.pace.relapsed(r.window.at) {
		n += r.pace.relapses + 1
	}
	if asked > 0 && n == 0 {
		return asked
	}
	most := backoffCap(n)
	return max(asked, most/2+rand.N(most/2))
}

// jitter returns by how much longer to wait than asked.
func jitter(asked time.Duration) time.Duration { return rand.N(min(asked/20, maxPauseJitter) + 1) }
