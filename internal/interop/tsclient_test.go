package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exporter/internal/emulator"
)

// TestTypeScriptClient_AgainstEmulator shows that the emulator is a LlamaCloud for the official TypeScript client: it
// lists, filters, downloads, adds, updates, moves, uploads and deletes, and compares bytes with the corpus.
func TestTypeScriptClient_AgainstEmulator(t *testing.T) {
	t.Parallel()
	corpus, directory := tsCorpus(t)
	loaded, err := emulator.LoadCorpus(os.DirFS(corpus))
	if err != nil {
		t.Fatal(err)
	}
	server, err := emulator.New(emulator.Options{Corpus: loaded, Key: "llx-interop", RefuseLargePages: true})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(server)
	defer h.Close()

	client := node(t, "client.mjs")
	client.Env = append(os.Environ(), "BASE_URL="+h.URL, "KEY=llx-interop", "DIRECTORY_ID="+directory, "CORPUS="+corpus)
	var stdout, stderr bytes.Buffer
	client.Stdout, client.Stderr = &stdout, &stderr
	if err := client.Run(); err != nil {
		t.Fatalf("run client.mjs: %v\n%s", err, stderr.Bytes())
	}
	var summary struct{ Listed, Blobs, Project, Pipeline, Uploaded int }
	if err := json.Unmarshal(stdout.Bytes(), &summary); err != nil {
		t.Fatalf("client.mjs printed %q: %v", stdout.Bytes(), err)
	}
	if summary.Listed < 3 || summary.Blobs < 3 || summary.Project < 2 || summary.Pipeline < 2 || summary.Uploaded == 0 {
		t.Errorf("the client did too little: %s", stdout.Bytes())
	}
	seen := map[emulator.Route]bool{}
	for _, r := range server.Requests() {
		seen[r.Route] = true
	}
	for _, route := range emulator.AllRoutes() {
		if !seen[route] {
			t.Errorf("the client never sent %s", route)
		}
	}
}

// tsCorpus returns a recorded corpus of two directories and the id of the one to work in: that of EXPORTER_TEST_CORPUS,
// or a small one.
func tsCorpus(t *testing.T) (folder, directory string) {
	t.Helper()
	folder = os.Getenv("EXPORTER_TEST_CORPUS")
	if folder == "" {
		folder = t.TempDir()
		recordSmallCorpus(t, folder)
	}
	names, err := filepath.Glob(filepath.Join(folder, "*", "directory.json"))
	if err != nil || len(names) < 2 {
		t.Fatalf("corpus %s has %d directories, want 2; %v", folder, len(names), err)
	}
	return folder, filepath.Base(filepath.Dir(names[0]))
}

func recordSmallCorpus(t *testing.T, folder string) {
	t.Helper()
	for d, directory := range []string{"dir-a", "dir-b"} {
		write(t, folder, directory+"/directory.json",
			fmt.Appendf(nil, `{"id":%q,"name":"<%d>","project_id":"p","organization_id":"o"}`, directory, d))
		for f, deleted := range []string{"null", `"2024-06-09T00:00:00Z"`, "null"} {
			id := fmt.Sprintf("file-%d-%d", d, f)
			base := directory + "/entry-" + id
			write(t, folder, base+"/file.json", fmt.Appendf(nil, `{"id":"entry-%s","directory_id":%q,`+
				`"display_name":"Größe & 文書 %d.pdf","project_id":"p","unique_id":"u/%d","created_at":"2024-06-0%dT00:00:00Z",`+
				`"updated_at":"2024-06-0%dT00:00:00.000001Z","deleted_at":%s,"file_id":%q,"metadata":{"z":1,"a":[]}}`,
				id, directory, f, f, f+1, f+1, deleted, id))
			recordPictures(t, folder, base, id)
		}
	}
	write(t, folder, "dir-a/waiting/file.json", []byte(`{"id":"waiting","directory_id":"dir-a","display_name":"Waiting",`+
		`"project_id":"p","unique_id":"w","updated_at":"2024-06-08T00:00:00Z","file_id":null}`))
	write(t, folder, "dir-a/waiting/page_screenshots.json", []byte("[]"))
	write(t, folder, "dir-a/waiting/page-figures.json", []byte("[]"))
}

// recordPictures writes both listings of a file and their blobs.
func recordPictures(t *testing.T, folder, base, id string) {
	t.Helper()
	picture := drawJPEG(t, 0)
	write(t, folder, base+"/page_screenshots.json", fmt.Appendf(nil, `[{"file_id":%q,"image_size":%d,"page_index":2}]`,
		id, len(picture)))
	write(t, folder, base+"/page_screenshots/2.jpg", picture)
	var figures []byte
	for i, name := range []string{"page_1_figure_1.jpg", "a b/文+%2F.png", "x?y#z"} {
		data := fmt.Appendf(picture, "%d", i)
		figures = fmt.Appendf(figures, `,{"confidence":0.5,"figure_name":%q,"figure_size":%d,"file_id":%q,"page_index":0}`,
			name, len(data), id)
		write(t, folder, base+"/page-figures/0/"+strings.ReplaceAll(url.QueryEscape(name), "+", "%20"), data)
	}
	figures[0] = '['
	write(t, folder, base+"/page-figures.json", append(figures, ']'))
}

func write(t *testing.T, folder, name string, content []byte) {
	t.Helper()
	name = filepath.Join(folder, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
