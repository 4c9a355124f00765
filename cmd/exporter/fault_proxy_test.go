//go:build unix && !darwin

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"exporter/internal/config"
)

// ALL_PROXY is read as the others are, and a certificate's authority may be given by a file of its own.
func TestRun_AllProxyAndCACert_AreUsed(t *testing.T) {
	t.Parallel()
	s := exportSettings{sink: "local", files: 1, each: 2, workers: 2, checkpoint: time.Hour}
	r := startRegions(t, s.emulator())
	environ := []string{"LLAMA_CLOUD_CUSTOM_HEADERS=" + gatewayHeader + ": " + canaryHeader, "ALL_PROXY=" + r.proxy}
	run := func(more ...string) (int, string) {
		return runTrusting(t, os.DevNull, environ, append(s.args(filepath.Join(t.TempDir(), "out")), more...)...)
	}
	if code, stderr := run("--ca-cert", r.certificate); code != 0 {
		t.Errorf("exit %d, want 0\n%s", code, stderr)
	}
	r.check(t, config.RegionNorthAmerica)
	if code, stderr := run(); code != exitRefused || !strings.Contains(stderr, "in SSL_CERT_FILE or with --ca-cert FILE") {
		t.Errorf("without --ca-cert: exit %d, want %d and a word about it\n%s", code, exitRefused, stderr)
	}
	r.check(t)
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
