package export

import (
	"fmt"
	"strconv"
	"time"

	"exporter/pipeline"
)

// Limit is what holds requests to the API back at present. Its zero value knows of nothing that does.
type Limit struct {
	// paced is the rate and what sets it.
	paced pipeline.Paced
	pause pause
	last  lastAnswers
}

// Observe takes note of an event at a time. It returns by how much requests wait longer, or shorter, than was known before. What
// a blob host says is no matter of the API's.
func (l *Limit) Observe(now time.Time, e pipeline.Event) (paused time.Duration) {
	switch e := e.(type) {
	case pipeline.Requested:
		if e.Status != 0 && !e.Elsewhere {
			l.last.add(e.Throttled)
			return -l.pause.answered(now, e)
		}
	case pipeline.Paused:
		if !e.Elsewhere {
			return l.pause.add(now, e)
		}
	case pipeline.Paced:
		if !e.Elsewhere {
			l.paced = e
		}
	}
	return 0
}

// Texts is what people are told of it; each part but the first may be empty.
type Texts struct {
	// Rate is such as "20/m given", Throttled such as "3 of the last 100 throttled".
	Rate, Throttled string
	// Paused is such as "paused until 14:03:20", Until only the time in it.
	Paused, Until string
}

// Texts says all of it for people.
func (l *Limit) Texts(now time.Time) Texts {
	t := Texts{Rate: "no limit known"}
	if l.paced.By != pipeline.LimitNone {
		t.Rate = paceText(l.paced)
	}
	if l.last.throttled > 0 {
		t.Throttled = fmt.Sprintf("%d of the last %d throttled", l.last.throttled, l.last.known)
	}
	if until, ok := l.pause.end(now); ok {
		t.Until = until.Local().Format(time.TimeOnly)
		t.Paused = "paused until " + t.Until
		if l.pause.unreachable() {
			t.Paused = "out of reach, asked again at " + t.Until
		}
	}
	return t
}

// Attrs says the same for a line of the log.
func (l *Limit) Attrs(now time.Time) []any {
	attrs := []any{"throttled_of_last_100", l.last.throttled}
	attrs = append(attrs, paceAttrs(l.paced)...)
	if until, ok := l.pause.end(now); ok {
		attrs = append(attrs, "paused_until", clock(until))
	}
	return attrs
}

// paceAttrs says for a line of the log at which rate requests are sent, and what sets it.
func paceAttrs(p pipeline.Paced) []any {
	if p.By == pipeline.LimitNone {
		return nil
	}
	return []any{"rate", RateText(p.PerSecond), "limit", string(p.By)}
}

// paceText says the same for people, as in "98/s found".
func paceText(p pipeline.Paced) string { return RateText(p.PerSecond) + " " + string(p.By) }

// RateText prints a rate for people by the second, or by the minute or the hour where it is below one.
func RateText(perSecond float64) string {
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
