package emulator

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestServer_ListDirectoryFiles_Filters(t *testing.T) {
	a := serve(t, Options{})
	at := func(n int) string { return url.QueryEscape(day(n).Format("2006-01-02T15:04:05.999999Z07:00")) }
	for query, want := range map[string][]string{
		"":                                   {"f1", "f2", "f4", "f5"},
		"include_deleted=true":               {"f1", "f2", "f3", "f4", "f5"},
		"include_deleted=no":                 {"f1", "f2", "f4", "f5"},
		"display_name=Alpha+Report.pdf":      {"f1"},
		"display_name=alpha+report.pdf":      {},
		"display_name=":                      {"f1", "f2", "f4", "f5"},
		"unique_id=&file_id=&page_size=":     {"f1", "f2", "f4", "f5"},
		"display_name_contains=REPORT":       {"f1", "f2"},
		"display_name_contains=%26+%3Cmore":  {"f2"},
		"unique_id=u4":                       {"f4"},
		"unique_id=u3":                       {},
		"file_id=file-1":                     {"f1", "f4"},
		"file_id=file-3&include_deleted=1":   {"f3"},
		"updated_at_on_or_after=" + at(2):    {"f2", "f4", "f5"},
		"updated_at_on_or_before=" + at(2):   {"f1", "f2"},
		"updated_at_on_or_after=2024-06-05":  {"f5"},
		"updated_at_on_or_before=2024-06-01": {},
		"project_id=" + project:              {"f1", "f2", "f4", "f5"},
		"organization_id=" + organization:    {"f1", "f2", "f4", "f5"},
		"page_size=1000&file_id=file-1":      {"f1", "f4"},
		"updated_at_on_or_after=2024-06-02T12:00:00&updated_at_on_or_before=2024-06-04T12%3A00%3A01Z": {"f2", "f4"},
	} {
		t.Run(query, func(t *testing.T) {
			for _, size := range []string{"", "&page_size=1", "&page_size=2"} {
				if strings.Contains(query, "page_size") && size != "" {
					continue
				}
				if diff := cmp.Diff(want, a.ids(listPath+"?"+query+size)); diff != "" {
					t.Errorf("%q%s (-want +got):\n%s", query, size, diff)
				}
			}
		})
	}
}

func TestServer_ListDirectoryFiles_Rejects(t *testing.T) {
	a := serve(t, Options{RefuseLargePages: true})
	for query, want := range map[string]string{
		"page_size=0":                    `{"detail":[{"loc":["query","page_size"],"msg":"Input should be greater than`,
		"page_size=1001":                 `"msg":"Input should be less than or equal to 1000","type":"less_than_equal"`,
		"page_size=x":                    `int_parsing`,
		"include_deleted=maybe":          `"loc":["query","include_deleted"],"msg":"Input should be a valid boolean`,
		"updated_at_on_or_after=today":   `"loc":["query","updated_at_on_or_after"]`,
		"updated_at_on_or_before=2024-x": `"loc":["query","updated_at_on_or_before"]`,
		"page_token=bogus":               `"loc":["query","page_token"]`,
	} {
		got := a.get(listPath+"?"+query).want(t, 422)
		if !strings.Contains(string(got.body), want) {
			t.Errorf("%s: body %s, want %s", query, got.body, want)
		}
	}
	for path, want := range map[string]string{
		"/api/v1/beta/directories/none/files":            `{"detail":"Directory not found"}`,
		listPath + "?project_id=other":                   `{"detail":"Directory not found"}`,
		listPath + "?organization_id=other":              `{"detail":"Directory not found"}`,
		listPath + "/none":                               `{"detail":"Directory file not found"}`,
		"/api/v1/files/none/page_screenshots":            `{"detail":"File not found"}`,
		"/api/v1/files/file-1/page_screenshots/1":        `{"detail":"Page screenshot not found"}`,
		"/api/v1/files/file-1/page-figures/1/x":          `{"detail":"Page figure not found"}`,
		"/api/v1/files/file-1/page-figures?project_id=x": `{"detail":"File not found"}`,
		"/api/v1/pipelines/none/files2":                  `{"detail":"Pipeline not found"}`,
		"/api/v1/beta/files?project_id=x":                `{"detail":"Project not found"}`,
		"/api/v1/nothing":                                `{"detail":"Not Found"}`,
		"/":                                              `{"detail":"Not Found"}`,
	} {
		if got := string(a.get(path).want(t, 404).body); got != want {
			t.Errorf("%s: body %s, want %s", path, got, want)
		}
	}
}

