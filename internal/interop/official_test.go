package interop

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/emulator"
)

// listed is a picture or a document that a client listed and fetched. What there is none of is empty. Page is the page_index, and
// where names tell pages, that of the name, counted from 1.
type listed struct {
	FileID string `json:"file_id"`
	JobID  string `json:"job_id"`
	Kind   string `json:"kind"`
	Page   int32  `json:"page"`
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

func (l *listed) fields() []any {
	return []any{&l.FileID, &l.JobID, &l.Kind, &l.Page, &l.Name, &l.SHA256}
}

// parsed is a page of a parse job.
type parsed struct {
	FileID   string   `json:"file_id"`
	JobID    string   `json:"job_id"`
	Page     int32    `json:"page"`
	Text     *string  `json:"text"`
	Markdown *string  `json:"markdown"`
	Items    anyJSON  `json:"items"`
	Width    *float64 `json:"width"`
	Height   *float64 `json:"height"`
	Error    *string  `json:"error"`
}

func (p *parsed) fields() []any {
	return []any{&p.FileID, &p.JobID, &p.Page, &p.Text, &p.Markdown, &p.Items, &p.Width, &p.Height, &p.Error}
}

// anyJSON is JSON, however it is spelled.
type anyJSON struct{ value any }

func (a *anyJSON) UnmarshalJSON(raw []byte) error { return json.Unmarshal(raw, &a.value) }
func (a anyJSON) MarshalJSON() ([]byte, error)    { return json.Marshal(a.value) }

// Scan takes what a database has for it: text, or nil.
func (a *anyJSON) Scan(v any) error {
	text, ok := v.(string)
	if !ok {
		return nil
	}
	return a.UnmarshalJSON([]byte(text))
}

// What the official clients list, page by page, and fetch is what is exported, to the last byte, and what they read of parse jobs
// is in pages.parquet. Each checks every field of every answer.
func TestOfficialClients_ListAndFetch_WhatIsExported(t *testing.T) {
	t.Parallel()
	for name, e := range officialExports(t) {
		t.Run(name+"/Python", func(t *testing.T) {
			e.emulator.Reset()
			e.checkListed(t, e.official(t, python(t, filepath.Join("python", "official.py"), "read")))
			if name == "varied" {
				e.checkRoutes(t, slices.DeleteFunc(emulator.Routes(), changes))
			}
		})
		t.Run(name+"/TypeScript", func(t *testing.T) {
			answers := filepath.Join(nodePackages(t), "answers-"+name+".ts")
			e.emulator.Reset()
			e.checkListed(t, e.official(t, node(t, "official.mjs", "read", filepath.Base(answers))))
			compile(t, answers)
			if name == "varied" {
				e.checkRoutes(t, emulator.Routes())
			}
		})
	}
}

// The official Python client adds, uploads, updates, moves and deletes directory files; that of TypeScript does so in
// TestTypeScriptClient_AgainstEmulator.
func TestOfficialPythonClient_ChangesDirectoryFiles(t *testing.T) {
	t.Parallel()
	e := serve(t, nil, emulator.Options{Corpus: emulator.Synthetic(emulator.SyntheticOptions{
		Files: 2, Index: true, IDs: emulator.UUIDs,
	})})
	e.official(t, python(t, filepath.Join("python", "official.py"), "change"))
	e.checkRoutes(t, slices.DeleteFunc(emulator.Routes(), reads))
}

// Filters leave of listings what they say.
func TestOfficialPythonClient_NarrowsListings(t *testing.T) {
	t.Parallel()
	c := variedCorpus(t)
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	must(t, c.AddProject(emulator.ProjectSpec{ID: "ffffffff-0000-4000-8000-000000000001", Name: "Second", OrganizationID: "o"}))
	must(t, c.AddIndex(emulator.IndexSpec{ID: "idx-second", Name: "Second", SourceDirectoryID: emulator.SyntheticOutput}))
	must(t, c.AddParseJob(emulator.ParseJobSpec{ID: "pjb-failed", Status: emulator.StatusFailed, CreatedAt: at}))
	must(t, c.AddBatch(emulator.BatchSpec{
		ID: "bat-running", SourceDirectoryID: emulator.SyntheticOutput, Status: emulator.StatusRunning, CreatedAt: at,
	}))
	e := serve(t, nil, emulator.Options{Corpus: c})
	e.official(t, python(t, filepath.Join("python", "official.py"), "narrow"))
}

// reads and changes tell whether a route is one of those that change nothing.
func reads(r emulator.Route) bool   { return strings.HasPrefix(string(r), "GET ") }
func changes(r emulator.Route) bool { return !reads(r) }

// checkRoutes fails for routes that were not answered as they should be.
func (e *export) checkRoutes(t *testing.T, routes []emulator.Route) {
	t.Helper()
	answered := map[emulator.Route]bool{}
	for _, r := range e.emulator.Requests() {
		answered[r.Route] = answered[r.Route] || r.Status/100 == 2
	}
	for _, route := range routes {
		if !answered[route] {
			t.Errorf("the client never had an answer of %s", route)
		}
	}
}

// What the clients' methods return for a picture is not its bytes: they take it for text.
func TestOfficialClients_TypedPictures_AreDamaged(t *testing.T) {
	t.Parallel()
	e := serve(t, recordedCorpus(t), emulator.Options{})
	for name, c := range map[string]*exec.Cmd{
		"Python":     python(t, filepath.Join("python", "official.py"), "typed"),
		"TypeScript": node(t, "official.mjs", "typed"),
	} {
		lines := e.official(t, c)
		if len(lines) != 1 {
			t.Fatalf("%s printed %q", name, lines)
		}
		got := decodeLine[struct{ Type, Typed, Bytes string }](t, lines[0])
		if got.Typed == got.Bytes || !strings.HasPrefix(got.Type, "str") {
			t.Errorf("%s returns the picture as %s, undamaged: %v", name, got.Type, got.Typed == got.Bytes)
		}
	}
}

// official runs a client against the API of an export, and returns the lines that it prints.
func (e *export) official(t *testing.T, c *exec.Cmd) [][]byte {
	t.Helper()
	c.Env = append(c.Environ(), "BASE_URL="+e.url, "KEY="+apiKey)
	return slices.Collect(bytes.Lines(output(t, c)))
}

// checkListed compares what a client printed with the tables.
func (e *export) checkListed(t *testing.T, lines [][]byte) {
	t.Helper()
	var pictures []listed
	var pages []parsed
	for _, line := range lines {
		if bytes.Contains(line, []byte(`"sha256":`)) {
			pictures = append(pictures, decodeLine[listed](t, line))
		} else {
			pages = append(pages, decodeLine[parsed](t, line))
		}
	}
	db := openDuckDB(t)
	manifest := " FROM " + quoteSQL(e.manifest())
	want := query(t, db, `SELECT coalesce(file_id, ''), coalesce(job_id, ''), kind, if(origin = 'file', page_index, page_number),
		coalesce(if(origin = 'file', figure_name, upstream_name), ''), coalesce(sha256, status)`+manifest, (*listed).fields)
	checkSame(t, "pictures", want, pictures)
	if len(want) == 0 {
		t.Error("nothing is exported")
	}
	if len(pages) > 0 {
		wantPages := query(t, db, "SELECT coalesce(file_id, ''), job_id, page_number, text, markdown, items, width, height, error FROM "+
			quoteSQL(e.path("pages.parquet")), (*parsed).fields)
		checkSame(t, "pages", wantPages, pages)
	}
}

func decodeLine[T any](t *testing.T, line []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(line, &v); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return v
}

// checkSame compares rows without regard to their order.
func checkSame[T any](t *testing.T, what string, want, got []T) {
	t.Helper()
	order := func(rows []T) []string {
		var texts []string
		for _, r := range rows {
			text, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, string(text))
		}
		slices.Sort(texts)
		return texts
	}
	if diff := cmp.Diff(order(want), order(got)); diff != "" {
		t.Errorf("%d %s, want %d (-exported +client):\n%s", len(got), what, len(want), head(diff))
	}
}

// compile has the compiler of TypeScript check a file beside the packages that it imports.
func compile(t *testing.T, file string) {
	t.Helper()
	c := program(t, "node", filepath.Join("node_modules", "typescript", "bin", "tsc"), "--noEmit", "--strict", "--skipLibCheck",
		"--target", "es2022", "--module", "nodenext", "--types", "", filepath.Base(file))
	c.Dir = filepath.Dir(file)
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("answers are not as the client's types describe them: %v\n%s", err, head(strings.ReplaceAll(string(out), ". ", ".\n")))
	}
}
