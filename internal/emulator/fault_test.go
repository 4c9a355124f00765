package emulator

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	blobPath    = "/api/v1/files/file-1/page_screenshots/0"
	figuresPath = "/api/v1/files/file-1/page-figures"
)

// faulty serves a corpus of which every resource of every route fails once, in one way.
func faulty(t *testing.T, kind FaultKind) *api {
	t.Helper()
	return serve(t, Options{
		Faults:   Faults{Rate: 1, Kinds: []FaultKind{kind}, Routes: AllRoutes(), RetryAfter: "soon"},
		StallFor: 30 * time.Millisecond, TrickleEvery: 10 * time.Millisecond, HugeSize: 100_000,
		OtherOrigin: "http://other.invalid/",
	})
}

// faultTest asks for a path and says what is wrong with the answer, given the right one: "" when it is what the fault
// should make.
type faultTest struct {
	path  string
	check func(got, right answer, err error) string
}

func wantStatus(want int) func(got, right answer, err error) string {
	return func(got, _ answer, err error) string {
		switch {
		case err != nil || got.err != nil:
			return fmt.Sprint(err, got.err)
		case got.status != want || !strings.HasPrefix(string(got.body), `{"detail":"`):
			return fmt.Sprintf("status %d, body %s", got.status, got.body)
		case (want == 429 || want == 503) != (got.header.Get("Retry-After") == "soon"):
			return "Retry-After " + got.header.Get("Retry-After")
		}
		return ""
	}
}

// broken wants a body that ends early with an error, after its first bytes.
func broken(got, right answer, err error) string {
	if err != nil || got.err == nil || got.length != right.length || len(got.body) >= len(right.body) {
		return fmt.Sprintf("errors %v, %v after %d of %d bytes", err, got.err, len(got.body), got.length)
	}
	return ""
}

// body wants a whole answer of status 200 whose body passes ok.
func body(ok func(got, right answer) bool) func(got, right answer, err error) string {
	return func(got, right answer, err error) string {
		if err != nil || got.err != nil || got.status != 200 || !ok(got, right) {
			return fmt.Sprintf("errors %v, %v; status %d, Content-Length %d, body %.80q", err, got.err, got.status,
				got.length, got.body)
		}
		return ""
	}
}

// mistake returns what encoding/json finds wrong with a whole answer, which has to contain want.
func mistake(want string) func(got, right answer, err error) string {
	return body(func(got, _ answer) bool {
		var v any
		err := json.Unmarshal(got.body, &v)
		return err != nil && strings.Contains(err.Error(), want)
	})
}

