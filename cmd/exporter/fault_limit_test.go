package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// limitFault is a limit, or what looks like one, and what becomes of a run.
type limitFault struct {
	name   string
	change func(*emulator.Options)
	rate   string
	// throttled is the most requests that may be throttled; below 0 there must be some.
	throttled int
	// told is what the log says of the headers.
	told string
}

// lieTold is what the log says of headers that lie: nothing where less is left than there is, which nobody can know, and nothing
// of words, which are no parameters of the IETF's headers.
func lieTold(lie emulator.QuotaLie) string {
	switch lie {
	case emulator.LieLow, emulator.LieGarbage:
		return ""
	case emulator.LiePlenty:
		return "the headers that announce a quota are wrong, and not believed any more"
	}
	return "the headers that announce a quota are not believed: "
}

func limitFaults() []limitFault {
	usedUp := emulator.RateLimit{Requests: 80, Window: 2 * time.Second, Used: 80, RetryAfter: emulator.RetryAfterSeconds}
	// Less than a run needs, in a window that is used at once and then waited for.
	window := emulator.RateLimit{Requests: 100, Window: 6 * time.Second, RetryAfter: emulator.RetryAfterSeconds}
	limit := func(l emulator.RateLimit) func(*emulator.Options) { return func(o *emulator.Options) { o.Limit = &l } }
	noise := func(t emulator.Throttle) func(*emulator.Options) { return func(o *emulator.Options) { o.Throttle = t } }
	faults := []limitFault{
		{name: "a quota that was used up before, auto", change: limit(usedUp), rate: "auto", throttled: 24},
		{name: "a quota that was used up before, given", change: limit(usedUp), rate: "40/s", throttled: 8},
		{name: "throttled at random", change: noise(emulator.Throttle{Share: 0.05}), rate: "auto", throttled: -1},
		{name: "throttled at random, 503 with a header", rate: "unlimited", throttled: -1, change: noise(emulator.Throttle{
			Share: 0.05, Status: http.StatusServiceUnavailable, Wait: time.Second, RetryAfter: emulator.RetryAfterSeconds,
		})},
	}
	for _, spelling := range emulator.QuotaSpellings() {
		l := window
		l.QuotaHeaders = spelling
		faults = append(faults, limitFault{name: "quota headers " + string(spelling), change: limit(l), rate: "auto"})
	}
	for _, lie := range emulator.QuotaLies() {
		l := window
		l.QuotaHeaders, l.Lie = emulator.QuotaIETF, lie
		f := limitFault{
			name: "quota headers that lie, " + string(lie), change: limit(l), rate: "auto", throttled: 24, told: lieTold(lie),
		}
		if lie == emulator.LieLow {
			f.throttled = 0
		}
		faults = append(faults, f)
	}
	return faults
}

// A limit costs pauses, and no asset: however it is told, and whatever was used of it before.
func TestRun_Limits_CostNoAsset(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	s := exportSettings{sink: "local", files: 12, each: 10, workers: 8, checkpoint: time.Hour}
	undisturbed := s.undisturbed(t)
	for _, fault := range limitFaults() {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			o := s.emulator()
			fault.change(&o)
			server, url := startEmulator(t, o)
			out := filepath.Join(t.TempDir(), "out")
			code, _, stderr := newCLI(t, url).run(append(s.args(out), "--rate", fault.rate, "-v")...)
			if code != 0 {
				t.Fatalf("exit %d\n%s", code, stderr)
			}
			told := strings.Contains(stderr, "headers that announce")
			if told != (fault.told != "") || !strings.Contains(stderr, fault.told) {
				t.Errorf("the log speaks of the headers: %v, want it to say %q\n%s", told, fault.told, stderr)
			}
			throttled := 0
			for _, r := range server.Requests() {
				if r.Status == http.StatusTooManyRequests || r.Status == http.StatusServiceUnavailable {
					throttled++
				}
			}
			if fault.throttled >= 0 && throttled > fault.throttled || fault.throttled < 0 && throttled == 0 {
				t.Errorf("%d requests were throttled, want %d at most, or some where that is -1", throttled, fault.throttled)
			}
			readExportedSet(t, out).check(t, undisturbed)
		})
	}
}

// An asset that is always throttled while others are accepted fails after its attempts, and the others are stored.
func TestRun_PoisonedAssets_Fail(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for _, after := range []string{"", "1"} {
		t.Run("Retry-After "+after, func(t *testing.T) {
			t.Parallel()
			s := exportSettings{sink: "local", files: 20, each: 10, workers: 8, checkpoint: time.Hour}
			o := s.emulator()
			o.Faults = emulator.Faults{
				Rate: 0.02, Times: -1, Kinds: kinds(emulator.FaultStatus429), RetryAfter: after,
			}
			server, url := startEmulator(t, o)
			out := filepath.Join(t.TempDir(), "out")
			code, _, stderr := newCLI(t, url).run(append(s.args(out), "--rate", "100/s", "--max-attempts", "4")...)
			poisoned := map[string]bool{}
			for _, r := range server.Requests() {
				if r.Fault == emulator.FaultStatus429 {
					poisoned[r.Path] = true
				}
			}
			if code != exitIncomplete || len(poisoned) == 0 {
				t.Fatalf("exit %d, %d poisoned assets, want %d and some\n%s", code, len(poisoned), exitIncomplete, stderr)
			}
			failed := 0
			for key, row := range readExport(t, out).rows {
				if row.Status == pipeline.Failed {
					failed++
					if row.Attempts != 4 || !strings.HasPrefix(row.Reason, "http_429:") {
						t.Errorf("%v: %d attempts, %s, want 4 and http_429", key, row.Attempts, row.Reason)
					}
				}
			}
			if failed != len(poisoned) {
				t.Errorf("%d assets failed, want the %d that are poisoned", failed, len(poisoned))
			}
		})
	}
}

