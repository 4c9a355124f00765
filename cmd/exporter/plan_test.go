package main

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"exporter/internal/config"
	"exporter/internal/emulator"
	"exporter/pipeline"
)

func TestPlan_SurveyText(t *testing.T) {
	var before counts
	before.Requests.Sent, before.Requests.Retries = 7, 2
	for _, tt := range []struct {
		paced pipeline.Paced
		given config.Rate
		want  string
	}{
		{want: "100 files to be listed, 205 requests"},
		{given: config.Rate{Auto: true}, want: "100 files to be listed, 205 requests"},
		{given: config.Rate{PerSecond: 1.0 / 3}, want: "100 files to be listed, 205 requests, about 10m15s at 20/m given"},
		{
			paced: pipeline.Paced{PerSecond: 41, By: pipeline.LimitFound}, given: config.Rate{Auto: true},
			want: "100 files to be listed, 205 requests, about 5.0 s at 41/s found",
		},
		{
			paced: pipeline.Paced{PerSecond: 1.0 / 3, By: pipeline.LimitAnnounced}, given: config.Rate{PerSecond: 1},
			want: "100 files to be listed, 205 requests, about 10m15s at 20/m announced",
		},
		{
			paced: pipeline.Paced{PerSecond: 2, By: pipeline.LimitAnnounced}, given: config.Rate{PerSecond: 1},
			want: "100 files to be listed, 205 requests, about 3m25s at 1/s given",
		},
	} {
		before.limit.paced = tt.paced
		if got := surveyText(100, 2, &before, tt.given); got != tt.want {
			t.Errorf("%+v and %v given: got %q, want %q", tt.paced, tt.given, got, tt.want)
		}
	}
}

// No retry, and nothing that was sent for the survey, is counted as a need of the run.
func TestPlan_Requests_AreThoseOfARunWithoutRetries(t *testing.T) {
	const files, each = 60, 4
	server := newEmulator(t, emulator.Options{
		Corpus: emulator.Synthetic(emulator.SyntheticOptions{Files: files, AssetsPerFile: each, BlobSize: 300, Seed: 5}),
		// Chance alone throttles: the same requests, however slow the machine is.
		Throttle: emulator.Throttle{Share: 0.1, Wait: 10 * time.Millisecond, RetryAfter: emulator.RetryAfterMillis},
	})
	api := httptest.NewServer(server)
	t.Cleanup(api.Close)
	var p planReport
	if err := json.Unmarshal([]byte(newCLI(t, api.URL).mustRun("plan", "--directory", "synthetic", "--json")), &p); err != nil {
		t.Fatal(err)
	}
	if want := int64(1 + 2*files + each*files); p.Requests != want || len(server.Requests()) <= 2+2*files {
		t.Errorf("%d requests are planned and %d were sent, want %d after some were throttled", p.Requests, len(server.Requests()), want)
	}
}

// What was learnt of the limit says how long the run takes, and is told.
func TestPlanReport_Limit(t *testing.T) {
	for _, tt := range []struct {
		paced pipeline.Paced
		given config.Rate
		limit string
		line  string
	}{
		{line: "100 depends on the API's limit at rate unlimited", limit: `"limit":null,"seconds":null`},
		{
			given: config.Rate{PerSecond: 0.5}, line: "100 3m20s at rate 30/m",
			limit: `"limit":{"per_second":0.5,"by":"given"},"seconds":200`,
		},
		{
			paced: pipeline.Paced{PerSecond: 20, By: pipeline.LimitFound}, given: config.Rate{Auto: true},
			line: "100 5s at 20/s found", limit: `"limit":{"per_second":20,"by":"found"},"seconds":5`,
		},
		{
			paced: pipeline.Paced{PerSecond: 0.25, By: pipeline.LimitAnnounced}, given: config.Rate{PerSecond: 0.5},
			line: "100 6m40s at 15/m announced", limit: `"limit":{"per_second":0.25,"by":"announced"},"seconds":400`,
		},
		{given: config.Rate{Auto: true}, line: "100 depends on the API's limit at rate auto", limit: `"limit":null,"seconds":null`},
	} {
		r := newReport()
		for range 90 {
			r.Observe(pipeline.AssetPlanned{Asset: &pipeline.Asset{}, Action: pipeline.ActionFetch})
		}
		for range 10 {
			r.Observe(pipeline.Requested{Status: 200})
		}
		r.Observe(tt.paced)
		p := newPlanReport(r.snapshot(), newReport().snapshot(), tt.given)
		var text strings.Builder
		if err := p.print(&text); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(strings.Fields(text.String()), " "); !strings.HasSuffix(got, "requests "+tt.line) {
			t.Errorf("%+v: got %q, want it to end with %q", tt.paced, got, tt.line)
		}
		if got, err := json.Marshal(p); err != nil || !strings.HasSuffix(string(got), tt.limit+"}") {
			t.Errorf("%+v: got %s and %v, want it to end with %s", tt.paced, got, err, tt.limit)
		}
	}
}
