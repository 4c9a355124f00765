package llamacloud

import (
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/pipeline"
)

func may(day int) time.Time { return time.Date(2024, 5, day, 0, 0, 0, 0, time.UTC) }

// library answers the three sorts of listings.
func library(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, map[string]string{
		"/api/v1/beta/directories/dir/files": `{"items":[
			{"id":"df1","directory_id":"other","project_id":"p","file_id":"f1","display_name":"One","unique_id":"u1",
			 "metadata":{ "z": 1, "a": null },"created_at":"2024-05-01T00:00:00","updated_at":"2024-05-02T00:00:00Z",
			 "deleted_at":"2024-05-03T00:00:00Z"},
			{"id":"df2","file_id":null,"metadata":null,"display_name":""}]}`,
		"/api/v1/pipelines/pipe/files2": `{"total_count":3,"files":[
			{"id":"pf1","pipeline_id":"other","file_id":"f2","project_id":"p","name":"Two","external_file_id":"u2",
			 "custom_metadata":{"k":1},"created_at":"2024-05-01T00:00:00Z","updated_at":"2024-05-04T00:00:00Z",
			 "last_modified_at":"2024-05-05T00:00:00Z"},
			{"id":"pf2"},
			{"id":"pf3","file_id":"f1","name":"One"}]}`,
		"/api/v1/beta/files": `{"items":[
			{"id":"f3","project_id":"p","name":"Three","external_file_id":"u3","last_modified_at":"2024-05-06T00:00:00Z","expires_at":"2024-05-07T00:00:00Z"}]}`,
	}[r.URL.Path])
}

func selectAll() Selection {
	return Selection{
		Directories: []pipeline.ID{"dir"}, Pipelines: []pipeline.ID{"pipe"}, Files: []pipeline.ID{"f9", "f1"}, Project: true,
	}
}

// allFiles yields the files of all listings.
func allFiles(t *testing.T, s *Source) iter.Seq2[pipeline.File, error] {
	return func(yield func(pipeline.File, error) bool) {
		for _, l := range s.Listings(t.Context()) {
			for f, err := range l.Files {
				if !yield(f, err) {
					return
				}
			}
		}
	}
}

func files(t *testing.T, a *api, sel Selection) []pipeline.File {
	t.Helper()
	var got []pipeline.File
	for f, err := range allFiles(t, NewSource(a.client, sel)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, f)
	}
	return got
}

func TestSource_Files_MapsAllListingsInOrder(t *testing.T) {
	a := newAPI(t, library)
	want := []pipeline.File{
		{
			ID: "f1", DirectoryID: "dir", DirectoryFileID: "df1", ProjectID: "p", DisplayName: new("One"), UniqueID: new("u1"),
			Metadata: json.RawMessage(`{"z":1,"a":null}`), CreatedAt: may(1), UpdatedAt: may(2), DeletedAt: may(3),
		},
		{DirectoryID: "dir", DirectoryFileID: "df2", DisplayName: new("")},
		{
			ID: "f2", PipelineID: "pipe", ProjectID: "p", DisplayName: new("Two"), UniqueID: new("u2"),
			Metadata: json.RawMessage(`{"k":1}`), CreatedAt: may(1), UpdatedAt: may(5),
		},
		{PipelineID: "pipe", DirectoryFileID: "pf2"},
		{ID: "f1", PipelineID: "pipe", DisplayName: new("One")},
		{
			ID: "f3", ProjectID: "p", DisplayName: new("Three"), UniqueID: new("u3"), UpdatedAt: may(6),
			ExpiresAt: may(7),
		},
		{ID: "f9"},
		{ID: "f1"},
	}
	if diff := cmp.Diff(want, files(t, a, selectAll())); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	var keys []pipeline.SourceKey
	for _, l := range NewSource(a.client, selectAll()).Listings(t.Context()) {
		keys = append(keys, l.Key)
	}
	if want := []pipeline.SourceKey{"directory:dir", "pipeline:pipe", "project", "file:f9", "file:f1"}; !slices.Equal(keys, want) {
		t.Errorf("listings %q, want %q", keys, want)
	}
	for range allFiles(t, NewSource(a.client, selectAll())) {
		break
	}
}

