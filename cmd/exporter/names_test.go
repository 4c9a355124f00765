package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"exporter/internal/emulator"
)

// namesAPI is an API with the directories dir-1 and dir-2, which are pipelines too, and with listings of both.
type namesAPI struct {
	*cli
	mu sync.Mutex
	// directories and pipelines are the answers of the listings; 404 where they are empty.
	directories, pipelines string
	// lookups counts the requests for a listing.
	lookups int
}

func newNamesAPI(t *testing.T) *namesAPI {
	t.Helper()
	corpus := emulator.NewCorpus()
	for _, id := range []string{"dir-1", "dir-2"} {
		if err := corpus.AddDirectory(emulator.DirectorySpec{ID: id}); err != nil {
			t.Fatal(err)
		}
		file := emulator.FileSpec{ID: "e-" + id, FileID: "f-" + id, Assets: []emulator.AssetSpec{{Kind: emulator.Screenshot, Data: jpegOf(t, 8, 8)}}}
		if err := corpus.AddFile(id, file); err != nil {
			t.Fatal(err)
		}
	}
	server := newEmulator(t, emulator.Options{Corpus: corpus})
	a := &namesAPI{}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		answer, isListing := map[string]string{
			"/api/v1/beta/directories": a.directories, "/api/v2/pipelines": a.pipelines, "/api/v1/pipelines": "",
		}[r.URL.Path]
		if isListing {
			a.lookups++
		}
		a.mu.Unlock()
		switch {
		case !isListing:
			server.ServeHTTP(w, r)
		case answer == "":
			w.WriteHeader(http.StatusNotFound)
		default:
			_, _ = io.WriteString(w, answer)
		}
	}))
	t.Cleanup(api.Close)
	a.cli = newCLI(t, api.URL)
	return a
}

