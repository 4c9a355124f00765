package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// apiFault is something that the API, or the way to it, does wrong, and what becomes of a run.
type apiFault struct {
	name  string
	kinds []emulator.FaultKind
	// share of the resources that are faulty, 0.3 where it is 0; times is how often each is, for ever below 0.
	share      float64
	times      int
	retryAfter string
	args       []string
	exit       int
	// stderr is a pattern for the message.
	stderr string
	// reason is the class of what fails; empty where all is stored in the end.
	reason string
	// requests is how often a faulty resource is asked for; 0 where that depends on chance.
	requests int
}

var blobFaults = []apiFault{
	{name: "reset before the headers", kinds: kinds(emulator.FaultReset), times: 1, requests: 2},
	{name: "reset in the middle of a body", kinds: kinds(emulator.FaultCut), times: 1, requests: 2},
	{name: "body shorter than declared", kinds: kinds(emulator.FaultShort), times: 1, requests: 2},
	{name: "body shorter than declared, always", kinds: kinds(emulator.FaultShort), times: -1,
		args: tries(2), exit: exitIncomplete, reason: "truncated", requests: 2},
	{name: "closed early without a length", kinds: kinds(emulator.FaultNoLength), times: 1, requests: 2},
	{name: "closed early without a length, always", kinds: kinds(emulator.FaultNoLength), times: -1,
		args: tries(2), exit: exitIncomplete, reason: "size_mismatch", requests: 2},
	{name: "stalled body", kinds: kinds(emulator.FaultStall), times: 1, args: idle("200ms"), requests: 2},
	{name: "trickling body", kinds: kinds(emulator.FaultTrickle), share: 0.1, times: -1,
		args: append(idle("500ms"), tries(2)...), exit: exitIncomplete, reason: "slow", requests: 2},
	{name: "late headers", kinds: kinds(emulator.FaultSlowHeaders), share: 0.1, times: 1,
		args: []string{"--header-timeout", "1s"}, requests: 2},
	{name: "late headers, always", kinds: kinds(emulator.FaultSlowHeaders), share: 0.1, times: -1,
		args: append(tries(2), "--header-timeout", "1s"), exit: exitIncomplete, reason: "timeout", requests: 2},
	{name: "larger than max_blob_size", kinds: kinds(emulator.FaultLong), share: 1, times: -1,
		args: []string{"--max-blob-size", "600"}, exit: exitIncomplete, reason: "too_large", requests: 1},
	{name: "longer than listed", kinds: kinds(emulator.FaultLong), times: -1, exit: exitIncomplete, reason: "size_mismatch", requests: 2},
	{name: "content encoding", kinds: kinds(emulator.FaultGzip), times: -1, exit: exitIncomplete, reason: "encoding", requests: 1},
	{name: "content encoding that is none", kinds: kinds(emulator.FaultOddEncoding), share: 0.6, times: -1, requests: 1},
	{name: "declared as what it is not", kinds: kinds(emulator.FaultOddType), share: 0.6, times: -1, requests: 1},
	{name: "PDF declared as an image", kinds: kinds(emulator.FaultPDF), times: -1,
		exit: exitIncomplete, reason: "not_image", requests: 2},
	{name: "bursts of errors", kinds: kinds(emulator.FaultStatus500, emulator.FaultStatus503), times: 2, requests: 3},
	{name: "forbidden", kinds: kinds(emulator.FaultStatus403), times: -1, exit: exitIncomplete, reason: "http_403", requests: 1},
	{name: "not found", kinds: kinds(emulator.FaultStatus404), times: -1, exit: exitIncomplete, reason: "http_404", requests: 1},
	{name: "unauthorized once", kinds: kinds(emulator.FaultStatus401), times: 1, requests: 2},
	{name: "unauthorized, while others are accepted", kinds: kinds(emulator.FaultStatus401), times: -1,
		exit: exitIncomplete, reason: "http_401", requests: 2},
	{name: "unauthorized, one at a time", kinds: kinds(emulator.FaultStatus401), times: -1,
		args: []string{"--concurrency", "1"}, exit: exitIncomplete, reason: "http_401", requests: 2},
	{name: "unprocessable", kinds: kinds(emulator.FaultStatus422), times: -1, exit: exitIncomplete, reason: "http_422", requests: 1},
	{name: "redirect loop", kinds: kinds(emulator.FaultRedirectLoop), times: -1, exit: exitIncomplete, reason: "redirect",
		requests: 4},
	{name: "HTML and JSON instead of an image", kinds: kinds(emulator.FaultHTML, emulator.FaultEmptyJSON), times: -1,
		exit: exitIncomplete, reason: "not_image", requests: 2},
	{name: "size differs from the listed one", kinds: kinds(emulator.FaultWrongSize), times: -1,
		exit: exitIncomplete, reason: "size_mismatch", requests: 2},
	{name: "every kind at once", times: 1, requests: 2, args: idle("200ms"), kinds: kinds(
		emulator.FaultStatus500, emulator.FaultStatus503, emulator.FaultReset, emulator.FaultCut, emulator.FaultShort,
		emulator.FaultStall, emulator.FaultHTML, emulator.FaultWrongBytes, emulator.FaultNoLength)},
	{name: "every kind that may differ next time", times: 2, requests: 3, args: idle("200ms"), kinds: kinds(
		emulator.FaultStatus500, emulator.FaultStatus503, emulator.FaultReset, emulator.FaultCut, emulator.FaultShort,
		emulator.FaultStall, emulator.FaultNoLength)},

	{name: "throttled until a time in seconds", kinds: kinds(emulator.FaultStatus429), share: 0.1, times: 1,
		retryAfter: "1", requests: 2},
	{name: "throttled until a date in the past", kinds: kinds(emulator.FaultStatus429), share: 0.1, times: 1,
		retryAfter: "Sun, 06 Nov 1994 08:49:37 GMT", requests: 2},
	{name: "throttled until garbage", kinds: kinds(emulator.FaultStatus429), share: 0.1, times: 1,
		retryAfter: "a while", requests: 2},
	{name: "throttled for too long", kinds: kinds(emulator.FaultStatus429), share: 0.1, times: 1,
		retryAfter: "99999999999", exit: exitStopped, stderr: `longer than max_pause \(15m0s\).*the same command goes on`, requests: 1},
	{name: "throttled until a date too far off", kinds: kinds(emulator.FaultStatus429), share: 0.1, times: 1,
		retryAfter: "Fri, 31 Dec 9999 23:59:59 GMT", exit: exitStopped, stderr: `longer than max_pause`, requests: 1},
	{name: "throttled for ever, and only they are", kinds: kinds(emulator.FaultStatus429), times: -1,
		args: tries(1), exit: exitIncomplete, reason: "http_429"},
}

