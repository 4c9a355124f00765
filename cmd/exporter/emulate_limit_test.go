package main

import (
	"testing"
	"time"
)

// The window of a rate is the unit in which it is written, wherever that has a whole number of requests.
func TestRequestsIn(t *testing.T) {
	for text, want := range map[string]struct {
		requests int
		window   time.Duration
	}{
		"100/s": {100, time.Second}, "60/m": {60, time.Minute}, "120/m": {120, time.Minute}, "20/m": {20, time.Minute},
		"3600/h": {3600, time.Hour}, "1/h": {1, time.Hour}, "1000000/s": {1_000_000, time.Second},
		"0.5/s": {30, time.Minute}, "0.5/m": {30, time.Hour}, "90.5/m": {5430, time.Hour}, "2.50/s": {150, time.Minute},
	} {
		if requests, window, err := requestsIn("--rate", text); requests != want.requests || window != want.window || err != nil {
			t.Errorf("%s is %d in %v, %v; want %d in %v", text, requests, window, err, want.requests, want.window)
		}
	}
}
