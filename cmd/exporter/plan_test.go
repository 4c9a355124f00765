package main

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/export"
	"exporter/pipeline"
)

func TestPlan_SurveyText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		seconds time.Duration
		limit   *export.PlanPace
		want    string
	}{
		{want: "100 files to be listed, 205 requests"},
		{615 * time.Second, &export.PlanPace{PerSecond: 1.0 / 3, By: pipeline.LimitGiven}, "100 files to be listed, 205 requests, about 10m15s at 20/m given"},
		{5 * time.Second, &export.PlanPace{PerSecond: 41, By: pipeline.LimitFound}, "100 files to be listed, 205 requests, about 5.0 s at 41/s found"},
	} {
		if got := surveyText(export.Survey{Files: 100, Requests: 205, Limit: tt.limit, Seconds: new(export.Seconds(tt.seconds))}); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.limit, got, tt.want)
		}
	}
}

// No retry, and nothing that was sent for the survey, is counted as a need of the run.
func TestPlan_Requests_AreThoseOfARunWithoutRetries(t *testing.T) {
	t.Parallel()
	const files, each = 60, 4
	server := newEmulator(t, emulator.Options{
		Corpus: emulator.Synthetic(emulator.SyntheticOptions{Files: files, AssetsPerFile: each, BlobSize: 300, Seed: 5}),
		// Chance alone throttles: the same requests, however slow the machine is.
		Throttle: emulator.Throttle{Share: 0.1, Wait: 10 * time.Millisecond, RetryAfter: emulator.RetryAfterMillis},
	})
	api := httptest.NewServer(server)
	t.Cleanup(api.Close)
	var p export.PlanReport
	if err := json.Unmarshal([]byte(newCLI(t, api.URL).mustRun("plan", "--directory", "synthetic", "--json")), &p); err != nil {
		t.Fatal(err)
	}
	if want := int64(perDirectory + 2*files + each*files); p.Requests != want || len(server.Requests()) <= 2*perDirectory+2*files {
		t.Errorf("%d requests are planned and %d were sent, want %d after some were throttled", p.Requests, len(server.Requests()), want)
	}
}

// The time that a plan takes is said with what sets its pace.
func TestPrintPlan_Limit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		report export.PlanReport
		want   string
	}{
		{export.PlanReport{Rate: "unlimited"}, "100 depends on the API's limit at rate unlimited"},
		{
			export.PlanReport{Rate: "30/m", Limit: &export.PlanPace{PerSecond: 0.5, By: pipeline.LimitGiven}, Seconds: new(export.Seconds(200 * time.Second))},
			"100 3m20s at rate 30/m",
		},
		{
			export.PlanReport{Rate: "auto", Limit: &export.PlanPace{PerSecond: 20, By: pipeline.LimitFound}, Seconds: new(export.Seconds(5 * time.Second))},
			"100 5s at 20/s found",
		},
		{
			export.PlanReport{Rate: "30/m", Limit: &export.PlanPace{PerSecond: 0.25, By: pipeline.LimitAnnounced}, Seconds: new(export.Seconds(400 * time.Second))},
			"100 6m40s at 15/m announced",
		},
	} {
		tt.report.Requests = 100
		var text strings.Builder
		if err := printPlan(&text, &tt.report); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(strings.Fields(text.String()), " "); !strings.HasSuffix(got, "requests "+tt.want) {
			t.Errorf("%+v: got %q, want it to end with %q", tt.report, got, tt.want)
		}
	}
}
