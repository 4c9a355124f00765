package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"exporter/pipeline"
)

// limit is what holds requests to the API back at present. Its zero value knows of nothing that does.
type limit struct {
	// paced is the rate and what sets it.
	paced pipeline.Paced
	pause pause
	last  lastAnswers
}

// requested takes note of an answer at a time. It returns by how much the pause is shorter than it was said to be.
func (l *limit) requested(now time.Time, e pipeline.Requested) time.Duration {
	if e.Status == 0 || e.Elsewhere {
		return 0
	}
	l.last.add(e.Throttled)
	return l.pause.answered(now, e)
}

// text says all of it for people, as in "20/m given, 3 of the last 100 throttled, paused until 14:03:20".
func (l *limit) text(now time.Time) string {
	parts := []string{"no limit known"}
	if l.paced.By != pipeline.LimitNone {
		parts[0] = limitText(l.paced)
	}
	if l.last.throttled > 0 {
		parts = append(parts, fmt.Sprintf("%d of the last %d throttled", l.last.throttled, l.last.known))
	}
	if until, ok := l.pause.end(now); ok {
		why := "paused until "
		if l.pause.unreachable() {
			why = "out of reach, asked again at "
		}
		parts = append(parts, why+until.Local().Format(time.TimeOnly))
	}
	return strings.Join(parts, ", ")
}

// attrs says the same for a line of the log.
func (l *limit) attrs(now time.Time) []any {
	attrs := []any{"throttled_of_last_100", l.last.throttled}
	attrs = append(attrs, limitAttrs(l.paced)...)
	if until, ok := l.pause.end(now); ok {
		attrs = append(attrs, "paused_until", clock(until))
	}
	return attrs
}

// limitAttrs says for a line of the log at which rate requests are sent, and what sets it.
func limitAttrs(p pipeline.Paced) []any {
	if p.By == pipeline.LimitNone {
		return nil
	}
	return []any{"rate", rateText(p.PerSecond), "limit", string(p.By)}
}

// limitText says the same for people, as in "98/s found".
func limitText(p pipeline.Paced) string { return rateText(p.PerSecond) + " " + string(p.By) }

// rateText prints a rate for people by the second, or by the minute or the hour where it is below one.
func rateText(perSecond float64) string {
	n, unit := perSecond, "/s"
	if n < 1 {
		n, unit = perSecond*60, "/m"
	}
	if n < 1 {
		n, unit = perSecond*3600, "/h"
	}
	digits := 0
	if n < 10 {
		// Two digits, of which the second may be none.
		n, _ = strconv.ParseFloat(strconv.FormatFloat(n, 'g', 2, 64), 64)
		digits = -1
	}
	return strconv.FormatFloat(n, 'f', digits, 64) + unit
}

// clock prints a time with its offset, to the second.
func clock(t time.Time) string { return t.Local().Format(time.RFC3339) }

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
