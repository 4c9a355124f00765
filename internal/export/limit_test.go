package export

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"exporter/pipeline"
)

func TestLimit_Texts(t *testing.T) {
	now := time.Date(2026, 3, 4, 14, 3, 0, 0, time.Local)
	soon := span{told: now, until: now.Add(20 * time.Second)}
	answers := func(all, throttled int) lastAnswers {
		var l lastAnswers
		for i := range all {
			l.add(i < throttled)
		}
		return l
	}
	for _, tt := range []struct {
		limit Limit
		want  string
	}{
		{Limit{}, "no limit known"},
		{Limit{paced: pipeline.Paced{PerSecond: 98, By: pipeline.LimitFound}}, "98/s found"},
		{Limit{paced: pipeline.Paced{PerSecond: 20.0 / 60, By: pipeline.LimitGiven}}, "20/m given"},
		{Limit{paced: pipeline.Paced{PerSecond: 10, By: pipeline.LimitAnnounced}}, "10/s announced"},
		{Limit{last: answers(40, 3)}, "no limit known, 3 of the last 40 throttled"},
		{Limit{last: answers(40, 0)}, "no limit known"},
		{
			Limit{pause: pause{asked: soon}, last: answers(250, 248)},
			"no limit known, 98 of the last 100 throttled, paused until 14:03:20",
		},
		{
			Limit{pause: pause{outage: soon}},
			"no limit known, out of reach, asked again at 14:03:20",
		},
		{Limit{pause: pause{asked: span{told: now.Add(-time.Minute), until: now}}}, "no limit known"},
	} {
		if got := limitText(&tt.limit, now); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// limitText joins what people are told of a limit.
func limitText(l *Limit, now time.Time) string {
	texts := l.Texts(now)
	parts := []string{texts.Rate, texts.Throttled, texts.Paused}
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), ", ")
}

func TestLimit_RateText(t *testing.T) {
	for perSecond, want := range map[float64]string{
		98.4: "98/s", 100: "100/s", 1e6: "1000000/s", 9.84: "9.8/s", 9.97: "10/s", 1: "1/s", 1.25: "1.2/s",
		20.0 / 60: "20/m", 0.985 * 20 / 60: "20/m", 1.5 / 60: "1.5/m", 1.0 / 60: "1/m",
		30.0 / 3600: "30/h", 1.0 / 3600: "1/h", 0.04 / 3600: "0.04/h",
	} {
		if got := RateText(perSecond); got != want {
			t.Errorf("RateText(%v) = %q, want %q", perSecond, got, want)
		}
	}
}

