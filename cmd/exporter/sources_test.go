package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// sourcesOf answers each path with a status and a body, and others with 404.
func sourcesOf(t *testing.T, answers map[string]string) *cli {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, body, _ := strings.Cut(answers[r.URL.Path], " ")
		switch status {
		case "":
			w.WriteHeader(http.StatusNotFound)
		case "200":
			_, _ = io.WriteString(w, body)
		default:
			var code int
			_, _ = fmt.Sscan(status, &code)
			w.WriteHeader(code)
		}
	}))
	t.Cleanup(server.Close)
	return newCLI(t, server.URL)
}

// allSources has something of each kind.
func allSources() map[string]string {
	return map[string]string{
		"/api/v2/projects": `200 {"items":[{"id":"p-1","name":"Default","is_default":true,"organization_id":"o"}]}`,
		"/api/v1/beta/directories": `200 {"items":[{"id":"dir-1","name":"Invoices 2026","type":"user"},
			{"id":"dir-2","name":"\u202etmp","type":"ephemeral","expires_at":"2026-05-01T12:00:00+02:00"}]}`,
		"/api/v1/beta/directories/dir-1/files": `200 {"items":[{"id":"a","file_id":"a"},{"id":"b","file_id":"b"}]}`,
		"/api/v1/beta/directories/dir-2/files": `200 {"items":[]}`,
		"/api/v1/indexes": `200 {"items":[{"id":"i-1","export_config_id":"x-1","name":"search","source_directory_id":"dir-1",
			"output_directory_id":"dir-3","metadata":{"status":"ready"}}]}`,
		"/api/v2/pipelines": `200 {"items":[{"id":"l-1","name":"rag","pipeline_type":"MANAGED","status":"CREATED"}]}`,
		"/api/v2/parse":     `200 {"items":[{"id":"pjb-1","status":"COMPLETED","tier":"agentic","created_at":"2026-05-01T12:00:00Z"}]}`,
		"/api/v2/batches":   `200 {"items":[{"id":"bat-1","status":"RUNNING","source_directory_id":"dir-1","config":{"job":{"type":"parse_v2"}}}]}`,
	}
}