func faultTests() map[FaultKind]faultTest {
	tests := map[FaultKind]faultTest{
		FaultReset: {blobPath, func(_, _ answer, err error) string {
			if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
				return fmt.Sprint("error ", err)
			}
			return ""
		}},
		FaultCut: {blobPath, func(got, _ answer, err error) string {
			if err = errors.Join(err, got.err); !errors.Is(err, syscall.ECONNRESET) {
				return fmt.Sprint("error ", err)
			}
			return ""
		}},
		FaultShort:   {figuresPath, broken},
		FaultStall:   {blobPath, broken},
		FaultTrickle: {blobPath, broken},
		FaultSlowHeaders: {blobPath, body(func(got, right answer) bool {
			return bytes.Equal(got.body, right.body)
		})},
		FaultNoLength: {blobPath, body(func(got, right answer) bool {
			return got.length == -1 && bytes.Equal(got.body, right.body[:len(right.body)/2])
		})},
		FaultGzip: {blobPath, body(func(got, right answer) bool {
			z, err := gzip.NewReader(bytes.NewReader(got.body))
			if err != nil || got.header.Get("Content-Encoding") != "gzip" {
				return false
			}
			plain, err := io.ReadAll(z)
			return err == nil && bytes.Equal(plain, right.body)
		})},
		FaultHTML: {blobPath, body(func(got, _ answer) bool {
			return strings.HasPrefix(got.header.Get("Content-Type"), "text/html") &&
				bytes.Contains(got.body, []byte("<html>"))
		})},
		FaultEmptyJSON: {blobPath, body(func(got, _ answer) bool { return string(got.body) == "{}" })},
		FaultRedirectLoop: {blobPath, func(got, _ answer, err error) string {
			if location := got.header.Get("Location"); got.status != 307 || location != blobPath+"?hop=1" {
				return fmt.Sprint(got.status, location, err)
			}
			return ""
		}},
		FaultRedirectOther: {blobPath + "?project_id=" + project, func(got, _ answer, err error) string {
			want := "http://other.invalid" + blobPath + "?project_id=" + project
			if location := got.header.Get("Location"); got.status != 307 || location != want {
				return fmt.Sprint(got.status, location, err)
			}
			return ""
		}},
		FaultWrongSize: {blobPath, body(func(got, right answer) bool {
			off := len(got.body) - len(right.body)
			return (off == 1 || off == -1) && got.length == int64(len(got.body))
		})},
		FaultWrongBytes: {blobPath, body(func(got, right answer) bool {
			return len(got.body) == len(right.body) && strings.HasPrefix(string(got.body), "This is not an image")
		})},
		FaultPDF: {blobPath, body(func(got, right answer) bool {
			return len(got.body) == len(right.body) && strings.HasPrefix(string(got.body), "%PDF-1.5\n") &&
				got.header.Get("Content-Type") == right.header.Get("Content-Type")
		})},
		FaultOddType: {blobPath, body(func(got, right answer) bool {
			declared := got.header.Get("Content-Type")
			return bytes.Equal(got.body, right.body) && declared != right.header.Get("Content-Type") &&
				slices.Contains(oddTypes, declared)
		})},
		FaultOddEncoding: {blobPath, body(func(got, right answer) bool {
			odd := got.header["Content-Encoding"]
			return bytes.Equal(got.body, right.body) && len(odd) == 1 && slices.Contains(oddEncodings, odd[0])
		})},
		FaultLong: {blobPath, body(func(got, right answer) bool {
			return got.length == -1 && bytes.Equal(got.body, append(bytes.Clone(right.body), right.body...))
		})},
		FaultMalformedJSON: {figuresPath, mistake("invalid character")},
		FaultTruncatedJSON: {listPath, body(func(got, right answer) bool {
			return bytes.Equal(got.body, right.body[:len(right.body)/2]) && got.length == int64(len(got.body))
		})},
		FaultDeepJSON: {figuresPath, mistake("exceeded max depth")},
		FaultHugeJSON: {listPath, body(func(got, right answer) bool {
			return len(got.body) == 100_000+len(right.body) && bytes.HasSuffix(got.body, right.body)
		})},
		FaultRepeatCursor: {listPath + "?page_size=2", body(func(got, right answer) bool {
			return len(got.body) == len(right.body) && !bytes.Equal(got.body, right.body)
		})},
		FaultRepeatPage: {listPath + "?page_size=2", body(func(got, right answer) bool {
			return len(got.body) == len(right.body) && !bytes.Equal(got.body, right.body)
		})},
		FaultOddItem: {figuresPath, body(func(got, right answer) bool {
			return bytes.Contains(got.body, []byte(`"page_index":{"odd":true}`)) && json.Valid(got.body)
		})},
		FaultOddField: {listPath, body(func(got, right answer) bool {
			return bytes.Contains(got.body, []byte(`"updated_at":"yesterday"`)) && json.Valid(got.body)
		})},
		FaultNullList: {figuresPath, body(func(got, _ answer) bool { return string(got.body) == "null" })},
		FaultSmallPages: {listPath + "?page_size=4", func(got, _ answer, err error) string {
			if got.status != 422 || !strings.Contains(string(got.body), `"loc":["query","page_size"]`) {
				return fmt.Sprint(got.status, string(got.body), err)
			}
			return ""
		}},
		FaultShift: {"/api/v1/pipelines/dir-a/files2?offset=1&limit=1", body(func(got, right answer) bool {
			return !bytes.Equal(got.body, right.body)
		})},
		FaultEmptyPage: {listPath, body(func(got, _ answer) bool {
			return strings.HasPrefix(string(got.body), `{"items":[],"next_page_token":"`)
		})},
	}
	for kind, code := range map[FaultKind]int{
		FaultStatus500: 500, FaultStatus503: 503, FaultStatus429: 429, FaultStatus408: 408, FaultStatus404: 404,
		FaultStatus403: 403, FaultStatus401: 401, FaultStatus400: 400, FaultStatus422: 422, FaultStatus402: 402,
		FaultStatus405: 405, FaultStatus501: 501,
	} {
		tests[kind] = faultTest{blobPath, wantStatus(code)}
	}
	return tests
}

