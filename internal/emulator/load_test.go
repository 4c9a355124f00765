package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLoadCorpus_Served asks for everything that the folder holds, and finds the paths by its own means.
func TestLoadCorpus_Served(t *testing.T) {
	dir := corpusFolder(t)
	a := serve(t, Options{Corpus: mustLoad(t, os.DirFS(dir))})
	blobs := 0
	names, err := filepath.Glob(filepath.Join(dir, "*", "*", "file.json"))
	check(t, err)
	for _, name := range names {
		recorded := readCompact(t, name)
		f := decode[listedFile](t, recorded)
		got := a.get("/api/v1/beta/directories/"+f.DirectoryID+"/files/"+f.ID).want(t, 200).body
		if diff := cmp.Diff(string(recorded), string(got)); diff != "" {
			t.Errorf("%s is not served as recorded:\n%s", name, diff)
		}
		if f.FileID == nil {
			continue
		}
		for _, kind := range []string{"page_screenshots", "page-figures"} {
			folder := filepath.Join(filepath.Dir(name), kind)
			base := "/api/v1/files/" + *f.FileID + "/" + kind
			listed := a.get(base).want(t, 200).body
			if diff := cmp.Diff(string(readCompact(t, folder+".json")), string(listed)); diff != "" {
				t.Errorf("%s.json is not served as recorded:\n%s", folder, diff)
			}
			blobs += a.checkBlobs(folder, base, listed)
		}
	}
	if len(names) == 0 || blobs == 0 {
		t.Errorf("the corpus has %d files and %d blobs", len(names), blobs)
	}
}

func readCompact(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(name)
	check(t, err)
	var b bytes.Buffer
	check(t, json.Compact(&b, raw))
	return b.Bytes()
}

func (a *api) checkBlobs(folder, base string, listed []byte) (n int) {
	a.t.Helper()
	for _, p := range decode[[]struct {
		Page int    `json:"page_index"`
		Name string `json:"figure_name"`
	}](a.t, listed) {
		path, file := fmt.Sprintf("%s/%d", base, p.Page), fmt.Sprintf("%d.jpg", p.Page)
		if p.Name != "" {
			path += "/" + url.PathEscape(p.Name)
			file = fmt.Sprintf("%d/%s", p.Page, jsEscape(p.Name))
		}
		want, err := os.ReadFile(filepath.Join(folder, file))
		check(a.t, err)
		got := a.get(path).want(a.t, 200)
		if !bytes.Equal(got.body, want) || got.length != int64(len(want)) {
			a.t.Errorf("%s: %d bytes (Content-Length %d) differ from the file's %d", path, len(got.body), got.length,
				len(want))
		}
		if !strings.HasPrefix(got.header.Get("Content-Type"), "image/") {
			a.t.Errorf("%s: Content-Type %q", path, got.header.Get("Content-Type"))
		}
		n++
	}
	return n
}

// jsEscape escapes all but what encodeURIComponent leaves alone.
func jsEscape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if letter || strings.IndexByte("-_.!~*'()", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func TestLoadCorpus_Errors(t *testing.T) {
	for _, test := range []struct{ name, file, body, want string }{
		{"bad JSON", "d1/e1/file.json", "{", "d1/e1/file.json: unexpected end"},
		{"wrong id", "d1/directory.json", `{"id":"x"}`, `d1/directory.json: id is "x", its folder is "d1"`},
		{"wrong file id", "d1/e1/file.json", `{"id":"x"}`, `d1/e1/file.json: id is "x", its folder is "e1"`},
		{"wrong directory", "d1/e1/file.json", `{"id":"e1","directory_id":"y"}`,
			`directory_id is "y", its directory is "d1"`},
		{"bad time", "d1/e2/file.json", `{"id":"e2","updated_at":"noon"}`, "d1/e2/file.json: parsing time"},
		{"other file's asset", "d1/e1/page_screenshots.json", `[{"file_id":"z","image_size":1,"page_index":3}]`,
			`d1/e1/page_screenshots.json: item 0: file_id is "z"`},
		{"assets without a file", "d1/e2/page-figures.json",
			`[{"file_id":"","figure_name":"a","figure_size":1,"page_index":3}]`,
			`d1/e2/page-figures.json: item 0: file_id is ""`},
		{"no page", "d1/e1/page_screenshots.json", `[{"file_id":"f1","image_size":1}]`, "page_index is missing"},
		{"no size", "d1/e1/page_screenshots.json", `[{"file_id":"f1","page_index":3}]`, "the size is missing"},
		{"no name", "d1/e1/page-figures.json", `[{"file_id":"f1","figure_size":1,"page_index":3}]`,
			"figure_name is missing"},
		{"no blob", "d1/e1/page_screenshots.json", `[{"file_id":"f1","image_size":1,"page_index":4}]`,
			"d1/e1/page_screenshots/4.jpg"},
		{"wrong size", "d1/e1/page_screenshots.json", `[{"file_id":"f1","image_size":1,"page_index":3}]`,
			"d1/e1/page_screenshots/3.jpg has"},
		{"name that is no file name", "d1/e1/page-figures.json",
			`[{"file_id":"f1","figure_size":1,"figure_name":"..","page_index":0}]`, "page-figures/0/.."},
		{"folder without directory", "d2/readme", "", "d2/directory.json"},
		{"same file, other assets", "d1/e2/file.json", `{"id":"e2","directory_id":"d1","file_id":"f1"}`,
			`d1/e2/file.json: file_id "f1" is also another directory file's`},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := writeCorpus(t)
			put(t, dir, test.file, test.body)
			_, err := LoadCorpus(os.DirFS(dir))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
	if _, err := LoadCorpus(os.DirFS(t.TempDir())); err == nil {
		t.Error("an empty folder is no corpus, but was loaded")
	}
}

func TestLoadCorpus_FileTwice(t *testing.T) {
	dir := writeCorpus(t)
	from, to := filepath.Join(dir, "d1/e1"), filepath.Join(dir, "d1/e3")
	check(t, os.CopyFS(to, os.DirFS(from)))
	put(t, dir, "d1/e3/file.json", `{"id":"e3","directory_id":"d1","file_id":"f1"}`)
	a := serve(t, Options{Corpus: mustLoad(t, os.DirFS(dir))})
	if diff := cmp.Diff([]string{"e1", "e3"}, a.ids("/api/v1/beta/directories/d1/files?file_id=f1")); diff != "" {
		t.Errorf("directory files of f1 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"f1"}, a.ids("/api/v1/beta/files")); diff != "" {
		t.Errorf("files of the project (-want +got):\n%s", diff)
	}
}

func TestLoadCorpus_BlobGone(t *testing.T) {
	dir := writeCorpus(t)
	a := serve(t, Options{Corpus: mustLoad(t, os.DirFS(dir))})
	check(t, os.Remove(filepath.Join(dir, "d1/e1/page_screenshots/3.jpg")))
	if got, err := a.try("GET", "/api/v1/files/f1/page_screenshots/3", nil, nil); err == nil && got.err == nil {
		t.Errorf("a blob that is gone was answered with %d %q", got.status, got.body)
	}
}
