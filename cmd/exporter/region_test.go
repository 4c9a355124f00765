//go:build unix && !darwin

package main

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"exporter/internal/config"
	"exporter/internal/emulator"
	"exporter/internal/loopback"
)

// regions are both regions of LlamaCloud behind a proxy, by which they are reached under their own names. They are one emulator.
type regions struct {
	*emulator.Server
	// api is the address behind the proxy.
	proxy, api, certificate string

	mu sync.Mutex
	// asked counts the requests by host, gateway those that had the header of all tests.
	asked   map[string]int
	gateway int
}

func startRegions(t *testing.T, o emulator.Options) *regions {
	t.Helper()
	r := &regions{Server: newEmulator(t, o), asked: map[string]int{}}
	api := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		r.asked[req.Host]++
		if req.Header.Get(gatewayHeader) == canaryHeader {
			r.gateway++
		}
		r.mu.Unlock()
		r.ServeHTTP(w, req)
	}))
	api.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	api.TLS = &tls.Config{Certificates: []tls.Certificate{r.certify(t)}}
	api.StartTLS()
	t.Cleanup(api.Close)
	r.api = api.Listener.Addr().String()
	proxy := httptest.NewServer(tunnel(r.api))
	t.Cleanup(proxy.Close)
	r.proxy = proxy.URL
	return r
}

// certify makes a certificate for both hosts, and the file by which it is trusted.
func (r *regions) certify(t *testing.T) tls.Certificate {
	t.Helper()
	var hosts []string
	for _, region := range config.Regions() {
		hosts = append(hosts, region.Host())
	}
	certificate, key, err := loopback.WriteCertificate(t.TempDir(), hosts...)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	r.certificate = certificate
	return pair
}

// tunnel is a proxy that connects to one address, whatever host is asked for.
func tunnel(addr string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		to, err := net.Dial("tcp", addr)
		if err != nil || r.Method != http.MethodConnect || r.Header.Get(gatewayHeader) != "" {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer to.Close()
		from, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer from.Close()
		if _, err := io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
			return
		}
		go func() {
			_, _ = io.Copy(to, buffered)
			to.Close()
		}()
		_, _ = io.Copy(from, to)
	}
}

func (r *regions) run(t *testing.T, args ...string) (code int, stderr string) {
	t.Helper()
	return runTrusting(t, r.certificate, []string{
		"HTTPS_PROXY=" + r.proxy, "LLAMA_CLOUD_CUSTOM_HEADERS=" + gatewayHeader + ": " + canaryHeader,
	}, args...)
}

// check says which hosts were asked since it was called last, and that each request to them had the header.
func (r *regions) check(t *testing.T, want ...config.Region) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	total := 0
	for _, region := range want {
		if r.asked[region.Host()] == 0 {
			t.Errorf("%s was not asked", region.Host())
		}
		total += r.asked[region.Host()]
		delete(r.asked, region.Host())
	}
	if len(r.asked) > 0 || r.gateway != total {
		t.Errorf("%v were asked, too; of %d requests %d had the header", r.asked, total, r.gateway)
	}
	clear(r.asked)
	r.gateway = 0
}

// A region is asked at its own host. An export remembers which one it was, goes on there by itself, and takes the other for
// another API.
func TestRun_Region_AsksItsHost(t *testing.T) {
	t.Parallel()
	s := exportSettings{sink: "local", files: 2, each: 2, workers: 2, checkpoint: time.Hour}
	r := startRegions(t, s.emulator())
	out := filepath.Join(t.TempDir(), "out")
	for _, tt := range []struct {
		args  []string
		code  int
		asked []config.Region
	}{
		{append(s.args(out), "--region", "eu"), 0, []config.Region{config.RegionEurope}},
		{[]string{"run", "--out", out}, 0, []config.Region{config.RegionEurope}},
		{[]string{"run", "--out", out, "--region", "eu"}, 0, []config.Region{config.RegionEurope}},
		{[]string{"run", "--out", out, "--region", "na"}, exitUsage, nil},
		{[]string{"run", "--out", out, "--region", "na", "--force", "source"}, 0, []config.Region{config.RegionNorthAmerica}},
		{[]string{"run", "--out", out, "--base-url", "api.cloud.llamaindex.ai/api/v1/"}, 0, []config.Region{config.RegionNorthAmerica}},
		{[]string{"run", "--out", out, "--base-url", "https://api.cloud.llamaindex.ai", "--region", "eu"}, exitUsage, nil},
	} {
		if code, stderr := r.run(t, tt.args...); code != tt.code {
			t.Errorf("%q: exit %d, want %d\n%s", tt.args, code, tt.code, stderr)
		}
		r.check(t, tt.asked...)
	}
	if e := readExport(t, out); len(e.rows) != 4 {
		t.Errorf("%d rows, want 4", len(e.rows))
	}
}

// The key of one region is refused by the other.
func TestRun_KeyOfTheOtherRegion_NamesBoth(t *testing.T) {
	t.Parallel()
	s := exportSettings{sink: "local", files: 1, each: 1, workers: 2, checkpoint: time.Hour}
	o := s.emulator()
	o.Key = "llx-of-the-other-region"
	r := startRegions(t, o)
	for _, region := range config.Regions() {
		code, stderr := r.run(t, append(s.args(filepath.Join(t.TempDir(), "out")), "--region", string(region))...)
		want := "--region " + string(region) + " is " + region.Host() + ", which was asked"
		if code != exitRefused || !strings.Contains(stderr, want) || strings.Count(stderr, "which was asked") != 1 ||
			strings.Count(stderr, "--region") != 2 {
			t.Errorf("exit %d, want %d, %q and the other region\n%s", code, exitRefused, want, stderr)
		}
		r.check(t, region)
	}
}
