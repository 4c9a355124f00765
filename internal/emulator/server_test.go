package emulator

import (
	"bytes"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestServer_Key(t *testing.T) {
	exact := serve(t, Options{Key: "llx-a"})
	lax := &api{t, nil, "", exact.client}
	s, err := New(Options{Corpus: tinyCorpus(t)})
	check(t, err)
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	lax.url = h.URL
	for _, test := range []struct {
		a      *api
		header string
		want   int
	}{
		{exact, "Bearer llx-a", 200}, {exact, "Bearer llx-b", 401}, {exact, "llx-a", 401}, {exact, "Basic llx-a", 401},
		{exact, "", 401}, {lax, "Bearer x", 200}, {lax, "Bearer ", 401}, {lax, "", 401},
	} {
		got, err := test.a.try("GET", listPath, http.Header{"Authorization": {test.header}}, nil)
		check(t, err)
		if got.status != test.want {
			t.Errorf("Authorization %q: status %d, want %d", test.header, got.status, test.want)
		}
		if want := `{"detail":"Invalid API key"}`; got.status == 401 && string(got.body) != want {
			t.Errorf("Authorization %q: body %s, want %s", test.header, got.body, want)
		}
	}
}

func TestServer_MethodNotAllowed(t *testing.T) {
	a := serve(t, Options{})
	for _, test := range []struct{ method, path, allow string }{
		{"PUT", listPath, "GET, POST"},
		{"POST", listPath + "/f1", "GET, PATCH, DELETE"},
		{"DELETE", "/api/v1/files/file-1/page_screenshots/0", "GET"},
	} {
		got := a.do(test.method, test.path, "").want(t, 405)
		if got.header.Get("Allow") != test.allow || string(got.body) != `{"detail":"Method Not Allowed"}` {
			t.Errorf("%s %s: Allow %q, body %s", test.method, test.path, got.header.Get("Allow"), got.body)
		}
	}
}

func TestServer_Assets(t *testing.T) {
	a := serve(t, Options{})
	want := `[{"file_id":"file-1","image_size":` + strconv.Itoa(len(drawJPEG(t, 8, 9))) +
		`,"page_index":0,"metadata":{"n":12345678901234567890.10}},{"file_id":"file-1","image_size":0,"page_index":2}]`
	if got := string(a.get("/api/v1/files/file-1/page_screenshots").want(t, 200).body); got != want {
		t.Errorf("screenshots %s, want %s", got, want)
	}
	got := a.get("/api/v1/files/file-1/page_screenshots/2").want(t, 200)
	if !bytes.Equal(got.body, drawPNG(t, 3, 4)) || got.header.Get("Content-Type") != "image/png" {
		t.Errorf("screenshot 2: %q, %d bytes", got.header.Get("Content-Type"), len(got.body))
	}
	if got := string(a.get("/api/v1/files/file-2/page-figures").want(t, 200).body); got != "[]" {
		t.Errorf("figures of a file without any: %s", got)
	}
	for i, name := range hostileNames() {
		// Everything escaped is the safest way to write a name; dots have to be, where the whole segment is dots.
		var path strings.Builder
		for _, c := range []byte(name) {
			path.WriteString("%" + strconv.FormatUint(uint64(c)+256, 16)[1:])
		}
		got := a.get("/api/v1/files/file-1/page-figures/1/"+path.String()).want(t, 200)
		if want := strconv.Itoa(i) + "\xff\xd9"; !strings.HasSuffix(string(got.body), want) {
			t.Errorf("figure %q ends in %q, want %q", name, got.body[len(got.body)-3:], want)
		}
	}
	a.get("/api/v1/files/file-1/page-figures/1/"+url.PathEscape("a/b.jpg")).want(t, 200)
	a.get("/api/v1/files/file-1/page-figures/1/a/b.jpg").want(t, 404)
	for _, path := range []string{"page_screenshots/x", "page_screenshots/", "page-figures/1.5/x"} {
		got := a.get("/api/v1/files/file-1/"+path).want(t, 422)
		if !strings.Contains(string(got.body), `"loc":["path","page_index"]`) {
			t.Errorf("%s: %s", path, got.body)
		}
	}
}

func TestServer_Requests(t *testing.T) {
	a := serve(t, Options{})
	a.get(listPath + "?page_size=3")
	a.get("/api/v1/files/file-1/page-figures/1/a%2Fb.jpg")
	a.get("/nowhere")
	_, err := a.try("GET", listPath, http.Header{"Authorization": {"Bearer wrong"}, "X-Test": {"1"}}, nil)
	check(t, err)
	type line struct {
		method, path, query string
		route               Route
		status              int
		authorization       string
	}
	var got []line
	for _, r := range a.server.Requests() {
		got = append(got, line{r.Method, r.Path, r.Query.Encode(), r.Route, r.Status, r.Header.Get("Authorization")})
		if r.Time.IsZero() || r.Fault != "" {
			t.Errorf("request %+v", r)
		}
	}
	want := []line{
		{"GET", listPath, "page_size=3", RouteListDirectoryFiles, 200, "accepted"},
		{"GET", "/api/v1/files/file-1/page-figures/1/a%2Fb.jpg", "", RouteGetPageFigure, 200, "accepted"},
		{"GET", "/nowhere", "", "", 404, "accepted"},
		{"GET", listPath, "", RouteListDirectoryFiles, 401, "refused"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(line{})); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	if a.server.Requests()[3].Header.Get("X-Test") != "1" {
		t.Error("the log lacks a header")
	}
	if a.server.Reset(); len(a.server.Requests()) != 0 {
		t.Error("Reset left requests in the log")
	}
}

func TestServer_Requests_Limit(t *testing.T) {
	for limit, want := range map[int]string{-1: "", 0: "01234", 1: "4", 3: "234", 5: "01234", 9: "01234"} {
		s := newServer(t, Options{LogLimit: limit})
		for i := range 5 {
			s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/"+strconv.Itoa(i), nil))
		}
		got := ""
		for _, r := range s.Requests() {
			got += r.Path[1:]
		}
		if got != want {
			t.Errorf("limit %d keeps %q, want %q", limit, got, want)
		}
	}
}

// ask answers a request without a network, so that time can be that of a synctest bubble.
func ask(s *Server, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Authorization", "Bearer "+testKey)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestServer_Latency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{Latency: 50 * time.Millisecond})
		start := time.Now()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { ask(s, listPath) })
		}
		wg.Wait()
		if got := time.Since(start); got != 50*time.Millisecond {
			t.Errorf("eight requests at once took %v, want 50ms", got)
		}
	})
}