func TestServer_ListDirectoryFiles_Untouched(t *testing.T) {
	a := serve(t, Options{})
	body := string(a.get(listPath+"?page_size=2").want(t, 200).body)
	for _, want := range []string{
		`"metadata":{"z":1,"a":12345678901234567890}`, `"updated_at":"2024-06-01T12:00:00.123456Z"`, `"total_size":null`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("listing lacks %s: %s", want, body)
		}
	}
}

func TestServer_ListDirectoryFiles_RawIsHostile(t *testing.T) {
	c := tinyCorpus(t)
	raw := json.RawMessage(`{"id":"h1","file_id":"../..?x","display_name":7}`)
	check(t, c.AddFile("dir-b", FileSpec{ID: "h1", Raw: raw}))
	check(t, c.AddFile("dir-b", FileSpec{ID: "h2", Raw: json.RawMessage(`not JSON`)}))
	check(t, c.AddFile("dir-b", FileSpec{ID: "h3", FileID: "../..?x"}))
	a := serve(t, Options{Corpus: c})
	body := string(a.get("/api/v1/beta/directories/dir-b/files?expand=download_url").want(t, 200).body)
	if !strings.Contains(body, `"file_id":"../..?x","display_name":7,"download_url":null},not JSON,`) {
		t.Errorf("raw items are not listed as they are: %s", body)
	}
	got := a.get("/api/v1/files/%2E%2E%2F%2E%2E%3Fx/page_screenshots").want(t, 200)
	if string(got.body) != "[]" {
		t.Errorf("listing of a hostile id: %s", got.body)
	}
}

func TestServer_ListDirectoryFiles_Expand(t *testing.T) {
	a := serve(t, Options{})
	page := a.list(listPath + "?expand=other&expand=download_url")
	got := page.Items[0].DownloadURL
	if !strings.HasPrefix(got["url"], a.url+"/download/file-1?") || !strings.Contains(got["url"], "X-Amz-Signature=") ||
		got["expires_at"] == "" {
		t.Errorf("download_url %v", got)
	}
	if last := page.Items[3]; last.DownloadURL != nil {
		t.Errorf("download_url of a file without file_id: %v", last.DownloadURL)
	}
	one := decode[listedFile](t, a.get(listPath+"/f1?expand=download_url").want(t, 200).body)
	if one.DownloadURL["url"] == "" {
		t.Error("get does not expand download_url")
	}
	if strings.Contains(string(a.get(listPath).body), "download_url") {
		t.Error("download_url is there without having been asked for")
	}
}

func TestServer_ListDirectoryFiles_Cursor(t *testing.T) {
	o := Options{Corpus: tinyCorpus(t), Seed: 7}
	a := serve(t, o)
	token := *a.list(listPath + "?page_size=2").Next
	for _, query := range []string{
		"?file_id=file-1&page_token=", "?include_deleted=true&page_token=", "?project_id=" + project + "&page_token=",
	} {
		a.get(listPath+query+token).want(t, 422)
	}
	a.get("/api/v1/beta/directories/dir-b/files?page_token="+token).want(t, 422)
	a.get("/api/v1/beta/files?page_token="+token).want(t, 422)
	a.get(listPath+"?page_token="+token[:len(token)-2]).want(t, 422)
	for _, b := range []*api{a, serve(t, o)} {
		if got := b.list(listPath + "?page_size=1&page_token=" + token); got.Items[0].ID != "f4" {
			t.Errorf("the page after f2 begins with %s, want f4", got.Items[0].ID)
		}
	}
	serve(t, Options{Corpus: o.Corpus, Seed: 8}).get(listPath+"?page_token="+token).want(t, 422)
}

