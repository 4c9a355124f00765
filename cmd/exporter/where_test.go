package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// mixture is a project of all that pictures may come from: files whose routes have them, files of which an index has attached them, parse
// jobs, and a batch that says of which files these are.
func mixture() emulator.SyntheticOptions {
	return emulator.SyntheticOptions{
		Files: 20, AssetsPerFile: 6, AttachmentFiles: 8, BlobSize: 700, DocumentSize: 300, ParseJobs: 4, ParseImages: 9, ParsePages: 5,
		Index: true, Batch: true, IDs: emulator.UUIDs,
	}
}

// startWithStorage is startEmulator with an origin for what presigned URLs lead to.
func startWithStorage(t *testing.T, o emulator.Options) (server *emulator.Server, url string) {
	t.Helper()
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the key is sent to the storage")
		}
		server.Storage().ServeHTTP(w, r)
	}))
	t.Cleanup(storage.Close)
	o.Storage = &emulator.StorageOptions{Origin: storage.URL}
	server, url = startEmulator(t, o)
	return server, url
}

// exportedPages returns the pages of an export, by their owner and number.
func exportedPages(t *testing.T, out string) map[string]*pipeline.PageRow {
	t.Helper()
	_, snapshot, closed := openExport(t, out)
	defer closed()
	pages := map[string]*pipeline.PageRow{}
	for page, err := range snapshot.Pages(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		pages[fmt.Sprint(page.Owner, page.PageNumber)] = page
	}
	return pages
}

// countBy counts the stored rows of an export by what they are.
func countBy(e exported) map[string]int {
	counts := map[string]int{}
	for _, row := range e.rows {
		if row.Status == pipeline.Stored {
			counts[fmt.Sprint(row.Origin, " ", row.Kind)]++
		}
	}
	return counts
}

// Whatever a project's pictures come from, each is exported once, with both sinks, and the next run has nothing to do.
func TestRun_Mixture_EachPictureOnce(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for _, sink := range []string{"local", "archive"} {
		t.Run(sink, func(t *testing.T) {
			t.Parallel()
			o := mixture()
			server, url := startWithStorage(t, emulator.Options{Corpus: emulator.Synthetic(o)})
			out := filepath.Join(t.TempDir(), "out")
			c := newCLI(t, url)
			args := []string{
				"run", "--directory", emulator.SyntheticDirectory, "--batch", emulator.SyntheticBatch, "--parse-jobs", "--documents",
				"--sink", sink, "--rate", "unlimited", "--out", out,
			}
			c.mustRun(args...)
			c.mustRun("verify", "--out", out)
			e := readExport(t, out)
			want := map[string]int{
				"file screenshot": 12 * 3, "file figure": 12 * 3, "attachment screenshot": 8 * 6, "file document": 20,
				"parse screenshot": 4 * 3, "parse figure": 4 * 6,
			}
			if got := countBy(e); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("stored %v, want %v", got, want)
			}
			for key, row := range e.rows {
				if row.Status != pipeline.Stored {
					t.Errorf("%v is %s: %s", key, row.Status, row.Reason)
				}
				if key.JobID != "" && key.FileID == "" {
					t.Errorf("%v has no file, which the batch tells", key)
				}
			}
			if pages := exportedPages(t, out); len(pages) != 20 {
				t.Errorf("%d pages are recorded, want 20", len(pages))
			}
			server.Reset()
			stdout := c.mustRun(args...)
			if n := len(server.Requests()); n > 6 || !strings.Contains(stdout, "stored   0 assets") {
				t.Errorf("the next run made %d requests\n%s", n, stdout)
			}
		})
	}
}

