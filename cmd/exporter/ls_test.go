package main

import (
	"strings"
	"testing"
	"time"

	"exporter/internal/export"
)

func TestLsPrinter_Running_UnderWay(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	eta := export.Seconds(90 * time.Second)
	r := &export.Running{Host: "h", Process: 7, StartedAt: at, UpdatedAt: at.Add(time.Minute), PausedUntil: at.Add(time.Hour), ETA: &eta, ETAIsLeast: true}
	r.Counts.Files.Listed, r.Counts.Files.Complete, r.Counts.Files.ListingDone = 5, 2, true
	r.Counts.Assets.Planned, r.Counts.Assets.Stored, r.Counts.Assets.StoredBytes, r.Counts.Assets.Failed = 20, 9, 2048, 1
	if err := newLsPrinter(&out, false).running(r, false); err != nil {
		t.Fatal(err)
	}
	const want = "running  by process 7 on h, since 2026-01-02T03:04:05Z: 2/5 files, 10 of 20 assets that are known, 2.0 KiB stored, 1 failed " +
		"(at 2026-01-02T03:05:05Z), paused until 2026-01-02T04:04:05Z, done in at least 1m30s\n"
	if got := out.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
