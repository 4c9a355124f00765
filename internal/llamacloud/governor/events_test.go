package governor

import (
	"testing"
	"testing/synctest"
	"time"

	"exporter/pipeline"
)

// Who waits for a quota to be whole again is told until when, once.
func TestGovernor_QuotaUsedUp_IsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, events := newGovernor(Options{Auto: true})
		start := time.Now()
		mustAdmit(t, g).Accepted(&Quota{Limit: 3, Remaining: 1, Reset: 40, Window: 60})
		mustAdmit(t, g).Accepted(&Quota{Limit: 3, Remaining: 0, Reset: 40, Window: 60})
		if got := eventsOf[pipeline.Paused](events); len(got) != 0 {
			t.Errorf("%+v was told before anybody waits", got)
		}
		waiting := make(chan *Ticket, 2)
		for range 2 {
			go func() { waiting <- mustAdmit(t, g) }()
		}
		(<-waiting).Accepted(&Quota{Limit: 3, Remaining: 2, Reset: 60, Window: 60})
		(<-waiting).Accepted(&Quota{Limit: 3, Remaining: 0, Reset: 60, Window: 60})
		mustAdmit(t, g)
		var ends []time.Duration
		for _, e := range eventsOf[pipeline.Paused](events) {
			if !e.Quota || e.Outage || e.Elsewhere {
				t.Errorf("got %+v, want a quota that is used up", e)
			}
			ends = append(ends, e.Until.Sub(start).Round(time.Second))
		}
		if len(ends) != 2 || ends[0] != 40*time.Second || ends[1] != 100*time.Second {
			t.Errorf("pauses end %v after the start, want 40s and 100s", ends)
		}
	})
}

// Of a rate that is given and one that is announced, the lower holds, however long the window is.
func TestGovernor_Rate_SaysWhichLimitHolds(t *testing.T) {
	for _, tt := range []struct {
		given, want float64
		by          pipeline.Limit
		quota       *Quota
	}{
		{10, 10, pipeline.LimitGiven, nil},
		{0, 0, pipeline.LimitNone, nil},
		{10, 2, pipeline.LimitAnnounced, &Quota{Limit: 120, Remaining: 100, Reset: 40, Window: 60}},
		{10, 2, pipeline.LimitAnnounced, &Quota{Limit: 2, Remaining: 1, Reset: 1, Window: 1}},
		{0, 2, pipeline.LimitAnnounced, &Quota{Limit: 120, Remaining: 100, Reset: 40, Window: 60}},
		{1, 1, pipeline.LimitGiven, &Quota{Limit: 120, Remaining: 100, Reset: 40, Window: 60}},
		{1, 1, pipeline.LimitGiven, &Quota{Limit: 2, Remaining: 1, Reset: 1, Window: 1}},
	} {
		synctest.Test(t, func(t *testing.T) {
			g, events := newGovernor(Options{PerSecond: tt.given})
			mustAdmit(t, g).Accepted(tt.quota)
			want := pipeline.Paced{PerSecond: tt.want, By: tt.by}
			if got := g.pacedNow(); got != want {
				t.Errorf("given %v, announced %+v: got %+v, want %+v", tt.given, tt.quota, got, want)
			}
			if got := eventsOf[pipeline.Paced](events); (len(got) != 1 || got[0] != want) && tt.by != pipeline.LimitNone {
				t.Errorf("given %v, announced %+v: %+v were told, want %+v", tt.given, tt.quota, got, want)
			}
		})
	}
}