func TestSources_Table(t *testing.T) {
	t.Parallel()
	got := sourcesOf(t, allSources()).mustRun("sources", "--files")
	const want = `projects
  id   default  name
  p-1  yes      "Default"

directories
  id     type       files  expires_at            name
  dir-1  user       2      -                     "Invoices 2026"
  dir-2  ephemeral  0      2026-05-01T10:00:00Z  "\u202etmp"

indexes
  id   export_config_id  status  source_directory_id  output_directory_id  name
  i-1  x-1               ready   dir-1                dir-3                "search"

pipelines
  id   type     status   name
  l-1  MANAGED  CREATED  "rag"

parse jobs
  id     status     created_at            tier     name
  pjb-1  COMPLETED  2026-05-01T12:00:00Z  agentic  -

batches
  id     status   created_at  job       source_directory_id
  bat-1  RUNNING  -           parse_v2  dir-1
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSources_JSON(t *testing.T) {
	t.Parallel()
	got := sourcesOf(t, allSources()).mustRun("sources", "--json", "--files")
	type source struct {
		Kind, ID, Name string
		Files          *int64
	}
	var all []source
	for line := range strings.Lines(got) {
		var s source
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, s)
	}
	var kinds []string
	for _, s := range all {
		kinds = append(kinds, s.Kind+" "+s.ID)
	}
	want := []string{"project p-1", "directory dir-1", "directory dir-2", "index i-1", "pipeline l-1", "parse-job pjb-1", "batch bat-1"}
	if !slices.Equal(kinds, want) || all[1].Name != "Invoices 2026" || all[1].Files == nil || *all[1].Files != 2 || all[0].Files != nil {
		t.Errorf("got\n%s", got)
	}
}

// What a deployment does not have, or not for this key, is said, and the others are listed.
func TestSources_KindsThatAreNotListed(t *testing.T) {
	t.Parallel()
	without := func(path, answer string) map[string]string {
		answers := allSources()
		answers[path] = answer
		return answers
	}
	malformed := `200 {"items":[{"name":"no id"},{"id":"i-2"}]}`
	for _, tt := range []struct {
		name    string
		answers map[string]string
		args    []string
		code    int
		want    []string
	}{
		{"absent", without("/api/v2/batches", "404"), nil, 0, []string{"not offered here: GET ", "pjb-1"}},
		{"absent, JSON", without("/api/v2/batches", "404"), []string{"--json"}, 0, []string{"exporter: batches: not offered here: GET ", "pjb-1"}},
		{"forbidden", without("/api/v1/indexes", "403"), nil, 0, []string{"not for this key: GET ", "pjb-1"}},
		{"not listed", without("/api/v1/indexes", "400"), nil, exitIncomplete,
			[]string{"  could not be listed: GET ", "pjb-1", "exporter: not everything could be listed"}},
		{"malformed", without("/api/v1/indexes", malformed), nil, exitIncomplete,
			[]string{"exporter: one of the indexes cannot be read: id: it is missing", "i-2", "pjb-1"}},
		{"not counted", without("/api/v1/beta/directories/dir-2/files", "404"), []string{"--files"}, exitIncomplete,
			[]string{"exporter: count the files of directory dir-2: ", "dir-1  user       2 ", "dir-2  ephemeral  ?", "pjb-1"}},
		{"the key is refused", without("/api/v2/projects", "401"), nil, exitRefused, []string{"check the key"}},
		{"none is offered", nil, nil, exitRefused, []string{"directories\n  not offered here", "batches\n  not offered here", "404 Not Found"}},
		{"none is known", nil, []string{"--kind", "directory"}, exitRefused, []string{"404 Not Found; check the id and the region"}},
		{"a kind", allSources(), []string{"--kind", "directory,index"}, 0, []string{"indexes\n"}},
	} {
		code, stdout, stderr := sourcesOf(t, tt.answers).run(append([]string{"sources", "--max-attempts", "1"}, tt.args...)...)
		for _, want := range tt.want {
			if !strings.Contains(stdout+stderr, want) {
				t.Errorf("%s: lacks %q", tt.name, want)
			}
		}
		if code != tt.code || tt.name == "a kind" && strings.Contains(stdout, "projects") {
			t.Errorf("%s: exit %d, want %d\n%s%s", tt.name, code, tt.code, stdout, stderr)
		}
	}
}

func TestSources_Usage(t *testing.T) {
	t.Parallel()
	c := newCLI(t, "http://127.0.0.1:1")
	for want, args := range map[string][]string{
		`--kind "folder": there are project, directory, index,`: {"--kind", "folder"},
		`--created-within 0s: want a positive duration`:         {"--created-within", "0s"},
	} {
		code, _, stderr := c.run(append([]string{"sources"}, args...)...)
		if code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit %d, %s, want %q", args, code, stderr, want)
		}
	}
}

// Parse jobs and batches are those of late, and of the project that is named.
func TestSources_AskForThoseOfLate(t *testing.T) {
	t.Parallel()
	var since []time.Duration
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at, err := time.Parse(time.RFC3339, r.URL.Query().Get("created_at_on_or_after"))
		if err != nil || r.URL.Query().Get("project_id") != "p-1" {
			t.Errorf("asked for %s", r.URL)
		}
		since = append(since, time.Since(at))
		_, _ = io.WriteString(w, `{"items":[]}`)
	}))
	t.Cleanup(server.Close)
	got := newCLI(t, server.URL).mustRun("sources", "--kind", "batch", "--kind", "parse-job", "--created-within", "24h", "--project-id", "p-1")
	if want := "parse jobs\n  none\n\nbatches\n  none\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(since) != 2 || since[0] < 24*time.Hour || since[0] > 25*time.Hour {
		t.Errorf("asked since %v", since)
	}
}
