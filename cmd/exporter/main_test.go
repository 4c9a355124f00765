package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"exporter/internal/durable"
	"exporter/internal/emulator"
	"exporter/internal/emulator/sample"
	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/internal/testmain"
	"exporter/manifest"
	"exporter/pipeline"
	"exporter/sinks"
)

// canaryKey is the API key of all tests. No output may ever contain it.
const canaryKey = "llx-CANARY-7f3a91c2d4e8"

// canaryHeader is the value of a header that all tests give, of which the same holds.
const (
	canaryHeader  = "hdr-CANARY-91b6e04c7d25"
	gatewayHeader = "X-Gateway-Token"
)

func TestMain(m *testing.M) {
	// Most tests wait most of the time: for backoffs, pauses and processes.
	if f := flag.Lookup("test.parallel"); f != nil {
		f.Value.Set("8")
	}
	testscript.Main(quick{m}, map[string]func(){"exporter": childMain})
}

// quick are the tests of this package, which are made cheap: the program that they start is as it is.
type quick struct{ *testing.M }

func (q quick) Run() int {
	testmain.Quick()
	return q.M.Run()
}

// testCorpus is the corpus that the end-to-end tests export: the one that EXPORTER_TEST_CORPUS names, or the sample.
func testCorpus() fs.FS {
	if path := os.Getenv("EXPORTER_TEST_CORPUS"); path != "" {
		return os.DirFS(path)
	}
	return sample.FS()
}

// recordedAsset is what the corpus says of an asset.
type recordedAsset struct {
	sha256  string
	noise   *bool
	deleted bool
}

// recordedAssets reads the corpus without the emulator: every asset's key, and the SHA-256 of its bytes.
func recordedAssets(t *testing.T, corpus fs.FS) map[pipeline.AssetKey]recordedAsset {
	t.Helper()
	sums := map[string]string{}
	for line := range strings.Lines(string(readCorpus(t, corpus, "SHA256SUMS"))) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if !ok {
			t.Fatalf("SHA256SUMS: %q", line)
		}
		sums[name] = sum
	}
	files, err := fs.Glob(corpus, "*/*/file.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("the corpus has no files: %v", err)
	}
	all := map[pipeline.AssetKey]recordedAsset{}
	for _, name := range files {
		folder := path.Dir(name)
		var file struct {
			DeletedAt *string `json:"deleted_at"`
		}
		decodeCorpus(t, corpus, name, &file)
		for kind, list := range map[pipeline.Kind]string{pipeline.Screenshot: "page_screenshots", pipeline.Figure: "page-figures"} {
			var assets []struct {
				FileID string `json:"file_id"`
				Page   int32  `json:"page_index"`
				Name   string `json:"figure_name"`
				Noise  *bool  `json:"is_likely_noise"`
			}
			decodeCorpus(t, corpus, path.Join(folder, list+".json"), &assets)
			for _, a := range assets {
				key := pipeline.AssetKey{FileID: pipeline.ID(a.FileID), Kind: kind, Origin: pipeline.OriginFile, PageIndex: a.Page, FigureName: a.Name}
				blob := fmt.Sprintf("%s/%s/%d.jpg", folder, list, a.Page)
				if kind == pipeline.Figure {
					blob = fmt.Sprintf("%s/%s/%d/%s", folder, list, a.Page, encodeURIComponent(a.Name))
				}
				if sums[blob] == "" {
					t.Fatalf("SHA256SUMS has no %s", blob)
				}
				all[key] = recordedAsset{sums[blob], a.Noise, file.DeletedAt != nil}
			}
		}
	}
	return all
}

func encodeURIComponent(s string) string {
	s = strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
	return strings.NewReplacer("%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*", "%7E", "~").Replace(s)
}