func TestSource_Files_FiltersListingsThatCannot(t *testing.T) {
	tests := []struct {
		name   string
		filter func(*Selection)
		want   string
	}{
		{"display name", func(s *Selection) { s.DisplayName = "Two" }, "f2"},
		{"part of a display name", func(s *Selection) { s.DisplayNameContains = "o" }, "f2"},
		{"unique id", func(s *Selection) { s.UniqueID = "u3" }, "f3"},
		{"file id", func(s *Selection) { s.FileID = "f1" }, "f1"},
		{"updated on or after", func(s *Selection) { s.UpdatedAtOnOrAfter = may(6) }, "pf2 f1 f3"},
		{"updated on or before", func(s *Selection) { s.UpdatedAtOnOrBefore = may(5) }, "f2 pf2 f1"},
		{"both", func(s *Selection) { s.FileID, s.DisplayName = "f1", "Two" }, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sel := Selection{Pipelines: []pipeline.ID{"pipe"}, Project: true}
			test.filter(&sel)
			var got []string
			for _, f := range files(t, newAPI(t, library), sel) {
				got = append(got, f.ID+f.DirectoryFileID)
			}
			if ids := strings.Join(got, " "); ids != test.want {
				t.Errorf("got %q, want %q", ids, test.want)
			}
		})
	}
}

func TestSource_Files_SendsFiltersOfDirectories(t *testing.T) {
	query := ""
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		query = r.URL.RawQuery
		_, _ = io.WriteString(w, `{"items":[]}`)
	})
	files(t, a, Selection{
		Directories: []pipeline.ID{"dir"}, DisplayName: "a", DisplayNameContains: "b", UniqueID: "c", FileID: "d",
		IncludeDeleted: true, UpdatedAtOnOrAfter: may(1), UpdatedAtOnOrBefore: may(2),
	})
	want := "display_name=a&display_name_contains=b&file_id=d&include_deleted=true&page_size=1000&unique_id=c" +
		"&updated_at_on_or_after=2024-05-01T00%3A00%3A00Z&updated_at_on_or_before=2024-05-02T00%3A00%3A00Z"
	if query != want {
		t.Errorf("query %s\nwant  %s", query, want)
	}
}

func TestSource_Files_ListingErrors(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		text   string
	}{
		"refused": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(404)
			_, _ = io.WriteString(w, `{"detail":"no such directory"}`)
		}, "no such directory"},
		"exhausted":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "500"},
		"malformed":      {answerWith("<html>"), "decode answer"},
		"cursor repeats": {answerWith(`{"items":[{"id":"x"}],"next_page_token":"t"}`), ErrCursorRepeats.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, test.answer)
				var last error
				for _, err := range allFiles(t, NewSource(a.client, Selection{Directories: []pipeline.ID{"dir"}})) {
					if last != nil {
						t.Fatal("the sequence goes on after an error")
					}
					last = err
				}
				listing, ok := errors.AsType[*ListingError](last)
				if !ok || listing.What != "directory dir" || !strings.Contains(last.Error(), test.text) {
					t.Errorf("got %v, want a ListingError with %q", last, test.text)
				}
				if _, ok := errors.AsType[*pipeline.Failure](last); ok {
					t.Error("it is a Failure")
				}
				checkNoKey(t, last)
			})
		})
	}
}

