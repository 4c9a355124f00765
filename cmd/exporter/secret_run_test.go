package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/testmain"
)

// echo is an API that says what it was sent, as servers and proxies do that are asked to debug something.
type echo struct {
	name string
	// of is what is answered so.
	of answers
	// answer gets the value of the Authorization header. Where it is nil, the status is sent with the body.
	answer func(w http.ResponseWriter, sent string)
	status int
	body   string
	exit   int
	// want is a pattern for what the run says of it, without the key.
	want string
}

// answers is a pattern for the path of requests.
type answers string

const (
	aBlob      answers = `/page_screenshots/|/page-figures/`
	anAlbum    answers = `/page_screenshots$|/page-figures$`
	aDirectory answers = `/directories/`
)

// The echoes with a body repeat what they were sent in the place of %s.
var echoes = []echo{
	{name: "detail", of: aBlob, status: 403, body: `{"detail":"no access with %s"}`, exit: exitRefused,
		want: `403 Forbidden: no access with Bearer \[redacted\]`},
	{name: "detail of a validation", of: aBlob, status: 422, exit: exitRefused,
		body: `{"detail":[{"loc":["header","authorization"],"msg":"got %s","type":"x"}]}`,
		want: `header.authorization: got Bearer \[redacted\]`},
	{name: "another JSON", of: aBlob, status: 404, body: `{"headers":{"Authorization":"%s"}}`, exit: exitRefused,
		want: `"Authorization":"Bearer \[redacted\]"`},
	{name: "plain text", of: aBlob, status: 410, body: "%s %[1]s %[1]s\n", exit: exitRefused,
		want: `Bearer \[redacted\] Bearer`},
	{name: "request id", of: aBlob, answer: headerAndStatus("X-Request-Id", 404), exit: exitRefused,
		want: `request Bearer \[redacted\]`},
	{name: "text for an image", of: aBlob, status: 200, body: "%s", exit: exitIncomplete,
		want: `not_image: .*begins with "Bearer \[redacted\]`},
	{name: "HTML for an image, cut in the key", of: aBlob, status: 200, body: "<p>%s</p>", exit: exitIncomplete,
		want: `not_image: .*begins with "<p>Bearer \[redacted\]`},
	{name: "media type", of: aBlob, answer: headerAndStatus("Content-Type", 200), exit: exitIncomplete,
		want: `declared as .*Bearer \[redacted\]`},
	{name: "content encoding", of: aBlob, answer: headerAndStatus("Content-Encoding", 200), exit: exitIncomplete,
		want: `not_image: `},
	{name: "no HTTP", of: aBlob, answer: noHTTP, exit: exitIncomplete, want: `transport: .*malformed.*\[redacted\]`},

	{name: "redirect over plain http", of: aBlob, answer: redirectTo("http://%s.example/%[1]s?%[1]s"), exit: exitIncomplete,
		want: `redirect: .*\[redacted\]\.example`},
	{name: "redirect to a scheme", of: aBlob, answer: redirectTo("%s:%[1]s"), exit: exitIncomplete,
		want: `redirect: .*\[redacted\]`},
	{name: "redirect with a user", of: aBlob, answer: redirectTo("https://%s@127.0.0.1/"), exit: exitIncomplete,
		want: `with a user name`},
	{name: "redirect to no URL", of: aBlob, answer: redirectTo("https://127.0.0.1:%s/"), exit: exitIncomplete,
		want: `what is no URL`},
	{name: "redirect to a closed port", of: aBlob, answer: redirectTo("https://127.0.0.1:1/%s?signature=%[1]s"),
		exit: exitIncomplete,
		want: `transport: GET 127.0.0.1:1/api/v1/files/\{id\}`},

	{name: "detail of a listing", of: anAlbum, status: 403, body: `{"detail":"%s"}`, exit: exitRefused,
		want: `http_403: .*Bearer \[redacted\]`},
	{name: "value of a wrong type", of: anAlbum, status: 200, body: `[{"page_index":"%s"}]`, exit: exitIncomplete,
		want: `want an integer, not .*Bearer \[redacted\]`},
	{name: "value that is cut in the key", of: anAlbum, status: 200, body: `[{"page_index":"Authorization: %s"}]`,
		exit: exitIncomplete,
		want: `want an integer, not .*Bearer \[redacted\]`},
	{name: "refusal of the key", of: aDirectory, status: 401, body: `{"detail":"%s is not valid"}`, exit: exitRefused,
		want: `401 Unauthorized: Bearer \[redacted\] is not valid`},
	{name: "directory", of: aDirectory, status: 404, body: `{"detail":"%s"}`, exit: exitRefused,
		want: `404 Not Found: Bearer \[redacted\]`},
	{name: "time", of: aDirectory, status: 200, body: `{"items":[{"id":"a","file_id":"a","updated_at":"%s"}]}`, exit: exitRefused,
		want: `makes no sense.*Bearer \[redacted\]`},
	{name: "file that nobody can tell", of: aDirectory, status: 200, body: `{"items":[{"file_id":{"%s":1}}]}`, exit: exitIncomplete,
		want: `malformed: .*Bearer \[redacted\]`},
	{name: "cursor", of: aDirectory, status: 200, body: `{"items":[],"next_page_token":"%s"}`, exit: exitStopped,
		want: `leads back`},
}

func headerAndStatus(name string, status int) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, sent string) {
		w.Header().Set(name, sent)
		w.WriteHeader(status)
	}
}

