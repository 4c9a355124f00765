package main

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"exporter/internal/config"
	"exporter/internal/export"
	"exporter/pipeline"
)

// A line of progress says in both forms what the line below the bars says.
func TestTransferProgress_Attrs_SayWhichLimitHolds(t *testing.T) {
	t.Parallel()
	for format, want := range map[config.LogFormat]string{
		"text": `throttled_of_last_100=1 rate=20/m limit=given paused_until=TIME`,
		"json": `"throttled_of_last_100":1,"rate":"20/m","limit":"given","paused_until":"TIME"}`,
	} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			var c export.Counts
			until := time.Now().Add(time.Minute)
			c.Limit.Observe(time.Now(), pipeline.Paced{PerSecond: 1.0 / 3, By: pipeline.LimitGiven})
			c.Limit.Observe(time.Now(), pipeline.Requested{Status: http.StatusTooManyRequests, Throttled: true})
			c.Limit.Observe(time.Now(), pipeline.Paused{For: time.Minute, Until: until})
			stop := newConsole(&out, config.Log{Format: format}).Transfer(func() export.Counts { return c })
			time.Sleep(firstLine + time.Second)
			stop()
			want := strings.Replace(want, "TIME", until.Local().Format(time.RFC3339), 1)
			if lines := strings.Count(out.String(), "progress"); lines != 1 || !strings.HasSuffix(out.String(), want+"\n") {
				t.Errorf("got %q, want one line that ends with %q", out.String(), want)
			}
		})
	}
}

// A log of ten hours has lines of progress at its beginning, and few in all.
func TestConsole_Transfer_MoreAndMoreSeldom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		stop := newConsole(&out, config.Log{Format: config.LogJSON}).Transfer(func() export.Counts { return export.Counts{} })
		time.Sleep(10*time.Hour + time.Second)
		stop()
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) < 120 || len(lines) > 130 {
			t.Errorf("%d lines in ten hours", len(lines))
		}
		for i, want := range []int{10, 30, 70, 150, 310, 610, 910} {
			if !strings.Contains(lines[i], fmt.Sprintf(`"msg":"progress","elapsed_seconds":%d,`, want)) {
				t.Errorf("line %d is %s, want it after %d s", i, lines[i], want)
			}
		}
	})
}

// What there is no room for is left out, the least important first.
func TestBarLines_Fit(t *testing.T) {
	t.Parallel()
	bars := []bar{
		{name: "files", hasBar: true, before: "3/4+", done: 3, total: 4},
		{name: "rate", after: []part{{text: "20/m given", rank: 2}, {text: "3 throttled", rank: 3}, {text: "paused until 14:03:20", short: "until 14:03:20", rank: 1}}},
	}
	for columns, want := range map[int][]string{
		100: {"files 3/4+ [====================>-------]", "rate  20/m given, 3 throttled, paused until 14:03:20"},
		60:  {"files 3/4+ [========>---]", "rate  20/m given, 3 throttled, paused until 14:03:20"},
		50:  {"files 3/4+", "rate  20/m given, paused until 14:03:20"},
		30:  {"files 3/4+", "rate  paused until 14:03:20"},
		22:  {"files 3/4+", "rate  until 14:03:20"},
		8:   {"files 3/", "rate"},
	} {
		if got := barLines(bars, columns); !slices.Equal(got, want) {
			t.Errorf("%d columns: %q, want %q", columns, got, want)
		}
	}
}

func TestNextDrawing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		interval time.Duration
		done     int64
		want     time.Duration
	}{
		{quickInterval, 0, 2 * quickInterval}, {3 * time.Second, 0, slowInterval}, {3 * time.Second, 1, 3 * time.Second},
		{slowInterval, 100, quickInterval}, {4 * time.Second, 2, 2 * time.Second}, {quickInterval, 1, quickInterval},
		// A listing that is read again begins anew.
		{time.Second, -7, 2 * time.Second},
	} {
		if got := nextDrawing(tt.interval, tt.done); got != tt.want {
			t.Errorf("%d done in %v: next in %v, want %v", tt.done, tt.interval, got, tt.want)
		}
	}
}
