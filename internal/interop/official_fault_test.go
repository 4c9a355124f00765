package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"exporter/internal/emulator"
)

// pictureFaults are what may be wrong, for ever, with the answer to a request for a screenshot.
var pictureFaults = [...]struct {
	kind emulator.FaultKind
	what string
}{
	{emulator.FaultNoLength, "half of the picture, without `Content-Length`"},
	{emulator.FaultShort, "half of the picture, then the connection is closed"},
	{emulator.FaultCut, "half of the picture, then the connection is reset"},
	{emulator.FaultStall, "half of the picture, then nothing for a while"},
	{emulator.FaultReset, "the connection is reset before the headers"},
	{emulator.FaultWrongSize, "a byte more or less than is listed"},
	{emulator.FaultLong, "the picture twice"},
	{emulator.FaultWrongBytes, "text of the listed size, declared as the picture"},
	{emulator.FaultPDF, "a PDF of the listed size, declared as the picture"},
	{emulator.FaultHTML, "200 and a page that asks to sign in"},
	{emulator.FaultEmptyJSON, "200 and `{}`"},
	{emulator.FaultStatus500, "500"},
	{emulator.FaultRedirectLoop, "a redirect without end"},
	{emulator.FaultRedirectOther, "a redirect to storage that has the picture"},
	{emulator.FaultGzip, "the picture in gzip, which nobody asked for"},
	{emulator.FaultOddType, "the picture, declared as what it is not"},
	{emulator.FaultOddEncoding, "the picture, with a `Content-Encoding` that is no coding"},
}

// screenshotsEach is how many screenshots have each fault: some faults are not the same for all paths.
const screenshotsEach = 8

// docs/clients.md says what the official clients and exporter make of each fault.
func TestOfficialClients_FaultyPictures_AreTakenAsDocumented(t *testing.T) {
	t.Parallel()
	f := serveFaults(t)
	clients := []struct {
		name     string
		verdicts []string
	}{
		{"Python " + pinnedPython(t, "llama-cloud"), f.official(t, python(t, filepath.Join("python", "official.py"), "fetch"))},
		{"TypeScript " + pinnedNode(t, "@llamaindex/llama-cloud"), f.official(t, node(t, "official.mjs", "fetch"))},
		{"exporter", f.exported(t)},
	}
	table := "| the answer |"
	for _, c := range clients {
		table += " " + c.name + " |"
	}
	table += "\n|" + strings.Repeat(" --- |", len(clients)+1) + "\n"
	// believed is how many of the faults some client does not notice.
	believed := 0
	for i, fault := range pictureFaults {
		row := "| " + fault.what + " |"
		for _, c := range clients {
			row += " " + summary(c.verdicts[i*screenshotsEach:(i+1)*screenshotsEach]) + " |"
		}
		if strings.Contains(row, wrong) {
			believed++
		}
		table += row + "\n"
	}
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "clients.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := "llama-cloud " + pinnedPython(t, "llama-cloud") + " of PyPI and @llamaindex/llama-cloud " +
		pinnedNode(t, "@llamaindex/llama-cloud") + " of npm"
	for _, text := range []string{table, named} {
		if !strings.Contains(string(doc), text) {
			t.Errorf("docs/clients.md does not have this:\n%s", text)
		}
	}
	if slices.Contains(clients[2].verdicts, wrong) {
		t.Error("exporter stores what is wrong")
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	claim := fmt.Sprintf("of %d ways in which an answer can be wrong, the official clients pass on %d", len(pictureFaults), believed)
	if !strings.Contains(string(readme), claim) {
		t.Errorf("README.md does not say %q", claim)
	}
}

// What became of a picture.
const (
	right  = "right"
	wrong  = "**wrong**"
	failed = "error"
)

// summary joins the verdicts that differ.
func summary(verdicts []string) string {
	sorted := slices.Sorted(slices.Values(verdicts))
	return strings.Join(slices.Compact(sorted), " or ")
}

// faulty is an API, and the screenshots that it has, in order.
type faulty struct {
	*export
	files, sums []string
}

// serveFaults serves a directory with a file for each fault. Each is an emulator of its own, since that chooses by itself what is
// faulty and how.
func serveFaults(t *testing.T) *faulty {
	t.Helper()
	f := &faulty{export: &export{out: filepath.Join(t.TempDir(), "export")}}
	storages := map[string]http.Handler{}
	storage := httptest.NewServer(byFile(storages))
	t.Cleanup(storage.Close)
	apis := map[string]http.Handler{}
	for i, fault := range pictureFaults {
		number := fmt.Sprintf("0000-4000-8000-%012d", i+1)
		fileID := "f17e0000-" + number
		c := emulator.NewCorpus()
		must(t, c.AddDirectory(emulator.DirectorySpec{ID: "dir-00000000-" + number, Name: "faulty", ProjectID: "p"}))
		file := emulator.FileSpec{ID: "dfl-00000000-" + number, FileID: fileID}
		for page := range screenshotsEach {
			data := drawJPEG(t, page)
			file.Assets = append(file.Assets, emulator.AssetSpec{Kind: emulator.Screenshot, Page: int64(page), Data: data})
			f.sums = append(f.sums, sum(data))
		}
		must(t, c.AddFile("dir-00000000-"+number, file))
		s, err := emulator.New(emulator.Options{
			Corpus: c, Key: apiKey, Storage: &emulator.StorageOptions{Origin: storage.URL}, StallFor: 200 * time.Millisecond,
			Faults: emulator.Faults{Rate: 1, Times: -1, Kinds: []emulator.FaultKind{fault.kind}, Routes: emulator.BlobRoutes()},
		})
		must(t, err)
		f.files, apis[number], storages[number] = append(f.files, fileID), s, s.Storage()
	}
	server := httptest.NewServer(byFile(apis))
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

// byFile passes a request on to the handler whose number it names.
func byFile(handlers map[string]http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for number, h := range handlers {
			if strings.Contains(r.URL.RequestURI(), number) {
				h.ServeHTTP(w, r)
				return
			}
		}
		http.NotFound(w, r)
	})
}