var listingFaults = []apiFault{
	{name: "empty page with a token", kinds: kinds(emulator.FaultEmptyPage), times: 3, requests: 4},
	{name: "cursor repeats", kinds: kinds(emulator.FaultRepeatCursor), times: -1, exit: exitStopped,
		stderr: "leads back to a page that was read before"},
	{name: "listing never ends", kinds: kinds(emulator.FaultRepeatPage), times: -1, exit: exitStopped,
		stderr: "leads back to a page that was read before"},
	{name: "pages are always empty", kinds: kinds(emulator.FaultEmptyPage), times: -1, exit: exitStopped,
		stderr: "does not end, but gives nothing more"},
	{name: "refused with 400", kinds: kinds(emulator.FaultStatus400), times: -1, exit: exitRefused,
		stderr: "list directory synthetic: .*400 Bad Request", requests: 1},
	{name: "refused with 404", kinds: kinds(emulator.FaultStatus404), times: -1, exit: exitRefused,
		stderr: "list directory synthetic: .*404 Not Found.*check the id", requests: 1},
	{name: "refused with 422", kinds: kinds(emulator.FaultStatus422), times: -1, exit: exitRefused,
		stderr: "list directory synthetic: .*422 Unprocessable", requests: 1},
	{name: "malformed JSON", kinds: kinds(emulator.FaultMalformedJSON), times: -1, exit: exitStopped,
		stderr: "list directory synthetic: .*decode answer", requests: 11},
	{name: "truncated JSON", kinds: kinds(emulator.FaultTruncatedJSON), times: -1, exit: exitStopped,
		stderr: "list directory synthetic: .*decode answer", requests: 11},
	{name: "deep JSON", kinds: kinds(emulator.FaultDeepJSON), times: -1, exit: exitStopped,
		stderr: "nested more than 64 deep", requests: 11},
	{name: "huge JSON", kinds: kinds(emulator.FaultHugeJSON), times: -1, exit: exitStopped,
		stderr: "larger than 67108864 bytes", requests: 10},
	{name: "malformed JSON once", kinds: kinds(emulator.FaultMalformedJSON, emulator.FaultTruncatedJSON), times: 1, requests: 2},
	{name: "errors of the server", kinds: kinds(emulator.FaultStatus500, emulator.FaultReset), times: 2, requests: 3},
}

