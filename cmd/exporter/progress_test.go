package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"exporter/internal/config"
	"exporter/internal/export"
	"exporter/pipeline"
)

// A line of progress says in both forms what the line below the bars says.
func TestTransferProgress_Attrs_SayWhichLimitHolds(t *testing.T) {
	for format, want := range map[config.LogFormat]string{
		"text": `throttled_of_last_100=1 rate=20/m limit=given paused_until=TIME`,
		"json": `"throttled_of_last_100":1,"rate":"20/m","limit":"given","paused_until":"TIME"}`,
	} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			var c export.Counts
			until := time.Now().Add(time.Minute)
			c.Limit.Observe(time.Now(), pipeline.Paced{PerSecond: 1.0 / 3, By: pipeline.LimitGiven})
			c.Limit.Observe(time.Now(), pipeline.Requested{Status: http.StatusTooManyRequests, Throttled: true})
			c.Limit.Observe(time.Now(), pipeline.Paused{For: time.Minute, Until: until})
			stop := newConsole(&out, config.Log{Format: format}).Transfer(func() export.Counts { return c })
			time.Sleep(firstLine + time.Second)
			stop()
			want := strings.Replace(want, "TIME", until.Local().Format(time.RFC3339), 1)
			if lines := strings.Count(out.String(), "progress"); lines != 1 || !strings.HasSuffix(out.String(), want+"\n") {
				t.Errorf("got %q, want one line that ends with %q", out.String(), want)
			}
		})
	}
}
