package emulator

import (
	"strings"
	"testing"
	"time"
)

// Each kind of limit lets through what it says, and tells how long to wait for the next one.
func TestLimiter_Take_Kinds(t *testing.T) {
	type step struct {
		at time.Duration
		// wait is 0 where the request is let through.
		wait time.Duration
	}
	const ms = time.Millisecond
	for _, test := range []struct {
		name  string
		limit RateLimit
		steps []step
	}{
		{"fixed", RateLimit{Requests: 2, Window: time.Second}, []step{
			{0, 0}, {900 * ms, 0}, {950 * ms, 50 * ms}, {1000 * ms, 0}, {1010 * ms, 0}, {1020 * ms, 980 * ms}, {5000 * ms, 0},
			{5900 * ms, 0}, {5999 * ms, ms},
		}},
		{"sliding", RateLimit{Kind: SlidingWindow, Requests: 2, Window: time.Second}, []step{
			{0, 0}, {900 * ms, 0}, {950 * ms, 50 * ms}, {1000 * ms, 0}, {1010 * ms, 890 * ms}, {1900 * ms, 0}, {1910 * ms, 90 * ms},
		}},
		{"bucket", RateLimit{Kind: TokenBucket, Requests: 2, Window: time.Second, Burst: 3}, []step{
			{0, 0}, {0, 0}, {0, 0}, {0, 500 * ms}, {100 * ms, 400 * ms}, {500 * ms, 0}, {600 * ms, 400 * ms},
			// However long nothing was asked for, the bucket holds three.
			{time.Hour, 0}, {time.Hour, 0}, {time.Hour, 0}, {time.Hour, 500 * ms},
		}},
		{"bucket of a window", RateLimit{Kind: TokenBucket, Requests: 2, Window: time.Second}, []step{
			{0, 0}, {0, 0}, {0, 500 * ms},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, err := NewLimiter(test.limit)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			for i, s := range test.steps {
				if got := l.Take(start.Add(s.at)); got != s.wait {
					t.Errorf("request %d, at %v: wait %v, want %v", i, s.at, got, s.wait)
				}
			}
		})
	}
}

func TestNewLimiter_Rejects(t *testing.T) {
	for want, l := range map[string]RateLimit{
		`no limit "tide"`:      {Kind: "tide", Requests: 1, Window: 1},
		"0 requests in 1s":     {Window: time.Second},
		"1 requests in 0s":     {Requests: 1},
		"must not be negative": {Requests: 1, Window: 1, Burst: -1},
	} {
		if _, err := NewLimiter(l); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}
