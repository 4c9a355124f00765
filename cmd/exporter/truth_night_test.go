//go:build !race

package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"exporter/internal/testmain"
)

// One bad night costs at most one listing, however many files there are.
func TestRun_OneBadNight_CostsOneListing(t *testing.T) {
	testmain.Long(t)
	l := newLiar(t, 3000, time.Now().Add(-time.Hour*24*365))
	l.args = append(l.args, "--figures=false")
	l.night()
	l.night()
	undisturbed, _ := l.requests()
	l.server.Reset()
	empty := func(_ *http.Request, answer map[string]any) any {
		return map[string]any{"items": []any{}}
	}
	l.lie.Store(&empty)
	if code, _, stderr := l.run(l.args...); code != exitStopped || !strings.Contains(stderr, "3000 of 3000 known files are not listed") {
		t.Errorf("the bad night: exit %d, %s", code, stderr)
	}
	l.lie.Store(nil)
	l.mustRun(l.args...)
	if all, blobs := l.requests(); all > undisturbed+10 || blobs != 0 {
		t.Errorf("the bad night and the next cost %d requests, %d of them for blobs; want at most 10 more than the %d of an undisturbed one",
			all, blobs, undisturbed)
	}
}