// official returns what a client makes of each screenshot.
func (f *faulty) official(t *testing.T, c *exec.Cmd) (verdicts []string) {
	t.Helper()
	var screenshots [][2]any
	for _, id := range f.files {
		for page := range screenshotsEach {
			screenshots = append(screenshots, [2]any{id, page})
		}
	}
	in, err := json.Marshal(screenshots)
	must(t, err)
	c.Stdin = bytes.NewReader(in)
	lines := f.export.official(t, c)
	if len(lines) != len(f.sums) {
		t.Fatalf("the client printed %d lines, want %d", len(lines), len(f.sums))
	}
	for i, line := range lines {
		verdicts = append(verdicts, f.verdict(i, decodeLine[*string](t, line)))
	}
	return verdicts
}

// verdict says what a screenshot's SHA-256 means; nil: there is none.
func (f *faulty) verdict(i int, sum *string) string {
	switch {
	case sum == nil:
		return failed
	case *sum == f.sums[i]:
		return right
	}
	return wrong
}

// exported returns what exporter makes of each screenshot.
func (f *faulty) exported(t *testing.T) (verdicts []string) {
	t.Helper()
	args := []string{"run", "--out", f.out, "--rate", "unlimited", "--max-attempts", "2", "--figures=false"}
	for _, id := range f.files {
		args = append(args, "--directory", "dir-"+strings.Replace(id, "f17e0000", "00000000", 1))
	}
	c, stderr := f.exporter(t.Context(), args...)
	f.finish(t, c, stderr, 3)
	type stored struct {
		file string
		page int
		sum  *string
	}
	sums := map[string]*string{}
	for _, s := range query(t, openDuckDB(t), "SELECT file_id, page_index, sha256 FROM "+quoteSQL(f.manifest()),
		func(s *stored) []any { return []any{&s.file, &s.page, &s.sum} }) {
		sums[fmt.Sprint(s.file, s.page)] = s.sum
	}
	for i := range f.sums {
		id, page := f.files[i/screenshotsEach], i%screenshotsEach
		sum, ok := sums[fmt.Sprint(id, page)]
		if !ok {
			t.Fatalf("the manifest has no page %d of %s", page, id)
		}
		verdicts = append(verdicts, f.verdict(i, sum))
	}
	return verdicts
}
