package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// A redirect to another origin is followed without the key.
func TestRun_RedirectToAnotherOrigin_DoesNotShowTheKey(t *testing.T) {
	t.Parallel()
	s := exportSettings{sink: "archive", files: 3, each: 10, workers: 4, checkpoint: time.Hour}
	store := newEmulator(t, s.emulator())
	var asked []http.Header
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Clone())
		r.Header.Set("Authorization", "Bearer "+canaryKey)
		store.ServeHTTP(w, r)
	}))
	t.Cleanup(other.Close)
	o := s.emulator()
	o.OtherOrigin = other.URL
	o.Faults = emulator.Faults{Rate: 1, Times: -1, Kinds: kinds(emulator.FaultRedirectOther)}
	_, url := startEmulator(t, o)
	out := filepath.Join(t.TempDir(), "out")
	newCLI(t, url).mustRun(append(s.args(out), "--concurrency", "1")...)
	if len(asked) != s.assets() {
		t.Errorf("the other origin was asked %d times, want %d", len(asked), s.assets())
	}
	for _, h := range asked {
		if h.Get("Authorization") != "" || h.Get("Cookie") != "" || h.Get("Referer") != "" {
			t.Errorf("the other origin was sent %v", h)
		}
	}
	readExportedSet(t, out).check(t, s.undisturbed(t))
}

// A link that another origin refuses is asked for anew, without an attempt, and one that stays dead is the asset's failure.
// Nothing of its query is shown.
func TestRun_DeadLink_IsAskedForAnew(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for name, test := range map[string]struct {
		dead, exit, requests int
	}{"once": {1, 0, 4}, "twice": {2, 0, 6}, "for ever": {1 << 30, exitIncomplete, 6}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := exportSettings{sink: "local", files: 3, each: 10, workers: 4, checkpoint: time.Hour}
			store := newEmulator(t, s.emulator())
			var mu sync.Mutex
			followed := map[string]int{}
			other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				followed[r.URL.Path]++
				dead := followed[r.URL.Path] <= test.dead
				mu.Unlock()
				if dead {
					http.Error(w, "Request has expired", http.StatusForbidden)
					return
				}
				r.Header.Set("Authorization", "Bearer "+canaryKey)
				store.ServeHTTP(w, r)
			}))
			t.Cleanup(other.Close)
			server := newEmulator(t, s.emulator())
			a := startAPI(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if blobPath.MatchString(r.URL.Path) {
					http.Redirect(w, r, other.URL+r.URL.Path+"?signature=hidden", http.StatusFound)
					return
				}
				server.ServeHTTP(w, r)
			}))
			out := filepath.Join(t.TempDir(), "out")
			code, stdout, stderr := newCLI(t, a.url).run(append(s.args(out), tries(1)...)...)
			if code != test.exit || strings.Contains(stdout+stderr, "hidden") {
				t.Fatalf("exit %d, want %d and no query\n%s%s", code, test.exit, stdout, stderr)
			}
			for key, row := range readExport(t, out).rows {
				if (row.Status == pipeline.Stored) != (test.exit == 0) || row.Attempts != test.requests ||
					row.Status == pipeline.Failed && !strings.HasPrefix(row.Reason, "http_403: ") {
					t.Errorf("%v is %s after %d requests (%s), want %d", key, row.Status, row.Attempts, row.Reason, test.requests)
				}
			}
			a.become(server)
			newCLI(t, a.url).mustRun(s.args(out)...)
			readExportedSet(t, out).check(t, s.undisturbed(t))
		})
	}
}
