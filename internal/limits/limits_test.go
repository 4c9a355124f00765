package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/llamacloud"
)

// What is measured can be recorded, and what was recorded can be drawn.
func TestMeasurement_RecordAndDraw(t *testing.T) {
	m := measurement{
		rate: llamacloud.Rate{Auto: true}, workers: 8, latency: time.Millisecond, length: 2 * time.Second,
		limit: emulator.RateLimit{Requests: 100, Window: time.Second, RetryAfter: emulator.RetryAfterMillis},
	}
	r, err := m.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	accepted := 0
	for _, request := range r.requests {
		if request.Status == 200 {
			accepted++
		}
	}
	if accepted != 200 || r.used <= 0 || r.throttled < 0 || r.most < 1 {
		t.Errorf("%d requests were accepted, want 200: %v", accepted, r)
	}
	name := filepath.Join(t.TempDir(), "run.csv")
	if err := r.record(name, m.perSecond()); err != nil {
		t.Fatal(err)
	}
	var drawn bytes.Buffer
	if err := drawFile(name, &drawn); err != nil {
		t.Fatal(err)
	}
	bars := strings.Count(drawn.String(), `fill="#4477aa"`)
	for d := xml.NewDecoder(&drawn); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("what was drawn is no XML: %v", err)
		}
	}
	// Half a second each, and one in the legend.
	if bars < 4 {
		t.Errorf("%d bars for a run of at least two seconds", bars)
	}
}

func TestReadRecording_Rejects(t *testing.T) {
	for name, text := range map[string]string{
		"empty":     "",
		"no limit":  "0.1,200\n",
		"no number": "limit,ten\n",
		"no time":   "limit,10\nsoon,200\n",
		"too wide":  "limit,10\n0.1,200,x\n",
	} {
		if _, err := readRecording(strings.NewReader(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestParseLimit(t *testing.T) {
	if l, err := parseLimit("20/m"); err != nil || l.Requests != 20 || l.Window != time.Minute {
		t.Errorf("20/m: got %+v, %v", l, err)
	}
	for _, text := range []string{"", "20", "20/h", "x/s"} {
		if _, err := parseLimit(text); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}