func TestSource_Files_BadIDIsQuoted(t *testing.T) {
	a := newAPI(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	for _, err := range allFiles(t, NewSource(a.client, Selection{Directories: []pipeline.ID{"\x1b[31m"}})) {
		listing, ok := errors.AsType[*ListingError](err)
		if !ok || listing.What != `directory "\x1b[31m"` || !errors.Is(err, pipeline.ErrBadID) {
			t.Errorf("got %v", err)
		}
	}
}

func TestSource_Files_WhatEndsTheRunStaysAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, library)
		a.source.Stop()
		for _, err := range allFiles(t, NewSource(a.client, selectAll())) {
			if _, ok := errors.AsType[*ListingError](err); ok || !errors.Is(err, pipeline.ErrStopped) {
				t.Errorf("got %v, want %v", err, pipeline.ErrStopped)
			}
			break
		}
	})
}

func TestSource_Assets(t *testing.T) {
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, map[string]string{
			"/api/v1/files/f/page_screenshots": `[{"file_id":"other","page_index":7,"image_size":0,"metadata":{ "a": 1 }}]`,
			"/api/v1/files/f/page-figures": `[{"page_index":1,"figure_name":"../x","figure_size":9,"confidence":0,
				"is_likely_noise":false},{"page_index":0,"figure_name":"y","is_likely_noise":null,"metadata":null}]`,
		}[r.URL.Path])
	})
	want := map[pipeline.Kind][]*pipeline.Asset{
		pipeline.Screenshot: {{
			FileID: "f", Kind: pipeline.Screenshot, Origin: pipeline.OriginFile, PageIndex: 7, ListedSize: new(int64(0)), Metadata: json.RawMessage(`{"a":1}`),
		}},
		pipeline.Figure: {
			{
				FileID: "f", Kind: pipeline.Figure, Origin: pipeline.OriginFile, PageIndex: 1, FigureName: "../x", ListedSize: new(int64(9)),
				Confidence: new(0.0), IsLikelyNoise: new(false),
			},
			{FileID: "f", Kind: pipeline.Figure, Origin: pipeline.OriginFile, FigureName: "y"},
		},
	}
	for kind, assets := range want {
		got, err := a.source.Assets(t.Context(), wanted("f", kind), roomy)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(assets, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
	}
	if _, err := a.source.Assets(t.Context(), wanted("f", "video"), roomy); err == nil {
		t.Error("a kind that does not exist is listed")
	}
}

func TestSource_Assets_Failures(t *testing.T) {
	for class, answer := range map[string]http.HandlerFunc{
		"http_403":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) },
		"http_404":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
		"http_410":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(410) },
		"http_422":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(422) },
		ClassStalled:  func(w http.ResponseWriter, r *http.Request) { chunked(w, []byte("[")); stall(w, r) },
		ClassSlow:     func(w http.ResponseWriter, r *http.Request) { trickleOf(w, r, ' ') },
		ClassTimeout:  stallHeaders,
		ClassEncoding: func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Encoding", "br") },
	} {
		t.Run(class, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
					if strings.Contains(r.URL.Path, "/well/") {
						_, _ = io.WriteString(w, "[]")
						return
					}
					answer(w, r)
				})
				if _, err := a.source.Assets(t.Context(), wanted("well", pipeline.Figure), roomy); err != nil {
					t.Fatal(err)
				}
				_, err := a.source.Assets(t.Context(), wanted("f", pipeline.Figure), roomy)
				if failure, ok := errors.AsType[*pipeline.Failure](err); !ok || failure.Class != class {
					t.Errorf("got %v, want a failure of class %s", err, class)
				}
			})
		})
	}
}

func stall(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

func stallHeaders(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func TestSource_Assets_MalformedIsTheFilesFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, answerWith(`{}`))
		_, err := a.source.Assets(t.Context(), wanted("f", pipeline.Figure), roomy)
		if failure, ok := errors.AsType[*pipeline.Failure](err); !ok || failure.Class != ClassMalformed || !failure.Final {
			t.Errorf("got %v, want a final failure of the file", err)
		}
		if n := len(eventsOf[pipeline.Requested](a.events)); n != 2 {
			t.Errorf("%d requests, want 2", n)
		}
	})
}
