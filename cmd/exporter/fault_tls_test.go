//go:build unix && !darwin

package main

import (
	"encoding/pem"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/testmain"
)

// secureAPI is an emulator behind TLS, and the file of the certificate that proves it.
type secureAPI struct {
	*emulator.Server
	url, certificate string
	// versions counts the requests by the major version of HTTP, connections those that were opened.
	versions    [3]atomic.Int64
	connections atomic.Int64
	// keyless serves requests without a key, as blob hosts do.
	keyless atomic.Bool
}

func startSecureAPI(t *testing.T, o emulator.Options, http2 bool) *secureAPI {
	t.Helper()
	a := &secureAPI{Server: newEmulator(t, o), certificate: filepath.Join(t.TempDir(), "certificate.pem")}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.versions[r.ProtoMajor].Add(1)
		if a.keyless.Load() {
			r.Header.Set("Authorization", "Bearer "+canaryKey)
		}
		a.ServeHTTP(w, r)
	}))
	server.EnableHTTP2 = http2
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.Listener = &countingListener{server.Listener, &a.connections}
	server.StartTLS()
	t.Cleanup(server.Close)
	a.url = server.URL
	encoded := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(a.certificate, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// countingListener counts connections.
type countingListener struct {
	net.Listener
	count *atomic.Int64
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.count.Add(1)
	}
	return c, err
}

// run runs a command line that trusts the certificate in a file, and no other.
func (a *secureAPI) run(t *testing.T, certificate string, args ...string) (code int, stderr string) {
	t.Helper()
	return runTrusting(t, certificate, []string{"LLAMA_CLOUD_BASE_URL=" + a.url}, args...)
}

// runTrusting runs a command line, with more variables, that trusts the certificate in a file, and no other.
func runTrusting(t *testing.T, certificate string, environ []string, args ...string) (code int, stderr string) {
	t.Helper()
	return runWith(t, append([]string{"SSL_CERT_FILE=" + certificate, "SSL_CERT_DIR=/nowhere"}, environ...), args...)
}

// runWith runs a command line in a process that has the key, the variables given, and no others.
func runWith(t *testing.T, environ []string, args ...string) (code int, stderr string) {
	t.Helper()
	var out strings.Builder
	c := exec.CommandContext(t.Context(), "exporter", args...)
	c.Env = append([]string{"LLAMA_CLOUD_API_KEY=" + canaryKey, "GORACE=atexit_sleep_ms=0"}, environ...)
	c.Stderr = &out
	err := c.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	if showsKey(out.String()) {
		t.Error("the key was printed")
	}
	return c.ProcessState.ExitCode(), out.String()
}

// Streams that end early, over HTTP/2 as over HTTP/1.1: tried again as a whole, stored exactly.
func TestRun_StreamsEndEarly_AreTriedAgain(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for version, http2 := range map[int]bool{1: false, 2: true} {
		for _, kind := range []emulator.FaultKind{emulator.FaultReset, emulator.FaultShort, emulator.FaultCut} {
			t.Run(string(kind)+"/HTTP "+strconv.Itoa(version), func(t *testing.T) {
				t.Parallel()
				// So few blobs are asked for over the version that the server prefers.
				s := exportSettings{sink: "local", files: 4, each: 10, workers: 8, checkpoint: time.Hour}
				o := s.emulator()
				o.Faults = emulator.Faults{Rate: 0.3, Kinds: kinds(kind)}
				a := startSecureAPI(t, o, http2)
				out := filepath.Join(t.TempDir(), "out")
				if code, stderr := a.run(t, a.certificate, s.args(out)...); code != 0 {
					t.Fatalf("exit %d, want 0\n%s", code, stderr)
				}
				f := apiFault{requests: 2}
				f.checkRows(t, out, f.checkRequests(t, a.Requests()))
				if a.versions[version].Load() == 0 || a.versions[3-version].Load() > 0 {
					t.Errorf("%d requests over HTTP/1 and %d over HTTP/2, want all over HTTP/%d",
						a.versions[1].Load(), a.versions[2].Load(), version)
				}
				readExportedSet(t, out).check(t, s.undisturbed(t))
			})
		}
	}
}

