package llamacloud

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
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

// A page that cannot be read is tried once more, and then by halves down to a single item; one that is too large by halves at
// once.
func TestClient_DirectoryFiles_MalformedIsTriedByHalves(t *testing.T) {
	deep := `{"items":[{"id":"a","metadata":` + strings.Repeat(`{"a":`, 64) + "1" + strings.Repeat("}", 64) + `}]}`
	for name, body := range map[string]string{
		"HTML": "<html>", "empty object": "{}", "null": "null", "array": "[]", "null items": `{"items":null}`, "nothing": "",
		"cut off": `{"items":[{"id":"a"}`, "deep": deep, "token is a number": `{"items":[],"next_page_token":3}`,
		"huge": `{"items":[{"id":"` + strings.Repeat("a", 1<<16) + `"}]}`, "two": `{"items":[]}{}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sizes []string
				a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
					sizes = append(sizes, r.URL.Query().Get("page_size"))
					_, _ = io.WriteString(w, body)
				})
				a.client.maxJSON = 1 << 16
				_, err := collect(a.client.DirectoryFiles(t.Context(), "dir", DirectoryFilesQuery{PageSize: 5}), directoryFileID)
				want := []string{"5", "5", "2", "1"}
				if name == "huge" {
					want = []string{"5", "2", "1"}
				}
				if failed, ok := errors.AsType[*RequestError](err); !ok || failed.Class != ClassMalformed || !slices.Equal(sizes, want) {
					t.Errorf("got %v after pages of %q, want class malformed after %q", err, sizes, want)
				}
			})
		})
	}
}

// Pages become larger again after one that was hard to read, but not larger than what was refused.
func TestClient_DirectoryFiles_PageSizes(t *testing.T) {
	const count = 40
	for name, test := range map[string]struct {
		hinder func(w http.ResponseWriter, offset, size int) bool
		want   []int
	}{
		"refused as too large": {func(w http.ResponseWriter, _, size int) bool {
			if size > 10 {
				w.WriteHeader(422)
				_, _ = io.WriteString(w, `{"detail":[{"loc":["query","page_size"],"msg":"too large","type":"less_than_equal"}]}`)
			}
			return size > 10
		}, []int{32, 16, 8, 8, 8, 8, 8}},
		"too large once": {func(w http.ResponseWriter, offset, size int) bool {
			if offset == 0 && size > 4 {
				_, _ = io.WriteString(w, strings.Repeat(" ", 1<<16)+"{}")
			}
			return offset == 0 && size > 4
		}, []int{32, 16, 8, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4}},
		"malformed once": {func(w http.ResponseWriter, offset, size int) bool {
			if offset == 0 && size > 4 {
				_, _ = io.WriteString(w, "[")
			}
			return offset == 0 && size > 4
		}, []int{32, 32, 16, 8, 4, 8, 16, 32}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sizes []int
				a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
					offset, _ := strconv.Atoi(r.URL.Query().Get("page_token"))
					size, _ := strconv.Atoi(r.URL.Query().Get("page_size"))
					sizes = append(sizes, size)
					if test.hinder(w, offset, size) {
						return
					}
					var items []string
					for i := offset; i < min(offset+size, count); i++ {
						items = append(items, fmt.Sprintf(`{"id":"%d"}`, i))
					}
					next := ""
					if offset+size < count {
						next = strconv.Itoa(offset + size)
					}
					_, _ = fmt.Fprintf(w, `{"items":[%s],"next_page_token":%q}`, strings.Join(items, ","), next)
				})
				a.client.maxJSON = 1 << 16
				got, err := collect(a.client.DirectoryFiles(t.Context(), "dir", DirectoryFilesQuery{PageSize: 32}), directoryFileID)
				if err != nil || len(got) != count || !slices.Equal(sizes, test.want) {
					t.Errorf("%d files, %v, in pages of %v, want %d in pages of %v", len(got), err, sizes, count, test.want)
				}
			})
		})
	}
}

// An order is asked for, and done without where it is refused.
func TestClient_ProjectFiles_OrderIsRefused(t *testing.T) {
	for _, status := range []int{400, 422} {
		var orders []string
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			orders = append(orders, r.URL.Query().Get("order_by"))
			if r.URL.Query().Has("order_by") {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, `{"detail":[{"loc":["query","order_by"],"msg":"no"}]}`)
				return
			}
			_, _ = io.WriteString(w, `{"items":[{"id":"a"}]}`)
		})
		for range 2 {
			got, err := collect(a.client.ProjectFiles(t.Context(), ProjectFilesQuery{}), func(f ProjectFile) string { return f.ID })
			if err != nil || len(got) != 1 {
				t.Errorf("%d: got %v, %v", status, got, err)
			}
		}
		if want := map[int][]string{400: {"id", "", "id", ""}, 422: {"id", "", ""}}[status]; !slices.Equal(orders, want) {
			t.Errorf("%d: orders %q, want %q", status, orders, want)
		}
	}
}

// A page behind the first that is refused says nothing of what was asked for: its cursor is not known any more.
func TestIsRefusal(t *testing.T) {
	for token, want := range map[string]bool{"": true, "t": false} {
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("page_token") == token {
				w.WriteHeader(400)
				return
			}
			_, _ = io.WriteString(w, `{"items":[{"id":"a"}],"next_page_token":"t"}`)
		})
		_, err := collect(a.client.DirectoryFiles(t.Context(), "dir", DirectoryFilesQuery{}), directoryFileID)
		if got := IsRefusal(&ListingError{Err: err}); got != want || errors.Is(err, ErrCursorRefused) == want {
			t.Errorf("refused at the page of %q: %v is final: %v, want %v", token, err, got, want)
		}
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
	for f, err := range a.client.ProjectFiles(t.Context(), ProjectFilesQuery{}) {
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
