package emulator

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

const someUUID = "182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e"

// What is no UUID is refused in the words of pydantic 2.
func TestServer_UUIDs(t *testing.T) {
	c := NewCorpus()
	check(t, c.AddDirectory(DirectorySpec{ID: "d", ProjectID: someUUID, OrganizationID: someUUID}))
	check(t, c.AddFile("d", FileSpec{ID: "dfl-" + someUUID, FileID: "dfl-" + someUUID}))
	check(t, c.AddFile("d", FileSpec{ID: "e", FileID: someUUID, Assets: []AssetSpec{{Kind: Figure, Name: "x"}, {Kind: Figure, Page: -3, Name: "x"}}}))
	a := serve(t, Options{Corpus: c})
	for id, want := range map[string]string{
		"file-1":          "invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found `i` at 2",
		"abc":             "invalid length: expected length 32 for simple format, found 3",
		"dfl-" + someUUID: "invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found `l` at 3",
		"12-34":           "invalid group count: expected 5, found 2",
		someUUID[:35]:     "invalid group length in group 4: expected 12, found 11",
		"1" + someUUID:    "invalid group length in group 0: expected 8, found 9",
		"urn:uuid:é":      "invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found `é` at 10",
		"{}":              "invalid group count: expected 5, found 1",
	} {
		for _, path := range []string{"page_screenshots", "page-figures", "page_screenshots/0", "page-figures/0/x"} {
			got := decode[struct{ Detail []fieldError }](t, a.get("/api/v1/files/"+url.PathEscape(id)+"/"+path).want(t, 422).body).Detail
			if len(got) != 1 || got[0].Type != "uuid_parsing" || got[0].Message != "Input should be a valid UUID, "+want ||
				strings.Join(got[0].Location, ".") != "path.id" {
				t.Errorf("%s of %s: %+v, want %s", path, id, got, want)
			}
		}
	}
	a.get("/api/v1/files/"+someUUID+"/page-figures/0/x").want(t, 200)
	a.get("/api/v1/files/"+someUUID+"/page-figures/-3/x").want(t, 200)
	other := strings.Replace(someUUID, "1", "2", 1)
	for _, id := range []string{other, strings.ReplaceAll(other, "-", ""), "{" + other + "}", "urn:uuid:" + other} {
		a.get("/api/v1/files/"+url.PathEscape(id)+"/page-figures").want(t, 404)
	}
	for _, page := range []string{"-1", "x"} {
		got := a.get("/api/v1/files/"+someUUID+"/page_screenshots/"+page).want(t, 422)
		if !strings.Contains(string(got.body), `"loc":["path","page_index"]`) {
			t.Errorf("page %s: %s", page, got.body)
		}
	}
	for _, path := range []string{"/api/v1/beta/files", "/api/v2/parse", "/api/v1/beta/directories/d",
		"/api/v1/files/" + someUUID + "/page-figures"} {
		a.get(path+"?project_id="+someUUID).want(t, 200)
		a.get(path+"?project_id=").want(t, 200)
		for _, name := range []string{"project_id", "organization_id"} {
			got := a.get(path+"?"+name+"=p1").want(t, 422)
			want := `{"detail":[{"loc":["query","` + name + `"],"msg":"Input should be a valid UUID, invalid char`
			if !strings.HasPrefix(string(got.body), want) {
				t.Errorf("%s of %s: %s", name, path, got.body)
			}
		}
	}
	// A corpus whose own ids are of another kind takes any.
	odd := serve(t, Options{})
	odd.get("/api/v1/files/none/page-figures").want(t, 404)
	odd.get("/api/v1/beta/directories/dir-a?project_id=none").want(t, 404)
	odd.get("/api/v1/files/dfl-"+someUUID+"/page-figures").want(t, 422)
}

// Ids that the emulator makes are of the API's kinds.
func TestServer_NewIDs(t *testing.T) {
	a := serve(t, Options{})
	added := decode[listedFile](t, a.do("POST", listPath, `{"file_id":"file-1"}`).want(t, 201).body)
	uploaded := decode[listedFile](t, a.send(map[string]string{"upload_file": "x"}).want(t, 201).body)
	for _, id := range []string{added.ID, uploaded.ID} {
		if uuid, ok := strings.CutPrefix(id, "dfl-"); !ok || !isUUID(uuid) || len(uuid) != 36 {
			t.Errorf("the directory file has the id %q", id)
		}
	}
	if id := *uploaded.FileID; !isUUID(id) || len(id) != 36 || id[14] != '4' || !strings.ContainsRune("89ab", rune(id[19])) {
		t.Errorf("the file has the id %q", id)
	}
	for _, ids := range []SyntheticIDs{UUIDs, TypedIDs} {
		o := SyntheticOptions{IDs: ids, Seed: 9}
		seen := map[string]bool{}
		for i := range 1000 {
			fileID, entryID := o.SyntheticFile(i)
			if !isTyped(entryID) || ids == UUIDs && !isUUID(fileID) || ids == TypedIDs && fileID != entryID || seen[fileID] ||
				len(entryID) != 40 {
				t.Fatalf("file %d has the ids %q and %q", i, fileID, entryID)
			}
			seen[fileID] = true
		}
	}
}

