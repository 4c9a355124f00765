package emulator

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// withStorage serves an emulator and its storage origin.
func withStorage(t *testing.T, o Options) *api {
	t.Helper()
	h := httptest.NewUnstartedServer(nil)
	o.Storage.Origin = "http://" + h.Listener.Addr().String()
	a := serve(t, o)
	h.Config.Handler = a.server.Storage()
	h.Start()
	t.Cleanup(h.Close)
	return a
}

// link returns where a path is redirected to.
func (a *api) link(path string) string {
	a.t.Helper()
	return a.get(path).want(a.t, 307).header.Get("Location")
}

// fetch asks the storage origin, without a key unless the header has one.
func (a *api) fetch(link string, header http.Header) answer {
	a.t.Helper()
	if header == nil {
		header = http.Header{"Authorization": nil}
	}
	got, err := a.try("GET", link, header, nil)
	check(a.t, err)
	check(a.t, got.err)
	return got
}

// wantXML fails the test unless the answer is S3's error of that code.
func (got answer) wantXML(t *testing.T, status int, code string) {
	t.Helper()
	got.want(t, status)
	if got.header.Get("Content-Type") != "application/xml" || !strings.HasPrefix(string(got.body), "<?xml ") ||
		!strings.Contains(string(got.body), "<Error><Code>"+code+"</Code><Message>") {
		t.Errorf("%s %s, want the error %s", got.header.Get("Content-Type"), got.body, code)
	}
}

// Every blob that there is comes from the storage origin, everything else from the API.
func TestStorage_Blobs(t *testing.T) {
	direct := serve(t, Options{})
	a := withStorage(t, Options{Storage: &StorageOptions{Blobs: true}})
	for _, path := range []string{
		blobPath, "/api/v1/files/file-1/page_screenshots/2?project_id=" + project,
		figuresPath + "/1/page_1_figure_1.jpg", figuresPath + "/1/a%2Fb.jpg", figuresPath + "/1/%2e%2e", figuresPath + "/1/",
		figuresPath + "/1/a%20b+c", figuresPath + "/1/%252e%252e",
	} {
		link := a.link(path)
		if a.server.storage.Origin == a.url || !strings.HasPrefix(link, a.server.storage.Origin+"/") {
			t.Errorf("%s leads to %s", path, link)
		}
		got, want := a.fetch(link, nil).want(t, 200), direct.get(path).want(t, 200)
		if !bytes.Equal(got.body, want.body) || got.header.Get("Content-Type") != want.header.Get("Content-Type") {
			t.Errorf("%s: %d bytes of storage differ from the %d of the API", path, len(got.body), len(want.body))
		}
	}
	a.get("/api/v1/files/file-1/page_screenshots/7").want(t, 404)
	a.get(figuresPath).want(t, 200)
	a.get(listPath).want(t, 200)
	for _, r := range a.server.Requests() {
		if r.Header.Get("Authorization") != map[bool]string{false: "accepted", true: ""}[r.Storage] {
			t.Errorf("storage %t, %s with the key %q", r.Storage, r.Path, r.Header.Get("Authorization"))
		}
	}
}

// A link is good for one blob, until it expires, and without a key.
func TestStorage_Refuses(t *testing.T) {
	a := withStorage(t, Options{Storage: &StorageOptions{Blobs: true}})
	link := a.link(blobPath)
	a.fetch(strings.Replace(link, "page_screenshots/0", "page_screenshots/2", 1), nil).wantXML(t, 403, "SignatureDoesNotMatch")
	a.fetch(strings.Replace(link, "Expires=3600", "Expires=7200", 1), nil).wantXML(t, 403, "SignatureDoesNotMatch")
	a.fetch(link+"&more=1", nil).wantXML(t, 403, "SignatureDoesNotMatch")
	a.fetch(link[:strings.Index(link, "?")], nil).wantXML(t, 403, "SignatureDoesNotMatch")
	a.fetch(link, http.Header{"Authorization": {"Bearer " + testKey}}).wantXML(t, 400, "InvalidArgument")
	leak := a.server.Requests()[len(a.server.Requests())-1]
	if !leak.Storage || leak.Header.Get("Authorization") != "accepted" || leak.Status != 400 {
		t.Errorf("the log has %+v, want the key that was sent to storage", leak)
	}
	posted, err := a.try("POST", link, http.Header{"Authorization": nil}, nil)
	check(t, err)
	posted.wantXML(t, 405, "MethodNotAllowed")
	a.fetch(link, nil).want(t, 200)
	if other := serve(t, Options{}); other.server.storage != nil {
		t.Error("there is a storage origin that nobody asked for")
	}
}

