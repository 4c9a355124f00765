package export

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"exporter/internal/metrics"
	"exporter/pipeline"
)

// readText returns a file of the repository.
func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// docs/watching.md has a row for each family, and rules and dashboard name no other.
func TestMeasures_Families_AreDocumented(t *testing.T) {
	names := map[string]bool{}
	var rows []string
	for _, f := range (&Measures{}).Families(time.Now()) {
		names[f.Name] = true
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |\n", f.Name, f.Type, f.Help))
		if f.Type == metrics.Counter != strings.HasSuffix(f.Name, "_total") || f.Type == metrics.Info != strings.HasSuffix(f.Name, "_info") {
			t.Errorf("%s is a %s", f.Name, f.Type)
		}
	}
	table := strings.Join(rows, "")
	if doc := readText(t, "docs/watching.md"); !strings.Contains(doc, "| --- | --- | --- |\n"+table+"\n") {
		t.Errorf("docs/watching.md has not this table:\n%s", table)
	}
	dashboard := readText(t, "deploy/grafana/exporter.json")
	if !json.Valid([]byte(dashboard)) {
		t.Error("the dashboard is no JSON")
	}
	for name, text := range map[string]string{"rules": readText(t, "deploy/prometheus/exporter.rules.yml"), "dashboard": dashboard} {
		used := regexp.MustCompile(`exporter_[a-z_]+`).FindAllString(text, -1)
		if len(used) < 7 {
			t.Errorf("the %s name %q", name, used)
		}
		for _, u := range used {
			if !names[u] {
				t.Errorf("the %s name %s, which there is not", name, u)
			}
		}
	}
}

// What is left is estimated from the requests and the pace, and what nobody knows is not guessed.
func TestCounts_TimeLeft(t *testing.T) {
	now := time.Now()
	c := newCounter()
	c.kinds = 2
	say := func(events ...pipeline.Event) {
		for _, e := range events {
			c.Observe(e)
		}
	}
	file := func() pipeline.Event { return pipeline.FileDue{} }
	asset := pipeline.AssetPlanned{Asset: &pipeline.Asset{}, Action: pipeline.ActionFetch}
	for i, step := range []struct {
		events []pipeline.Event
		took   time.Duration
		want   string
	}{
		{nil, time.Minute, "0s true false"},
		{[]pipeline.Event{pipeline.Paced{PerSecond: 1.0 / 3, By: pipeline.LimitGiven}}, 0, "0s true false"},
		// Two requests for each file, 3 s each, and more that nobody knows.
		{slices.Repeat([]pipeline.Event{file()}, 10), 0, "1m0s true true"},
		{[]pipeline.Event{pipeline.FilesKnown{}}, 0, "1m0s true true"},
		// One has four assets: then each of the other nine has six requests.
		{append(slices.Repeat([]pipeline.Event{asset}, 4), pipeline.FileAsked{}), 0, "2m54s false true"},
		// A burst at the beginning, which the limit does not allow for long, and then it is slower than the limit: 10 requests in 100 s.
		{slices.Repeat([]pipeline.Event{pipeline.Requested{Status: 200}}, 10), 5 * time.Second, "2m54s false true"},
		{nil, 100 * time.Second, "9m40s false true"},
		// A pause may last longer.
		{[]pipeline.Event{pipeline.Paused{For: time.Hour, Until: now.Add(time.Hour)}}, 100 * time.Second, "1h0m0s false true"},
	} {
		say(step.events...)
		left, isLeast, ok := c.TimeLeft(now, step.took)
		if got := fmt.Sprint(left.Round(time.Second), isLeast, ok); got != step.want {
			t.Errorf("step %d: got %s, want %s", i, got, step.want)
		}
	}
	c.plansOnly = true
	if requests, _ := c.RequestsLeft(); requests != 18 {
		t.Errorf("a plan has %v requests left, want those of nine files", requests)
	}
}