func TestFaults_EachKind(t *testing.T) {
	tests := faultTests()
	for _, kind := range FaultKinds() {
		if kind == FaultExpiredCursor {
			continue // has a test of its own: it needs a second page
		}
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			test, ok := tests[kind]
			if !ok {
				t.Fatal("the fault has no test")
			}
			right := serve(t, Options{}).get(test.path).want(t, 200)
			a := faulty(t, kind)
			got, err := a.try("GET", test.path, nil, nil)
			if wrong := test.check(got, right, err); wrong != "" {
				t.Error(wrong)
			}
			log := a.server.Requests()
			if len(log) != 1 || log[0].Fault != kind || log[0].Status != got.status && kind != FaultCut {
				t.Errorf("log %+v", log)
			}
			// Times is 1: the second attempt is as it should be.
			a.get(test.path).want(t, 200)
			if log := a.server.Requests(); log[1].Fault != "" {
				t.Errorf("the second attempt had the fault %s", log[1].Fault)
			}
		})
	}
}

func TestFaults_Cursors(t *testing.T) {
	first := func(a *api) string { return *a.list(listPath + "?page_size=2").Next }

	a := faulty(t, FaultExpiredCursor)
	path := listPath + "?page_size=2&page_token=" + first(a)
	a.get(path).want(t, 400)
	a.get(path).want(t, 200)

	a = serve(t, Options{Faults: Faults{
		Rate: 1, Times: -1, Kinds: []FaultKind{FaultRepeatCursor}, Routes: ListingRoutes(),
	}})
	token := first(a)
	page := a.list(listPath + "?page_size=2&page_token=" + token)
	if *page.Next != token || page.Items[0].ID != "f1" {
		t.Errorf("page %+v does not repeat the first and its token", page)
	}

	a = faulty(t, FaultEmptyPage)
	if diff := cmp.Diff([]string{"f1", "f2", "f4", "f5"}, a.ids(listPath+"?page_size=2")); diff != "" {
		t.Errorf("empty pages lose files (-want +got):\n%s", diff)
	}
	if n := len(a.server.Requests()); n != 4 {
		t.Errorf("%d requests for two pages that are empty once, want 4", n)
	}
}

func TestFaults_RedirectLoop(t *testing.T) {
	a := faulty(t, FaultRedirectLoop)
	next := blobPath
	for n := range 5 {
		next = a.get(next).want(t, 307).header.Get("Location")
		if want := fmt.Sprintf("%s?hop=%d", blobPath, n+1); next != want {
			t.Fatalf("hop %d leads to %s, want %s", n, next, want)
		}
	}
	a.get(blobPath).want(t, 200)
}

func TestFaults_Times(t *testing.T) {
	for times, want := range map[int]string{0: "FOO", 1: "FOO", 2: "FFO", -1: "FFF"} {
		a := serve(t, Options{Faults: Faults{Rate: 1, Times: times, Kinds: []FaultKind{FaultStatus503}}})
		got := ""
		for range 3 {
			got += map[int]string{200: "O", 503: "F"}[a.get(blobPath).status]
		}
		if got != want {
			t.Errorf("Times %d: %s, want %s", times, got, want)
		}
	}
}

func TestFaults_Routes(t *testing.T) {
	kinds := Faults{Rate: 1, Kinds: []FaultKind{FaultStatus500, FaultLong, FaultTruncatedJSON}}
	a := serve(t, Options{Faults: kinds})
	a.get(listPath).want(t, 200)
	a.get(figuresPath).want(t, 200)
	a.get(blobPath)
	if log := a.server.Requests(); log[2].Fault != FaultStatus500 && log[2].Fault != FaultLong {
		t.Errorf("fault %q of a blob, want one that fits blobs", log[2].Fault)
	}
	kinds.Routes, kinds.Kinds = []Route{RouteAddDirectoryFile}, []FaultKind{FaultStatus500}
	a = serve(t, Options{Faults: kinds})
	a.get(blobPath).want(t, 200)
	a.do("POST", listPath, `{"file_id":"file-1"}`).want(t, 500)
	if got := a.ids(listPath); len(got) != 4 {
		t.Errorf("a write that failed shows in the listing: %v", got)
	}
}