// askStorage asks the storage origin without a network.
func askStorage(s *Server, link string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.Storage().ServeHTTP(w, httptest.NewRequest("GET", link, nil))
	return w
}

const testStorage = "http://storage.test"

// The life of a link begins with the second in which it was made, and is the one that its query tells.
func TestStorage_LinkLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{
			LinkLife: 4 * time.Second, Storage: &StorageOptions{Origin: testStorage, Blobs: true},
		})
		time.Sleep(300 * ms)
		link := ask(s, blobPath).Header().Get("Location")
		query, err := url.Parse(link)
		check(t, err)
		if date, life := query.Query().Get("X-Amz-Date"), query.Query().Get("X-Amz-Expires"); date != "20000101T000000Z" || life != "4" {
			t.Errorf("the link is of %s for %s s, want 20000101T000000Z and 4", date, life)
		}
		time.Sleep(3699 * ms)
		if w := askStorage(s, link); w.Code != 200 {
			t.Errorf("status %d before the end of the link, want 200", w.Code)
		}
		time.Sleep(ms)
		w := askStorage(s, link)
		for _, want := range []string{
			"<Code>AccessDenied</Code><Message>Request has expired</Message>", "<X-Amz-Expires>4</X-Amz-Expires>",
			"<Expires>2000-01-01T00:00:04Z</Expires><ServerTime>2000-01-01T00:00:04Z</ServerTime>",
		} {
			if w.Code != 403 || !strings.Contains(w.Body.String(), want) {
				t.Errorf("status %d, body %s at the end of the link, want 403 and %s", w.Code, w.Body, want)
			}
		}
		if w := askStorage(s, ask(s, blobPath).Header().Get("Location")); w.Code != 200 {
			t.Errorf("status %d for a new link, want 200", w.Code)
		}
	})
}

// The download_url of files lives as long as the links do.
func TestServer_LinkLife_DownloadURL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{LinkLife: 2 * time.Second})
		page := decode[listedPage](t, ask(s, listPath+"?expand=download_url").Body.Bytes())
		link := page.Items[0].DownloadURL["url"]
		if got := page.Items[0].DownloadURL["expires_at"]; got != "2000-01-01T00:00:02.000000Z" {
			t.Errorf("expires_at %s, want two seconds after the start", got)
		}
		time.Sleep(1999 * ms)
		if w := ask(s, link); w.Code != 404 {
			t.Errorf("status %d, want 404: a valid link to a document that is not there", w.Code)
		}
		time.Sleep(ms)
		if w := ask(s, link); w.Code != 403 {
			t.Errorf("status %d, want 403: the link has expired", w.Code)
		}
	})
}

