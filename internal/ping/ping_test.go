package ping

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"exporter/internal/secret"
)

// service is one that is pinged. It answers with the statuses, one after the other, and then with 200.
type service struct {
	statuses []int
	requests []string
	bodies   []string
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.requests, s.bodies = append(s.requests, r.Method+" "+r.URL.String()), append(s.bodies, string(body))
	if len(s.statuses) > 0 {
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(s.statuses[0])
		s.statuses = s.statuses[1:]
	}
}

func newClient(t *testing.T, u string) *Client {
	t.Helper()
	text, err := secret.Parse(u)
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{URL: text, UserAgent: "exporter/test", Timeout: time.Second})
}

func TestClient_Conventions(t *testing.T) {
	long := strings.Repeat("é", MaxBody)
	for _, tt := range []struct {
		path, text string
		exit       int
		want       []string
		body       int
	}{
		{"/uuid-1234", "all\n", 0, []string{"POST /uuid-1234/start", "POST /uuid-1234/0"}, 4},
		{"/uuid-1234/", "x", 3, []string{"POST /uuid-1234/start", "POST /uuid-1234/3"}, 1},
		{"/key/slug?create=1", long, 130, []string{"POST /key/slug/start?create=1", "POST /key/slug/130?create=1"}, MaxBody},
		{"/api/push/tok?status=up&msg=OK&ping=", "two\nlines", 0,
			[]string{"GET /api/push/tok?msg=exit+0%3A+two+lines&ping=1500&status=up"}, 0},
		{"/kuma/api/push/tok", "", 5, []string{"GET /kuma/api/push/tok?msg=exit+5%3A+&ping=1500&status=down"}, 0},
	} {
		s := &service{}
		server := httptest.NewServer(s)
		c := newClient(t, server.URL+tt.path)
		if err := c.Start(t.Context()); err != nil {
			t.Error(err)
		}
		if err := c.End(t.Context(), tt.exit, 1500*time.Millisecond, tt.text); err != nil {
			t.Error(err)
		}
		server.Close()
		if fmt.Sprint(s.requests) != fmt.Sprint(tt.want) {
			t.Errorf("%s: got %q, want %q", tt.path, s.requests, tt.want)
		}
		if last := s.bodies[len(s.bodies)-1]; len(last) != tt.body || !strings.HasPrefix(tt.text, last) {
			t.Errorf("%s: the body has %d bytes, want %d", tt.path, len(last), tt.body)
		}
	}
}

// What fails is tried again where that may help, within the time; and no error shows the URL.
func TestClient_Failures(t *testing.T) {
	const token = "token-0123456789"
	for _, tt := range []struct {
		statuses []int
		requests int
		want     string
	}{
		{[]int{500, 503}, 3, ""},
		{[]int{500, 500, 500}, 3, "the answer was 500 Internal Server Error"},
		{[]int{404}, 1, "the answer was 404 Not Found"},
		{[]int{301}, 1, "the answer was 301 Moved Permanently"},
	} {
		s := &service{statuses: tt.statuses}
		server := httptest.NewServer(s)
		err := newClient(t, server.URL+"/"+token).Start(t.Context())
		server.Close()
		if text := fmt.Sprint(err); len(s.requests) != tt.requests || (err == nil) != (tt.want == "") || err != nil && text != tt.want {
			t.Errorf("%v: %d requests and %v, want %d and %q", tt.statuses, len(s.requests), err, tt.requests, tt.want)
		}
	}
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, r.URL.Path+"\r\n\r\n")
		conn.Close()
	}))
	defer echo.Close()
	for _, u := range []string{echo.URL + "/" + token, "http://" + token + ":" + token + "@127.0.0.1:1/" + token + "?" + token} {
		if err := newClient(t, u).Start(t.Context()); err == nil || strings.Contains(err.Error(), token) {
			t.Errorf("got error %v, want one without the token", err)
		}
	}
}

func TestClient_Hangs_IsGivenUp(t *testing.T) {
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-done }))
	defer server.Close()
	defer close(done)
	c := newClient(t, server.URL)
	c.timeout = 50 * time.Millisecond
	if err := c.End(t.Context(), 0, 0, ""); err == nil || err.Error() != "no answer within 50ms" {
		t.Errorf("got error %v, want that time was up", err)
	}
}

// Pings go through the proxy, and neither follow a redirect nor send more than is theirs.
func TestClient_Proxy(t *testing.T) {
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.String()+" "+r.UserAgent())
		for name := range r.Header {
			if !slices.Contains([]string{"User-Agent", "Content-Length", "Connection", "Proxy-Connection", "Content-Type", "Authorization"}, name) {
				t.Errorf("the header %s was sent", name)
			}
		}
		if user, password, _ := r.BasicAuth(); user != "me" || password != "mine" {
			t.Errorf("sent as %q, %q", user, password)
		}
	}))
	defer proxy.Close()
	through, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	text, err := secret.Parse("http://me:mine@hc.test/uuid")
	if err != nil {
		t.Fatal(err)
	}
	c := New(Options{URL: text, UserAgent: "exporter/test", Proxy: func(*url.URL) *url.URL { return through }})
	if err := errors.Join(c.Start(t.Context()), c.End(t.Context(), 0, 0, "x")); err != nil {
		t.Fatal(err)
	}
	if want := []string{"POST http://hc.test/uuid/start exporter/test", "POST http://hc.test/uuid/0 exporter/test"}; !slices.Equal(asked, want) {
		t.Errorf("the proxy was asked for %q, want %q", asked, want)
	}
}
