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
	raw, err := os.ReadFile(filepath.Join(out, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Expiring struct {
			Files int
			First string
		}
	}
	if err := json.Unmarshal(raw, &report); err != nil || report.Expiring.Files != 3 || report.Expiring.First != first {
		t.Errorf("run.json has %+v, %v, want 3, the first at %s", report.Expiring, err, first)
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