func TestFaults_BeforeKeyAndLimit(t *testing.T) {
	a := serve(t, Options{
		Limit:  &RateLimit{Requests: 1, Window: time.Hour},
		Faults: Faults{Rate: 1, Kinds: []FaultKind{FaultStatus404}},
	})
	wrong, err := a.try("GET", blobPath, http.Header{"Authorization": {"Bearer x"}}, nil)
	check(t, err)
	wrong.want(t, 401)
	a.get(blobPath).want(t, 404)
	a.get(blobPath).want(t, 429)
}

// TestFaults_Seed asks for the same resources in two orders, at once and one after the other.
func TestFaults_Seed(t *testing.T) {
	paths := make([]string, 400)
	for i := range paths {
		paths[i] = fmt.Sprintf("/api/v1/files/file-%08d/page_screenshots/0", i)
	}
	o := Options{
		Corpus: Synthetic(SyntheticOptions{Files: len(paths), AssetsPerFile: 1}),
		Faults: Faults{Rate: 0.25, Kinds: []FaultKind{FaultStatus500, FaultGzip, FaultWrongSize, FaultHTML}},
	}
	faults := func(seed uint64, backwards, parallel bool) map[string]FaultKind {
		o.Seed = seed
		s := newServer(t, o)
		order := slices.Clone(paths)
		if backwards {
			slices.Reverse(order)
		}
		var wg sync.WaitGroup
		for _, path := range order {
			if parallel {
				wg.Go(func() { ask(s, path) })
			} else {
				ask(s, path)
			}
		}
		wg.Wait()
		found := map[string]FaultKind{}
		for _, r := range s.Requests() {
			if r.Fault != "" {
				found[r.Path] = r.Fault
			}
		}
		return found
	}
	want := faults(1, false, false)
	if n := len(want); n < 60 || n > 140 {
		t.Errorf("%d of 400 resources are faulty, want about 100", n)
	}
	kinds := map[FaultKind]int{}
	for _, kind := range want {
		kinds[kind]++
	}
	if len(kinds) != 4 {
		t.Errorf("kinds %v, want all four", kinds)
	}
	if diff := cmp.Diff(want, faults(1, true, false)); diff != "" {
		t.Errorf("the order of requests matters:\n%s", diff)
	}
	if diff := cmp.Diff(want, faults(1, false, true)); diff != "" {
		t.Errorf("requests at once matter:\n%s", diff)
	}
	if maps.Equal(want, faults(2, false, false)) {
		t.Error("two seeds give the same faults")
	}
}

func TestFaults_WrongSize_BothWays(t *testing.T) {
	for _, test := range []struct{ body, want string }{{"abc", "ab"}, {"aac", "aac\x00"}, {"", "\x00"}} {
		if got := wrongSize(nil, reply{body: []byte(test.body)}); string(got.body) != test.want {
			t.Errorf("%q becomes %q, want %q", test.body, got.body, test.want)
		}
	}
}

// TestFaults_HTTP2 shows that faults which take over the connection end the stream where it cannot be taken.
func TestFaults_HTTP2(t *testing.T) {
	for _, kind := range []FaultKind{FaultReset, FaultCut, FaultShort} {
		t.Run(string(kind), func(t *testing.T) {
			a := faulty(t, kind)
			h := httptest.NewUnstartedServer(a.server)
			h.EnableHTTP2 = true
			h.StartTLS()
			t.Cleanup(h.Close)
			a.client, a.url = h.Client(), h.URL
			got, err := a.try("GET", blobPath, nil, nil)
			if err == nil && got.err == nil {
				t.Errorf("status %d and %d bytes, want an error", got.status, len(got.body))
			}
			if log := a.server.Requests(); len(log) == 0 || log[0].Fault != kind {
				t.Errorf("log %+v", log)
			}
		})
	}
}

func TestFaults_ClientGoesAway(t *testing.T) {
	for _, kind := range []FaultKind{FaultStall, FaultTrickle, FaultSlowHeaders} {
		t.Run(string(kind), func(t *testing.T) {
			a := serve(t, Options{
				StallFor: time.Hour, TrickleEvery: time.Hour, Faults: Faults{Rate: 1, Kinds: []FaultKind{kind}},
			})
			a.client.Timeout = 20 * time.Millisecond
			if got, err := a.try("GET", blobPath, nil, nil); err == nil && got.err == nil {
				t.Errorf("status %d and %d bytes, want a timeout", got.status, len(got.body))
			}
			// Closing the server waits for its handlers: the test ends only if they noticed.
		})
	}
}