func TestServer_Limit(t *testing.T) {
	for _, test := range []struct {
		style  RetryAfterStyle
		header string
		want   string
	}{
		// The window ends 60 s after the first request; the one that is throttled comes 1.5 s after it.
		{RetryAfterNone, "Retry-After", ""},
		{RetryAfterSeconds, "Retry-After", "59"},
		{RetryAfterMillis, "Retry-After-Ms", "58500"},
		{RetryAfterDate, "Retry-After", "Sat, 01 Jan 2000 00:01:00 GMT"},
	} {
		t.Run(string(test.style), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, Options{Limit: &RateLimit{Requests: 3, Window: time.Minute, RetryAfter: test.style}})
				for range 3 {
					if w := ask(s, listPath); w.Code != 200 {
						t.Fatalf("status %d within the limit", w.Code)
					}
					time.Sleep(500 * time.Millisecond)
				}
				w := ask(s, listPath)
				if w.Code != 429 || !strings.Contains(w.Body.String(), `{"detail":"Rate limit exceeded`) {
					t.Errorf("status %d, body %s; want 429", w.Code, w.Body)
				}
				if got := w.Header().Get(test.header); got != test.want {
					t.Errorf("%s %q, want %q", test.header, got, test.want)
				}
				time.Sleep(58500*time.Millisecond - 1)
				if w := ask(s, listPath); w.Code != 429 {
					t.Errorf("status %d at the end of the window, want 429", w.Code)
				}
				time.Sleep(time.Nanosecond)
				if w := ask(s, listPath); w.Code != 200 {
					t.Errorf("status %d in the next window, want 200", w.Code)
				}
			})
		})
	}
}

