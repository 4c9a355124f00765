//go:build unix && !darwin

package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"exporter/internal/emulator"
)

// Links of an API that is on no loopback address lead to none, by name and by address, and to no private one through a proxy. Each
// is its asset's failure, and the same command completes once the address is permitted.
func TestRun_LinkToNoPublicAddress_IsRefused(t *testing.T) {
	t.Parallel()
	s := exportSettings{sink: "local", files: 2, each: 5, workers: 2, checkpoint: time.Hour}
	store := startSecureAPI(t, s.emulator(), true)
	at, err := url.Parse(store.url)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ origin, want string }{
		"a name":                       {"https://localhost:" + at.Port(), `"localhost" at `},
		"an address":                   {store.url, `"127.0.0.1" at 127.0.0.1, a loopback address`},
		"an address of IPv6":           {"https://[::1]:" + at.Port(), `"::1" at ::1, a loopback address`},
		"a private one, by a proxy":    {"https://10.0.0.1", `"10.0.0.1" at 10.0.0.1, a private address`},
		"a link-local one, by a proxy": {"https://[fe80::1]", `"fe80::1" at fe80::1, a link-local address`},
	} {
		t.Run(name, func(t *testing.T) {
			o := s.emulator()
			o.OtherOrigin = tt.origin
			o.Faults = emulator.Faults{Rate: 1, Times: -1, Kinds: kinds(emulator.FaultRedirectOther)}
			p := startProxiedAPI(t, o)
			out := filepath.Join(t.TempDir(), "out")
			code, stderr := runTrusting(t, store.certificate, p.environ(), s.args(out)...)
			if code != exitIncomplete {
				t.Fatalf("exit %d, want %d\n%s", code, exitIncomplete, stderr)
			}
			for key, row := range readExport(t, out).rows {
				if !strings.HasPrefix(row.Reason, "redirect: ") || !strings.Contains(row.Reason, tt.want) ||
					!strings.Contains(row.Reason, "--allow-storage-host") || row.Attempts > 2 {
					t.Errorf("%v: %q after %d requests, want class redirect, %s and the flag after 2 at most", key, row.Reason, row.Attempts, tt.want)
				}
			}
			if n := store.connections.Load() + p.tunnels.Load(); n > 0 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// What is permitted is followed. Through a proxy, which resolves it, a name leads wherever the proxy lets it.
func TestRun_LinkToNoPublicAddress_Permitted(t *testing.T) {
	t.Parallel()
	s := exportSettings{sink: "local", files: 2, each: 5, workers: 2, checkpoint: time.Hour}
	for name, tt := range map[string]struct {
		origin    string
		permitted []string
		exit      int
		tunnels   bool
	}{
		"a network":               {"", []string{"--allow-storage-host", "127.0.0.0/8"}, 0, false},
		"a private one":           {"https://10.0.0.1", []string{"--allow-storage-host", "10.0.0.1"}, exitIncomplete, true},
		"a name, through a proxy": {"https://storage.test", nil, exitIncomplete, true},
	} {
		t.Run(name, func(t *testing.T) {
			store := startSecureAPI(t, s.emulator(), true)
			store.keyless.Store(true)
			o := s.emulator()
			if o.OtherOrigin = tt.origin; o.OtherOrigin == "" {
				o.OtherOrigin = store.url
			}
			o.Faults = emulator.Faults{Rate: 1, Times: -1, Kinds: kinds(emulator.FaultRedirectOther)}
			p := startProxiedAPI(t, o)
			out := filepath.Join(t.TempDir(), "out")
			args := append(append(s.args(out), tries(1)...), tt.permitted...)
			if code, stderr := runTrusting(t, store.certificate, p.environ(), args...); code != tt.exit {
				t.Errorf("exit %d, want %d\n%s", code, tt.exit, stderr)
			}
			if direct, tunnels := store.connections.Load(), p.tunnels.Load(); (direct > 0) == tt.tunnels || (tunnels > 0) != tt.tunnels {
				t.Errorf("%d connections and %d tunnels, want tunnels: %t", direct, tunnels, tt.tunnels)
			}
			if tt.exit == 0 {
				readExportedSet(t, out).check(t, s.undisturbed(t))
			}
		})
	}
}

// proxiedAPI is an emulator behind a proxy, so that nobody knows at what address it is. The proxy opens no tunnels.
type proxiedAPI struct {
	proxy   string
	tunnels atomic.Int64
}

func startProxiedAPI(t *testing.T, o emulator.Options) *proxiedAPI {
	t.Helper()
	p, api := &proxiedAPI{}, newEmulator(t, o)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			p.tunnels.Add(1)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		api.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.proxy = server.URL
	return p
}

func (p *proxiedAPI) environ() []string {
	return []string{
		"LLAMA_CLOUD_BASE_URL=http://api.test", "EXPORTER_API_INSECURE_HTTP=true", "HTTP_PROXY=" + p.proxy, "HTTPS_PROXY=" + p.proxy,
	}
}
