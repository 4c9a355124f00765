package main

import (
	"errors"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/testmain"
)

var blobPath = regexp.MustCompile(`^/api/v1/files/[^/]+/(page_screenshots|page-figures)/.`)

// after counts blob requests, and calls then for those beyond the first n.
func after(n int64, first *emulator.Server, then http.HandlerFunc) http.HandlerFunc {
	var blobs atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		if blobPath.MatchString(r.URL.Path) && blobs.Add(1) > n || blobs.Load() > n {
			then(w, r)
			return
		}
		first.ServeHTTP(w, r)
	}
}

// The API goes away in the middle of a run. It is asked a few times more, less and less often, until max_outage is over.
// What had been fetched is committed, and the next run fetches the rest.
func TestRun_Outage_StopsAndGoesOn(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	hangUp := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	badGateway := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	for name, outage := range map[string]http.HandlerFunc{"connections closed": hangUp, "bad gateway": badGateway} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := exportSettings{sink: "archive", files: 6, each: 20, workers: 8, checkpoint: time.Hour}
			server := newEmulator(t, s.emulator())
			var vain atomic.Int64
			a := startAPI(t, after(50, server, func(w http.ResponseWriter, r *http.Request) {
				vain.Add(1)
				outage(w, r)
			}))
			out := filepath.Join(t.TempDir(), "out")
			c := newCLI(t, a.url)
			code, _, stderr := c.run(append(s.args(out), "--max-outage", "3s")...)
			want := regexp.MustCompile(`could not be reached for [0-3]s \(max_outage is 3s\).*the same command goes on`)
			if code != exitStopped || !want.MatchString(stderr) {
				t.Errorf("exit %d, want %d and %v\n%s", code, exitStopped, want, stderr)
			}
			// Five failures open the breaker; what is in flight fails too, and then it is one request at a time. net/http sends
			// one again where a connection that it had used before is closed.
			if n := vain.Load(); n < 5 || n > 2*(5+8)+10 {
				t.Errorf("%d requests in vain, want few more than 5", n)
			}
			committed := len(readExport(t, out).rows)
			if committed != 50 {
				t.Errorf("%d assets are committed, want 50", committed)
			}
			a.become(server)
			server.Reset()
			c.mustRun(s.args(out)...)
			if n := blobRequests(server); n != s.assets()-committed {
				t.Errorf("the next run fetched %d blobs, want %d", n, s.assets()-committed)
			}
			readExportedSet(t, out).check(t, s.undisturbed(t))
		})
	}
}

// An outage that is over in time is no more than a pause.
func TestRun_ShortOutage_IsWaitedFor(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	s := exportSettings{sink: "local", files: 6, each: 20, workers: 8, checkpoint: time.Hour}
	server := newEmulator(t, s.emulator())
	var over atomic.Bool
	a := startAPI(t, nil)
	a.become(after(50, server, func(w http.ResponseWriter, r *http.Request) {
		if over.Load() {
			server.ServeHTTP(w, r)
			return
		}
		time.AfterFunc(time.Second, func() { over.Store(true) })
		panic(http.ErrAbortHandler)
	}))
	out := filepath.Join(t.TempDir(), "out")
	newCLI(t, a.url).mustRun(s.args(out)...)
	readExportedSet(t, out).check(t, s.undisturbed(t))
}

// An API that was never there: nothing is written, and the message names it.
func TestRun_NoAPI_Stops(t *testing.T) {
	t.Parallel()
	for name, base := range map[string]string{
		"connection refused": "http://127.0.0.1:1", "name does not resolve": "https://api.exporter.invalid",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := exportSettings{sink: "local", files: 1, each: 1, workers: 2, checkpoint: time.Hour}
			out := filepath.Join(t.TempDir(), "out")
			code, _, stderr := newCLI(t, base).run(append(s.args(out), "--max-attempts", "3", "--header-timeout", "3s")...)
			if code != exitStopped || !strings.Contains(stderr, "check base_url and the network, then the same command goes on") {
				t.Errorf("exit %d, want %d and a hint\n%s", code, exitStopped, stderr)
			}
			if names, err := filepath.Glob(filepath.Join(out, "*")); len(names) > 0 || err != nil {
				t.Errorf("%v was written, %v", names, err)
			}
		})
	}
}

