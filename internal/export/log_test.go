package export

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"exporter/pipeline"
)

// loggedEvents observes events a second apart, and returns the lines that are logged without -v.
func loggedEvents(t *testing.T, events ...pipeline.Event) []string {
	var lines []string
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := NewLogObserver(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == "until" {
					return slog.Attr{}
				}
				return a
			},
		})))
		for _, e := range events {
			if p, ok := e.(pipeline.Paused); ok {
				p.Until = time.Now().Add(p.For)
				e = p
			}
			if e != nil {
				l.Observe(e)
			}
			time.Sleep(time.Second)
		}
		lines = slices.Collect(strings.Lines(out.String()))
	})
	return lines
}

func TestLogObserver_Paused_OneLineForOnePause(t *testing.T) {
	api := func(d time.Duration) pipeline.Event { return pipeline.Paused{For: d} }
	got := loggedEvents(t,
		api(20*time.Second), api(19*time.Second+20*time.Millisecond), api(30*time.Second),
		pipeline.Paused{For: 2 * time.Second, Elsewhere: true}, pipeline.Paused{For: 500 * time.Millisecond, Elsewhere: true},
		pipeline.Paused{For: 123456 * time.Microsecond, Outage: true}, pipeline.Paused{For: time.Millisecond, Outage: true},
		nil, nil, nil, nil, nil, nil, nil, nil,
		pipeline.Paused{For: 200 * time.Millisecond}, pipeline.Paused{For: 200 * time.Millisecond},
		pipeline.Paused{For: 50 * time.Second, Quota: true},
	)
	want := []string{
		"msg=\"the API asks to wait\" for_seconds=20\n",
		"msg=\"the API asks to wait\" for_seconds=30\n",
		"msg=\"a blob host asks to wait\" for_seconds=2\n",
		"msg=\"the API cannot be reached\" for_seconds=0.123\n",
		"msg=\"the API asks to wait\" for_seconds=0.2\n",
		"msg=\"the quota that the API announces is used up\" for_seconds=50\n",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLogObserver_Paced_NotForEachSmallChange(t *testing.T) {
	found := func(perSecond float64) pipeline.Event {
		return pipeline.Paced{PerSecond: perSecond, By: pipeline.LimitFound}
	}
	events := []pipeline.Event{
		pipeline.Paced{PerSecond: 100, By: pipeline.LimitGiven},
		pipeline.Paced{PerSecond: 10, By: pipeline.LimitFound, Elsewhere: true},
		found(90), found(40), found(41),
	}
	for range 10 {
		events = append(events, found(80))
	}
	events = append(events, found(42), found(20), pipeline.Paced{})
	want := []string{
		"msg=\"the rate of requests\" rate=100/s limit=given\n",
		"msg=\"the rate of requests\" rate=90/s limit=found\n",
		"msg=\"the rate of requests\" rate=42/s limit=found\n",
		"msg=\"the rate of requests\" limit=none\n",
	}
	if got := loggedEvents(t, events...); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What failed of a parse job is told by the job's id, and that of its file where that is known.
func TestLogObserver_Failed_NamesTheJob(t *testing.T) {
	failed := func(file pipeline.File, reason string) pipeline.Event {
		return pipeline.FileSettled{Row: &pipeline.FileRow{File: file, Status: pipeline.Failed, Error: reason}}
	}
	got := loggedEvents(t,
		failed(pipeline.File{JobID: "pjb-1"}, "http_500: a"), failed(pipeline.File{JobID: "pjb-2", ID: "f"}, "http_502: b"),
		failed(pipeline.File{ID: "f"}, "http_503: c"),
		pipeline.FieldOdd{File: &pipeline.File{JobID: "pjb-3"}, Oddity: pipeline.Oddity{Field: "index", Value: "x"}},
	)
	want := []string{
		"msg=\"file failed\" job_id=pjb-1 error=\"http_500: a\"\n",
		"msg=\"file failed\" job_id=pjb-2 file_id=f error=\"http_502: b\"\n",
		"msg=\"file failed\" file_id=f error=\"http_503: c\"\n",
		"msg=\"a value makes no sense, and is taken for null\" field=index value=x job_id=pjb-3\n",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
