package export

import (
	"net/http"
	"time"

	"exporter/pipeline"
)

// pause is the present pause of all requests to the API, or the last one.
type pause struct {
	// asked is the pause that the API asked for, outage the one in which it cannot be reached.
	asked, outage span
}

// span is a time that is told of, for the last time at told, until when it ends.
type span struct{ told, until time.Time }

// add takes note of a pause that is told of at a time. It returns the time by which there is more of pauses than before, which
// is not all of it where it goes on from another.
func (p *pause) add(now time.Time, e pipeline.Paused) time.Duration {
	before, s := p.left(now), &p.asked
	if e.Outage {
		s = &p.outage
	}
	s.told = now
	if e.Until.After(s.until) {
		s.until = e.Until
	}
	return p.left(now) - before
}

// answered takes note of an answer of the API at a time. It returns how much less of the pause is to come. Any answer ends an
// outage, but that of a gateway which cannot reach the API. One that was not throttled ends the pause in which its request was
// sent.
func (p *pause) answered(now time.Time, e pipeline.Requested) time.Duration {
	if !e.Throttled && isGateway(e.Status) {
		return 0
	}
	before := p.left(now)
	p.outage.end(now)
	if !e.Throttled && !now.Add(-e.Took).Before(p.asked.told) {
		p.asked.end(now)
	}
	return before - p.left(now)
}

// isGateway tells whether a status is that of a gateway which cannot reach the API.
func isGateway(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

func (s *span) end(now time.Time) {
	if s.until.After(now) {
		s.until = now
	}
}

// unreachable tells that it is the outage which lasts longest.
func (p *pause) unreachable() bool { return p.outage.until.After(p.asked.until) }

// end returns when the pause ends; ok is false where there is none.
func (p *pause) end(now time.Time) (until time.Time, ok bool) {
	until = p.asked.until
	if p.unreachable() {
		until = p.outage.until
	}
	return until, until.After(now)
}

// left returns how much of the pause is still to come.
func (p *pause) left(now time.Time) time.Duration {
	if until, ok := p.end(now); ok {
		return until.Sub(now)
	}
	return 0
}

// lastAnswers tells which of the last hundred answers were throttled.
type lastAnswers struct {
	ring [100]bool
	// next is where the next one goes. known is how many there are, throttled how many of them were throttled.
	next, known, throttled int
}

func (l *lastAnswers) add(throttled bool) {
	if l.ring[l.next] {
		l.throttled--
	}
	if throttled {
		l.throttled++
	}
	l.ring[l.next] = throttled
	l.next = (l.next + 1) % len(l.ring)
	l.known = min(l.known+1, len(l.ring))
}
