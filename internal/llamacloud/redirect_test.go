package llamacloud

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"exporter/internal/secret"
	"exporter/pipeline"
)

func TestRedirectTarget(t *testing.T) {
	const loopback, secure, insecure = "http://127.0.0.1:8080/a", "https://api.example.com/a", "http://api.example.com/a"
	tests := []struct{ base, location, want string }{
		{secure, "/b?c=d#e", "https://api.example.com/b?c=d"},
		{secure, "https://cdn.example.com/b", "https://cdn.example.com/b"},
		{secure, "//cdn.example.com/b", "https://cdn.example.com/b"},
		{secure, "http://api.example.com/a", ""},
		{secure, "http://127.0.0.1/a", ""},
		{secure, "HTTPS://cdn.example.com/b", "https://cdn.example.com/b"},
		{secure, "https://me:pass@cdn.example.com/b", ""},
		{secure, "ftp://cdn.example.com/b", ""},
		{secure, "file:///etc/passwd", ""},
		{secure, "https:///b", ""},
		{secure, "https://cdn.example.com:x/b", ""},
		{secure, "\x7f:", ""},
		{loopback, "http://[::1]:9/b", "http://[::1]:9/b"},
		{loopback, "http://localhost/b", "http://localhost/b"},
		{loopback, "http://10.0.0.1/b", ""},
		{loopback, "http://127.0.0.1.example.com/b", ""},
		{loopback, "https://cdn.example.com/b", "https://cdn.example.com/b"},
		{insecure, "/b", "http://api.example.com/b"},
		{insecure, "http://api.example.com:81/b", ""},
		{insecure, "http://127.0.0.1/b", ""},
	}
	for _, test := range tests {
		base, err := url.Parse(test.base)
		if err != nil {
			t.Fatal(err)
		}
		got, err := redirectTarget(base, base, test.location)
		if test.want == "" {
			if err == nil {
				t.Errorf("%s to %q: followed to %s", test.base, test.location, got)
			}
		} else if err != nil || got.String() != test.want {
			t.Errorf("%s to %q: got %v, %v, want %s", test.base, test.location, got, err, test.want)
		}
	}
}

func TestSameOrigin(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{"https://api.example.com", "https://API.example.com:443/x", true},
		{"http://localhost", "http://localhost:80", true},
		{"https://api.example.com", "http://api.example.com", false},
		{"https://api.example.com", "https://api.example.com:8443", false},
		{"https://example.com", "https://api.example.com", false},
		{"https://api.example.com", "https://api.example.com.evil.org", false},
	}
	for _, test := range tests {
		a, aErr := url.Parse(test.a)
		b, bErr := url.Parse(test.b)
		if err := errors.Join(aErr, bErr); err != nil {
			t.Fatal(err)
		}
		if got := sameOrigin(a, b); got != test.want {
			t.Errorf("%s and %s: %v, want %v", test.a, test.b, got, test.want)
		}
	}
}

func header(t *testing.T, name, value string) secret.Header {
	t.Helper()
	h, err := secret.ParseHeader(name, value)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestClient_KeyGoesToTheConfiguredOriginOnly(t *testing.T) {
	image := picture(t)
	var headers []http.Header
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		headers = append(headers, r.Header)
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "hidden"})
		if strings.HasSuffix(r.URL.Path, "/back") {
			_, _ = w.Write(image)
			return
		}
		http.Redirect(w, r, "http://127.0.0.1:81/elsewhere", http.StatusTemporaryRedirect)
	})
	a.serve(t, "127.0.0.1:81", func(w http.ResponseWriter, r *http.Request) {
		headers = append(headers, r.Header)
		if r.URL.RawQuery != "" {
			t.Errorf("the query %q goes with the redirect", r.URL.RawQuery)
		}
		http.Redirect(w, r, "http://127.0.0.1/back", http.StatusFound)
	})
	a.client.opts.ProjectID = "hidden"
	a.client.opts.Headers = []secret.Header{
		header(t, "x-gateway", "hidden"), header(t, "X-Gateway", "sesame"), header(t, "User-Agent", "other"),
	}
	blob, err := a.fetchBlob(t, 0)
	if err != nil {
		t.Fatal(err)
	}
	if blob.Attempts != 3 || len(headers) != 3 {
		t.Fatalf("%d attempts, %d requests, want 3", blob.Attempts, len(headers))
	}
	for i, want := range []string{"Bearer " + canary, "", "Bearer " + canary} {
		if got := headers[i].Get("Authorization"); got != want {
			t.Errorf("request %d: Authorization is %q, want %q", i, got, want)
		}
		gateway := "sesame"
		if want == "" {
			gateway = ""
		}
		if got := headers[i].Values("X-Gateway"); strings.Join(got, ",") != gateway {
			t.Errorf("request %d: X-Gateway is %q, want %q", i, got, gateway)
		}
		for _, name := range []string{"Cookie", "Referer"} {
			if got := headers[i].Get(name); got != "" {
				t.Errorf("request %d: %s is %q", i, name, got)
			}
		}
		if got := headers[i].Get("User-Agent") + " " + headers[i].Get("Accept-Encoding"); got != "exporter identity" {
			t.Errorf("request %d: %s", i, got)
		}
	}
}

func TestSource_Blob_RefusedRedirects(t *testing.T) {
	hops := 0
	tests := []struct {
		name     string
		location func() string
		requests int
	}{
		{"plain http to another host", func() string { return "http://10.0.0.1/" + canary }, 1},
		{"to itself", func() string { return "" }, 4},
		{"further and further", func() string { hops++; return fmt.Sprint("/", hops) }, 4},
		{"no URL", func() string { return "http://[/" }, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
					to := test.location()
					if to == "" {
						to = r.URL.Path
					}
					w.Header().Set("Location", to)
					w.WriteHeader(http.StatusFound)
				})
				_, err := a.fetchBlob(t, 0)
				failure, ok := errors.AsType[*pipeline.Failure](err)
				if !ok || failure.Class != ClassRedirect || failure.Attempts != test.requests {
					t.Errorf("got %v, want a failure of class redirect after %d requests", err, test.requests)
				}
			})
		})
	}
}