func TestNew_Rejects(t *testing.T) {
	c := NewCorpus()
	for want, o := range map[string]Options{
		"Corpus is missing":        {},
		"must not be negative":     {Corpus: c, Latency: -1},
		"0 requests in 1s":         {Corpus: c, Limit: &RateLimit{Window: time.Second}},
		"Faults.Rate is 2":         {Corpus: c, Faults: Faults{Rate: 2}},
		"Faults.Kinds is empty":    {Corpus: c, Faults: Faults{Rate: 1}},
		`there is no fault "rain"`: {Corpus: c, Faults: Faults{Rate: 1, Kinds: []FaultKind{"rain"}}},
		`OtherOrigin is "localhost"`: {
			Corpus: c, OtherOrigin: "localhost", Faults: Faults{Rate: 1, Kinds: []FaultKind{FaultRedirectOther}},
		},
		`OtherOrigin is ""`: {Corpus: c, Faults: Faults{Rate: 1, Kinds: []FaultKind{FaultRedirectOther}}},
		"LinkLife is 1.5s":  {Corpus: c, LinkLife: 1500 * time.Millisecond},
		"LinkLife is -1s":   {Corpus: c, LinkLife: -time.Second},
		"Throttle.Share is 1.5, it must be from 0 to 1":  {Corpus: c, Throttle: Throttle{Share: 1.5}},
		"Throttle.Share is NaN":                          {Corpus: c, Throttle: Throttle{Share: math.NaN()}},
		"Throttle.Status is 404, it must be 429 or 503":  {Corpus: c, Throttle: Throttle{Status: 404}},
		"Throttle.Wait is -1s":                           {Corpus: c, Throttle: Throttle{Wait: -time.Second}},
		`Throttle.RetryAfter: there is no style "never"`: {Corpus: c, Throttle: Throttle{RetryAfter: "never"}},
		`Storage.Origin is "", want an origin`:           {Corpus: c, Storage: &StorageOptions{}},
		`Storage.Origin is "http://127.0.0.1:1/a", want`: {Corpus: c, Storage: &StorageOptions{Origin: "http://127.0.0.1:1/a"}},
		"Storage.Latency must not be negative":           {Corpus: c, Storage: &StorageOptions{Origin: testStorage, Latency: -1}},
		"Storage.ThrottleStatus is 500":                  {Corpus: c, Storage: &StorageOptions{Origin: testStorage, ThrottleStatus: 500}},
		"Storage: a limit of 0 requests in 1s, both must": {
			Corpus: c, Storage: &StorageOptions{Origin: testStorage, Limit: &RateLimit{Window: time.Second}},
		},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// TestServer_Concurrent is for the race detector: every operation beside every other.
func TestServer_Concurrent(t *testing.T) {
	c := tinyCorpus(t)
	a := serve(t, Options{Corpus: c, LogLimit: 50, Limit: &RateLimit{Requests: 1 << 30, Window: time.Hour},
		Faults: Faults{Rate: 0.5, Kinds: []FaultKind{FaultStatus500, FaultGzip}}})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				for _, path := range []string{
					listPath + "?page_size=2&expand=download_url", "/api/v1/beta/files", "/api/v1/pipelines/dir-a/files2",
					"/api/v1/files/file-1/page_screenshots/0", "/api/v1/files/file-1/page-figures", listPath + "/f1",
				} {
					a.get(path)
				}
				f := decode[listedFile](t, a.do("POST", listPath, `{"file_id":"file-1"}`).want(t, 201).body)
				a.do("PATCH", listPath+"/"+f.ID, `{"display_name":"x"}`).want(t, 200)
				a.do("PATCH", listPath+"/"+f.ID, `{"target_directory_id":"dir-b"}`).want(t, 200)
				a.do("DELETE", "/api/v1/beta/directories/dir-b/files/"+f.ID, "").want(t, 204)
				check(t, c.Touch("file-1", time.Now()))
				check(t, c.PutAsset("file-1", AssetSpec{Kind: Screenshot, Page: 9, Data: []byte("x")}))
				_ = a.server.Requests()
			}
		})
	}
	wg.Wait()
	if n := len(a.ids("/api/v1/beta/directories/dir-b/files?include_deleted=true")); n != 41 {
		t.Errorf("%d directory files were moved and deleted, want 40 beside the one that was there", n-1)
	}
}

func BenchmarkServer_Blob(b *testing.B) {
	s, err := New(Options{Corpus: Synthetic(SyntheticOptions{Files: 10, AssetsPerFile: 100, BlobSize: 1000}), LogLimit: -1})
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/api/v1/files/file-00000003/page-figures/4/page_5_figure_1.jpg", nil)
	r.Header.Set("Authorization", "Bearer x")
	b.ReportAllocs()
	for b.Loop() {
		w := discard{http.Header{}}
		s.ServeHTTP(w, r)
	}
}

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) WriteHeader(int)             {}
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