// Over HTTP/2 a stream that always ends early is a failed asset, and the connection serves the others.
func TestRun_StreamsAlwaysEndEarly_AreRows(t *testing.T) {
	t.Parallel()
	s := exportSettings{sink: "archive", files: 4, each: 10, workers: 8, checkpoint: time.Hour}
	o := s.emulator()
	o.Faults = emulator.Faults{Rate: 0.2, Times: -1, Kinds: kinds(emulator.FaultShort)}
	a := startSecureAPI(t, o, true)
	out := filepath.Join(t.TempDir(), "out")
	if code, stderr := a.run(t, a.certificate, append(s.args(out), tries(2)...)...); code != exitIncomplete {
		t.Fatalf("exit %d, want %d\n%s", code, exitIncomplete, stderr)
	}
	f := apiFault{requests: 2, reason: "transport"}
	f.checkRows(t, out, f.checkRequests(t, a.Requests()))
	if n := a.connections.Load(); n > int64(s.workers) {
		t.Errorf("%d connections, want no new one for each stream that ended", n)
	}
}

// A certificate that nobody vouches for ends the run at once: no request is made, and none is tried again.
func TestRun_BadCertificate_Stops(t *testing.T) {
	t.Parallel()
	s := exportSettings{sink: "local", files: 1, each: 1, workers: 8, checkpoint: time.Hour}
	a := startSecureAPI(t, s.emulator(), true)
	out := filepath.Join(t.TempDir(), "out")
	code, stderr := a.run(t, os.DevNull, s.args(out)...)
	if code != exitRefused || !strings.Contains(stderr, "name that authority's file in SSL_CERT_FILE") {
		t.Errorf("exit %d, want %d and a word about SSL_CERT_FILE\n%s", code, exitRefused, stderr)
	}
	if n := len(a.Requests()); n != 0 {
		t.Errorf("%d requests were made", n)
	}
	if n := a.connections.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
	if _, err := os.Stat(filepath.Join(out, "manifest.parquet")); err == nil {
		t.Error("there is a manifest")
	}
}

// A proxy that refuses to connect is left alone at once: somebody has to see to it. One that cannot reach the API
// is an outage as any other.
func TestRun_ProxyRefuses_Stops(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status, code, asked int
		stderr              string
	}{
		{http.StatusProxyAuthRequired, exitRefused, 1, "the proxy refused to connect: 407 Proxy Authentication Required; check the proxy at PROXY, which HTTPS_PROXY, "},
		{http.StatusForbidden, exitRefused, 1, "the proxy refused to connect: 403 Forbidden; check the proxy at PROXY, which HTTPS_PROXY, "},
		{http.StatusBadGateway, exitStopped, 2, "the proxy at PROXY could not do it: check base_url and the network, then the same command goes on"},
	} {
		t.Run(strconv.Itoa(tt.status), func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodConnect {
					asked.Add(1)
				}
				w.WriteHeader(tt.status)
			}))
			t.Cleanup(proxy.Close)
			out := filepath.Join(t.TempDir(), "out")
			code, stderr := runWith(t, []string{
				"LLAMA_CLOUD_BASE_URL=https://api.invalid", "HTTPS_PROXY=" + strings.Replace(proxy.URL, "//", "//user:hunter2@", 1),
			}, "run", "--project", "--out", out, "--max-attempts", "2")
			tt.stderr = strings.Replace(tt.stderr, "PROXY", proxy.URL, 1)
			if code != tt.code || !strings.Contains(stderr, tt.stderr) || strings.Contains(stderr, "hunter2") {
				t.Errorf("exit %d, want %d and %q, without the password\n%s", code, tt.code, tt.stderr, stderr)
			}
			if n := int(asked.Load()); n != tt.asked {
				t.Errorf("the proxy was asked %d times, want %d", n, tt.asked)
			}
			if _, err := os.Stat(filepath.Join(out, "manifest.parquet")); err == nil {
				t.Error("there is a manifest")
			}
		})
	}
}

// Redirects that leave https are refused, each asset for itself.
func TestRun_RedirectToPlainHTTP_IsRefused(t *testing.T) {
	t.Parallel()
	s := exportSettings{sink: "local", files: 2, each: 5, workers: 2, checkpoint: time.Hour}
	var asked atomic.Int64
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(plain.Close)
	o := s.emulator()
	o.OtherOrigin = plain.URL
	o.Faults = emulator.Faults{Rate: 0.5, Times: -1, Kinds: kinds(emulator.FaultRedirectOther)}
	a := startSecureAPI(t, o, false)
	out := filepath.Join(t.TempDir(), "out")
	if code, stderr := a.run(t, a.certificate, s.args(out)...); code != exitIncomplete {
		t.Errorf("exit %d, want %d\n%s", code, exitIncomplete, stderr)
	}
	f := apiFault{requests: 1, reason: "redirect"}
	f.checkRows(t, out, f.checkRequests(t, a.Requests()))
	if n := asked.Load(); n != 0 {
		t.Errorf("%d requests went over plain http", n)
	}
}