func TestLimit_Attrs(t *testing.T) {
	now := time.Now()
	attrs := func(l Limit) string {
		return strings.TrimSuffix(fmt.Sprintln(l.Attrs(now)...), "\n")
	}
	if got, want := attrs(Limit{}), "throttled_of_last_100 0"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	l := Limit{
		paced: pipeline.Paced{PerSecond: 1.0 / 3, By: pipeline.LimitAnnounced},
		pause: pause{asked: span{told: now, until: now.Add(time.Minute)}},
	}
	l.last.add(true)
	want := "throttled_of_last_100 1 rate 20/m limit announced paused_until " + now.Add(time.Minute).Format(time.RFC3339)
	if got := attrs(l); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// countPaused observes events, each after as many seconds as its key says, and returns the paused time after some more.
func countPaused(t *testing.T, end int, events map[int]pipeline.Event) (paused time.Duration, text string) {
	synctest.Test(t, func(t *testing.T) {
		start, r := time.Now(), newCounter()
		for _, at := range slices.Sorted(maps.Keys(events)) {
			time.Sleep(time.Duration(at)*time.Second - time.Since(start))
			if e, ok := events[at].(pipeline.Paused); ok {
				e.Until = time.Now().Add(e.For)
				events[at] = e
			}
			r.Observe(events[at])
		}
		time.Sleep(time.Duration(end)*time.Second - time.Since(start))
		c := r.snapshot()
		paused, text = time.Duration(c.Requests.Paused), limitText(&c.Limit, time.Now())
	})
	return paused, text
}

// Only what the API says is told of its answers.
func TestLimit_Observe_CountsTheAPI(t *testing.T) {
	var l Limit
	for range 4 {
		l.Observe(time.Now(), pipeline.Requested{Status: http.StatusTemporaryRedirect})
		l.Observe(time.Now(), pipeline.Requested{Status: http.StatusServiceUnavailable, Throttled: true, Elsewhere: true})
		l.Observe(time.Now(), pipeline.Requested{})
	}
	l.Observe(time.Now(), pipeline.Requested{Status: http.StatusTooManyRequests, Throttled: true})
	if got, want := limitText(&l, time.Now()), "no limit known, 1 of the last 5 throttled"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A second of two pauses at once is a second, and one that is still to come is none.
func TestCounter_Paused_IsWallTime(t *testing.T) {
	pausedFor := func(seconds int) pipeline.Paused { return pipeline.Paused{For: time.Duration(seconds) * time.Second} }
	outageFor := func(seconds int) pipeline.Paused {
		return pipeline.Paused{For: time.Duration(seconds) * time.Second, Outage: true}
	}
	answer := func(status, took int) pipeline.Requested {
		return pipeline.Requested{Status: status, Took: time.Duration(took) * time.Second, Throttled: status == 429}
	}
	for name, tt := range map[string]struct {
		events    map[int]pipeline.Event
		end, want int
		paused    bool
	}{
		"one pause":                {map[int]pipeline.Event{0: pausedFor(20)}, 60, 20, false},
		"still in it":              {map[int]pipeline.Event{0: pausedFor(20)}, 5, 5, true},
		"becomes longer":           {map[int]pipeline.Event{0: pausedFor(20), 5: pausedFor(20), 6: pausedFor(30)}, 60, 36, false},
		"told of again":            {map[int]pipeline.Event{0: pausedFor(20), 5: pausedFor(10)}, 60, 20, false},
		"two":                      {map[int]pipeline.Event{0: pausedFor(10), 30: pausedFor(5)}, 60, 15, false},
		"sent in it, and accepted": {map[int]pipeline.Event{0: pausedFor(20), 4: answer(200, 2)}, 10, 4, false},
		"sent before it":           {map[int]pipeline.Event{2: pausedFor(20), 4: answer(200, 3)}, 10, 8, true},
		"sent in it, throttled":    {map[int]pipeline.Event{0: pausedFor(20), 4: answer(429, 2)}, 10, 10, true},
		"sent in it, no answer":    {map[int]pipeline.Event{0: pausedFor(20), 4: answer(0, 2)}, 10, 10, true},
		"sent in it, a gateway":    {map[int]pipeline.Event{0: pausedFor(20), 4: answer(502, 2)}, 10, 10, true},
		"opened, and another one": {
			map[int]pipeline.Event{0: pausedFor(20), 4: answer(200, 2), 6: pausedFor(3)}, 60, 7, false,
		},
		"sent in it, a broken API": {map[int]pipeline.Event{0: pausedFor(20), 4: answer(500, 2)}, 10, 4, false},
		"outage":                   {map[int]pipeline.Event{0: outageFor(20)}, 10, 10, true},
		"outage, accepted":         {map[int]pipeline.Event{0: outageFor(20), 4: answer(200, 2)}, 10, 4, false},
		"outage, not found":        {map[int]pipeline.Event{0: outageFor(20), 4: answer(404, 5)}, 10, 4, false},
		"outage, a broken API":     {map[int]pipeline.Event{0: outageFor(20), 4: answer(500, 2)}, 10, 4, false},
		"outage, throttled":        {map[int]pipeline.Event{0: outageFor(20), 4: answer(429, 2)}, 10, 4, false},
		"outage, a gateway":        {map[int]pipeline.Event{0: outageFor(20), 4: answer(503, 2)}, 10, 10, true},
		"outage, no answer":        {map[int]pipeline.Event{0: outageFor(20), 4: answer(0, 2)}, 10, 10, true},
		"outage, another host": {
			map[int]pipeline.Event{0: outageFor(20), 4: pipeline.Requested{Status: 200, Elsewhere: true}}, 10, 10, true,
		},
		// The pause is told of before the answer that asks for it.
		"outage, then asked to wait": {map[int]pipeline.Event{0: outageFor(20), 4: pausedFor(7), 5: answer(429, 1)}, 10, 10, true},
		"outage, and asked before":   {map[int]pipeline.Event{0: pausedFor(7), 1: outageFor(30), 2: answer(500, 3)}, 10, 7, false},
		"of a blob host":             {map[int]pipeline.Event{0: pipeline.Paused{For: 20 * time.Second, Elsewhere: true}}, 5, 0, false},
		"accepted by a blob host": {
			map[int]pipeline.Event{0: pausedFor(20), 4: pipeline.Requested{Status: 200, Elsewhere: true}}, 10, 10, true,
		},
	} {
		paused, text := countPaused(t, tt.end, tt.events)
		shown := regexp.MustCompile("paused until|out of reach").MatchString(text)
		if paused != time.Duration(tt.want)*time.Second || shown != tt.paused {
			t.Errorf("%s: %v paused and %q, want %d s and paused=%v", name, paused, text, tt.want, tt.paused)
		}
	}
}

func TestCounter_Paced_OfABlobHostIsNoRateOfTheAPI(t *testing.T) {
	r := newCounter()
	r.Observe(pipeline.Paced{PerSecond: 50, By: pipeline.LimitFound})
	r.Observe(pipeline.Paced{PerSecond: 2, By: pipeline.LimitFound, Elsewhere: true})
	c := r.snapshot()
	if got, want := limitText(&c.Limit, time.Now()), "50/s found"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