// A page_size that is too large is lowered, or refused.
func TestServer_LargePages(t *testing.T) {
	c := Synthetic(SyntheticOptions{Files: 1001})
	for _, refuse := range []bool{false, true} {
		a := serve(t, Options{Corpus: c, RefuseLargePages: refuse})
		for _, path := range []string{"/api/v1/beta/directories/" + SyntheticDirectory + "/files", "/api/v1/beta/files"} {
			if refuse {
				a.get(path+"?page_size=1001").want(t, 422)
			} else if page := a.list(path + "?page_size=1001"); len(page.Items) != 1000 || page.Next == nil {
				t.Errorf("%s: a page of %d items", path, len(page.Items))
			}
			if page := a.list(path + "?page_size=1000"); len(page.Items) != 1000 {
				t.Errorf("%s: a page of %d items, want 1000", path, len(page.Items))
			}
		}
	}
}

// Cursors go on behind the last file in every order, also where files come and go under way.
func TestServer_ListProjectFiles_OrderIsStable(t *testing.T) {
	c := NewCorpus()
	check(t, c.AddDirectory(DirectorySpec{ID: "d"}))
	for _, name := range []string{"c", "a", "d", "b", "a"} {
		check(t, c.AddFile("d", FileSpec{ID: fmt.Sprint(len(c.files)), FileID: fmt.Sprint(len(c.files)), DisplayName: name}))
	}
	a := serve(t, Options{Corpus: c})
	wantIDs(t, "by name, then id", []string{"4", "1", "3", "0", "2"}, a.ids("/api/v1/beta/files?page_size=2&order_by=name,id+desc"))
	const path = "/api/v1/beta/files?order_by=name&page_size=2"
	first := a.list(path)
	check(t, c.AddFile("d", FileSpec{ID: "x", FileID: "x", DisplayName: "z"}))
	check(t, c.RemoveFile("3"))
	var rest []string
	for _, f := range a.list("/api/v1/beta/files?order_by=name&page_token=" + *first.Next).Items {
		rest = append(rest, f.ID)
	}
	wantIDs(t, "the rest", []string{"0", "2", "x"}, rest)
}

func TestServer_ListPipelineFiles_Fields(t *testing.T) {
	c := tinyCorpus(t)
	pages := 7
	check(t, c.AddFile("dir-b", FileSpec{ID: "a", DisplayName: "z", UpdatedAt: day(1), Pipeline: &PipelineFileSpec{
		Status: "ERROR", StatusUpdatedAt: day(3), IndexedPages: &pages, DataSourceID: "source",
	}}))
	a := serve(t, Options{Corpus: c})
	type shape struct {
		ID            string          `json:"id"`
		PipelineID    string          `json:"pipeline_id"`
		FileID        *string         `json:"file_id"`
		Name          *string         `json:"name"`
		ExternalID    *string         `json:"external_file_id"`
		FileType      *string         `json:"file_type"`
		ProjectID     *string         `json:"project_id"`
		DataSourceID  *string         `json:"data_source_id"`
		IndexedPages  *int            `json:"indexed_page_count"`
		Metadata      json.RawMessage `json:"custom_metadata"`
		Status        *string         `json:"status"`
		StatusUpdated *string         `json:"status_updated_at"`
		CreatedAt     *string         `json:"created_at"`
		UpdatedAt     *string         `json:"updated_at"`
	}
	files := func(query string) (ids string, last shape) {
		t.Helper()
		got := shaped[struct {
			Files  []shape `json:"files"`
			Limit  int     `json:"limit"`
			Offset int     `json:"offset"`
			Total  int     `json:"total_count"`
		}](t, a.get("/api/v1/pipelines/dir-b/files2"+query).want(t, 200).body)
		for _, f := range got.Files {
			ids, last = ids+f.ID+" ", f
		}
		return ids, last
	}
	for query, want := range map[string]string{
		"": "f6 a ", "?order_by=id": "a f6 ", "?order_by=name+desc": "a f6 ", "?order_by=updated_at": "f6 a ", "?statuses=ERROR": "a ",
		"?data_source_id=source": "a ", "?only_manually_uploaded=true": "f6 ", "?order_by=created_at+desc&limit=1": "a ",
	} {
		if got, _ := files(query); got != want {
			t.Errorf("%s: files %s, want %s", query, got, want)
		}
	}
	if _, got := files(""); *got.Status != "ERROR" || *got.DataSourceID != "source" || *got.IndexedPages != 7 ||
		*got.StatusUpdated != "2024-06-03T12:00:00.123456Z" {
		t.Errorf("file %+v", got)
	}
}
