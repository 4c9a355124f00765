package governor

import (
	"math"
	"testing"
)

// told is one thing that happens to a quota: at a time a request is sent, or the answer comes to one that was sent at a
// time, with what it says, which may be nothing.
type told struct {
	at    float64
	sent  float64
	says  *Quota
	sends int
}

func sends(at float64, n int) told { return told{at: at, sends: n} }

func says(at, sent, limit, remaining, reset, window float64) told {
	return told{at: at, sent: sent, says: &Quota{Limit: limit, Remaining: remaining, Reset: reset, Window: window}}
}

func saysNothing(at, sent float64) told { return told{at: at, sent: sent} }

func (q *quota) replay(events []told) {
	for _, e := range events {
		if e.sends > 0 {
			for range e.sends {
				q.send(e.at)
			}
			continue
		}
		q.back()
		if e.says != nil {
			q.hear(e.at, 0.1, e.sent, *e.says)
		} else {
			q.silent(e.sent)
		}
	}
}

func TestQuota_Next(t *testing.T) {
	never := math.Inf(1)
	for _, test := range []struct {
		name   string
		events []told
		now    float64
		want   float64
	}{
		{"nothing is known", []told{sends(0, 1)}, 0, 0},
		{"some are left", []told{sends(0, 1), says(0.1, 0, 20, 5, 10, 60)}, 0.2, 0.2},
		{"none is left", []told{sends(0, 1), says(0.1, 0, 20, 0, 10, 60)}, 0.2, 10.1},
		{"what is under way is taken off", []told{sends(0, 3), says(0.1, 0, 20, 2, 10, 60)}, 0.2, 10.1},
		{"a short window is spread instead", []told{sends(0, 1), says(0.1, 0, 20, 0, 1, 1)}, 0.2, 0.2},
		{"the least that was told lately counts",
			[]told{sends(0, 3), says(0.1, 0, 20, 0, 10, 60), says(0.12, 0, 20, 2, 10, 60), says(0.15, 0, 20, 1, 10, 60)}, 0.2, 10.1},
		{"what was told long ago does not",
			[]told{sends(0, 3), says(0.1, 0, 20, 0, 50, 60), says(2, 0, 20, 9, 48, 60), says(4, 0, 20, 8, 46, 60)}, 5, 5},
		{"what was told just before still does",
			[]told{sends(0, 3), says(0.1, 0, 20, 1, 50, 60), says(2, 0, 20, 9, 48, 60)}, 2.1, 50},
		{"a request alone tells all there is to know",
			[]told{sends(0, 2), says(0.1, 0, 20, 0, 10, 60), says(0.11, 0, 20, 0, 10, 60), sends(1, 1), says(1.1, 1, 20, 5, 9, 60)}, 1.2, 1.2},
		{"each answer bounds the reset",
			[]told{sends(0, 2), says(0.1, 0, 20, 0, 10, 60), says(0.9, 0, 20, 0, 9, 60)}, 1, 9.9},
		{"a later reset is not the rounding of it",
			[]told{sends(0, 2), says(0.1, 0, 20, 0, 10, 60), says(0.9, 0, 20, 0, 30, 60)}, 1, 30.9},
		{"no reset is later than the window is long", []told{sends(0, 1), says(0.1, 0, 20, 0, 90, 60)}, 0.2, 60.1},
		{"after the reset one goes", []told{sends(0, 1), says(0.1, 0, 20, 0, 10, 60)}, 11, 11},
		{"and the others wait for its answer", []told{sends(0, 1), says(0.1, 0, 20, 0, 10, 60), sends(11, 1)}, 11, never},
		{"a new window begins anew while a slow answer is out",
			[]told{sends(0, 2), says(0.1, 0, 20, 0, 10, 60), sends(11, 1), says(11.1, 11, 20, 18, 59, 60)}, 11.2, 11.2},
		{"and what that answer says of the old one is not heard", []told{
			sends(0, 2), says(0.1, 0, 20, 0, 10, 60), sends(11, 1), says(11.1, 11, 20, 18, 59, 60), says(11.2, 0, 20, 0, 1, 60),
		}, 11.3, 11.3},
		{"an answer after the reset that says nothing ends it",
			[]told{sends(0, 1), says(0.1, 0, 20, 0, 10, 60), sends(11, 1), saysNothing(11.1, 11)}, 11.2, 11.2},
		{"one to a request before it does not",
			[]told{sends(0, 2), says(0.1, 0, 20, 0, 10, 60), saysNothing(0.2, 0)}, 0.3, 10.1},
	} {
		t.Run(test.name, func(t *testing.T) {
			var q quota
			q.replay(test.events)
			if got := q.next(test.now); math.Abs(got-test.want) > 1e-9 && got != test.want {
				t.Errorf("got %v, want %v: %+v", got, test.want, q)
			}
		})
	}
}

func TestQuota_Pace(t *testing.T) {
	for _, test := range []struct {
		name   string
		events []told
		want   float64
		ok     bool
	}{
		{"nothing is known", nil, 0, false},
		{"a short window", []told{sends(0, 1), says(0.1, 0, 20, 5, 1, 2)}, underQuota * 10, true},
		{"a long one", []told{sends(0, 1), says(0.1, 0, 20, 5, 1, 60)}, math.Inf(1), true},
		{"no window, and never far from the reset", []told{sends(0, 1), says(0.1, 0, 20, 5, 1, 0)}, 0, false},
		{"no window, which is as long as the longest time to the reset",
			[]told{sends(0, 2), says(0.1, 0, 20, 5, 50, 0), says(49, 0, 20, 4, 1, 0)}, math.Inf(1), true},
		{"a quota of nothing", []told{sends(0, 1), says(0.1, 0, 0, 0, 1, 60)}, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var q quota
			q.replay(test.events)
			if got, ok := q.pace(); got != test.want || ok != test.ok {
				t.Errorf("got %v, %v, want %v, %v", got, ok, test.want, test.ok)
			}
		})
	}
}

func TestQuota_Contradict(t *testing.T) {
	for _, test := range []struct {
		name string
		says *Quota
		want bool
	}{
		{"more is left", &Quota{Limit: 20, Remaining: 1, Reset: 10}, true},
		{"nothing is left", &Quota{Limit: 20, Reset: 10}, false},
		{"it says nothing", nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var q quota
			q.replay([]told{sends(0, 1), says(0.1, 0, 20, 5, 10, 60)})
			if got := q.contradict(test.says); got != test.want || q.known == test.want {
				t.Errorf("got %v, and believed: %v", got, q.known)
			}
			q.send(1)
			q.back()
			q.hear(1.1, 0.1, 1, Quota{Limit: 20, Reset: 10, Window: 60})
			if got := q.next(2); (got > 2) == test.want {
				t.Errorf("later it is believed: %v, want %v", got > 2, !test.want)
			}
		})
	}
}