// Where all blobs are throttled for ever and the listings are answered, it may be the rate: a blob fails after three times its
// attempts, but after no more than these once few others are throttled besides.
func TestRun_AllBlobsThrottled_Fail(t *testing.T) {
	t.Parallel()
	s := exportSettings{sink: "local", files: 2, each: 2, workers: 4, checkpoint: time.Hour}
	o := s.emulator()
	o.Faults = emulator.Faults{Rate: 1, Times: -1, Kinds: kinds(emulator.FaultStatus429)}
	_, url := startEmulator(t, o)
	out := filepath.Join(t.TempDir(), "out")
	code, _, stderr := newCLI(t, url).run(append(s.args(out), tries(1)...)...)
	if code != exitIncomplete {
		t.Errorf("exit %d, want %d\n%s", code, exitIncomplete, stderr)
	}
	most := 0
	for key, row := range readExport(t, out).rows {
		most = max(most, row.Attempts)
		if row.Attempts < 1 || row.Attempts > 3 || !strings.HasPrefix(row.Reason, "http_429:") {
			t.Errorf("%v: %d attempts, %s, want 1 to 3 and http_429", key, row.Attempts, row.Reason)
		}
	}
	if most != 3 {
		t.Errorf("%d attempts at most, want three times one", most)
	}
}

// apiLimit is what the log says where a limit of the API was found, or a pause asked for.
var apiLimit = regexp.MustCompile(`msg="(the rate of requests" .*limit=found|the API asks to wait)`)

// A blob host that throttles has a governor of its own: the API's rate is untouched, and no asset is lost.
func TestRun_StorageThatThrottles_DoesNotSlowTheAPI(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for _, after := range []emulator.RetryAfterStyle{emulator.RetryAfterNone, emulator.RetryAfterSeconds} {
		t.Run("Retry-After "+string(after), func(t *testing.T) {
			t.Parallel()
			s := exportSettings{sink: "local", files: 12, each: 10, workers: 8, checkpoint: time.Hour}
			o := s.emulator()
			var server *emulator.Server
			var url string
			store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				server.Storage().ServeHTTP(w, r)
			}))
			t.Cleanup(store.Close)
			o.LinkLife = 2 * time.Second
			o.Storage = &emulator.StorageOptions{
				Origin: store.URL, Blobs: true, Limit: &emulator.RateLimit{Requests: 10, Window: time.Second, RetryAfter: after},
			}
			server, url = startEmulator(t, o)
			out := filepath.Join(t.TempDir(), "out")
			code, _, stderr := newCLI(t, url).run(append(s.args(out), "--rate", "auto", "-v")...)
			if told := apiLimit.FindString(stderr); code != 0 || told != "" {
				t.Errorf("exit %d, and the log says %q of the API, want 0 and nothing\n%s", code, told, stderr)
			}
			refused, leaked := 0, 0
			for _, r := range server.Requests() {
				if !r.Storage {
					continue
				}
				if r.Status == http.StatusServiceUnavailable {
					refused++
				}
				if r.Header.Get("Authorization") != "" {
					leaked++
				}
			}
			if refused == 0 || leaked > 0 {
				t.Errorf("storage throttled %d requests and was shown the key %d times, want some and never", refused, leaked)
			}
			readExportedSet(t, out).check(t, s.undisturbed(t))
		})
	}
}

// Where everything is throttled for ever, the pauses grow until they are too long, and the same command goes on later.
func TestRun_EverythingThrottled_Stops(t *testing.T) {
	t.Parallel()
	s := exportSettings{sink: "local", files: 3, each: 10, workers: 4, checkpoint: time.Hour}
	var asked atomic.Int64
	server := newEmulator(t, s.emulator())
	a := startAPI(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The listings are answered, and a few blobs.
		if asked.Add(1) > 12 {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		server.ServeHTTP(w, r)
	}))
	out := filepath.Join(t.TempDir(), "out")
	code, _, stderr := newCLI(t, a.url).run(append(s.args(out), "--max-pause", "2s")...)
	if code != exitStopped || !strings.Contains(stderr, "longer than max_pause (2s)") {
		t.Errorf("exit %d, want %d and the longest pause\n%s", code, exitStopped, stderr)
	}
	a.become(server)
	newCLI(t, a.url).mustRun(s.args(out)...)
	readExportedSet(t, out).check(t, s.undisturbed(t))
}