var assetListingFaults = []apiFault{
	{name: "forbidden", kinds: kinds(emulator.FaultStatus403), times: -1, exit: exitIncomplete, reason: "http_403", requests: 1},
	{name: "not found", kinds: kinds(emulator.FaultStatus404), times: -1, exit: exitIncomplete, reason: "http_404", requests: 1},
	{name: "unprocessable", kinds: kinds(emulator.FaultStatus422), times: -1, exit: exitIncomplete, reason: "http_422", requests: 1},
	{name: "unauthorized, while others are accepted", kinds: kinds(emulator.FaultStatus401), times: -1,
		exit: exitIncomplete, reason: "http_401", requests: 2},
	{name: "malformed JSON", kinds: kinds(emulator.FaultMalformedJSON), times: -1, exit: exitIncomplete,
		reason: "malformed", requests: 2},
	{name: "errors of the server", kinds: kinds(emulator.FaultStatus500, emulator.FaultCut), times: 2, requests: 3},
}

func kinds(k ...emulator.FaultKind) []emulator.FaultKind { return k }

func tries(n int) []string { return []string{"--max-attempts", strconv.Itoa(n)} }

func idle(d string) []string { return []string{"--idle-timeout", d} }

// changingAPI is an API that keeps its address while it turns into another one.
type changingAPI struct {
	url     string
	handler atomic.Pointer[http.Handler]
}

func startAPI(t *testing.T, first http.Handler) *changingAPI {
	t.Helper()
	a := &changingAPI{}
	a.become(first)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		(*a.handler.Load()).ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	a.url = server.URL
	return a
}

func (a *changingAPI) become(h http.Handler) { a.handler.Store(&h) }

// Whatever the API does wrong with blobs: what can be had is stored and exact, what cannot is a row with its class, no
// resource is asked for more often than it should be, and once the API is well again the same command completes.
func TestRun_BlobFault(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for i, f := range blobFaults {
		f.test(t, sinkOf(i), emulator.BlobRoutes())
	}
}

// The same for the listing of a directory.
func TestRun_ListingFault(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for i, f := range listingFaults {
		f.share = 1
		f.test(t, sinkOf(i), []emulator.Route{emulator.RouteListDirectoryFiles})
	}
}

// The same for the listings of a file's assets.
func TestRun_AssetListingFault(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for i, f := range assetListingFaults {
		f.test(t, sinkOf(i), []emulator.Route{emulator.RouteListPageScreenshots, emulator.RouteListPageFigures})
	}
}

// sinkOf makes both sinks have their turn: bytes that were not verified reach neither.
func sinkOf(i int) string { return []string{"local", "archive"}[i%2] }

