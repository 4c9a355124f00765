package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"exporter/internal/emulator"
)

// freeAddress returns an address on loopback that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start runs a program until the test ends.
func start(t *testing.T, c *exec.Cmd) (stderr *bytes.Buffer) {
	t.Helper()
	stderr = &bytes.Buffer{}
	c.Stdout, c.Stderr = stderr, stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	return stderr
}

// ask returns what a URL answers, as soon as that has what is wanted.
func ask(t *testing.T, u string, wanted *regexp.Regexp) string {
	t.Helper()
	var text []byte
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		answer, err := http.Get(u)
		if err != nil {
			continue
		}
		text, err = io.ReadAll(answer.Body)
		answer.Body.Close()
		if err == nil && wanted.Match(text) {
			return string(text)
		}
	}
	t.Fatalf("%s never answers %v, but:\n%s", u, wanted, text)
	return ""
}

// begin begins a run that is under way when it returns, and is ended by an interrupt.
func (e *export) begin(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	c := program(t, "exporter", append([]string{"run", "--project", "--out", e.out, "--rate", "20/m"}, args...)...)
	c.Env = append(os.Environ(), "LLAMA_CLOUD_API_KEY="+apiKey, "LLAMA_CLOUD_BASE_URL="+e.url)
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	// The rate is told of when everything else that is told of the run has begun.
	if _, err := io.ReadAtLeast(stderr, make([]byte, 4096), 10); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, stderr) }()
	return c
}

// interrupt ends a run that begin began.
func interrupt(t *testing.T, c *exec.Cmd) {
	t.Helper()
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if _ = c.Wait(); c.ProcessState.ExitCode() != 130 {
		t.Fatalf("an interrupted run ends with %v", c.ProcessState)
	}
}

// What a good run, one that failed and one that was interrupted leave, promtool has nothing to say of, and node_exporter serves.
func TestPrometheus_TextfileCollector_ReadsEveryEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name+".prom") }
	good := serve(t, recordedCorpus(t), emulator.Options{})
	good.run(t, 0, "--metrics-file", file("good"))
	failed := serve(t, recordedCorpus(t), emulator.Options{}, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	})
	failed.run(t, 4, "--metrics-file", file("failed"))
	interrupted := serve(t, recordedCorpus(t), emulator.Options{})
	interrupt(t, interrupted.begin(t, "--metrics-file", file("interrupted")))
	want := 0
	for name, e := range map[string]*export{"good": good, "failed": failed, "interrupted": interrupted} {
		text, err := os.ReadFile(file(name))
		if err != nil {
			t.Fatal(err)
		}
		check := program(t, "promtool", "check", "metrics")
		check.Stdin = bytes.NewReader(text)
		if out := output(t, check); len(out) > 0 {
			t.Errorf("promtool says of %s:\n%s", name, out)
		}
		series := strings.Count(string(text), fmt.Sprintf("{export=%q", e.out))
		if want == 0 {
			want = series
		}
		if series != want || series < 30 {
			t.Errorf("%s has %d series, others have %d", name, series, want)
		}
	}
	address := freeAddress(t)
	start(t, program(t, "prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile", "--collector.textfile.directory", dir,
		"--web.listen-address", address))
	scraped := ask(t, "http://"+address+"/metrics", regexp.MustCompile(`node_textfile_scrape_error 0\n`))
	for exit, e := range map[int]*export{0: good, 4: failed, 130: interrupted} {
		if line := fmt.Sprintf("exporter_last_exit_code{export=%q} %d\n", e.out, exit); !strings.Contains(scraped, line) {
			t.Errorf("node_exporter does not serve %q:\n%s", line, scraped)
		}
		if series := strings.Count(scraped, fmt.Sprintf("{export=%q", e.out)); series != want {
			t.Errorf("node_exporter serves %d series of %s, want %d", series, e.out, want)
		}
	}
	if files := strings.Count(scraped, "node_textfile_mtime_seconds{file="); files != 3 {
		t.Errorf("node_exporter reads %d files:\n%s", files, scraped)
	}
}

// Prometheus reads a run under way as OpenMetrics, and evaluates the rules.
func TestPrometheus_Server_ScrapesARunUnderWay(t *testing.T) {
	t.Parallel()
	rules, err := filepath.Abs("../../deploy/prometheus/exporter.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	output(t, program(t, "promtool", "check", "rules", rules))
	output(t, program(t, "promtool", "test", "rules", "testdata/prometheus/rules_test.yml"))
	e := serve(t, recordedCorpus(t), emulator.Options{})
	address, prometheus, dir := freeAddress(t), freeAddress(t), t.TempDir()
	run := e.begin(t, "--metrics-listen", address)
	config := fmt.Sprintf("global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}\nrule_files: [%q]\n"+
		"scrape_configs:\n  - job_name: exporter\n    static_configs: [{targets: [%q]}]\n", rules, address)
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	start(t, program(t, "prometheus", "--config.file", filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path", filepath.Join(dir, "data"),
		"--web.listen-address", prometheus))
	api := "http://" + prometheus + "/api/v1/"
	active := ask(t, api+"query?query="+url.QueryEscape("exporter_run_active == 1"), regexp.MustCompile(`"result":\[\{`))
	if label, _ := json.Marshal(e.out); !strings.Contains(active, `"export":`+string(label)) {
		t.Errorf("Prometheus has %s, want the export %q", active, e.out)
	}
	// Only OpenMetrics has units.
	ask(t, api+"targets/metadata?metric=exporter_run_duration_seconds", regexp.MustCompile(`"unit":"seconds"`))
	ask(t, api+"rules", regexp.MustCompile(`"name":"ExporterKilled".*"health":"ok"`))
	interrupt(t, run)
}
