package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Files that expire within a day are warned of, with the first of them; those that have expired, or do later, are not.
func TestRun_FilesThatExpireSoon(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC().Truncate(time.Second)
	expires := []time.Duration{-time.Hour, 3 * time.Hour, 90 * time.Minute, 23 * time.Hour, 25 * time.Hour, 0}
	var files []string
	for i, d := range expires {
		at := "null"
		if d != 0 {
			at = fmt.Sprintf("%q", now.Add(d).Format(time.RFC3339))
		}
		files = append(files, fmt.Sprintf(`{"id":"f%d","name":"n","expires_at":%s}`, i, at))
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/beta/files" {
			_, _ = fmt.Fprintf(w, `{"items":[%s]}`, strings.Join(files, ","))
			return
		}
		_, _ = fmt.Fprint(w, "[]")
	}))
	t.Cleanup(server.Close)
	c := newCLI(t, server.URL)
	out := filepath.Join(t.TempDir(), "out")
	first := now.Add(90 * time.Minute).Format(time.RFC3339)
	for range 2 {
		stdout := c.mustRun("run", "--project", "--out", out)
		if want := "expiring 3 files expire before the next nightly run, the first at " + first + "\n"; !strings.Contains(stdout, want) {
			t.Errorf("got\n%s\nwant %s", stdout, want)
		}
	}
	if told := readExpiring(t, out); told.Files != 3 || told.First != first {
		t.Errorf("run.json has %+v, want 3, the first at %s", told, first)
	}
	for _, f := range readExport(t, out).files {
		var i int
		_, _ = fmt.Sscanf(f.File.ID, "f%d", &i)
		if want := now.Add(expires[i]); expires[i] != 0 && !f.ExpiresAt.Equal(want) || expires[i] == 0 && !f.ExpiresAt.IsZero() {
			t.Errorf("%s expires at %v, want %v", f.File.ID, f.ExpiresAt, want)
		}
	}
	files = files[4:]
	stdout := c.mustRun("run", "--project", "--out", filepath.Join(t.TempDir(), "later"))
	if strings.Contains(stdout, "expiring") {
		t.Errorf("a file that expires in 25 hours is warned of\n%s", stdout)
	}
}

// expiring is what run.json says of what expires.
type expiring struct {
	Files   int
	First   string
	Sources []string
}

func readExpiring(t *testing.T, out string) expiring {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(out, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	var report struct{ Expiring expiring }
	if err := json.Unmarshal(raw, &report); err != nil {
		t.Fatal(err)
	}
	return report.Expiring
}

// A directory that expires takes its files along. It is asked for once a run, and not where it was listed for its name; where nobody says,
// what is known stays, and that is no failure.
func TestRun_DirectoryExpires(t *testing.T) {
	t.Parallel()
	expires := time.Now().UTC().Truncate(time.Second).Add(90 * time.Minute)
	directory := fmt.Sprintf(`{"id":"dir-1","name":"Scratch files","expires_at":%q}`, expires.Format(time.RFC3339))
	asked, isOffered := 0, true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/v1/beta/directories":
			_, _ = fmt.Fprintf(w, `{"items":[%s]}`, directory)
		case "/api/v1/beta/directories/dir-1":
			if asked++; !isOffered {
				w.WriteHeader(http.StatusNotFound)
			}
			_, _ = fmt.Fprint(w, directory)
		case "/api/v1/beta/directories/dir-1/files":
			_, _ = fmt.Fprint(w, `{"items":[{"id":"a","file_id":"f-a"},{"id":"b","file_id":"f-b"}]}`)
		default:
			_, _ = fmt.Fprint(w, "[]")
		}
	}))
	t.Cleanup(server.Close)
	c := newCLI(t, server.URL)
	check := func(out string, wantSources string) {
		t.Helper()
		told := readExpiring(t, out)
		if told.Files != 2 || told.First != expires.Format(time.RFC3339) || fmt.Sprint(told.Sources) != wantSources {
			t.Errorf("run.json has %+v, want two files, the first at %v, and %s", told, expires, wantSources)
		}
		for _, f := range readExport(t, out).files {
			if !f.ExpiresAt.Equal(expires) {
				t.Errorf("%s expires at %v, want %v", f.File.ID, f.ExpiresAt, expires)
			}
		}
	}
	out, named := filepath.Join(t.TempDir(), "out"), filepath.Join(t.TempDir(), "named")
	for range 2 {
		stdout := c.mustRun("run", "--directory", "dir-1", "--out", out)
		if want := ", with all of directory:dir-1\n"; !strings.Contains(stdout, want) {
			t.Errorf("got\n%s\nwant %s", stdout, want)
		}
		check(out, "[directory:dir-1]")
	}
	if asked != 2 {
		t.Errorf("two runs asked %d times for the directory", asked)
	}
	c.mustRun("run", "--directory", "Scratch files", "--out", named)
	if check(named, "[directory:dir-1]"); asked != 2 {
		t.Error("a directory that was listed for its name is asked for once more")
	}
	isOffered = false
	code, _, stderr := c.run("run", "--out", out)
	if check(out, "[]"); code != 0 || strings.Contains(stderr, "level=WARN") {
		t.Errorf("exit %d where directories cannot be asked for\n%s", code, stderr)
	}
}

// A directory that has gone when it was to is no failure: its files have expired, and their pictures stay.
func TestRun_DirectoryHasExpired(t *testing.T) {
	t.Parallel()
	expires := time.Now().UTC().Add(-time.Minute).Format(time.RFC3339)
	isGone := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case isGone:
			w.WriteHeader(http.StatusNotFound)
		case r.URL.Path == "/api/v1/beta/directories/dir-1":
			_, _ = fmt.Fprintf(w, `{"id":"dir-1","expires_at":%q}`, expires)
		case r.URL.Path == "/api/v1/beta/directories/dir-1/files":
			_, _ = fmt.Fprint(w, `{"items":[{"id":"a","file_id":"f-a"}]}`)
		case strings.HasSuffix(r.URL.Path, "/page_screenshots"):
			_, _ = fmt.Fprint(w, `[{"page_index":0}]`)
		case strings.HasSuffix(r.URL.Path, "/page_screenshots/0"):
			_, _ = w.Write(jpegOf(t, 8, 8))
		default:
			_, _ = fmt.Fprint(w, "[]")
		}
	}))
	t.Cleanup(server.Close)
	c, out := newCLI(t, server.URL), filepath.Join(t.TempDir(), "out")
	c.mustRun("run", "--directory", "dir-1", "--out", out)
	isGone = true
	for range 3 {
		c.mustRun("run", "--prune", "--out", out)
	}
	e := readExport(t, out)
	for _, f := range e.files {
		if f.ExpiredAt.IsZero() || !f.VanishedAt.IsZero() {
			t.Errorf("%s: %+v, want it expired", f.File.ID, f.Gone)
		}
	}
	if len(e.files) != 1 || len(e.rows) != 1 {
		t.Errorf("%d files and %d pictures are left, want one each", len(e.files), len(e.rows))
	}
	code, _, stderr := c.run("run", "--directory", "dir-1", "--out", filepath.Join(t.TempDir(), "new"))
	if code != exitRefused || !strings.Contains(stderr, "list directory dir-1: GET ") {
		t.Errorf("a directory of which nothing is known: exit %d, %s", code, stderr)
	}
}
