package export

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"exporter/internal/config"
	"exporter/pipeline"
)

// What was learnt of the limit says how long a run takes, where it is not above what was given.
func TestPlan_Limit(t *testing.T) {
	for _, tt := range []struct {
		paced pipeline.Paced
		given config.Rate
		want  string
	}{
		{want: `"limit":null,"seconds":null`},
		{given: config.Rate{Auto: true}, want: `"limit":null,"seconds":null`},
		{given: config.Rate{PerSecond: 0.5}, want: `"limit":{"per_second":0.5,"by":"given"},"seconds":200`},
		{
			paced: pipeline.Paced{PerSecond: 20, By: pipeline.LimitFound}, given: config.Rate{Auto: true},
			want: `"limit":{"per_second":20,"by":"found"},"seconds":5`,
		},
		{
			paced: pipeline.Paced{PerSecond: 0.25, By: pipeline.LimitAnnounced}, given: config.Rate{PerSecond: 0.5},
			want: `"limit":{"per_second":0.25,"by":"announced"},"seconds":400`,
		},
		{
			paced: pipeline.Paced{PerSecond: 2, By: pipeline.LimitAnnounced}, given: config.Rate{PerSecond: 0.5},
			want: `"limit":{"per_second":0.5,"by":"given"},"seconds":200`,
		},
	} {
		r := newCounter()
		for range 90 {
			r.Observe(pipeline.AssetPlanned{Asset: &pipeline.Asset{}, Action: pipeline.ActionFetch})
		}
		for range 10 {
			r.Observe(pipeline.Requested{Status: 200})
		}
		r.Observe(tt.paced)
		p := newPlanReport(r.snapshot(), newCounter().snapshot(), tt.given)
		if got, err := json.Marshal(p); err != nil || !strings.HasSuffix(string(got), tt.want+"}") {
			t.Errorf("%+v: got %s and %v, want it to end with %s", tt.paced, got, err, tt.want)
		}
	}
}

// What is to be sent for a survey is what was sent for it, but for retries, and a request for each kind of asset of each file.
func TestNewSurvey_Requests(t *testing.T) {
	var before Counts
	before.Requests.Sent, before.Requests.Retries = 7, 2
	before.Limit.Observe(time.Time{}, pipeline.Paced{PerSecond: 41, By: pipeline.LimitFound})
	s := newSurvey(100, 2, &before, config.Rate{Auto: true})
	if s.Files != 100 || s.Requests != 205 || s.Limit.String() != "41/s found" || *s.Seconds != Seconds(5*time.Second) {
		t.Errorf("got %+v, want 205 requests in 5 s", s)
	}
	if s := newSurvey(100, 2, &Counts{}, config.Rate{Auto: true}); s.Limit != nil || s.Seconds != nil {
		t.Errorf("got %+v, want no pace where none is known", s)
	}
}
