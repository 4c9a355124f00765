package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"exporter/internal/emulator"
)

// apiKey is the only key that the emulator accepts.
const apiKey = "llx-interop-1c7f"

// export is a corpus that is served, and the directory that it is exported to.
type export struct {
	*corpus
	out, url string
	emulator *emulator.Server
	// started and ended bound the time of the last run.
	started, ended time.Time
}

// serve serves a corpus until the test ends. The corpus in o is set from c, where c is not nil. Requests pass through the
// handlers that the given functions make.
func serve(t *testing.T, c *corpus, o emulator.Options, through ...func(http.Handler) http.Handler) *export {
	t.Helper()
	var err error
	if c != nil {
		if o.Corpus, err = emulator.LoadCorpus(c.FS); err != nil {
			t.Fatal(err)
		}
	}
	o.Key = apiKey
	e := &export{corpus: c, out: filepath.Join(t.TempDir(), "it's an export")}
	if e.emulator, err = emulator.New(o); err != nil {
		t.Fatal(err)
	}
	handler := spaced(e.emulator)
	for _, wrap := range through {
		handler = wrap(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	e.url = server.URL
	return e
}

// exported exports a corpus, deleted files included.
func exported(t *testing.T, c *corpus, args ...string) *export {
	t.Helper()
	e := serve(t, c, emulator.Options{})
	e.run(t, 0, args...)
	return e
}

// spaced puts white space into JSON answers, so that what is stored cannot be compact by chance.
func spaced(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, r)
		body := recorder.Body
		if recorder.Header().Get("Content-Type") == "application/json" {
			var indented bytes.Buffer
			if json.Indent(&indented, body.Bytes(), " ", "\t") == nil {
				body = &indented
			}
		}
		maps.Copy(w.Header(), recorder.Header())
		w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
		w.WriteHeader(recorder.Code)
		_, _ = w.Write(body.Bytes()) // the client may be killed
	})
}

// command returns the command that exports all directories of the corpus. stderr is what it prints there.
func (e *export) command(ctx context.Context, args ...string) (c *exec.Cmd, stderr *bytes.Buffer) {
	all := []string{"run", "--out", e.out, "--rate", "unlimited", "--include-deleted"}
	for _, id := range e.directories {
		all = append(all, "--directory", id)
	}
	return e.exporter(ctx, append(all, args...)...)
}

func (e *export) exporter(ctx context.Context, args ...string) (c *exec.Cmd, stderr *bytes.Buffer) {
	c, stderr = exec.CommandContext(ctx, "exporter", args...), new(bytes.Buffer)
	c.Env = append(os.Environ(), "LLAMA_CLOUD_API_KEY="+apiKey, "LLAMA_CLOUD_BASE_URL="+e.url)
	c.Stderr = stderr
	return c, stderr
}

// run exports, and expects the exit code.
func (e *export) run(t *testing.T, exit int, args ...string) {
	t.Helper()
	c, stderr := e.command(t.Context(), args...)
	e.finish(t, c, stderr, exit)
}

func (e *export) finish(t *testing.T, c *exec.Cmd, stderr *bytes.Buffer, exit int) {
	t.Helper()
	e.started = time.Now()
	stdout, err := c.Output()
	e.ended = time.Now()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	if code := c.ProcessState.ExitCode(); code != exit {
		t.Fatalf("%q: exit %d, want %d\n%s%s", c.Args, code, exit, stdout, stderr)
	}
	if strings.Contains(string(stdout)+stderr.String(), apiKey) {
		t.Errorf("%q printed the key", c.Args)
	}
}

// path returns the path of a file of the export directory.
func (e *export) path(name string) string { return filepath.Join(e.out, filepath.FromSlash(name)) }

// manifest and filesManifest are the two Parquet files.
func (e *export) manifest() string      { return e.path("manifest.parquet") }
func (e *export) filesManifest() string { return e.path("files.parquet") }

// failedRoutes returns the paths, not escaped, of the requests that the emulator made fail.
func (e *export) failedRoutes(t *testing.T) map[string]bool {
	t.Helper()
	failed := map[string]bool{}
	for _, r := range e.emulator.Requests() {
		if r.Fault == "" {
			continue
		}
		route, err := url.PathUnescape(r.Path)
		if err != nil {
			t.Fatal(err)
		}
		failed[route] = true
	}
	return failed
}