func (f apiFault) test(t *testing.T, sink string, routes []emulator.Route) {
	t.Run(f.name, func(t *testing.T) {
		t.Parallel()
		s := exportSettings{sink: sink, files: 5, each: 12, workers: 8, checkpoint: time.Hour}
		o := s.emulator()
		o.Faults = emulator.Faults{Rate: f.share, Times: f.times, Kinds: f.kinds, Routes: routes, RetryAfter: f.retryAfter}
		if f.share == 0 {
			o.Faults.Rate = 0.3
		}
		o.StallFor, o.TrickleEvery, o.HugeSize = 3*time.Second, 20*time.Millisecond, 65<<20
		server := newEmulator(t, o)
		a := startAPI(t, server)
		out := filepath.Join(t.TempDir(), "out")
		c := newCLI(t, a.url)
		code, stdout, stderr := c.run(append(s.args(out), f.args...)...)
		if code != f.exit || !regexp.MustCompile(f.stderr).MatchString(stderr) {
			t.Fatalf("exit %d, want %d and %q\n%s%s", code, f.exit, f.stderr, stdout, stderr)
		}
		faulty := f.checkRequests(t, server.Requests())
		if code != exitStopped && code != exitRefused {
			f.checkRows(t, out, faulty)
		}
		a.become(newEmulator(t, s.emulator()))
		c.mustRun(s.args(out)...)
		readExportedSet(t, out).check(t, s.undisturbed(t))
	})
}

// firstRequest is the path of the first request of a run. After failures in a row it is asked for again, to see whether the
// API is there.
const firstRequest = "/api/v1/beta/directories/" + emulator.SyntheticDirectory + "/files"

// checkRequests returns the paths of what was faulty.
func (f apiFault) checkRequests(t *testing.T, requests []emulator.Request) map[string]bool {
	t.Helper()
	faulty, count := map[string]bool{}, map[string]int{}
	for _, r := range requests {
		if r.Header.Get("Authorization") != "accepted" || r.Header.Get("Accept-Encoding") != "identity" {
			t.Errorf("%s was asked for with the headers %v", r.Path, r.Header)
		}
		path := r.Path
		if r.Route == emulator.RouteListAttachments {
			path += "?" + r.Query.Encode()
		}
		if r.Fault != "" {
			faulty[path] = true
		}
		count[path]++
	}
	if len(faulty) == 0 {
		t.Error("nothing was faulty")
	}
	for path, n := range count {
		want := 1
		if faulty[path] {
			want = f.requests
		} else if path == firstRequest {
			continue
		}
		if n != want && want > 0 && !((f.exit == exitStopped || f.exit == exitRefused) && n < want) {
			t.Errorf("%s was asked for %d times, want %d", path, n, want)
		}
	}
	return faulty
}

// checkRows fails unless exactly what was faulty failed, as it should: assets, or files of which assets could not be
// listed.
func (f apiFault) checkRows(t *testing.T, out string, faulty map[string]bool) {
	t.Helper()
	e := readExport(t, out)
	for key, row := range e.rows {
		want := ""
		if faulty[blobRoute(key)] {
			want = f.reason
		}
		if class, _, _ := strings.Cut(row.Reason, ":"); class != want || (row.Status == pipeline.Stored) != (want == "") {
			t.Errorf("%v is %s (%s), want reason %q", key, row.Status, row.Reason, want)
		}
	}
	for _, file := range e.files {
		want := ""
		if faulty[fileRoute(file.ID)+"/page_screenshots"] || faulty[fileRoute(file.ID)+"/page-figures"] {
			want = f.reason
		}
		if class, _, _ := strings.Cut(file.Error, ":"); class != want || (file.Status == pipeline.Failed) != (want != "") {
			t.Errorf("file %s is %s (%s), want error %q", file.ID, file.Status, file.Error, want)
		}
	}
}

func fileRoute(id string) string { return "/api/v1/files/" + id }

// blobRoute returns the path at which the emulator has a computed blob.
func blobRoute(key pipeline.AssetKey) string {
	if key.Kind == pipeline.Figure {
		return fmt.Sprintf("%s/page-figures/%d/%s", fileRoute(string(key.FileID)), key.PageIndex, key.FigureName)
	}
	return fmt.Sprintf("%s/page_screenshots/%d", fileRoute(string(key.FileID)), key.PageIndex)
}
