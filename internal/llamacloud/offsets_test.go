package llamacloud

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func pipelineFileID(f PipelineFile) string { return f.ID }

// offsetAPI is a pipeline whose files may change between two requests.
type offsetAPI struct {
	t     *testing.T
	files []string
	// total is what the API says there are; nil: it says nothing. most bounds a page; 0 does not. echo makes the API say so.
	total func(int) int
	most  int
	echo  bool
	// before is called before each request, with the number of those before it.
	before   func(request int)
	requests int
}

func (o *offsetAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if o.before != nil {
		o.before(o.requests)
	}
	o.requests++
	var offset, limit int
	if _, err := fmt.Sscan(r.URL.Query().Get("offset")+" "+r.URL.Query().Get("limit"), &offset, &limit); err != nil {
		o.t.Error(err)
	}
	if o.most > 0 {
		limit = min(limit, o.most)
	}
	var items []string
	for i := offset; i < min(offset+limit, len(o.files)); i++ {
		items = append(items, fmt.Sprintf(`{"id":%q}`, o.files[i]))
	}
	total := ""
	if o.total != nil {
		total = fmt.Sprintf(`,"total_count":%d,"offset":%d`, o.total(len(o.files)), offset)
	}
	if o.echo {
		total += fmt.Sprintf(`,"limit":%d`, limit)
	}
	_, _ = fmt.Fprintf(w, `{"files":[%s]%s}`, strings.Join(items, ","), total)
}

func numbered(n int) []string {
	files := make([]string, n)
	for i := range files {
		files[i] = fmt.Sprint("f", i)
	}
	return files
}

func TestClient_PipelineFiles_Pages(t *testing.T) {
	t.Parallel()
	totals := map[string]func(int) int{
		"right": func(n int) int { return n }, "absent": nil, "too low": func(n int) int { return n / 2 },
		"one page": func(n int) int { return min(n, 100) }, "zero": func(int) int { return 0 },
	}
	for name, total := range totals {
		for _, n := range []int{0, 1, 2, 99, 100, 101, 199, 200, 300} {
			for _, most := range []int{0, 1, 2, 30} {
				o := &offsetAPI{t: t, files: numbered(n), total: total, most: most}
				if most > 0 && total != nil && total(n) < n || most == 1 && n > 20 {
					// Nothing tells such a page from the last one.
					continue
				}
				a := newAPI(t, o.ServeHTTP)
				files := a.client.PipelineFiles(t.Context(), "pipe", PipelineFilesQuery{})
				got, err := collect(files, pipelineFileID)
				if diff := cmp.Diff(o.files, slices.Compact(got)); diff != "" && n > 0 || err != nil || len(got) != n {
					t.Errorf("%d files in pages of %d, total %s: %d came, %v", n, most, name, len(got), err)
				}
				for range files {
					break
				}
			}
		}
	}
}

func TestClient_PipelineFiles_CannotBeTrusted(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		want error
	}{
		"the offset is ignored":    {`{"files":[{"id":"a"},{"id":"b"}],"total_count":5,"offset":0}`, ErrCursorRepeats},
		"files are missing":        {`{"files":[],"total_count":5,"offset":0}`, ErrListingStuck},
		"files are missing, later": {`{"files":[],"total_count":5}`, ErrListingStuck},
		"the page repeats":         {`{"files":[{"id":"a"},{"id":"b"}]}`, ErrListingShifts},
		"more are promised":        {`{"files":[{"id":"a"}],"total_count":2}`, ErrCursorRepeats},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, answerWith(test.body))
			_, err := collect(a.client.PipelineFiles(t.Context(), "pipe", PipelineFilesQuery{}), pipelineFileID)
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// Whatever shifts while a listing is read, no file that is there all the time is passed over, or the listing is not complete.
func TestClient_PipelineFiles_Shifts(t *testing.T) {
	remove := func(o *offsetAPI, i int) { o.files = slices.Delete(o.files, i, i+1) }
	insert := func(o *offsetAPI, i int) { o.files = slices.Insert(o.files, i, fmt.Sprint("new", o.requests)) }
	for name, test := range map[string]struct {
		shift func(o *offsetAPI, request int)
		want  error
	}{
		"one is removed": {func(o *offsetAPI, request int) {
			if request == 1 {
				remove(o, 7)
			}
		}, nil},
		"one is added": {func(o *offsetAPI, request int) {
			if request == 2 {
				insert(o, 3)
			}
		}, nil},
		"one goes and one comes": {func(o *offsetAPI, request int) {
			if request == 1 {
				remove(o, 7)
				o.files = append(o.files, "new")
			}
		}, nil},
		"the end goes": {func(o *offsetAPI, request int) {
			if request == 2 {
				o.files = o.files[:150]
			}
		}, nil},
		"in the first and the second reading": {func(o *offsetAPI, request int) {
			if request == 1 || request == 3 {
				remove(o, 7)
			}
		}, nil},
		"all the time": {func(o *offsetAPI, request int) {
			if request > 0 {
				remove(o, 0)
			}
		}, ErrListingShifts},
	} {
		for _, total := range []func(int) int{func(n int) int { return n }, nil} {
			t.Run(fmt.Sprint(name, total == nil), func(t *testing.T) {
				o := &offsetAPI{t: t, files: numbered(250), total: total}
				o.before = func(request int) { test.shift(o, request) }
				got, err := collect(newAPI(t, o.ServeHTTP).client.PipelineFiles(t.Context(), "pipe", PipelineFilesQuery{}), pipelineFileID)
				if !errors.Is(err, test.want) {
					t.Fatalf("got %v, want %v", err, test.want)
				}
				for _, f := range o.files {
					if err == nil && !slices.Contains(got, f) {
						t.Errorf("%s was passed over", f)
					}
				}
			})
		}
	}
}

func TestClient_PipelineFiles_OddTotalsCountAsNone(t *testing.T) {
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("offset") == "0" {
			_, _ = io.WriteString(w, `{"files":[{"id":"a"},{"id":"b"}],"total_count":"many","offset":null}`)
			return
		}
		_, _ = io.WriteString(w, map[string]string{
			"1": `{"files":[{"id":"b"}],"total_count":null}`, "2": `{"files":[]}`,
		}[r.URL.Query().Get("offset")])
	})
	got, err := collect(a.client.PipelineFiles(t.Context(), "pipe", PipelineFilesQuery{}), pipelineFileID)
	if diff := cmp.Diff([]string{"a", "b"}, got); diff != "" || err != nil {
		t.Errorf("files (-want +got):\n%s%v", diff, err)
	}
}