// A source that is given by its name is that of its id, which is what the export remembers.
func TestRun_Names(t *testing.T) {
	t.Parallel()
	a := newNamesAPI(t)
	a.directories = `{"items":[{"id":"dir-1","name":"Invoices 2026"},{"id":"dir-9","name":"dir-2"},{"id":"dir-2","name":"Other"}]}`
	a.pipelines = `{"items":[{"id":"dir-2","name":"Rechnungen, März"}]}`
	config := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(config, []byte("[source]\npipelines = ['Rechnungen, März']\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	// dir-2 is an id, though another directory has it for its name.
	stdout := a.mustRun("run", "--config", config, "--directory", "Invoices 2026", "--directory", "dir-2", "--out", out)
	if e := readExport(t, out); len(e.files) != 2 {
		t.Errorf("%d files are exported, want 2\n%s", len(e.files), stdout)
	}
	report, err := os.ReadFile(filepath.Join(out, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"source.directories": "dir-1,dir-2"`, `"source.pipelines": "dir-2"`} {
		if !strings.Contains(string(report), want) {
			t.Errorf("run.json lacks %s:\n%s", want, report)
		}
	}

	// The same names go on with the export, and so does no name at all, which asks for none.
	a.directories = `{"items":[{"id":"dir-1","name":"Invoices 2026"}]}`
	if code, stdout, stderr := a.run("run", "--config", config, "--directory", "Invoices 2026,dir-2", "--out", out); code != 0 ||
		!strings.Contains(stderr, `directory="Invoices 2026" id=dir-1`) {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
	a.lookups = 0
	a.mustRun("run", "--out", out)
	a.mustRun("plan", "--directory", "dir-1,dir-2", "--pipeline", "dir-2", "--out", out)
	if a.lookups != 0 {
		t.Errorf("%d lookups for ids that are known", a.lookups)
	}
	// Another directory of that name now is another source.
	a.directories = `{"items":[{"id":"dir-2","name":"Invoices 2026"}]}`
	code, _, stderr := a.run("run", "--config", config, "--directory", "Invoices 2026", "--out", out)
	if code != exitUsage || !strings.Contains(stderr, "source.directories") {
		t.Errorf("exit %d, %s, want it to be refused as another source", code, stderr)
	}
}

// A name that none has, or two have, is refused before anything is written.
func TestRun_NamesThatAreRefused(t *testing.T) {
	t.Parallel()
	const two = `{"items":[{"id":"dir-1","name":"Twice"},{"id":"dir-2","name":"Twice"},{"id":"..","name":"odd id"},{"name":"no id"}]}`
	for _, tt := range []struct {
		args        []string
		directories string
		code        int
		want        string
	}{
		{[]string{"--directory", "No Such"}, two, exitRefused, `no directory has the name "No Such" (exporter sources lists them)`},
		{[]string{"--directory", "Twice"}, two, exitRefused,
			`2 of the name "Twice" are there (give the id of the directory that is meant: "dir-1", "dir-2")`},
		{[]string{"--directory", "twice upon"}, two, exitRefused, `no directory has the name "twice upon"`},
		{[]string{"--directory", "odd id"}, two, exitRefused, `no directory has the name "odd id"`},
		{[]string{"--directory", "no id"}, two, exitRefused, `no directory has the name "no id"`},
		// The API has no such listing: what may be an id is taken for one.
		{[]string{"--directory", "No Such"}, "", exitRefused, `list what "No Such" is the name of: GET `},
		{[]string{"--pipeline", "No Such"}, two, exitRefused, `list what "No Such" is the name of: GET `},
		{[]string{"--directory", "nobody"}, two, exitRefused, `list directory nobody: GET `},
		{[]string{"--directory", "nobody"}, "", exitRefused, `list directory nobody: GET `},
		{[]string{"--directory", "nobody", "--directory", "dir-1"}, two, exitIncomplete, `directory:nobody`},
		{[]string{"--directory", "dir-1"}, "", 0, ""},
		{[]string{"--directory", "a/b"}, two, exitUsage, "--directory: not a valid id"},
		{[]string{"--directory", " "}, two, exitUsage, "--directory: not a valid id"},
		{[]string{"--directory", "a\u202eb"}, two, exitUsage, "--directory: not a valid id"},
		{[]string{"--directory", strings.Repeat("a ", 300)}, two, exitUsage, "--directory: not a valid id"},
	} {
		a := newNamesAPI(t)
		a.directories = tt.directories
		out := filepath.Join(t.TempDir(), "out")
		for _, command := range []string{"plan", "run"} {
			code, stdout, stderr := a.run(append([]string{command, "--out", out}, tt.args...)...)
			want := tt.want
			if code == exitIncomplete && command == "plan" {
				want = "directory:nobody"
			}
			if code != tt.code || !strings.Contains(stdout+stderr, want) {
				t.Errorf("%s %q: exit %d, want %d and %s\n%s%s", command, tt.args, code, tt.code, want, stdout, stderr)
			}
		}
		if _, err := os.Stat(out); (err == nil) != (tt.code == 0 || tt.code == exitIncomplete) {
			t.Errorf("%q: there is an export: %v", tt.args, err)
		}
	}
}

// An id as the API makes them is asked for at once.
func TestRun_NamesAreNotAskedForWhereThereIsAnID(t *testing.T) {
	t.Parallel()
	a := newNamesAPI(t)
	for i, id := range []string{"26dec090-b6dd-89e9-841f-18c3f644d9c0", "dir-26dec090-b6dd-89e9-841f-18c3f644d9c0"} {
		out := filepath.Join(t.TempDir(), fmt.Sprint(i))
		if code, _, stderr := a.run("run", "--directory", id, "--out", out); code != exitRefused || a.lookups != 0 {
			t.Errorf("%s: exit %d after %d lookups\n%s", id, code, a.lookups, stderr)
		}
	}
}

// A name that may be an id is taken for one first: a run with an id asks for nothing else.
func TestRun_NamesThatMayBeIDs(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"run", "plan"} {
		for _, args := range [][]string{{"--directory", "Invoices"}, {"--pipeline", "Invoices"}, {"--directory", "Invoices", "--file", "f-dir-2"}} {
			a := newNamesAPI(t)
			a.directories = `{"items":[{"id":"dir-1","name":"Invoices"}]}`
			a.pipelines = a.directories
			out := filepath.Join(t.TempDir(), "out")
			code, stdout, stderr := a.run(append([]string{command, "--out", out}, args...)...)
			if code != 0 || a.lookups != 1 || !strings.Contains(stderr, "Invoices id=dir-1") {
				t.Errorf("%s %q: exit %d after %d lookups\n%s%s", command, args, code, a.lookups, stdout, stderr)
			}
			if command == "plan" {
				continue
			}
			if code, _, stderr := a.run(append([]string{"run", "--out", out}, args...)...); code != 0 || a.lookups != 2 {
				t.Errorf("%q again: exit %d after %d lookups\n%s", args, code, a.lookups, stderr)
			}
		}
	}
	a := newNamesAPI(t)
	a.mustRun("run", "--directory", "dir-1", "--out", filepath.Join(t.TempDir(), "out"))
	if a.lookups != 0 {
		t.Errorf("%d lookups for an id", a.lookups)
	}
}
