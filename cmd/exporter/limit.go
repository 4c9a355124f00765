package main

import (
	"fmt"
	"math"
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
	if e.Status == 0 {
		return 0
	}
	l.last.add(e.Throttled)
	if e.Throttled || e.Elsewhere || e.Status >= http.StatusInternalServerError {
		return 0
	}
	return l.pause.accepted(now, now.Add(-e.Took))
}

// text says all of it for people, as in "20/min given, 3 of the last 100 throttled, paused until 14:03:20".
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
		if l.pause.outage {
			why = "out of reach, asked again at "
		}
		parts = append(parts, why+until.Local().Format(time.TimeOnly))
	}
	return strings.Join(parts, ", ")
}

// attrs says the same for a line of the log.
func (l *limit) attrs(now time.Time) []any {
	attrs := []any{"throttled_of_last_100", l.last.throttled}
	if l.paced.By != pipeline.LimitNone {
		attrs = append(attrs, limitAttrs(l.paced)...)
	}
	if until, ok := l.pause.end(now); ok {
		attrs = append(attrs, "paused_until", clock(until))
	}
	return attrs
}

// limitAttrs says for a line of the log at which rate requests are sent, and what sets it.
func limitAttrs(p pipeline.Paced) []any {
	var attrs []any
	if perSecond, ok := knownRate(p); ok {
		attrs = append(attrs, "rate", rateText(perSecond))
	}
	if p.By != pipeline.LimitNone {
		attrs = append(attrs, "limit", string(p.By))
	}
	return attrs
}

// limitText says the same for people, as in "98/s found".
func limitText(p pipeline.Paced) string {
	if perSecond, ok := knownRate(p); ok {
		return rateText(perSecond) + " " + string(p.By)
	}
	return string(p.By)
}

// knownRate returns the rate in requests a second; ok is false where there is none, as where headers announce what is left
// and not what there is.
func knownRate(p pipeline.Paced) (perSecond float64, ok bool) {
	return p.PerSecond, p.By != pipeline.LimitNone && p.PerSecond > 0 && !math.IsInf(p.PerSecond, 1)
}

// rateText prints a rate for people by the second, or by the minute or the hour where it is below one.
func rateText(perSecond float64) string {
	n, unit := perSecond, "/s"
	if n < 1 {
		n, unit = perSecond*60, "/min"
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
	// told is when it was told of for the last time, until when it ends.
	told, until time.Time
	// outage tells that the API cannot be reached; otherwise it asked for the pause.
	outage bool
}

// add takes note of a pause that is told of at a time. It returns the time by which there is more of pauses than before, which
// is not all of it where it goes on from another.
func (p *pause) add(now time.Time, e pipeline.Paused) time.Duration {
	from := now
	if p.until.After(now) {
		from = p.until
	}
	p.told = now
	if !e.Until.After(from) {
		return 0
	}
	p.until, p.outage = e.Until, e.Outage
	return p.until.Sub(from)
}

// accepted takes note at a time that a request was accepted: one that was sent in the pause shows that it is over. It returns
// how much of the pause was still to come.
func (p *pause) accepted(now, sent time.Time) time.Duration {
	left := p.left(now)
	if left == 0 || sent.Before(p.told) {
		return 0
	}
	p.until = now
	return left
}

// end returns when the pause ends; ok is false where there is none.
func (p *pause) end(now time.Time) (until time.Time, ok bool) { return p.until, p.left(now) > 0 }

// left returns how much of the pause is still to come.
func (p *pause) left(now time.Time) time.Duration { return max(0, p.until.Sub(now)) }

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
