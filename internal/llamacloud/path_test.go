package llamacloud

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/pipeline"
)

func TestClient_PageFigure_SendsTheNameEscaped(t *testing.T) {
	tests := []struct{ name, path string }{
		{"page_1_figure_1.jpg", "page_1_figure_1.jpg"},
		{"a/b", "a%2Fb"},
		{"..", "%2E%2E"},
		{".", "%2E"},
		{"...", "%2E%2E%2E"},
		{"../../x", "..%2F..%2Fx"},
		{"%2e%2e", "%252e%252e"},
		{"a?b#c&d=e", "a%3Fb%23c%26d%3De"},
		{"{figure_name}", "%7Bfigure_name%7D"},
		{"a b\r\n\x00", "a%20b%0D%0A%00"},
		{"Größe 図", "Gr%C3%B6%C3%9Fe%20%E5%9B%B3"},
		{"\xff", "%FF"},
		{"~tilde'(*)!", "~tilde%27%28%2A%29%21"},
		{"", ""},
	}
	var got string
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.RequestURI
		_, _ = w.Write([]byte("x"))
	}, func(o *Options) { o.BaseURL = mustParse(t, "http://127.0.0.1/pre%20fix") })
	for _, test := range tests {
		image, err := a.client.PageFigure(t.Context(), "file-1", -3, test.name)
		if err != nil {
			t.Fatalf("%q: %v", test.name, err)
		}
		image.Body.Close()
		if want := "/pre%20fix/api/v1/files/file-1/page-figures/-3/" + test.path; got != want {
			t.Errorf("%q: sent %s, want %s", test.name, got, want)
		}
	}
}

func TestClient_RefusesBadIDsBeforeARequest(t *testing.T) {
	a := newAPI(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	ctx := t.Context()
	for _, id := range []pipeline.ID{"", ".", "..", "../..?x", "a/b", "a b", "a\n", pipeline.ID(strings.Repeat("x", 129))} {
		_, listErr := a.client.PageScreenshots(ctx, id)
		_, figuresErr := a.client.PageFigures(ctx, id)
		_, screenshotErr := a.client.PageScreenshot(ctx, id, 0)
		_, figureErr := a.client.PageFigure(ctx, id, 0, "x")
		_, getErr := a.client.DirectoryFile(ctx, "dir", id)
		_, addErr := a.client.AddDirectoryFile(ctx, id, NewDirectoryFile{FileID: "f"})
		_, updateErr := a.client.UpdateDirectoryFile(ctx, id, "file", DirectoryFilePatch{})
		_, uploadErr := a.client.UploadDirectoryFile(ctx, id, FileUpload{Name: "x"})
		for i, err := range []error{
			listErr, figuresErr, screenshotErr, figureErr, getErr, addErr, updateErr, uploadErr,
			a.client.DeleteDirectoryFile(ctx, "dir", id),
		} {
			failed, ok := errors.AsType[*RequestError](err)
			if !ok || failed.Class != ClassBadID || !errors.Is(err, pipeline.ErrBadID) {
				t.Errorf("%q, operation %d: got %v, want a bad id", id, i, err)
			}
		}
		for _, err := range a.client.DirectoryFiles(ctx, id, DirectoryFilesQuery{}) {
			if !errors.Is(err, pipeline.ErrBadID) {
				t.Errorf("%q, directory: got %v, want a bad id", id, err)
			}
		}
		_, err := a.source.Blob(ctx, &pipeline.Asset{FileID: id, Kind: pipeline.Figure}, nil)
		if failure, ok := errors.AsType[*pipeline.Failure](err); !ok || failure.Class != ClassBadID || failure.Attempts != 0 {
			t.Errorf("%q, blob: got %v, want a failure of class bad_id", id, err)
		}
	}
}

func TestClient_SendsOrganizationAndProject(t *testing.T) {
	var got []url.Values
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.URL.Query())
		_, _ = w.Write([]byte(`[]`))
	}, func(o *Options) { o.OrganizationID, o.ProjectID = "org&1", "proj 1" })
	if _, err := a.client.PageFigures(t.Context(), "f"); err != nil {
		t.Fatal(err)
	}
	want := []url.Values{{"organization_id": {"org&1"}, "project_id": {"proj 1"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("query (-want +got):\n%s", diff)
	}
}

func FuzzFigurePath(f *testing.F) {
	for _, seed := range []string{"page_1_figure_1.jpg", "", ".", "..", "a/b", "%2e%2e", "{id}", "}", "\x00\xff", "図 ?#&="} {
		f.Add(seed)
	}
	base := &url.URL{Scheme: "https", Host: "api.example.com"}
	f.Fuzz(func(t *testing.T, name string) {
		segments := []segment{idSegment("id"), pageSegment(1), nameSegment(name)}
		u, err := expand(base, figureRoute, segments, nil)
		if err != nil {
			t.Fatal(err)
		}
		const prefix = "https://api.example.com/api/v1/files/id/page-figures/1/"
		last, ok := strings.CutPrefix(u.String(), prefix)
		if !ok || strings.ContainsAny(last, "/?#{}") || last == "." || last == ".." {
			t.Fatalf("%q becomes %s", name, u)
		}
		if got, err := url.PathUnescape(last); err != nil || got != name {
			t.Errorf("%q comes back as %q, %v", name, got, err)
		}
		if parsed, err := url.Parse(u.String()); err != nil || parsed.Path != u.Path || parsed.EscapedPath() != u.EscapedPath() {
			t.Errorf("%s is parsed as %v, %v", u, parsed, err)
		}
	})
}