// redirectTo puts the key alone into a URL, as a blank has no place there.
func redirectTo(format string) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, sent string) {
		w.Header().Set("Location", fmt.Sprintf(format, strings.TrimPrefix(sent, "Bearer ")))
		w.WriteHeader(http.StatusFound)
	}
}

func noHTTP(w http.ResponseWriter, sent string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(conn, sent+"\r\n\r\n")
	_ = conn.Close()
}

// A server says what it was sent, wherever it can. The key, and the value of a header that was given, get into no message, no log
// and no file.
func TestRun_ServerEchoesASecret_ShowsItNowhere(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for _, e := range echoes {
		for _, format := range []string{"text", "json"} {
			for _, header := range []string{"Authorization", gatewayHeader} {
				t.Run(e.name+"/"+format+"/"+header, func(t *testing.T) {
					t.Parallel()
					e.test(t, format, header)
				})
			}
		}
	}
}

func (e *echo) test(t *testing.T, format, header string) {
	s := exportSettings{sink: "archive", files: 2, each: 2, workers: 2, checkpoint: time.Hour}
	server := newEmulator(t, s.emulator())
	var echoed atomic.Int64
	of := regexp.MustCompile(string(e.of))
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent := r.Header.Get(header)
		if sent != "" && header != "Authorization" {
			sent = "Bearer " + sent
		}
		switch {
		case sent == "" || !of.MatchString(r.URL.Path):
			server.ServeHTTP(w, r)
			return
		case e.answer != nil:
			e.answer(w, sent)
		default:
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(e.status)
			_, _ = fmt.Fprintf(w, e.body, sent)
		}
		echoed.Add(1)
	}))
	t.Cleanup(front.Close)
	out := filepath.Join(t.TempDir(), "out")
	c := newCLI(t, front.URL)
	code, stdout, stderr := c.run(append(s.args(out), "-v", "--log-format", format, "--max-attempts", "1")...)
	said := strings.ReplaceAll(stdout+stderr, `\"`, `"`)
	if code != e.exit || echoed.Load() == 0 || !regexp.MustCompile(e.want).MatchString(said) {
		t.Errorf("exit %d after %d echoes, want %d and %q\n%s", code, echoed.Load(), e.exit, e.want, said)
	}
	if code == exitIncomplete || e.of == aBlob {
		readExport(t, out)
	}
}

// signature is what grants access in a presigned URL of the tests.
const signature = "X-Signature=5f1d7a0c9b8e"

// Presigned URLs end at their query wherever they are shown: those that blobs are redirected to, those that listings hold, and
// those that are asked for.
func TestRun_PresignedURLs_AreCutBeforeTheirQuery(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1); r.URL.RawQuery != signature {
			t.Errorf("the store was asked with the query %q, want %q", r.URL.RawQuery, signature)
		}
		for _, name := range []string{"Authorization", gatewayHeader} {
			if got := r.Header.Get(name); got != "" {
				t.Errorf("the store was sent %s", name)
			}
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(store.Close)
	signed := store.URL + "/bucket/report.pdf?" + signature
	corpus := emulator.NewCorpus()
	raw := fmt.Sprintf(`{"id":"e","directory_id":"d","project_id":"p","file_id":"f","updated_at":"2024-01-01T00:00:00Z",`+
		`"download_url":{"url":%q,"expires_at":"2024-01-01T01:00:00Z","form_fields":{"policy":"x","sign":%q}}}`,
		signed, signature)
	mustAdd(t, corpus, emulator.FileSpec{ID: "e", FileID: "f", Raw: []byte(raw),
		Assets: []emulator.AssetSpec{{Kind: emulator.Screenshot}}})
	server := newEmulator(t, emulator.Options{Corpus: corpus})
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/page_screenshots/") {
			http.Redirect(w, r, signed, http.StatusTemporaryRedirect)
			return
		}
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(api.Close)
	out := filepath.Join(t.TempDir(), "out")
	c := newCLI(t, api.URL)
	for _, tt := range []struct {
		exit int
		want string
		args []string
	}{
		{exitIncomplete, "http_403", []string{"run", "--directory", "d", "--out", out, "-v"}},
		{exitIncomplete, "http_403", []string{"run", "--directory", "d", "--out", out, "-v", "--log-format", "json"}},
		{0, "fetch", []string{"plan", "--directory", "d", "--out", out, "-v"}},
		{0, `"url":"` + store.URL + `/bucket/report.pdf"`, []string{"files", "ls", "d", "--json", "-v"}},
		{0, `"url":"` + store.URL + `/bucket/report.pdf"`, []string{"files", "get", "d", "e", "--json", "-v"}},
		{0, "e ", []string{"files", "get", "d", "e"}},
	} {
		code, stdout, stderr := c.run(tt.args...)
		if code != tt.exit || !strings.Contains(stdout+stderr, tt.want) || strings.Contains(stdout+stderr, "5f1d7a0c9b8e") {
			t.Errorf("%q: exit %d, want %d, %q and no signature\n%s%s", tt.args, code, tt.exit, tt.want, stdout, stderr)
		}
	}
	if asked.Load() == 0 {
		t.Error("no redirect was followed")
	}
	// Without compression, anything of the listing that is stored would show.
	e := readExport(t, out)
	for _, row := range e.rows {
		if text := fmt.Sprintf("%+v %+v", row, row.File); strings.Contains(text, "X-Signature") {
			t.Errorf("a row has %s", text)
		}
	}
}
