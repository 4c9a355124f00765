package llamacloud

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// collect returns the ids of a listing and the error that ended it.
func collect[T any](items iter.Seq2[T, error], id func(T) string) ([]string, error) {
	var ids []string
	for item, err := range items {
		if err != nil {
			return ids, err
		}
		ids = append(ids, id(item))
	}
	return ids, nil
}

func directoryFileID(f DirectoryFile) string { return f.ID }

// serveTokens answers with the page that belongs to the page_token.
func serveTokens(pages map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, pages[r.URL.Query().Get("page_token")])
	}
}

func TestClient_DirectoryFiles_Pages(t *testing.T) {
	last := map[string]string{
		"null":   `{"items":[{"id":"c"}],"next_page_token":null}`,
		"absent": `{"items":[{"id":"c"}]}`,
		"empty":  `{"items":[{"id":"c"}],"next_page_token":""}`,
		"twice":  `{"items":[{"id":"c"}],"next_page_token":"x","next_page_token":null}`,
	}
	for name, page := range last {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, serveTokens(map[string]string{
				"":      `{"items":[{"id":"a"},{"id":"b"}],"next_page_token":"t/1 +"}`,
				"t/1 +": `{"items":[],"next_page_token":"t2"}`,
				"t2":    page,
			}))
			files := a.client.DirectoryFiles(t.Context(), "dir", DirectoryFilesQuery{})
			for range 2 {
				got, err := collect(files, directoryFileID)
				if diff := cmp.Diff([]string{"a", "b", "c"}, got); diff != "" || err != nil {
					t.Errorf("files (-want +got):\n%s%v", diff, err)
				}
			}
			for range files {
				break
			}
		})
	}
}

func TestClient_DirectoryFiles_CursorRepeats(t *testing.T) {
	a := newAPI(t, serveTokens(map[string]string{
		"":   `{"items":[{"id":"a"}],"next_page_token":"t1"}`,
		"t1": `{"items":[{"id":"b"}],"next_page_token":"t2"}`,
		"t2": `{"items":[{"id":"c"}],"next_page_token":"t1"}`,
	}))
	got, err := collect(a.client.DirectoryFiles(t.Context(), "dir", DirectoryFilesQuery{}), directoryFileID)
	if !errors.Is(err, ErrCursorRepeats) || len(got) != 3 {
		t.Errorf("got %v and %v, want three files and %v", got, err, ErrCursorRepeats)
	}
}

// A listing whose tokens are always new, but whose pages repeat, ends.
func TestClient_DirectoryFiles_PagesRepeat(t *testing.T) {
	for _, length := range []int{1, 2, 7} {
		requests := 0
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			page := requests
			if page >= 3 {
				page = 3 + (page-3)%length
			}
			requests++
			_, _ = fmt.Fprintf(w, `{"items":[{"id":"%d"},{"id":"x"}],"next_page_token":"t%d"}`, page, requests)
		})
		_, err := collect(a.client.DirectoryFiles(t.Context(), "dir", DirectoryFilesQuery{}), directoryFileID)
		if !errors.Is(err, ErrCursorRepeats) || requests < 3+length || requests > 8*(3+length) {
			t.Errorf("%d pages repeat: got %v after %d requests, want %v", length, err, requests, ErrCursorRepeats)
		}
	}
}

func TestClient_DirectoryFiles_EmptyPagesEnd(t *testing.T) {
	requests := 0
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		requests++
		_, _ = fmt.Fprintf(w, `{"items":[],"next_page_token":"t%d"}`, requests)
	})
	_, err := collect(a.client.DirectoryFiles(t.Context(), "dir", DirectoryFilesQuery{}), directoryFileID)
	if !errors.Is(err, ErrListingStuck) || requests != maxEmptyPages+1 {
		t.Errorf("got %v after %d requests, want %v after %d", err, requests, ErrListingStuck, maxEmptyPages+1)
	}
}

