package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/emulator"
	"exporter/internal/export"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// oddListing is something that is wrong with listings for one run.
type oddListing struct {
	name string
	// source are the flags of what is exported; all directories where it is nil.
	source []string
	kinds  []emulator.FaultKind
	routes []emulator.Route
	// share of the resources that are faulty, all where it is 0; times is how often each is, for ever where it is 0.
	share float64
	times int
	// answer answers a request in the API's place where it returns true; it may be nil.
	answer func(w http.ResponseWriter, r *http.Request) bool
	exit   int
	stderr string
	// report is a pattern for run.json.
	report string
}

func oddListings() []oddListing {
	pipelineSource, project := []string{"--pipeline", "dir-1"}, []string{"--project"}
	files, assets := emulator.FileListingRoutes(), emulator.AssetListingRoutes()
	figures := []emulator.Route{emulator.RouteListPageFigures}
	refuse := func(status int, part string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, part) {
				return false
			}
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"detail":"status %d"}`, status)
			return true
		}
	}
	return []oddListing{
		{name: "one of three directories is gone", answer: refuse(404, "/dir-2/"), exit: exitIncomplete,
			stderr: "sources that could not be listed: directory:dir-2", report: `"source": "directory:dir-2"`},
		{name: "two of three are forbidden", answer: func(w http.ResponseWriter, r *http.Request) bool {
			return refuse(403, "/dir-2/")(w, r) || refuse(403, "/dir-0/")(w, r)
		}, exit: exitIncomplete, stderr: "sources that could not be listed: directory:dir-0, directory:dir-2"},
		{name: "all are gone", answer: refuse(404, "/directories/"), exit: exitRefused, stderr: "none of the 3 sources"},
		{name: "all are broken", kinds: kinds(emulator.FaultMalformedJSON), routes: files, exit: exitStopped,
			stderr: "none of the 3 sources"},
		{name: "a cursor is refused", answer: func(w http.ResponseWriter, r *http.Request) bool {
			return r.URL.Query().Has("page_token") && refuse(400, "/dir-1/")(w, r)
		}, kinds: kinds(emulator.FaultSmallPages), routes: files, exit: exitIncomplete, stderr: "directory:dir-1"},
		{name: "files that nobody can tell from others", kinds: kinds(emulator.FaultOddItem), routes: files, times: 1,
			exit: exitIncomplete, stderr: `malformed: list directory dir-.*file_id: want a string`},
		{name: "a project's file that nobody can tell", source: project, kinds: kinds(emulator.FaultOddItem), routes: files,
			exit: exitIncomplete, stderr: `malformed: list project files`},
		{name: "dates that are none", kinds: kinds(emulator.FaultOddField), routes: files,
			stderr: `field=updated_at value="\\"yesterday\\""`, report: `"updated_at": 3`},
		{name: "assets that nobody can tell", kinds: kinds(emulator.FaultOddItem), routes: assets, share: 0.5, exit: exitIncomplete,
			stderr: `malformed: page_index`},
		{name: "sizes that are none", kinds: kinds(emulator.FaultOddField), routes: assets, stderr: "field=figure_size"},
		{name: "lists that are none", kinds: kinds(emulator.FaultEmptyJSON), routes: assets, share: 0.3, exit: exitIncomplete,
			stderr: "malformed: .*want an array"},
		{name: "large pages are refused", kinds: kinds(emulator.FaultSmallPages), routes: files},
		{name: "large pages of a project are refused", source: project, kinds: kinds(emulator.FaultSmallPages), routes: files},
		{name: "large pages of a pipeline are refused", source: pipelineSource, kinds: kinds(emulator.FaultSmallPages), routes: files},
		{name: "a pipeline shifts", source: pipelineSource, kinds: kinds(emulator.FaultShift), routes: files, times: 2},
		{name: "a pipeline shifts all the time", source: pipelineSource, kinds: kinds(emulator.FaultShift), routes: files,
			answer: shiftingPipeline(), exit: exitStopped, stderr: "shifted each time that it was read"},
		{name: "figures are not offered: 404", kinds: kinds(emulator.FaultStatus404), routes: figures,
			stderr: "this API offers no figures; .*--figures=false", report: `"kinds_not_offered": \[\s*"figure"`},
		{name: "figures are not offered: 405", kinds: kinds(emulator.FaultStatus405), routes: figures, stderr: "offers no figures"},
		{name: "figures are not offered: 501", kinds: kinds(emulator.FaultStatus501), routes: figures, stderr: "offers no figures"},
		{name: "figures of some files are gone", kinds: kinds(emulator.FaultStatus404), routes: figures, share: 0.5,
			exit: exitIncomplete, stderr: "http_404"},
		{name: "no credits", kinds: kinds(emulator.FaultStatus402), routes: assets, exit: exitRefused, stderr: "no credits left"},
		{name: "another project", kinds: kinds(emulator.FaultStatus403), routes: assets, exit: exitRefused, stderr: "another project"},
		{name: "retention is over", kinds: kinds(emulator.FaultStatus404), routes: assets, exit: exitRefused, stderr: "retention"},
		{name: "ids of another sort", kinds: kinds(emulator.FaultStatus422), routes: assets, exit: exitRefused, stderr: "does not take the id"},
		{name: "nothing is a list", kinds: kinds(emulator.FaultHTML), routes: assets, exit: exitStopped, stderr: "refused alike"},
	}
}

// shiftingPipeline answers as a pipeline of which a file is removed at every request. Its pages are short, so that a listing of
// them is never read to its end.
func shiftingPipeline() func(w http.ResponseWriter, r *http.Request) bool {
	total := 1000
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/files2") {
			return false
		}
		total--
		const id = "00000000-0000-4000-8000-000000000010"
		_, _ = fmt.Fprintf(w, `{"files":[{"id":"dfl-%s","file_id":%q}],"total_count":%d}`, id, id, total)
		return true
	}
}

// threeDirectories has three directories with six files each, each with two screenshots and two figures.
func threeDirectories(t *testing.T) *emulator.Corpus {
	t.Helper()
	corpus := emulator.NewCorpus()
	for d := range 3 {
		directory := fmt.Sprint("dir-", d)
		if err := corpus.AddDirectory(emulator.DirectorySpec{ID: directory, ProjectID: "p"}); err != nil {
			t.Fatal(err)
		}
		for i := range 6 {
			n := 10*d + i
			file := emulator.FileSpec{
				ID: fmt.Sprintf("dfl-00000000-0000-4000-8000-0000000000%02d", n), FileID: fmt.Sprintf("00000000-0000-4000-8000-0000000000%02d", n),
				UpdatedAt: time.Date(2024, 5, 1, 0, 0, n, 0, time.UTC),
			}
			for page := range 2 {
				data := fmt.Appendf(nil, "GIF89a %d %d;", n, page)
				file.Assets = append(file.Assets, emulator.AssetSpec{Kind: emulator.Screenshot, Page: int64(page), Data: data},
					emulator.AssetSpec{Kind: emulator.Figure, Page: int64(page), Name: "f.gif", Data: append(data, ';')})
			}
			if err := corpus.AddFile(directory, file); err != nil {
				t.Fatal(err)
			}
		}
	}
	return corpus
}

// The API misbehaves for one run, and then is true again: then the export is as if it had been true from the start, whether it
// was new or complete before, and no blob was fetched twice.
func TestRun_OddListing_LeavesNoTrace(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for i, o := range oddListings() {
		for _, soundBefore := range []bool{false, true} {
			name := o.name
			if soundBefore {
				name += ", after a sound run"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				o.test(t, sinkOf(i), soundBefore)
			})
		}
	}
}

func (o oddListing) test(t *testing.T, sink string, soundBefore bool) {
	corpus := threeDirectories(t)
	faults := emulator.Faults{Kinds: o.kinds, Routes: o.routes, Rate: 1, Times: -1}
	if o.share > 0 {
		faults.Rate = o.share
	}
	if o.times > 0 {
		faults.Times = o.times
	}
	if len(o.kinds) == 0 {
		faults.Rate = 0
	}
	source := o.source
	if source == nil {
		source = []string{"--directory", "dir-0", "--directory", "dir-1", "--directory", "dir-2"}
	}
	sound, odd := newEmulator(t, emulator.Options{Corpus: corpus}), newEmulator(t, emulator.Options{Corpus: corpus, Faults: faults})
	misbehaving := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if o.answer == nil || !o.answer(w, r) {
			odd.ServeHTTP(w, r)
		}
	})
	a := startAPI(t, sound)
	c, out := newCLI(t, a.url), filepath.Join(t.TempDir(), "out")
	args := append([]string{"run", "--sink", sink, "--max-attempts", "2", "--out", out}, source...)
	if soundBefore {
		c.mustRun(args...)
	}
	a.become(misbehaving)
	code, stdout, stderr := c.run(append(args, "--prune")...)
	listedFiles := len(o.routes) == 0 || slices.Contains(o.routes, emulator.RouteListDirectoryFiles)
	if !soundBefore || listedFiles && o.exit != 0 {
		if code != o.exit || !regexp.MustCompile(o.stderr).MatchString(stderr) {
			t.Errorf("exit %d, want %d and %q\n%s%s", code, o.exit, o.stderr, stdout, stderr)
		}
		report, err := os.ReadFile(filepath.Join(out, export.ReportName))
		if o.report != "" && (err != nil || !regexp.MustCompile(o.report).Match(report)) {
			t.Errorf("%v, run.json has no %q: %s", err, o.report, report)
		}
	}
	if soundBefore {
		for _, f := range readExport(t, out).files {
			if !f.VanishedAt.IsZero() {
				t.Errorf("file %s vanished", f.ID)
			}
		}
	}
	a.become(sound)
	c.mustRun(args...)
	undisturbed := filepath.Join(t.TempDir(), "undisturbed")
	count := map[string]int{}
	for _, r := range append(sound.Requests(), odd.Requests()...) {
		if slices.Contains(emulator.BlobRoutes(), r.Route) {
			count[r.Path]++
		}
	}
	for path, n := range count {
		if n > 1 {
			t.Errorf("%s was fetched %d times", path, n)
		}
	}
	c.mustRun(append([]string{"run", "--sink", sink, "--out", undisturbed}, source...)...)
	readExportedSet(t, out).check(t, readExportedSet(t, undisturbed))
	if diff := cmp.Diff(fileRows(t, undisturbed), fileRows(t, out)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// fileRows returns the rows of files.parquet, without the times at which they were asked for.
func fileRows(t *testing.T, out string) []pipeline.FileRow {
	t.Helper()
	var rows []pipeline.FileRow
	for _, f := range readExport(t, out).files {
		f.ListedAt, f.AskedAt = time.Time{}, time.Time{}
		rows = append(rows, *f)
	}
	return rows
}

// Of many files, not one more than the first fifty is asked for what is refused, be it their listings or their blobs, and it is told
// why.
func TestRun_Hopeless_StopsAfterTheFirstFifty(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		what   string
		routes []emulator.Route
		most   int
	}{
		{"listings", emulator.AssetListingRoutes(), 120},
		{"blobs", emulator.BlobRoutes(), 300},
	} {
		t.Run(tt.what, func(t *testing.T) {
			s := exportSettings{sink: "local", files: 200, each: 2, workers: 4, checkpoint: time.Hour}
			o := s.emulator()
			o.Faults = emulator.Faults{Rate: 1, Times: -1, Kinds: kinds(emulator.FaultStatus402), Routes: tt.routes}
			server, url := startEmulator(t, o)
			out := filepath.Join(t.TempDir(), "out")
			code, _, stderr := newCLI(t, url).run(s.args(out)...)
			if n := len(server.Requests()); code != exitRefused || n > tt.most || !strings.Contains(stderr, "50 files were refused alike") ||
				!strings.Contains(stderr, "no credits left") {
				t.Errorf("exit %d after %d requests, want %d after %d at most\n%s", code, n, exitRefused, tt.most, stderr)
			}
			var report struct {
				ExitCode int `json:"exit_code"`
			}
			b, err := os.ReadFile(filepath.Join(out, export.ReportName))
			if err != nil || json.Unmarshal(b, &report) != nil || report.ExitCode != exitRefused {
				t.Errorf("run.json: %v, %s", err, b)
			}
		})
	}
}

// Ids of other things than stored files are not sent to the image routes, and are no failure: what an index has attached counts, which is
// nothing yet.
func TestRun_TypedIDs_AreNotSent(t *testing.T) {
	t.Parallel()
	corpus := threeDirectories(t)
	if err := corpus.AddFile("dir-1", emulator.FileSpec{ID: "x", FileID: "dfl-00000000-0000-4000-8000-0000000000aa"}); err != nil {
		t.Fatal(err)
	}
	server, url := startEmulator(t, emulator.Options{Corpus: corpus})
	out := filepath.Join(t.TempDir(), "out")
	newCLI(t, url).mustRun("run", "--directory", "dir-1", "--out", out)
	for _, r := range server.Requests() {
		if strings.Contains(r.Path, "/files/dfl-") {
			t.Errorf("%s was asked for", r.Path)
		}
	}
	for _, f := range readExport(t, out).files {
		odd := strings.HasPrefix(f.ID, "dfl-")
		if f.Status != pipeline.Complete || odd != (f.Screenshots != nil && *f.Screenshots == 0) {
			t.Errorf("file %s is %s with %v screenshots: %s", f.ID, f.Status, f.Screenshots, f.Error)
		}
	}
}