// The key is refused in the middle of a run: no more requests are made than were under way.
func TestRun_KeyRevoked_StopsAtOnce(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	s := exportSettings{sink: "local", files: 6, each: 20, workers: 8, checkpoint: time.Hour}
	server := newEmulator(t, s.emulator())
	var refused atomic.Int64
	a := startAPI(t, after(50, server, func(w http.ResponseWriter, _ *http.Request) {
		refused.Add(1)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	out := filepath.Join(t.TempDir(), "out")
	c := newCLI(t, a.url)
	code, _, stderr := c.run(s.args(out)...)
	if code != exitRefused || !strings.Contains(stderr, "check the key in LLAMA_CLOUD_API_KEY") {
		t.Errorf("exit %d, want %d and a hint\n%s", code, exitRefused, stderr)
	}
	if n := refused.Load(); n < 2 || n > int64(2*(s.workers+s.workers/4)+2) {
		t.Errorf("%d requests were refused, want at most those of the workers and listers that were under way, once more "+
			"each, and two to make sure", n)
	}
	a.become(server)
	server.Reset()
	c.mustRun(s.args(out)...)
	if n := blobRequests(server); n != s.assets()-50 {
		t.Errorf("the next run fetched %d blobs, want %d", n, s.assets()-50)
	}
	readExportedSet(t, out).check(t, s.undisturbed(t))
}

// A throttled answer that says when to come back stops all workers until then.
func TestRun_Throttled_PausesAllWorkers(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	const pause = time.Second
	for _, style := range []emulator.RetryAfterStyle{
		emulator.RetryAfterSeconds, emulator.RetryAfterDate, emulator.RetryAfterMillis,
	} {
		t.Run(string(style), func(t *testing.T) {
			t.Parallel()
			s := exportSettings{sink: "local", files: 4, each: 20, workers: 8, checkpoint: time.Hour}
			o := s.emulator()
			o.Limit = &emulator.RateLimit{Requests: 20, Window: pause, RetryAfter: style}
			server, url := startEmulator(t, o)
			out := filepath.Join(t.TempDir(), "out")
			newCLI(t, url).mustRun(s.args(out)...)
			requests := server.Requests()
			slices.SortFunc(requests, func(a, b emulator.Request) int { return a.Time.Compare(b.Time) })
			first := slices.IndexFunc(requests, func(r emulator.Request) bool { return r.Status == http.StatusTooManyRequests })
			if first < 0 {
				t.Fatal("nothing was throttled")
			}
			// A window begins with the first request after the last one. Each worker and lister may be throttled once, since it had
			// something under way, and once more where requests overtake each other on the way, so that one which was sent later is
			// accepted; then none is in the rest of the window.
			began, throttled := requests[0].Time, 0
			for _, r := range requests[:first] {
				if r.Time.Sub(began) >= pause {
					began = r.Time
				}
			}
			for _, r := range requests[first:] {
				if r.Status == http.StatusTooManyRequests && r.Time.Sub(began) < pause {
					throttled++
				}
			}
			if most := 2 * (s.workers + s.workers/4); throttled > most {
				t.Errorf("%d requests were throttled in one window, want at most %d, two for each worker and lister", throttled, most)
			}
			readExportedSet(t, out).check(t, s.undisturbed(t))
		})
	}
}

// A cursor expires under way. The listing is not complete, and the next run lists anew: no file and no asset twice.
func TestRun_CursorExpires_NextRunListsAnew(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	s := exportSettings{sink: "archive", files: 1200, each: 1, size: 100, workers: 8, checkpoint: time.Hour}
	o := s.emulator()
	o.Faults = emulator.Faults{
		Rate: 1, Kinds: kinds(emulator.FaultExpiredCursor), Routes: []emulator.Route{emulator.RouteListDirectoryFiles},
	}
	server, url := startEmulator(t, o)
	out := filepath.Join(t.TempDir(), "out")
	c := newCLI(t, url)
	code, _, stderr := c.run(s.args(out)...)
	if code != exitStopped || !strings.Contains(stderr, "The page token has expired") {
		t.Fatalf("exit %d, want %d\n%s", code, exitStopped, stderr)
	}
	c.mustRun(s.args(out)...)
	if n := blobRequests(server); n != s.assets() {
		t.Errorf("%d blob requests in both runs, want %d", n, s.assets())
	}
	if e := readExport(t, out); len(e.rows) != s.assets() || len(e.files) != s.files {
		t.Errorf("%d assets of %d files, want %d of %d", len(e.rows), len(e.files), s.assets(), s.files)
	}
}

// Directory, pipeline and project list the same files, and files come, change and go while they are listed: each file that
// stays has one row.
func TestRun_ListingChangesUnderWay_OneRowEach(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	s := exportSettings{sink: "local", files: 1300, each: 1, size: 100, workers: 8, checkpoint: time.Hour}
	o := s.emulator()
	server := newEmulator(t, o)
	var listings atomic.Int64
	a := startAPI(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/files") && listings.Add(1) == 2 {
			if err := errors.Join(
				o.Corpus.Touch("file-00000003", time.Now()), o.Corpus.Touch("file-00001203", time.Now()),
			); err != nil {
				t.Error(err)
			}
		}
		server.ServeHTTP(w, r)
	}))
	out := filepath.Join(t.TempDir(), "out")
	args := append(s.args(out), "--pipeline", emulator.SyntheticDirectory, "--project")
	newCLI(t, a.url).mustRun(args...)
	if n := blobRequests(server); n != s.assets() {
		t.Errorf("%d blob requests, want %d", n, s.assets())
	}
	if e := readExport(t, out); len(e.rows) != s.assets() || len(e.files) != s.files {
		t.Errorf("%d assets of %d files, want %d of %d", len(e.rows), len(e.files), s.assets(), s.files)
	}
}