func TestClient_DirectoryFiles_MalformedIsTriedOnceMore(t *testing.T) {
	deep := `{"items":[{"id":"a","metadata":` + strings.Repeat(`{"a":`, 64) + "1" + strings.Repeat("}", 64) + `}]}`
	for name, body := range map[string]string{
		"HTML": "<html>", "empty object": "{}", "null": "null", "array": "[]", "null items": `{"items":null}`, "nothing": "",
		"no id": `{"items":[{"file_id":"x"}]}`, "null item": `{"items":[null]}`, "cut off": `{"items":[{"id":"a"}`,
		"deep": deep, "token is a number": `{"items":[],"next_page_token":3}`,
		"bad time": `{"items":[{"id":"a","updated_at":"now"}]}`,
		"huge":     `{"items":[{"id":"` + strings.Repeat("a", 1<<16) + `"}]}`, "two": `{"items":[]}{}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
					requests++
					_, _ = io.WriteString(w, body)
				})
				a.client.maxJSON = 1 << 16
				_, err := collect(a.client.DirectoryFiles(t.Context(), "dir", DirectoryFilesQuery{}), directoryFileID)
				if failed, ok := errors.AsType[*RequestError](err); !ok || failed.Class != ClassMalformed || requests != 2 {
					t.Errorf("got %v after %d requests, want class malformed after 2", err, requests)
				}
			})
		})
	}
}

func TestClient_DirectoryFiles_SendsTheQuery(t *testing.T) {
	var got []url.Values
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		if want := "/api/v1/beta/directories/dir-1/files"; r.URL.Path != want {
			t.Errorf("path %s, want %s", r.URL.Path, want)
		}
		got = append(got, r.URL.Query())
		_, _ = io.WriteString(w, `{"items":[]}`)
	})
	for _, q := range []DirectoryFilesQuery{
		{},
		{PageSize: 1 << 20},
		{
			DisplayName: "a b&c", DisplayNameContains: "é", FileID: "f", UniqueID: "u", IncludeDeleted: true,
			UpdatedAtOnOrAfter:  time.Date(2024, 5, 1, 12, 0, 0, 5000, time.FixedZone("", 7200)),
			UpdatedAtOnOrBefore: time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC),
			Expand:              []string{"download_url", "x"}, PageSize: 7,
		},
	} {
		if _, err := collect(a.client.DirectoryFiles(t.Context(), "dir-1", q), directoryFileID); err != nil {
			t.Fatal(err)
		}
	}
	want := []url.Values{
		{"page_size": {"1000"}},
		{"page_size": {"1000"}},
		{
			"page_size": {"7"}, "display_name": {"a b&c"}, "display_name_contains": {"é"}, "file_id": {"f"},
			"unique_id": {"u"}, "include_deleted": {"true"}, "expand": {"download_url", "x"},
			"updated_at_on_or_after": {"2024-05-01T10:00:00.000005Z"}, "updated_at_on_or_before": {"2024-06-01T00:00:00Z"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
}

func TestClient_ProjectFiles(t *testing.T) {
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/beta/files" || r.URL.Query().Get("page_size") != "1000" {
			t.Errorf("request for %s", r.URL)
		}
		serveTokens(map[string]string{
			"":  `{"items":[{"id":"a","name":"A","project_id":"p","external_file_id":null}],"next_page_token":"t","total_size":2}`,
			"t": `{"items":[{"id":"b","last_modified_at":"2024-05-01T12:00:00"}],"next_page_token":null}`,
		})(w, r)
	})
	var got []ProjectFile
	for f, err := range a.client.ProjectFiles(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, f)
	}
	want := []ProjectFile{
		{ID: "a", ProjectID: "p", Name: Value("A"), ExternalFileID: Null[string]()},
		{ID: "b", LastModifiedAt: Value(Timestamp{time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)})},
	}
	if diff := cmp.Diff(want, got, unexported()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// serveOffsets answers as a pipeline with total files does, in pages of at most the limit.
func serveOffsets(t *testing.T, total int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var offset, limit int
		if _, err := fmt.Sscan(r.URL.Query().Get("offset")+" "+r.URL.Query().Get("limit"), &offset, &limit); err != nil {
			t.Error(err)
		}
		var items []string
		for i := offset; i < min(offset+limit, total); i++ {
			items = append(items, fmt.Sprintf(`{"id":"%d"}`, i))
		}
		_, _ = fmt.Fprintf(w, `{"files":[%s],"total_count":%d,"offset":%d}`, strings.Join(items, ","), total, offset)
	}
}

func TestClient_PipelineFiles_Pages(t *testing.T) {
	for _, total := range []int{0, 1, pipelinePageSize - 1, pipelinePageSize, pipelinePageSize + 1, 3 * pipelinePageSize} {
		a := newAPI(t, serveOffsets(t, total))
		files := a.client.PipelineFiles(t.Context(), "pipe")
		got, err := collect(files, func(f PipelineFile) string { return f.ID })
		if err != nil {
			t.Fatal(err)
		}
		if distinct := slices.Compact(slices.Sorted(slices.Values(got))); len(got) != total || len(distinct) != total {
			t.Errorf("%d files, %d of them distinct, want %d", len(got), len(distinct), total)
		}
		for range files {
			break
		}
	}
}

func TestClient_PipelineFiles_CannotBeTrusted(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		want error
	}{
		"the offset is ignored":    {`{"files":[{"id":"a"}],"total_count":5,"offset":0}`, ErrCursorRepeats},
		"files are missing":        {`{"files":[],"total_count":5,"offset":0}`, ErrListingStuck},
		"files are missing, later": {`{"files":[],"total_count":5}`, ErrListingStuck},
		"the page repeats":         {`{"files":[{"id":"a"}]}`, ErrCursorRepeats},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, answerWith(test.body))
			_, err := collect(a.client.PipelineFiles(t.Context(), "pipe"), func(f PipelineFile) string { return f.ID })
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestClient_PipelineFiles_WithoutATotalEndsWithAnEmptyPage(t *testing.T) {
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("offset") == "0" {
			_, _ = io.WriteString(w, `{"files":[{"id":"a"},{"id":"b"}]}`)
			return
		}
		_, _ = io.WriteString(w, `{"files":[],"total_count":null}`)
	})
	got, err := collect(a.client.PipelineFiles(t.Context(), "pipe"), func(f PipelineFile) string { return f.ID })
	if diff := cmp.Diff([]string{"a", "b"}, got); diff != "" || err != nil {
		t.Errorf("files (-want +got):\n%s%v", diff, err)
	}
}
