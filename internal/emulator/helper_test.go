package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	testKey      = "llx-test"
	project      = "project-1"
	organization = "organization-1"
)

// api is an emulator that is being served.
type api struct {
	t      *testing.T
	server *Server
	url    string
	client *http.Client
}

func serve(t *testing.T, o Options) *api {
	t.Helper()
	s := newServer(t, o)
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{
		Transport: transport, Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &api{t, s, h.URL, client}
}

func newServer(t *testing.T, o Options) *Server {
	t.Helper()
	if o.Key == "" {
		o.Key = testKey
	}
	if o.Corpus == nil {
		o.Corpus = tinyCorpus(t)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// answer is a response whose body has been read; err is what reading it gave.
type answer struct {
	status int
	header http.Header
	body   []byte
	length int64
	err    error
}

// try sends a request and returns what came of it.
func (a *api) try(method, path string, header http.Header, body io.Reader) (answer, error) {
	a.t.Helper()
	target := path
	if strings.HasPrefix(path, "/") {
		target = a.url + path
	}
	r, err := http.NewRequestWithContext(a.t.Context(), method, target, body)
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testKey)
	for name, values := range header {
		r.Header[name] = values
	}
	res, err := a.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, b, res.ContentLength, err}, nil
}

// do is try for requests that must be answered.
func (a *api) do(method, path string, body string) answer {
	a.t.Helper()
	header := http.Header{}
	if body != "" {
		header.Set("Content-Type", "application/json")
	}
	got, err := a.try(method, path, header, strings.NewReader(body))
	if err != nil || got.err != nil {
		a.t.Fatalf("%s %s: %v, %v", method, path, err, got.err)
	}
	return got
}

func (a *api) get(path string) answer {
	a.t.Helper()
	return a.do("GET", path, "")
}

// want fails the test unless the answer has that status.
func (got answer) want(t *testing.T, status int) answer {
	t.Helper()
	if got.status != status {
		t.Fatalf("status %d, want %d; body %s", got.status, status, got.body)
	}
	return got
}

func decode[T any](t *testing.T, b []byte) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("decode %.200q: %v", b, err)
	}
	return v
}

type listedFile struct {
	ID          string            `json:"id"`
	DirectoryID string            `json:"directory_id"`
	DisplayName string            `json:"display_name"`
	UniqueID    string            `json:"unique_id"`
	FileID      *string           `json:"file_id"`
	CreatedAt   *time.Time        `json:"created_at"`
	UpdatedAt   *time.Time        `json:"updated_at"`
	DeletedAt   *time.Time        `json:"deleted_at"`
	Metadata    json.RawMessage   `json:"metadata"`
	DownloadURL map[string]string `json:"download_url"`
}

type listedPage struct {
	Items []listedFile `json:"items"`
	Next  *string      `json:"next_page_token"`
}

const listPath = "/api/v1/beta/directories/dir-a/files"

// list returns one page.
func (a *api) list(path string) listedPage {
	a.t.Helper()
	return decode[listedPage](a.t, a.get(path).want(a.t, 200).body)
}