func readCorpus(t *testing.T, corpus fs.FS, name string) []byte {
	t.Helper()
	b, err := fs.ReadFile(corpus, name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decodeCorpus(t *testing.T, corpus fs.FS, name string, v any) {
	t.Helper()
	if err := json.Unmarshal(readCorpus(t, corpus, name), v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// corpusDirectories returns the --directory flags for all directories of the corpus.
func corpusDirectories(t *testing.T, corpus fs.FS) (flags []string) {
	t.Helper()
	names, err := fs.Glob(corpus, "*/directory.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		flags = append(flags, "--directory", path.Dir(name))
	}
	return flags
}

// startEmulator serves a corpus until the test ends.
func startEmulator(t *testing.T, o emulator.Options) (*emulator.Server, string) {
	t.Helper()
	s := newEmulator(t, o)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

// newEmulator returns an emulator that takes the key of all tests, unless it is given another.
func newEmulator(t *testing.T, o emulator.Options) *emulator.Server {
	t.Helper()
	if o.Key == "" {
		o.Key = canaryKey
	}
	s, err := emulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func loadCorpus(t *testing.T, corpus fs.FS) *emulator.Corpus {
	t.Helper()
	c, err := emulator.LoadCorpus(corpus)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// cli runs a command line in this process, against the API at baseURL.
type cli struct {
	t       *testing.T
	baseURL string
	stop    chan struct{}
	// ownProcess, system, checkpointRows and reportPatience are those of app; wrapFS is for ownWrapped.
	ownProcess     bool
	system         fs.FS
	wrapFS         func(durable.FS) durable.FS
	checkpointRows int
	reportPatience time.Duration
	// own is that of app, where wrapFS is nil.
	own place.Owner
	// stopAt is what closes stop as soon as it is logged; nothing does where it is empty.
	stopAt string
}

// stopWriter closes stop once a text is written.
type stopWriter struct {
	written bytes.Buffer
	text    string
	once    sync.Once
	stop    chan struct{}
}

func (w *stopWriter) Write(p []byte) (int, error) {
	n, err := w.written.Write(p)
	if w.text != "" && bytes.Contains(w.written.Bytes(), []byte(w.text)) {
		w.once.Do(func() { close(w.stop) })
	}
	return n, err
}

func newCLI(t *testing.T, baseURL string) *cli {
	t.Helper()
	watchForKey(t)
	return &cli{t: t, baseURL: baseURL, stop: make(chan struct{})}
}

// run returns the exit code and what was printed. The key must not be in it.
func (c *cli) run(args ...string) (code int, stdout, stderr string) {
	c.t.Helper()
	var out bytes.Buffer
	err := stopWriter{text: c.stopAt, stop: c.stop}
	a := &app{
		stdin: strings.NewReader(""), stdout: &out, stderr: &err, stop: c.stop, system: c.system,
		ownProcess: c.ownProcess, own: ownWrapped(c.wrapFS), checkpointRows: c.checkpointRows, reportPatience: c.reportPatience,
		environ: []string{"LLAMA_CLOUD_API_KEY=" + canaryKey, "LLAMA_CLOUD_BASE_URL=" + c.baseURL, "EXPORTER_LIMITS_RATE=unlimited",
			"LLAMA_CLOUD_CUSTOM_HEADERS=" + gatewayHeader + ": " + canaryHeader},
	}
	if c.own != nil {
		a.own = c.own
	}
	code = run(context.Background(), a, args)
	stdout, stderr = out.String(), err.written.String()
	if showsKey(stdout + stderr) {
		c.t.Errorf("exporter %q printed the key", args)
	}
	return code, stdout, stderr
}

func (c *cli) mustRun(args ...string) string {
	c.t.Helper()
	code, stdout, stderr := c.run(args...)
	if code != 0 {
		c.t.Fatalf("exporter %q: exit %d\n%s%s", args, code, stdout, stderr)
	}
	return stdout
}

// exported is what an export directory holds, read back blob by blob.
type exported struct {
	rows  map[pipeline.AssetKey]*pipeline.Row
	files []*pipeline.FileRow
}

// openExport opens an export for reading until closed is called.
func openExport(t *testing.T, out string) (dir store.Reader, snapshot *manifest.Snapshot, closed func()) {
	t.Helper()
	opened, err := place.Open(t.Context(), out, nil)
	if err != nil {
		t.Fatal(err)
	}
	if snapshot, err = manifest.OpenSnapshot(t.Context(), opened); err != nil {
		opened.Close()
		t.Fatal(err)
	}
	return opened, snapshot, func() {
		snapshot.Close()
		opened.Close()
	}
}

// readExport reads a finished export and checks every stored blob against its row.
func readExport(t *testing.T, out string) exported {
	t.Helper()
	dir, snapshot, closed := openExport(t, out)
	defer closed()
	e := exported{rows: map[pipeline.AssetKey]*pipeline.Row{}}
	for file, err := range snapshot.Files(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		e.files = append(e.files, file)
	}
	for row, err := range snapshot.Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if e.rows[row.Key()] != nil {
			t.Errorf("two rows of %v", row.Key())
		}
		e.rows[row.Key()] = row
		if row.Status != pipeline.Stored {
			continue
		}
		r, err := sinks.Open(t.Context(), dir, row.Location, row.Content.Size)
		if err != nil {
			t.Errorf("%v: %v", row.Key(), err)
			continue
		}
		hash := sha256.New()
		n, err := io.Copy(hash, r)
		r.Close()
		if err != nil || n != row.Content.Size || hex.EncodeToString(hash.Sum(nil)) != hex.EncodeToString(row.Content.SHA256[:]) {
			t.Errorf("%v: the bytes at %+v are not those of the row: %d bytes, %v", row.Key(), row.Location, n, err)
		}
	}
	return e
}

func blobRequests(s *emulator.Server) int {
	n := 0
	for _, r := range s.Requests() {
		for _, route := range emulator.BlobRoutes() {
			if r.Route == route {
				n++
			}
		}
	}
	return n
}

// cannot skips a test that needs what this machine does not have. In CI no test may skip: there it fails.
func cannot(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("EXPORTER_TEST_SKIP_NOTHING") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