// A job that is gone upstream stays in the export as one that expired, until it is removed on purpose.
func TestRun_JobExpires_StaysUntilItIsRemoved(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	corpus := emulator.NewCorpus()
	const kept, gone = "pjb-0f8fad5b-d9cb-469f-a165-70867728950e", "pjb-7c9e6679-7425-40de-944b-e07fc1f90ae7"
	for _, id := range []string{kept, gone} {
		err := corpus.AddParseJob(emulator.ParseJobSpec{
			ID: id, CreatedAt: time.Now().Add(-1000 * time.Hour),
			Images: []emulator.ParseImage{{Filename: "page_1.jpg", Category: "screenshot", Data: jpegOf(t, 3+len(id), 4)}},
			Pages:  []emulator.ParsePage{{Number: 1, Text: "text of " + id, Markdown: "![a](page_1.jpg)"}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, source := range [][]string{{"--parse-jobs"}, {"--parse-job", kept, "--parse-job", gone}} {
		t.Run(source[0], func(t *testing.T) {
			_, url := startEmulator(t, emulator.Options{Corpus: corpus})
			out := filepath.Join(t.TempDir(), "out")
			c := newCLI(t, url)
			run := func(more ...string) {
				t.Helper()
				c.mustRun(slices.Concat([]string{"run", "--out", out, "--rate", "unlimited"}, source, more)...)
			}
			run()
			corpus.RemoveParseJob(gone)
			run("--prune")
			run("--prune")
			run("--prune")
			e := readExport(t, out)
			row := e.rows[pipeline.AssetKey{
				JobID: gone, Kind: pipeline.Screenshot, PageIndex: 1, Origin: pipeline.OriginParse, UpstreamName: "page_1.jpg",
			}]
			if row == nil || row.Status != pipeline.Stored || row.ExpiredAt.IsZero() || !row.VanishedAt.IsZero() {
				t.Fatalf("the picture of the job is %+v", row)
			}
			if pages := exportedPages(t, out); len(pages) != 2 {
				t.Errorf("%d pages are left, want 2", len(pages))
			}
			run("--prune-expired")
			e = readExport(t, out)
			if len(e.rows) != 1 || len(exportedPages(t, out)) != 1 || len(e.files) != 1 {
				t.Errorf("%d pictures, %d pages and %d files are left, want 1 of each", len(e.rows), len(exportedPages(t, out)), len(e.files))
			}
			c.mustRun("verify", "--out", out)
			// What was removed may come back.
			err := corpus.AddParseJob(emulator.ParseJobSpec{
				ID: gone, CreatedAt: time.Now().Add(-1000 * time.Hour),
				Images: []emulator.ParseImage{{Filename: "page_1.jpg", Category: "screenshot", Data: jpegOf(t, 3, 4)}},
				Pages:  []emulator.ParsePage{{Number: 1, Text: "text of " + gone, Markdown: "![a](page_1.jpg)"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			run()
			if e = readExport(t, out); len(e.rows) != 2 {
				t.Errorf("%d pictures are there when the job is back, want 2", len(e.rows))
			}
		})
	}
}

// Links that live as short as they can are renewed, each at most once.
func TestRun_ShortLinks_AllStored(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	const pictures = 120
	o := emulator.SyntheticOptions{Files: 4, AssetsPerFile: 15, AttachmentFiles: 4, BlobSize: 700, ParseJobs: 4, ParseImages: 15, ParsePages: 5}
	server, url := startWithStorage(t, emulator.Options{Corpus: emulator.Synthetic(o), LinkLife: 2 * time.Second})
	out := filepath.Join(t.TempDir(), "out")
	newCLI(t, url).mustRun("run", "--directory", emulator.SyntheticDirectory, "--parse-jobs", "--rate", "30/s", "--concurrency", "64", "--out", out)
	if got := len(readExport(t, out).rows); got != pictures {
		t.Errorf("%d pictures are stored, want %d", got, pictures)
	}
	refused := map[string]int{}
	for _, r := range server.Requests() {
		if r.Storage && r.Status != 200 {
			refused[r.Path]++
		}
	}
	for path, n := range refused {
		if n > 1 {
			t.Errorf("%d dead links to %s were followed", n, path)
		}
	}
}

// While an index is synchronised its listing is not complete, and nothing that it lacks has vanished.
func TestRun_IndexSyncs_NothingVanishes(t *testing.T) {
	t.Parallel()
	corpus := emulator.Synthetic(mixture())
	err := corpus.AddIndex(emulator.IndexSpec{
		ID: "idx-syncs", Name: "Syncs", SourceDirectoryID: emulator.SyntheticDirectory, OutputDirectoryID: emulator.SyntheticOutput,
		Syncing: emulator.Delay{Looks: 2},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, url := startEmulator(t, emulator.Options{Corpus: corpus})
	out := filepath.Join(t.TempDir(), "out")
	c := newCLI(t, url)
	for i := range 2 {
		code, stdout, stderr := c.run("run", "--index", "Syncs", "--out", out, "--rate", "unlimited")
		if code != exitIncomplete || !strings.Contains(stdout, "it is being synchronised") {
			t.Fatalf("run %d: exit %d\n%s%s", i, code, stdout, stderr)
		}
	}
	c.mustRun("run", "--out", out, "--rate", "unlimited")
	if got := countBy(readExport(t, out)); got["attachment screenshot"] != 48 || got["file screenshot"] != 36 {
		t.Errorf("stored %v", got)
	}
}

// What an index attached of the text of pages is in pages.parquet, beside the pictures.
func TestRun_AttachedItems_ArePages(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	corpus := emulator.Synthetic(mixture())
	o := mixture()
	file, entry := o.SyntheticFile(19)
	for page := range 2 {
		err := corpus.PutAttachment(entry, emulator.AttachmentSpec{
			Name: fmt.Sprintf("items/page_%d.json", page+1), Data: fmt.Appendf(nil, `{ "items": [%d] }`, page), ContentType: "application/json",
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, url := startWithStorage(t, emulator.Options{Corpus: corpus})
	out := filepath.Join(t.TempDir(), "out")
	c := newCLI(t, url)
	c.mustRun("run", "--index", emulator.SyntheticIndex, "--out", out, "--rate", "unlimited")
	pages := exportedPages(t, out)
	for page := range 2 {
		key := fmt.Sprint(pipeline.Owner{FileID: pipeline.ID(file)}, page+1)
		if p := pages[key]; p == nil || string(p.Items) != fmt.Sprintf(`{"items":[%d]}`, page) {
			t.Errorf("page %d is %+v", page+1, p)
		}
	}
	skipped := 0
	for _, row := range readExport(t, out).rows {
		if row.Status == pipeline.Skipped && row.Reason == pipeline.ReasonNoPicture {
			skipped++
		}
	}
	if len(pages) != 2 || skipped != 2 {
		t.Errorf("%d pages and %d rows of what is no picture, want 2 of each", len(pages), skipped)
	}
}