func TestClient_OtherHostsDoNotSpeakForTheAPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a *api
		status := http.StatusUnauthorized
		a = newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:81/", http.StatusFound)
		}, func(o *Options) { o.MaxAttempts = 1 })
		a.serve(t, "127.0.0.1:81", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "86400")
			w.WriteHeader(status)
		})
		for _, status = range []int{http.StatusUnauthorized, http.StatusServiceUnavailable} {
			_, err := a.fetchBlob(t, 0)
			failure, ok := errors.AsType[*pipeline.Failure](err)
			if !ok || failure.Class != fmt.Sprint("http_", status) || errors.Is(err, ErrUnauthorized) {
				t.Errorf("got %v, want a failure of class http_%d", err, status)
			}
		}
		if _, err := a.client.origins.own.Admit(t.Context(), nil); err != nil {
			t.Errorf("the governor has heard of it: %v", err)
		}
	})
}

func TestClient_WritesAreNotRedirected(t *testing.T) {
	requests := 0
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		requests++
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	_, updateErr := a.client.UpdateDirectoryFile(t.Context(), "d", "f", DirectoryFilePatch{})
	_, addErr := a.client.AddDirectoryFile(t.Context(), "d", NewDirectoryFile{})
	for _, err := range []error{updateErr, addErr, a.client.DeleteDirectoryFile(t.Context(), "d", "f")} {
		if failed, ok := errors.AsType[*RequestError](err); !ok || failed.Class != ClassRedirect {
			t.Errorf("got %v, want class redirect", err)
		}
	}
	if requests != 3 {
		t.Errorf("%d requests, want 3", requests)
	}
}

// newServerClient returns a client of a server, whose certificate it trusts if trusted.
func newServerClient(t *testing.T, server *httptest.Server, trusted bool, change ...func(*Options)) *Client {
	t.Helper()
	t.Cleanup(server.Close)
	o := Options{BaseURL: mustParse(t, server.URL), Key: canaryKey(t), MaxAttempts: 2}
	for _, f := range change {
		f(&o)
	}
	client, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if trusted {
		trust(client, server)
	}
	return client
}

func quietServer(h http.HandlerFunc) *httptest.Server {
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = discardLog()
	return server
}

func TestClient_DoesNotLeaveHTTPS(t *testing.T) {
	server := quietServer(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+r.Host+"/plain", http.StatusFound)
	})
	server.StartTLS()
	_, err := newServerClient(t, server, true).PageScreenshots(t.Context(), "f")
	if failed, ok := errors.AsType[*RequestError](err); !ok || failed.Class != ClassRedirect {
		t.Errorf("got %v, want class redirect", err)
	}
}

func TestSource_Blob_BadCertificateEndsTheRun(t *testing.T) {
	server := quietServer(func(http.ResponseWriter, *http.Request) { t.Error("a request came through") })
	server.StartTLS()
	client := newServerClient(t, server, false)
	events := &recorder{t: t}
	client.opts.Observer = events
	_, err := NewSource(client, Selection{}).Blob(t.Context(), &pipeline.Asset{FileID: "f"}, nil)
	if failed, ok := errors.AsType[*RequestError](err); !ok || failed.Class != ClassTLS {
		t.Errorf("got %v, want class tls", err)
	}
	if _, ok := errors.AsType[*pipeline.Failure](err); ok {
		t.Error("it concerns one asset only, want the run")
	}
	if n := len(eventsOf[pipeline.Requested](events)); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestSource_Blob_BadCertificateOfAnotherHostConcernsTheAsset(t *testing.T) {
	other := quietServer(func(http.ResponseWriter, *http.Request) { t.Error("a request came through") })
	other.StartTLS()
	defer other.Close()
	server := quietServer(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) })
	server.Start()
	client := newServerClient(t, server, false)
	_, err := NewSource(client, Selection{}).Blob(t.Context(), &pipeline.Asset{FileID: "f"}, nil)
	if failure, ok := errors.AsType[*pipeline.Failure](err); !ok || failure.Class != ClassRedirect {
		t.Errorf("got %v, want a failure of class redirect", err)
	}
}

func TestClient_NoTLSEndsTheRun(t *testing.T) {
	server := quietServer(func(http.ResponseWriter, *http.Request) {})
	server.Start()
	server.URL = strings.Replace(server.URL, "http:", "https:", 1)
	_, err := newServerClient(t, server, false).PageScreenshots(t.Context(), "f")
	if failed, ok := errors.AsType[*RequestError](err); !ok || failed.Class != ClassTLS {
		t.Errorf("got %v, want class tls", err)
	}
}

// Where Authorization is given, it takes the place of the key, and goes as far.
func TestClient_AuthorizationIsGiven_GoesInPlaceOfTheKey(t *testing.T) {
	image := picture(t)
	var got []string
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"))
		http.Redirect(w, r, "http://127.0.0.1:81/elsewhere", http.StatusTemporaryRedirect)
	})
	a.serve(t, "127.0.0.1:81", func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"))
		_, _ = w.Write(image)
	})
	a.client.opts.Headers = []secret.Header{header(t, "authorization", "Basic sesame")}
	if _, err := a.fetchBlob(t, 0); err != nil {
		t.Fatal(err)
	}
	if want := []string{"Basic sesame", ""}; !slices.Equal(got, want) {
		t.Errorf("Authorization was %q, want %q", got, want)
	}
}
