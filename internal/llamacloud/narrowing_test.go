package llamacloud

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/pipeline"
)

// filesOf returns the ids of the files of a selection, and the queries of their listings without what is always in them.
func filesOf(t *testing.T, s Selection, answer func(w http.ResponseWriter, q url.Values)) (ids, queries []string) {
	t.Helper()
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		answer(w, q)
		for _, always := range []string{"order_by", "page_size", "limit", "offset"} {
			q.Del(always)
		}
		queries = append(queries, q.Encode())
	})
	for _, listing := range NewSource(a.client, s).Listings(t.Context()) {
		for f, err := range listing.Files {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, f.ID)
		}
	}
	return ids, queries
}

// The API is asked for what a filter lets through, where it can tell, and the filter decides all the same.
func TestSource_NarrowListings(t *testing.T) {
	const files = `{"id":"a","file_id":"a","name":"Invoice 1.pdf","external_file_id":"x"},` +
		`{"id":"b","file_id":"b","name":"INVOICE 2.pdf","external_file_id":"y"}`
	project, pipelines := Selection{Project: true}, Selection{Pipelines: []pipeline.ID{"pipe"}}
	with := func(s Selection, change func(*Selection)) Selection {
		change(&s)
		return s
	}
	for _, tt := range []struct {
		name  string
		s     Selection
		want  []string
		query string
	}{
		{"project", project, []string{"a", "b"}, ""},
		{"project, name", with(project, func(s *Selection) { s.DisplayName = "Invoice 1.pdf" }), []string{"a"}, "file_name=Invoice+1.pdf"},
		{"project, part of a name", with(project, func(s *Selection) { s.DisplayNameContains = "Invoice" }), []string{"a"}, ""},
		{"project, ids", with(project, func(s *Selection) { s.UniqueID, s.FileID = "y", "b" }), []string{"b"}, "external_file_id=y&file_ids=b"},
		{"pipeline", pipelines, []string{"a", "b"}, ""},
		{"pipeline, name", with(pipelines, func(s *Selection) { s.DisplayName = "Invoice 1.pdf" }), []string{"a"}, "file_name_contains=Invoice+1.pdf"},
		{"pipeline, part of a name", with(pipelines, func(s *Selection) { s.DisplayNameContains = "Invoice" }), []string{"a"}, "file_name_contains=Invoice"},
		{"pipeline, wild card", with(pipelines, func(s *Selection) { s.DisplayNameContains = "e_1" }), nil, ""},
		{"pipeline, backslash", with(pipelines, func(s *Selection) { s.DisplayNameContains = `\` }), nil, ""},
		{"pipeline, no ASCII", with(pipelines, func(s *Selection) { s.DisplayNameContains = "é" }), nil, ""},
		{"pipeline, blank", with(pipelines, func(s *Selection) { s.DisplayNameContains = "Invoice " }), []string{"a"}, ""},
		{"pipeline, ids", with(pipelines, func(s *Selection) { s.UniqueID = "y" }), []string{"b"}, ""},
	} {
		ids, queries := filesOf(t, tt.s, func(w http.ResponseWriter, _ url.Values) {
			_, _ = fmt.Fprintf(w, `{"items":[%s],"files":[%[1]s],"total_count":2}`, files)
		})
		if diff := cmp.Diff(tt.want, ids); diff != "" || len(queries) == 0 || queries[0] != tt.query {
			t.Errorf("%s: asked %q, want %q first; files (-want +got):\n%s", tt.name, queries, tt.query, diff)
		}
	}
}

// An API that does not take the filter is asked for all.
func TestSource_NarrowListings_Refused(t *testing.T) {
	for _, status := range []int{400, 422} {
		ids, queries := filesOf(t, Selection{Project: true, FileID: "b"}, func(w http.ResponseWriter, q url.Values) {
			if q.Has("file_ids") {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, `{"detail":[{"loc":["query","file_ids",0],"msg":"no UUID","type":"uuid_parsing"}]}`)
				return
			}
			_, _ = io.WriteString(w, `{"items":[{"id":"a"},{"id":"b"}]}`)
		})
		if diff := cmp.Diff([]string{"b"}, ids); diff != "" || queries[len(queries)-1] != "" {
			t.Errorf("%d: asked %q; files (-want +got):\n%s", status, queries, diff)
		}
	}
}

// A total that is one of all files does not make a narrower listing look cut off.
func TestSource_NarrowListings_TotalOfAll(t *testing.T) {
	ids, queries := filesOf(t, Selection{Pipelines: []pipeline.ID{"p"}, DisplayName: "b"}, func(w http.ResponseWriter, q url.Values) {
		files := []string{`{"file_id":"a","name":"a"}`, `{"file_id":"b","name":"b"}`, `{"file_id":"c","name":"c"}`}
		if q.Has("file_name_contains") {
			files = files[1:2]
		}
		offset := min(len(q.Get("offset"))-1+int(q.Get("offset")[0]-'0'), len(files))
		_, _ = fmt.Fprintf(w, `{"files":[%s],"total_count":3}`, strings.Join(files[offset:], ","))
	})
	if len(ids) == 0 || ids[len(ids)-1] != "b" || queries[len(queries)-1] != "" {
		t.Errorf("asked %q, got %q, want b in the end, of all", queries, ids)
	}
}
