package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/emulator/sample"
)

// pinged is a service that is told of runs.
type pinged struct {
	mu   sync.Mutex
	said []string
}

func (p *pinged) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said = append(p.said, r.URL.Path+" "+string(body))
	for _, name := range []string{"Authorization", gatewayHeader} {
		if r.Header.Get(name) != "" {
			p.said = append(p.said, name+" was sent")
		}
	}
}

// take returns what was said since it was called last.
func (p *pinged) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.said = nil }()
	return p.said
}

const pingToken = "ping-CANARY-5d0c71"

// seriesOf returns the names of all series of a file of metrics, and the values of those without a state.
func seriesOf(t *testing.T, path string) (names []string, values map[string]string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	values = map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "} "); ok {
			names = append(names, name)
			values[name[:strings.Index(name, "{")]] = value
		} else {
			names = append(names, line)
		}
	}
	return names, values
}

// A good run, one that is refused, one that ends early and a good one again leave the same series, and tell a service how they went. When
// the last one succeeded stays known. Who may not know the URL is not told.
func TestRun_Watched_TellsHowItWent(t *testing.T) {
	t.Parallel()
	service := &pinged{}
	pings := httptest.NewServer(service)
	t.Cleanup(pings.Close)
	_, good := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, sample.FS())})
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	t.Cleanup(refusing.Close)
	dir := t.TempDir()
	out, file := filepath.Join(dir, "out"), filepath.Join(dir, "exporter.prom")
	var first []string
	success := ""
	for i, tt := range []struct {
		url         string
		exit        int
		interrupted bool
		body        string
	}{
		{good, 0, false, "files    10 listed, 10 complete\n"},
		{refusing.URL, exitRefused, false, "401 Unauthorized"},
		{good, exitInterrupted, true, "interrupted\nwhat was fetched is kept"},
		{good, 0, false, "10 unchanged"},
	} {
		c := newCLI(t, tt.url)
		if tt.interrupted {
			close(c.stop)
		}
		started := time.Now()
		code, stdout, stderr := c.run("run", "--project", "--out", out, "--force", "source", "-v", "--metrics-file", file,
			"--metrics-listen", ":0", "--ping", pings.URL+"/"+pingToken)
		if code != tt.exit {
			t.Fatalf("run %d: exit %d, want %d\n%s%s", i, code, tt.exit, stdout, stderr)
		}
		names, values := seriesOf(t, file)
		if first == nil {
			first = names
		}
		if !slices.Equal(names, first) {
			t.Errorf("run %d leaves other series: %q, not %q", i, names, first)
		}
		before := success
		success = values["exporter_last_success_timestamp_seconds"]
		if (tt.exit == 0) == (success == before) || tt.exit == 0 && success < fmt.Sprint(started.Unix()) {
			t.Errorf("run %d: the last success was at %s, and before at %s", i, success, before)
		}
		if got := values["exporter_last_exit_code"]; got != fmt.Sprint(tt.exit) || values["exporter_run_active"] != "0" {
			t.Errorf("run %d: exit code %s, active %s", i, got, values["exporter_run_active"])
		}
		said := service.take()
		if len(said) != 2 || said[0] != "/"+pingToken+"/start " ||
			!strings.HasPrefix(said[1], fmt.Sprintf("/%s/%d ", pingToken, tt.exit)) || !strings.Contains(said[1], tt.body) {
			t.Errorf("run %d pings %q", i, said)
		}
		checkNotSaid(t, stdout+stderr+strings.Join(names, ""), out)
	}
}

// checkNotSaid fails where a text or a file of the export has the URL of the ping.
func checkNotSaid(t *testing.T, text, out string) {
	t.Helper()
	if strings.Contains(text, pingToken) {
		t.Errorf("the URL of the ping was shown: %s", text)
	}
	for _, name := range fileNames(t, out) {
		if content, err := os.ReadFile(filepath.Join(out, name)); err != nil || strings.Contains(string(content), pingToken) {
			t.Errorf("%s has the URL of the ping: %v", name, err)
		}
	}
}

// A file that cannot be written, an address that is taken and a service that does not answer well are lines of the log.
func TestRun_Watched_InVain_EndsAsItShould(t *testing.T) {
	t.Parallel()
	_, url := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, sample.FS())})
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }))
	t.Cleanup(broken.Close)
	out := filepath.Join(t.TempDir(), "out")
	code, _, stderr := newCLI(t, url).run("run", "--project", "--out", out, "--metrics-file", filepath.Join(t.TempDir(), "no", "x.prom"),
		"--metrics-listen", strings.TrimPrefix(broken.URL, "http://"), "--ping", broken.URL+"/"+pingToken)
	if code != 0 {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	for want, count := range map[string]int{
		`level=WARN msg="the metrics cannot be written, .*no such file or directory`:   1,
		`level=WARN msg="the metrics cannot be served, .*address already in use`:       1,
		`level=WARN msg="the ping was not taken" error="the answer was 404 Not Found"`: 2,
	} {
		if got := len(regexp.MustCompile(want).FindAllString(stderr, -1)); got != count {
			t.Errorf("%q is said %d times, want %d:\n%s", want, got, count, stderr)
		}
	}
	checkNotSaid(t, stderr, out)
}
