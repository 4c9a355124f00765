//go:build unix && !darwin

package main

import (
	"encoding/pem"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"exporter/internal/config"
)

// serveSOCKS serves a proxy of SOCKS 5 that connects to one address, whatever name is asked for, and returns its URL. It counts the names.
func serveSOCKS(t *testing.T, to string, names *atomic.Int64) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	serve := func(from net.Conn) {
		defer from.Close()
		const version, connect, byName = 5, 1, 3
		head := make([]byte, 3)
		if _, err := io.ReadFull(from, head); err != nil || head[0] != version {
			return
		}
		_, _ = from.Write([]byte{version, 0})
		request := make([]byte, 5)
		if _, err := io.ReadFull(from, request); err != nil || request[1] != connect || request[3] != byName {
			return
		}
		if _, err := io.ReadFull(from, make([]byte, int(request[4])+2)); err != nil {
			return
		}
		names.Add(1)
		server, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer server.Close()
		_, _ = from.Write([]byte{version, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		go func() { _, _ = io.Copy(server, from); server.Close() }()
		_, _ = io.Copy(from, server)
	}
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(from)
		}
	}()
	return "socks5://" + listener.Addr().String()
}

// ALL_PROXY is read as the others are, whatever kind the proxy is of, and a certificate's authority may be given by a file of its own.
func TestRun_AllProxyAndCACert_AreUsed(t *testing.T) {
	t.Parallel()
	s := exportSettings{sink: "local", files: 1, each: 2, workers: 2, checkpoint: time.Hour}
	r := startRegions(t, s.emulator())
	secure := httptest.NewTLSServer(tunnel(r.api))
	t.Cleanup(secure.Close)
	var names atomic.Int64
	certificates, err := os.ReadFile(r.certificate)
	if err != nil {
		t.Fatal(err)
	}
	certificates = append(certificates, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})...)
	file := filepath.Join(t.TempDir(), "authorities.pem")
	if err := os.WriteFile(file, certificates, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(proxy string, more ...string) (int, string) {
		environ := []string{"LLAMA_CLOUD_CUSTOM_HEADERS=" + gatewayHeader + ": " + canaryHeader, "ALL_PROXY=" + proxy}
		return runTrusting(t, os.DevNull, environ, append(s.args(filepath.Join(t.TempDir(), "out")), more...)...)
	}
	for _, proxy := range []string{r.proxy, secure.URL, serveSOCKS(t, r.api, &names)} {
		if code, stderr := run(proxy, "--ca-cert", file); code != 0 {
			t.Errorf("%s: exit %d, want 0\n%s", proxy, code, stderr)
		}
		r.check(t, config.RegionNorthAmerica)
	}
	if names.Load() == 0 {
		t.Error("the proxy of SOCKS was asked for no name")
	}
	if code, stderr := run(r.proxy); code != exitRefused || !strings.Contains(stderr, "in SSL_CERT_FILE or with --ca-cert FILE") {
		t.Errorf("without --ca-cert: exit %d, want %d and a word about it\n%s", code, exitRefused, stderr)
	}
	r.check(t)
	if code, stderr := run(r.proxy, "--ca-cert", os.DevNull); code != exitUsage || !strings.Contains(stderr, "--ca-cert: the file \"/dev/null\" has no certificate in it") {
		t.Errorf("with nothing in it: exit %d, want %d and what is wrong\n%s", code, exitUsage, stderr)
	}
}

// Where a proxy is named that cannot be used, nothing goes around it: the name is not even looked up. Nobody listens at port 1.
func TestRun_ProxyCannotBeUsed_NeverGoesAround(t *testing.T) {
	t.Parallel()
	s := exportSettings{sink: "local", files: 1, each: 1, workers: 2, checkpoint: time.Hour}
	for environ, want := range map[string]struct {
		code   int
		stderr string
	}{
		"HTTPS_PROXY=http://u:hunter2@proxy:port": {exitUsage, "exporter: HTTPS_PROXY: not the URL of a proxy (such as http://proxy.example.com:3128; "},
		"ALL_PROXY=socks4://u:hunter2@127.0.0.1":  {exitUsage, `exporter: ALL_PROXY: "socks4" is no scheme of a proxy (give http, https, socks5 or socks5h)`},
		"https_proxy=http://127.0.0.1:1/auto.pac": {exitUsage, "exporter: https_proxy: the URL of a proxy has no path (name the proxy itself"},
		"ALL_PROXY=http://u:hunter2@127.0.0.1:1": {exitStopped, "the proxy at http://127.0.0.1:1 cannot be reached: check HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, " +
			"then the same command goes on"},
		"HTTPS_PROXY=socks5://u:hunter2@127.0.0.1:1": {exitStopped, "the proxy at socks5://127.0.0.1:1 cannot be reached: check HTTPS_PROXY"},
	} {
		code, stderr := runWith(t, []string{"LLAMA_CLOUD_BASE_URL=https://api.invalid", environ},
			append(s.args(filepath.Join(t.TempDir(), "out")), "--max-attempts", "1", "--max-outage", "1ms")...)
		if code != want.code || !strings.Contains(stderr, want.stderr) || strings.Contains(stderr, "hunter2") {
			t.Errorf("%s: exit %d, want %d and %q, without the password\n%s", environ, code, want.code, want.stderr, stderr)
		}
	}
}