func TestServer_ListDirectoryFiles_CursorIsStable(t *testing.T) {
	a := serve(t, Options{})
	token := *a.list(listPath + "?page_size=2").Next
	a.do("DELETE", listPath+"/f2", "").want(t, 204)
	a.do("PATCH", listPath+"/f1", `{"target_directory_id":"dir-b"}`).want(t, 200)
	added := decode[listedFile](t, a.do("POST", listPath, `{"file_id":"file-2"}`).want(t, 201).body)
	want := []string{"f4", "f5", added.ID}
	var got []string
	for _, f := range a.list(listPath + "?page_token=" + token).Items {
		got = append(got, f.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("second page after changes (-want +got):\n%s", diff)
	}
}

func TestServer_ListProjectFiles(t *testing.T) {
	a := serve(t, Options{})
	const path = "/api/v1/beta/files"
	for query, want := range map[string][]string{
		"?page_size=2":                        {"file-1", "file-2", "file-3", "file-6"},
		"?project_id=" + project:              {"file-1", "file-2", "file-3", "file-6"},
		"?file_ids=file-2&file_ids=file-6":    {"file-2", "file-6"},
		"?file_name=Gamma.pdf":                {"file-3"},
		"?external_file_id=u1":                {"file-1"},
		"?expand=download_url&file_name=nope": {},
	} {
		if diff := cmp.Diff(want, a.ids(path+query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	want := `{"id":"file-1","name":"Alpha Report.pdf","project_id":"project-1","external_file_id":"u1","file_type":"pdf",` +
		`"last_modified_at":"2024-06-01T12:00:00.123456Z","purpose":"parse","expires_at":null,"download_url":null}`
	want = `{"items":[` + want + `],"next_page_token":"`
	if got := string(a.get(path + "?page_size=1").body); !strings.HasPrefix(got, want) {
		t.Errorf("first page %s\nwant %s…", got, want)
	}
	if got := a.list(path + "?file_ids=file-1&expand=download_url").Items[0].DownloadURL; got["url"] == "" {
		t.Error("download_url is not expanded")
	}
	for order, want := range map[string][]string{
		"name": {"file-1", "file-2", "file-3", "file-6"}, "name desc": {"file-6", "file-3", "file-2", "file-1"},
		"id": {"file-1", "file-2", "file-3", "file-6"}, "created_at desc": {"file-6", "file-3", "file-2", "file-1"},
		"created_at": {"file-1", "file-2", "file-3", "file-6"}, "": {"file-1", "file-2", "file-3", "file-6"},
	} {
		for size := range 4 {
			query := fmt.Sprintf("?order_by=%s&page_size=%d", url.QueryEscape(order), size+1)
			if diff := cmp.Diff(want, a.ids(path+query)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", query, diff)
			}
		}
	}
	for _, order := range []string{"size", "name up", "name,", "-name"} {
		a.get(path+"?order_by="+url.QueryEscape(order)).want(t, 422)
	}
	a.get(path+"?page_size=0").want(t, 422)
	a.get(path+"?page_token=x").want(t, 422)
}

func TestServer_ListPipelineFiles(t *testing.T) {
	a := serve(t, Options{})
	type body struct {
		Files []struct {
			ID         string  `json:"id"`
			PipelineID string  `json:"pipeline_id"`
			FileID     *string `json:"file_id"`
			Name       string  `json:"name"`
			Status     string  `json:"status"`
			UpdatedAt  string  `json:"updated_at"`
		} `json:"files"`
		Total  int `json:"total_count"`
		Offset int `json:"offset"`
	}
	const path = "/api/v1/pipelines/dir-a/files2"
	var got []string
	for offset := 0; ; {
		page := decode[body](t, a.get(fmt.Sprintf("%s?limit=3&offset=%d", path, offset)).want(t, 200).body)
		if page.Total != 4 || page.Offset != offset {
			t.Errorf("total_count %d, offset %d; want 4, %d", page.Total, page.Offset, offset)
		}
		for _, f := range page.Files {
			got = append(got, f.ID)
			if f.PipelineID != "dir-a" || f.Status != "SUCCESS" || f.UpdatedAt == "" ||
				(f.FileID == nil) != (f.ID == "f5") {
				t.Errorf("item %+v", f)
			}
		}
		if offset += len(page.Files); offset >= page.Total {
			break
		}
	}
	if want := []string{"f1", "f2", "f4", "f5"}; !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
	for query, want := range map[string]int{
		"?file_name_contains=alpha": 2, "?statuses=ERROR": 0, "?statuses=ERROR&statuses=SUCCESS": 4, "?offset=9": 4,
		"?statuses=": 4, "?data_source_id=none": 0, "?only_manually_uploaded=true": 4,
	} {
		if page := decode[body](t, a.get(path+query).want(t, 200).body); page.Total != want {
			t.Errorf("%s: total_count %d, want %d", query, page.Total, want)
		}
	}
	for _, query := range []string{
		"?limit=0", "?limit=1001", "?offset=-1", "?offset=x", "?statuses=DONE", "?only_manually_uploaded=2", "?order_by=size",
	} {
		a.get(path+query).want(t, 422)
	}
}