// The storage origin throttles as S3 does, or with 429, and neither limit counts the other's requests.
func TestStorage_Limit(t *testing.T) {
	for _, test := range []struct {
		status     int
		style      RetryAfterStyle
		code       string
		retryAfter string
		want       int
	}{
		{0, RetryAfterNone, "SlowDown", "", 503},
		{503, RetryAfterSeconds, "SlowDown", "1", 503},
		{429, RetryAfterSeconds, "TooManyRequests", "1", 429},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newServer(t, Options{
				Limit: &RateLimit{Requests: 5, Window: time.Minute},
				Storage: &StorageOptions{
					Origin: testStorage, Blobs: true, ThrottleStatus: test.status,
					Limit: &RateLimit{Requests: 2, Window: time.Second, RetryAfter: test.style},
				},
			})
			link := ask(s, blobPath).Header().Get("Location")
			got := ""
			for range 3 {
				// What is refused does not count.
				askStorage(s, link+"0")
				got += strconv.Itoa(askStorage(s, link).Code) + " "
			}
			w := askStorage(s, link)
			if want := "200 200 " + strconv.Itoa(test.want) + " "; got != want {
				t.Errorf("statuses %s, want %s", got, want)
			}
			if !strings.Contains(w.Body.String(), "<Code>"+test.code+"</Code>") || w.Header().Get("Retry-After") != test.retryAfter {
				t.Errorf("Retry-After %q, body %s; want %q, %s", w.Header().Get("Retry-After"), w.Body, test.retryAfter, test.code)
			}
			if got, want := statuses(s, listPath, 6, 429), "OOOOTT"; got != want {
				t.Errorf("the API let through %s after one request, want %s", got, want)
			}
			time.Sleep(time.Second)
			if w := askStorage(s, link); w.Code != 200 {
				t.Errorf("status %d in the next window, want 200", w.Code)
			}
		})
	}
}

func TestStorage_Latency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{
			Latency: 10 * ms, Storage: &StorageOptions{Origin: testStorage, Blobs: true, Latency: 70 * ms},
		})
		start := time.Now()
		link := ask(s, blobPath).Header().Get("Location")
		if got := time.Since(start); got != 10*ms {
			t.Errorf("the API took %v, want 10ms", got)
		}
		askStorage(s, link)
		if got := time.Since(start); got != 80*ms {
			t.Errorf("storage took %v, want 70ms", got-10*ms)
		}
	})
}

// Where blobs come from storage, what goes wrong with bytes goes wrong there, and statuses with the API. Each attempt of a
// resource fails in one place only.
func TestStorage_Faults(t *testing.T) {
	for kind, stored := range map[FaultKind]bool{FaultStatus429: false, FaultHTML: false, FaultWrongBytes: true, FaultShort: true} {
		t.Run(string(kind), func(t *testing.T) {
			a := withStorage(t, Options{
				Storage: &StorageOptions{Blobs: true}, Faults: Faults{Rate: 1, Kinds: []FaultKind{kind}},
			})
			if !stored {
				if got := a.get(blobPath); got.status == 307 {
					t.Errorf("the API has led to %s", got.header.Get("Location"))
				}
			}
			link := a.link(blobPath)
			for range 2 {
				_, _ = a.try("GET", link, http.Header{"Authorization": nil}, nil)
			}
			var got []bool
			for _, r := range a.server.Requests() {
				if r.Fault == kind {
					got = append(got, r.Storage)
				}
			}
			if len(got) != 1 || got[0] != stored {
				t.Errorf("faults in storage %v, want one: %t", got, stored)
			}
		})
	}
}

// FaultRedirectOther leads what is faulty to storage, and only that; listings go on from there with their cursors.
func TestStorage_RedirectOther(t *testing.T) {
	a := withStorage(t, Options{
		Storage: &StorageOptions{},
		Faults:  Faults{Rate: 1, Kinds: []FaultKind{FaultRedirectOther}, Routes: append(ListingRoutes(), RouteGetPageFigure)},
	})
	a.get(blobPath).want(t, 200)
	figure := figuresPath + "/1/page_1_figure_1.jpg"
	got := a.fetch(a.link(figure), nil).want(t, 200)
	if want := a.get(figure).want(t, 200); !bytes.Equal(got.body, want.body) {
		t.Errorf("storage has %d bytes, the API %d", len(got.body), len(want.body))
	}
	first := decode[listedPage](t, a.fetch(a.link(listPath+"?page_size=2"), nil).want(t, 200).body)
	if len(first.Items) != 2 || first.Next == nil {
		t.Fatalf("the first page has %d items and the token %v", len(first.Items), first.Next)
	}
	second := decode[listedPage](t, a.fetch(a.link(listPath+"?page_size=2&page_token="+*first.Next), nil).want(t, 200).body)
	if len(second.Items) != 2 || second.Items[0].ID == first.Items[0].ID {
		t.Errorf("the second page has %+v", second.Items)
	}
}
