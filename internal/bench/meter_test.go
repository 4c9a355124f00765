package main

import (
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
)

// A meter passes on what is asked and answered, and counts what was not throttled.
func TestMeter_CountsWhatPasses(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer key" || r.Header.Get("Accept-Encoding") != "identity" {
			t.Errorf("the emulator was sent %v", r.Header)
		}
		if r.URL.Path == "/throttled" {
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	defer target.Close()
	m, err := startMeter(target.URL)
	if err != nil {
		t.Fatal(err)
	}
	for path, status := range map[string]int{"/a": 200, "/b": 200, "/throttled": 429} {
		r, err := http.NewRequest("GET", m.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer key")
		r.Header.Set("Accept-Encoding", "identity")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != status {
			t.Errorf("%s: status %d, want %d", path, res.StatusCode, status)
		}
	}
	if got := m.passed.Load(); got != 2 {
		t.Errorf("%d answers were counted, want 2", got)
	}
	if err := m.close(); err != nil {
		t.Error(err)
	}
}

// Programs that run one after the other share nothing: when the first has ended, the others have nothing yet.
func TestShares_OneAfterTheOther_ReachNoTarget(t *testing.T) {
	s := shares{meters: []*meter{{}, {}, {}}}
	s.meters[1].passed.Store(6000)
	s.ended()
	for _, m := range s.meters {
		m.passed.Store(6000)
		s.ended()
	}
	if got := jain(s.got); math.Abs(got-1.0/3) > 1e-9 || got >= leastJain {
		t.Errorf("Jain's index is %v of %v, want a third, and less than %v", got, s.got, leastJain)
	}
	if got := jain([]float64{30, 30, 30}); math.Abs(got-1) > 1e-9 {
		t.Errorf("Jain's index of equals is %v, want 1", got)
	}
}
