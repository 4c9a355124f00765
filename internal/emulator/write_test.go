package emulator

import (
	"bytes"
	"crypto/sha256"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestServer_AddDirectoryFile(t *testing.T) {
	a := serve(t, Options{})
	got := decode[listedFile](t, a.do("POST", listPath, `{"file_id":"file-1"}`).want(t, 201).body)
	if got.DisplayName != "Alpha Report.pdf" || got.UniqueID != "u1" || *got.FileID != "file-1" ||
		got.DirectoryID != "dir-a" || string(got.Metadata) != "{}" || time.Since(*got.CreatedAt) > time.Minute {
		t.Errorf("added with defaults: %+v", got)
	}
	got = decode[listedFile](t, a.do("POST", "/api/v1/beta/directories/dir-b/files", `{"file_id":"file-3",
		"display_name":"<é>", "unique_id":"mine", "metadata":{"b":1.50,"a":["x"],"n":null}}`).want(t, 201).body)
	if got.DisplayName != "<é>" || got.UniqueID != "mine" || string(got.Metadata) != `{"b":1.50,"a":["x"],"n":null}` {
		t.Errorf("added: %+v", got)
	}
	if diff := cmp.Diff([]string{got.ID}, a.ids("/api/v1/beta/directories/dir-b/files?unique_id=mine")); diff != "" {
		t.Errorf("later listing (-want +got):\n%s", diff)
	}
	a.do("POST", listPath, `{"file_id":"nope"}`).want(t, 404)
	a.do("POST", listPath+"?project_id=other", `{"file_id":"file-1"}`).want(t, 404)
}

func TestServer_AddDirectoryFile_Rejects(t *testing.T) {
	a := serve(t, Options{})
	for body, want := range map[string]string{
		``:                                     `{"detail":[{"loc":["body"],"msg":"Field required","type":"missing"}]}`,
		`{}`:                                   `{"detail":[{"loc":["body","file_id"],"msg":"Field required",`,
		`{"file_id":`:                          `"json_invalid"`,
		`[]`:                                   `"model_attributes_type"`,
		`{"file_id":null}`:                     `"loc":["body","file_id"],"msg":"Input should be a valid string"`,
		`{"file_id":7}`:                        `"string_type"`,
		`{"file_id":""}`:                       `"string_too_short"`,
		`{"file_id":"x","metadata":[]}`:        `"loc":["body","metadata"],"msg":"Input should be a valid dictionary"`,
		`{"file_id":"x","display_name":""}`:    `"loc":["body","display_name"]`,
		`{"file_id":"x","metadata":{"k":{}}}`:  `"loc":["body","metadata","k"]`,
		`{"file_id":"x","metadata":{"k":[1]}}`: `"loc":["body","metadata","k"]`,
		`{"metadata":1,"display_name":2}`:      `"loc":["body","file_id"]`,
	} {
		got := a.do("POST", listPath, body).want(t, 422)
		if !strings.Contains(string(got.body), want) {
			t.Errorf("%s: body %s, want %s", body, got.body, want)
		}
	}
	a.do("POST", listPath, `{"file_id":"`+strings.Repeat("x", maxBody)+`"}`).want(t, 413)
}

func TestServer_UpdateDirectoryFile(t *testing.T) {
	a := serve(t, Options{})
	before := decode[listedFile](t, a.get(listPath+"/f1").body)
	body := a.do("PATCH", listPath+"/f1", `{"display_name":"New","unique_id":"n","metadata":{"k":1.0}}`).want(t, 200).body
	got := decode[listedFile](t, body)
	if got.DisplayName != "New" || got.UniqueID != "n" || string(got.Metadata) != `{"k":1.0}` ||
		!got.UpdatedAt.After(*before.UpdatedAt) || !got.CreatedAt.Equal(*before.CreatedAt) {
		t.Errorf("updated: %s", body)
	}
	if !strings.HasPrefix(string(body), `{"id":"f1","directory_id":"dir-a","display_name":"New",`) {
		t.Errorf("the order of the members has changed: %s", body)
	}
	if again := a.get(listPath + "/f1").body; !bytes.Equal(again, body) {
		t.Errorf("get after update: %s, want %s", again, body)
	}
	empty := decode[listedFile](t, a.do("PATCH", listPath+"/f1", `{"display_name":null}`).want(t, 200).body)
	if empty.DisplayName != "New" || !empty.UpdatedAt.After(*got.UpdatedAt) {
		t.Errorf("an update without fields: %+v", empty)
	}
	a.do("PATCH", listPath+"/f3", `{}`).want(t, 404)
	a.do("PATCH", listPath+"/f1", `{"unique_id":1}`).want(t, 422)
}

func TestServer_UpdateDirectoryFile_Move(t *testing.T) {
	a := serve(t, Options{})
	a.do("PATCH", listPath+"/f1", `{"target_directory_id":"nowhere"}`).want(t, 404)
	got := decode[listedFile](t, a.do("PATCH", listPath+"/f1", `{"target_directory_id":"dir-b"}`).want(t, 200).body)
	if got.DirectoryID != "dir-b" {
		t.Errorf("directory_id %q after the move, want dir-b", got.DirectoryID)
	}
	a.get(listPath+"/f1").want(t, 404)
	if diff := cmp.Diff([]string{"f6", "f1"}, a.ids("/api/v1/beta/directories/dir-b/files")); diff != "" {
		t.Errorf("target (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"f2", "f4", "f5"}, a.ids(listPath)); diff != "" {
		t.Errorf("source (-want +got):\n%s", diff)
	}
	check(t, a.server.corpus.AddFile("dir-a", FileSpec{ID: "f6"}))
	a.do("PATCH", listPath+"/f6", `{"target_directory_id":"dir-b"}`).want(t, 409)
}

func TestServer_DeleteDirectoryFile(t *testing.T) {
	a := serve(t, Options{})
	if got := a.do("DELETE", listPath+"/f1", "").want(t, 204); len(got.body) > 0 {
		t.Errorf("body %q of a 204", got.body)
	}
	a.do("DELETE", listPath+"/f1", "").want(t, 404)
	if diff := cmp.Diff([]string{"f2", "f4", "f5"}, a.ids(listPath)); diff != "" {
		t.Errorf("listing (-want +got):\n%s", diff)
	}
	got := a.list(listPath + "?include_deleted=true").Items[0]
	if got.ID != "f1" || got.DeletedAt == nil || !got.DeletedAt.Equal(*got.UpdatedAt) {
		t.Errorf("deleted file %+v", got)
	}
	if one := decode[listedFile](t, a.get(listPath+"/f1").want(t, 200).body); one.DeletedAt == nil {
		t.Error("a deleted directory file has no deleted_at")
	}
	a.get("/api/v1/files/file-1/page_screenshots").want(t, 200)
}

// send uploads a multipart body; a field called upload_file is a file of the name doc é.pdf.
func (a *api) send(fields map[string]string) answer {
	a.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for name, value := range fields {
		w, err := form.CreateFormField(name)
		if name == "upload_file" {
			w, err = form.CreateFormFile(name, "doc é.pdf")
		}
		check(a.t, err)
		_, err = w.Write([]byte(value))
		check(a.t, err)
	}
	check(a.t, form.Close())
	got, err := a.try("POST", listPath+"/upload", http.Header{"Content-Type": {form.FormDataContentType()}}, &b)
	check(a.t, err)
	return got
}

func TestServer_UploadDirectoryFile(t *testing.T) {
	for name, data := range map[string]string{
		"small": "%PDF-", "empty": "", "largest": strings.Repeat("x", maxKept), "large": strings.Repeat("x", maxKept+1),
	} {
		t.Run(name, func(t *testing.T) {
			a := serve(t, Options{})
			got := decode[listedFile](t, a.send(map[string]string{"upload_file": data}).want(t, 201).body)
			if got.DisplayName != "doc é.pdf" || got.UniqueID != "doc é.pdf" || got.FileID == nil {
				t.Errorf("uploaded with defaults: %+v", got)
			}
			for _, kind := range []string{"page_screenshots", "page-figures"} {
				if b := a.get("/api/v1/files/"+*got.FileID+"/"+kind).want(t, 200).body; string(b) != "[]" {
					t.Errorf("%s of an upload: %s", kind, b)
				}
			}
			size, sum, ok := a.server.corpus.Content(*got.FileID)
			if !ok || size != int64(len(data)) || sum != sha256.Sum256([]byte(data)) {
				t.Errorf("content: %d bytes, %t; want %d", size, ok, len(data))
			}
			expanded := decode[listedFile](t, a.get(listPath+"/"+got.ID+"?expand=download_url").body)
			download, err := a.try("GET", expanded.DownloadURL["url"], http.Header{"Authorization": nil}, nil)
			check(t, err)
			if name == "large" {
				download.want(t, 404)
			} else if download.want(t, 200); string(download.body) != data {
				t.Errorf("downloaded %d bytes, want %d", len(download.body), len(data))
			}
			forged := strings.Replace(expanded.DownloadURL["url"], "Signature=", "Signature=0", 1)
			a.get(forged).want(t, 403)
			if last := a.ids(listPath); last[len(last)-1] != got.ID {
				t.Errorf("listing %v does not end with %s", last, got.ID)
			}
		})
	}
}

func TestServer_UploadDirectoryFile_Fields(t *testing.T) {
	a := serve(t, Options{})
	got := decode[listedFile](t, a.send(map[string]string{
		"upload_file": "x", "display_name": "123", "external_file_id": "ext", "metadata": `{"a":[],"n":1.0}`,
	}).want(t, 201).body)
	if got.DisplayName != "123" || got.UniqueID != "ext" || string(got.Metadata) != `{"a":[],"n":1.0}` {
		t.Errorf("uploaded: %+v", got)
	}
	found := string(a.get("/api/v1/beta/files?external_file_id=ext").want(t, 200).body)
	if strings.Count(found, `"external_file_id":"ext"`) != 1 || !strings.Contains(found, *got.FileID) {
		t.Errorf("files with the external id: %s, want %s alone", found, *got.FileID)
	}
	got = decode[listedFile](t, a.send(map[string]string{
		"upload_file": "x", "unique_id": "u", "external_file_id": "e",
	}).want(t, 201).body)
	if got.UniqueID != "u" {
		t.Errorf("unique_id %q, want u", got.UniqueID)
	}
	for _, test := range []struct {
		fields map[string]string
		want   string
	}{
		{map[string]string{"display_name": "x"}, `{"detail":[{"loc":["body","upload_file"],"msg":"Field required",`},
		{map[string]string{"upload_file": "x", "metadata": "[]"}, `"loc":["body","metadata"]`},
		{map[string]string{"upload_file": "x", "metadata": "{"}, `"loc":["body","metadata"]`},
		{map[string]string{"upload_file": "x", "display_name": strings.Repeat("x", maxBody+1)}, "error parsing the body"},
	} {
		if got := a.send(test.fields).want(t, 422); !strings.Contains(string(got.body), test.want) {
			t.Errorf("body %s, want %s", got.body, test.want)
		}
	}
	a.do("POST", listPath+"/upload", `{}`).want(t, 422)
}

func TestCorpus_Mutations(t *testing.T) {
	c := tinyCorpus(t)
	a := serve(t, Options{Corpus: c})
	check(t, c.Touch("file-1", day(20).Add(789)))
	if diff := cmp.Diff([]string{"f1", "f4"}, a.ids(listPath+"?updated_at_on_or_after=2024-06-20")); diff != "" {
		t.Errorf("touched (-want +got):\n%s", diff)
	}
	const list = "/api/v1/files/file-2/page_screenshots"
	check(t, c.PutAsset("file-2", AssetSpec{Kind: Screenshot, Page: 1, Data: []byte("one")}))
	check(t, c.PutAsset("file-2", AssetSpec{Kind: Screenshot, Page: 0, Data: []byte("zero")}))
	check(t, c.PutAsset("file-2", AssetSpec{Kind: Screenshot, Page: 1, Data: []byte("other")}))
	want := `[{"file_id":"file-2","image_size":5,"page_index":1},{"file_id":"file-2","image_size":4,"page_index":0}]`
	if got := string(a.get(list).body); got != want {
		t.Errorf("after PutAsset: %s, want %s", got, want)
	}
	if got := string(a.get(list+"/1").want(t, 200).body); got != "other" {
		t.Errorf("replaced blob is %q, want %q", got, "other")
	}
	check(t, c.RemoveAsset("file-2", Screenshot, 1, ""))
	a.get(list+"/1").want(t, 404)
	if got := string(a.get(list).body); strings.Contains(got, `"page_index":1`) {
		t.Errorf("after RemoveAsset: %s", got)
	}
	check(t, c.RemoveFile("file-1"))
	a.get("/api/v1/files/file-1/page_screenshots").want(t, 404)
	if diff := cmp.Diff([]string{"f2", "f3", "f5"}, a.ids(listPath+"?include_deleted=true")); diff != "" {
		t.Errorf("after RemoveFile (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"file-2", "file-3", "file-6"}, a.ids("/api/v1/beta/files")); diff != "" {
		t.Errorf("files after RemoveFile (-want +got):\n%s", diff)
	}
	for _, err := range []error{
		c.Touch("none", day(1)), c.PutAsset("none", AssetSpec{}), c.RemoveAsset("none", Figure, 0, ""), c.RemoveFile("none"),
		c.AddDirectory(DirectorySpec{ID: "dir-a"}), c.AddFile("none", FileSpec{}), c.AddFile("dir-a", FileSpec{ID: "f2"}),
	} {
		if err == nil {
			t.Error("a change of what is not there, or there already, gave no error")
		}
	}
}

func TestAssetSpec_Raw(t *testing.T) {
	c := NewCorpus()
	check(t, c.AddDirectory(DirectorySpec{ID: "d"}))
	lie := int64(7)
	check(t, c.AddFile("d", FileSpec{ID: "e", FileID: "f", Assets: []AssetSpec{
		{Kind: Figure, Name: "x", Data: []byte("abc"), ListedSize: &lie, ContentType: "image/webp"},
		{Kind: Figure, Name: "y", Raw: []byte(`{"page_index":1e3}`)},
	}}))
	a := serve(t, Options{Corpus: c})
	want := `[{"confidence":0,"figure_name":"x","figure_size":7,"file_id":"f","page_index":0},{"page_index":1e3}]`
	if got := string(a.get("/api/v1/files/f/page-figures").body); got != want {
		t.Errorf("figures %s, want %s", got, want)
	}
	if got := a.get("/api/v1/files/f/page-figures/0/x").want(t, 200); string(got.body) != "abc" ||
		got.header.Get("Content-Type") != "image/webp" {
		t.Errorf("blob %q as %q", got.body, got.header.Get("Content-Type"))
	}
}
