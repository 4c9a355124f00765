package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"exporter/internal/emulator"
	"exporter/internal/emulator/sample"
)

var servingProfiles = regexp.MustCompile(`msg="serving profiles" url=(http://127\.0\.0\.1:[0-9]+/debug/pprof/)\n`)

func TestRun_Pprof_ServesProfilesWhileItRuns(t *testing.T) {
	t.Parallel()
	s := exportSettings{sink: "archive", files: 2, each: 4, workers: 4, checkpoint: time.Hour}
	server := newEmulator(t, s.emulator())
	held, done := make(chan struct{}, s.assets()), make(chan struct{})
	release := sync.OnceFunc(func() { close(done) })
	defer release()
	a := startAPI(t, after(2, server, func(w http.ResponseWriter, r *http.Request) {
		held <- struct{}{}
		<-done
		server.ServeHTTP(w, r)
	}))
	out := filepath.Join(t.TempDir(), "out")
	c := newChild(t, a.url, childOptions{}, append(s.args(out), "--pprof", "127.0.0.1:0")...)
	c.cmd.Env = append(c.cmd.Env, childEnv+"=") // as main starts it
	stderr, err := c.cmd.StderrPipe()
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stderr).ReadString('\n')
	url := servingProfiles.FindStringSubmatch(line)
	if err != nil || url == nil {
		t.Fatalf("the run logs %q, %v, want where the profiles are", line, err)
	}
	<-held
	// The heap comes last, when there has been much to sample.
	if status, body := getAs(t, "evil.test", url[1]); status != http.StatusForbidden {
		t.Errorf("status %d for another host's name, want 403\n%.1000s", status, body)
	}
	for _, tt := range []struct{ page, want string }{
		{"", "goroutine"},
		{"cmdline", "--pprof"},
		{"symbol", "num_symbols"},
		{"goroutine?debug=2", "pipeline.(*run).fetchOne"},
		{"profile?seconds=1", "\x1f\x8b"}, // gzip
		{"trace?seconds=0.1", "go 1."},
		{"heap", "\x1f\x8b"},
		{"heap?debug=1", "] @ 0x"}, // a sample
	} {
		answer, err := http.Get(url[1] + tt.page)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(body), tt.want) || showsKey(string(body)) {
			t.Errorf("%q: status %d, %v, want 200 and %q, without the key:\n%.1000q", tt.page, answer.StatusCode, err, tt.want, body)
		}
	}
	release()
	if err := c.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	readExportedSet(t, out).check(t, s.undisturbed(t))
}

// The server ends with the command.
func TestCommands_Pprof_LeavesNothingBehind(t *testing.T) {
	_, url := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, sample.FS())})
	out := filepath.Join(t.TempDir(), "out")
	c := newCLI(t, url)
	before := goleak.IgnoreCurrent()
	for _, args := range [][]string{
		{"run", "--project", "--out", out}, {"plan", "--project", "--out", out}, {"verify", "--out", out},
	} {
		code, _, stderr := c.run(append(args, "--pprof", "127.0.0.1:0")...)
		if code != 0 || !servingProfiles.MatchString(stderr) {
			t.Fatalf("%q: exit %d, want 0 and the address of the profiles\n%s", args, code, stderr)
		}
	}
	goleak.VerifyNone(t, before)
}

// A name of somebody else's that resolves to loopback, as a page in a browser can have one, gets no profile.
func TestPprof_Host_IsALoopbackOne(t *testing.T) {
	t.Parallel()
	s, err := serveLoopback("--pprof", "127.0.0.1:0", loopbackHostOnly(pprofHandler()))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	_, port, err := net.SplitHostPort(s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{
		"127.0.0.1:" + port: http.StatusOK, "localhost:" + port: http.StatusOK, "LocalHost:" + port: http.StatusOK, "[::1]:" + port: http.StatusOK,
		"evil.test:" + port: http.StatusForbidden, "evil.test": http.StatusForbidden, "127.0.0.1": http.StatusForbidden, "127.0.0.1:1": http.StatusForbidden,
		"localhost.evil.test:" + port: http.StatusForbidden, "127.0.0.1.evil.test:" + port: http.StatusForbidden, "192.0.2.1:" + port: http.StatusForbidden,
	} {
		status, body := getAs(t, host, s.url+"/debug/pprof/cmdline")
		if status != want || (want != http.StatusOK) == strings.Contains(body, "-test.") {
			t.Errorf("Host %q: %d %q, want %d", host, status, body, want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// getAs asks for a URL under the name of a host.
func getAs(t *testing.T, host, url string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	read, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(read)
}