// ids follows the cursors of a listing to its end and returns the ids of its items.
func (a *api) ids(path string) []string {
	a.t.Helper()
	ids := []string{}
	for token := ""; ; {
		separator := "?"
		if strings.Contains(path, "?") {
			separator = "&"
		}
		page := a.list(path + separator + "page_token=" + token)
		for _, f := range page.Items {
			ids = append(ids, f.ID)
		}
		if page.Next == nil {
			return ids
		}
		token = *page.Next
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func day(n int) time.Time { return time.Date(2024, 6, n, 12, 0, 0, 123456000, time.UTC) }

// hostileNames are figure names that a path has to survive.
func hostileNames() []string {
	return []string{"page_1_figure_1.jpg", "a/b.jpg", "..", ".", "", "%2e%2e", "größe €.png", "a?b#c", "a b+c", "x%2Fy"}
}

// tinyCorpus has two directories. dir-a: five files, of which f3 is deleted and f5 has no file_id; dir-b: one.
func tinyCorpus(t *testing.T) *Corpus {
	t.Helper()
	c := NewCorpus()
	check(t, c.AddDirectory(DirectorySpec{ID: "dir-a", Name: "A", ProjectID: project, OrganizationID: organization}))
	check(t, c.AddDirectory(DirectorySpec{ID: "dir-b", Name: "B", ProjectID: project, OrganizationID: organization}))
	noise := true
	zero := int64(0)
	assets := []AssetSpec{
		{Kind: Screenshot, Page: 0, Data: drawJPEG(t, 8, 9), Metadata: json.RawMessage(`{"n":12345678901234567890.10}`)},
		{Kind: Screenshot, Page: 2, Data: drawPNG(t, 3, 4), ListedSize: &zero},
	}
	for i, name := range hostileNames() {
		assets = append(assets, AssetSpec{
			Kind: Figure, Page: 1, Name: name, Data: fmt.Appendf(drawJPEG(t, 5, 5), "%d\xff\xd9", i),
			Confidence: 0.5, IsLikelyNoise: &noise,
		})
	}
	for i, f := range []FileSpec{
		{ID: "f1", FileID: "file-1", DisplayName: "Alpha Report.pdf", UniqueID: "u1", Assets: assets,
			Metadata: json.RawMessage(`{"z":1,"a":12345678901234567890}`)},
		{ID: "f2", FileID: "file-2", DisplayName: "Beta report & <more>.pdf", UniqueID: "u2"},
		{ID: "f3", FileID: "file-3", DisplayName: "Gamma.pdf", UniqueID: "u3", DeletedAt: day(9)},
		{ID: "f4", FileID: "file-1", DisplayName: "Alpha again.pdf", UniqueID: "u4"},
		{ID: "f5", DisplayName: "Waiting.pdf", UniqueID: "u5"},
	} {
		f.CreatedAt, f.UpdatedAt = day(i+1), day(i+1)
		check(t, c.AddFile("dir-a", f))
	}
	check(t, c.AddFile("dir-b", FileSpec{ID: "f6", FileID: "file-6"}))
	return c
}

func drawJPEG(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	check(t, jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, height)), nil))
	return b.Bytes()
}

func drawPNG(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	check(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))))
	return b.Bytes()
}

// corpusFolder returns a recorded corpus: that of EXPORTER_TEST_CORPUS, or a small one.
func corpusFolder(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("EXPORTER_TEST_CORPUS"); dir != "" {
		return dir
	}
	return writeCorpus(t)
}

// writeCorpus records a small corpus in a temporary folder.
func writeCorpus(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	picture := drawJPEG(t, 7, 7)
	size := len(picture)
	for name, body := range map[string]string{
		"README.md":         "ignored",
		"d1/directory.json": `{"id":"d1","name":"One","project_id":"p","organization_id":"o"}`,
		"d1/e1/file.json": `{
			"id": "e1", "directory_id": "d1", "display_name": "<Ä>.pdf", "project_id": "p", "unique_id": "u",
			"updated_at": "2024-06-11T10:00:00.500000Z", "file_id": "f1", "metadata": {"z": 1.0, "a": []}
		}`,
		"d1/e2/file.json": `{
			"id": "e2", "directory_id": "d1", "display_name": "none", "project_id": "p", "unique_id": "v", "file_id": null
		}`,
		"d1/e1/page_screenshots.json": fmt.Sprintf(`[{"file_id":"f1","image_size":%d,"page_index":3,"metadata":null}]`,
			size),
		"d1/e1/page-figures.json": fmt.Sprintf(`[
			{"confidence":0.50,"figure_name":"a/b (é).jpg","figure_size":%d,"file_id":"f1","page_index":0,"is_likely_noise":true}
		]`, size),
		"d1/e1/page_screenshots/3.jpg":              string(picture),
		"d1/e1/page-figures/0/a%2Fb%20(%C3%A9).jpg": string(picture),
		"d1/e2/page_screenshots.json":               "[]",
		"d1/e2/page-figures.json":                   "[]",
	} {
		put(t, dir, name, body)
	}
	return dir
}

func put(t *testing.T, dir, name, body string) {
	t.Helper()
	name = filepath.Join(dir, filepath.FromSlash(name))
	check(t, os.MkdirAll(filepath.Dir(name), 0o755))
	check(t, os.WriteFile(name, []byte(body), 0o644))
}

func mustLoad(t *testing.T, fsys fs.FS) *Corpus {
	t.Helper()
	c, err := LoadCorpus(fsys)
	check(t, err)
	return c
}
