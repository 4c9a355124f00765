package llamacloud

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/testmain"
	"exporter/pipeline"
)

// imagesOf returns the pictures of a job.
func imagesOf(t *testing.T, c *Client) ([]ParseImage, ParseImages, error) {
	t.Helper()
	var images []ParseImage
	all, err := c.ParseJobImages(t.Context(), "pjb-1", func(i *ParseImage) error {
		images = append(images, *i)
		return nil
	})
	return images, all, err
}

func TestClient_ParseJobImages(t *testing.T) {
	asked := ""
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.RequestURI
		_, _ = io.WriteString(w, `{"images_content_metadata":{"total_count":4,"images":[
			{"filename":"page_1.jpg","index":0,"category":"screenshot","content_type":"image/jpeg","size_bytes":null,
				"presigned_url":"https://s3.example/1?X-Amz-Date=20260501T120000Z&X-Amz-Expires=60"},
			{"filename":"page_1_image_1_v2.jpg","index":1,"category":"layout","bbox":{"x":1,"y":2.5,"w":3,"h":4}},
			{"filename":"odd","bbox":{"x":1},"index":"1"},{"index":3}]},"job":{"id":"pjb-1","status":"COMPLETED"}}`)
	})
	images, all, err := imagesOf(t, a.client)
	if err != nil {
		t.Fatal(err)
	}
	if want := "/api/v2/parse/pjb-1?expand=images_content_metadata"; asked != want {
		t.Errorf("asked for %s, want %s", asked, want)
	}
	if all.Job.Status != JobCompleted || !all.IsList || all.Total != Value[int64](4) {
		t.Errorf("job %+v", all)
	}
	want := []ParseImage{
		{
			Filename: "page_1.jpg", Index: Value[int64](0), Category: Value("screenshot"), ContentType: Value("image/jpeg"),
			SizeBytes: Null[int64](), Link: Value(PresignedURL{
				URL:       "https://s3.example/1?X-Amz-Date=20260501T120000Z&X-Amz-Expires=60",
				ExpiresAt: timeOf(t, "2026-05-01T12:01:00Z"),
			}),
		},
		{Filename: "page_1_image_1_v2.jpg", Index: Value[int64](1), Category: Value("layout"), BBox: Value(BBox{1, 2.5, 3, 4})},
		{
			Filename: "odd", BBox: Null[BBox](), Index: Null[int64](),
			Item: Item{Odd: []pipeline.Oddity{{Field: "index", Value: `"1"`}, {Field: "bbox", Value: `{"x":1}`}}},
		},
	}
	if diff := cmp.Diff(want, images[:3], unexported()); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
	if last := images[3]; last.Malformed == nil || last.Malformed.Error() != `filename: it is missing in {"index":3}` {
		t.Errorf("the last one is %+v", last)
	}
}

func TestClient_ParseJobImages_None(t *testing.T) {
	for answer, isList := range map[string]bool{
		`{"job":{"id":"a","status":"RUNNING"}}`:                                                  false,
		`{"job":{"id":"a"},"images_content_metadata":null}`:                                      false,
		`{"job":{"id":"a"},"images_content_metadata":{}}`:                                        false,
		`{"job":{"id":"a"},"images_content_metadata":{"images":null,"total_count":0}}`:           false,
		`{"job":{"id":"a"},"images_content_metadata":{"images":[]}}`:                             true,
		`{"job":{"id":"a"},"images_content_metadata":{"images":[{"filename":"x"}],"images":[]}}`: true,
	} {
		a := newAPI(t, answerWith(answer))
		images, all, err := imagesOf(t, a.client)
		if err != nil || len(images) != 0 || all.IsList != isList {
			t.Errorf("%s: got %v, list %v, %v, want no image, list %v", answer, images, all.IsList, err, isList)
		}
	}
}

// breakOffOnce answers with text, and first with no more than a part of it.
func breakOffOnce(text string, part int) http.HandlerFunc {
	requests := 0
	return func(w http.ResponseWriter, _ *http.Request) {
		if requests++; requests == 1 {
			w.Header().Set("Content-Length", fmt.Sprint(len(text)))
			_, _ = io.WriteString(w, text[:part])
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, text)
	}
}

// An answer that breaks off is asked for again, and each picture, page and result is given once all the same.
func TestClient_ResultsComeOnce(t *testing.T) {
	var images, pages, results []string
	for i := range 1000 {
		images = append(images, fmt.Sprintf(`{"filename":"%d"}`, i))
		pages = append(pages, fmt.Sprintf(`{"page_number":%d,"text":"%d"}`, i, i))
		results = append(results, fmt.Sprintf(`{"source_directory_file_id":"%d"}`, i))
	}
	list := func(items []string) string { return strings.Join(items, ",") }
	var want []string
	for i := range 1000 {
		want = append(want, fmt.Sprint(i))
	}
	for name, test := range map[string]struct {
		text string
		get  func(t *testing.T, c *Client, add func(string)) error
	}{
		"images": {`{"images_content_metadata":{"images":[` + list(images) + `]},"job":{"id":"a"}}`, func(t *testing.T, c *Client, add func(string)) error {
			_, err := c.ParseJobImages(t.Context(), "a", func(i *ParseImage) error { add(i.Filename); return nil })
			return err
		}},
		"pages": {`{"text":{"pages":[` + list(pages) + `]},"job":{"id":"a"}}`, func(t *testing.T, c *Client, add func(string)) error {
			_, err := c.ParseJobPages(t.Context(), "a", func(p *ParsePage) error { add(p.Text.Or("")); return nil })
			return err
		}},
		"results": {`{"results":[` + list(results) + `],"id":"a"}`, func(t *testing.T, c *Client, add func(string)) error {
			_, err := c.Batch(t.Context(), "a", func(r *BatchResult) error { add(r.SourceDirectoryFileID); return nil })
			return err
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := newAPI(t, breakOffOnce(test.text, len(test.text)-10))
			var got []string
			if err := test.get(t, a.client, func(id string) { got = append(got, id) }); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			if n := len(eventsOf[pipeline.Retrying](a.events)); n != 1 {
				t.Errorf("%s: %d retries, want 1", name, n)
			}
		})
	}
}

// pagesOf returns the pages of a job.
func pagesOf(t *testing.T, c *Client) ([]ParsePage, ParseJob, error) {
	t.Helper()
	var pages []ParsePage
	job, err := c.ParseJobPages(t.Context(), "pjb-1", func(p *ParsePage) error {
		pages = append(pages, *p)
		return nil
	})
	return pages, job, err
}

// The text, the markdown and the items of a page are joined by its number, in whatever order they come.
func TestClient_ParseJobPages(t *testing.T) {
	asked := ""
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.RequestURI
		_, _ = io.WriteString(w, `{"job":{"id":"pjb-1","status":"COMPLETED"},
			"markdown":{"pages":[{"page_number":3,"success":true,"markdown":"# 3"},{"page_number":1,"success":true,"markdown":"# 1"},
				{"page_number":2,"success":false,"error":"no luck"},{"success":true,"markdown":"stray"}]},
			"text":{"pages":[{"page_number":1,"text":"1"},{"page_number":3,"text":"3"},{"page_number":4,"text":7},
				{"page_number":3,"text":"again"}]},
			"items":{"pages":[{"page_number":2,"success":false,"error":null},
				{"page_number":1,"page_width":612.5,"page_height":792,"success":true,"items":[ {"type":"new", "x": 1.0} ]}]}}`)
	})
	pages, job, err := pagesOf(t, a.client)
	if err != nil || job.Status != JobCompleted {
		t.Fatal(job, err)
	}
	if want := "/api/v2/parse/pjb-1?expand=text&expand=markdown&expand=items"; asked != want {
		t.Errorf("asked for %s, want %s", asked, want)
	}
	want := []ParsePage{
		{
			PageNumber: 1, Text: Value("1"), Markdown: Value("# 1"), Items: Value(json.RawMessage(`[{"type":"new","x":1.0}]`)),
			Width: Value(612.5), Height: Value(792.0),
		},
		{PageNumber: 2, MarkdownError: Value("no luck"), ItemsError: Value("")},
		{
			PageNumber: 3, Text: Value("again"), Markdown: Value("# 3"),
			Item: Item{Odd: []pipeline.Oddity{{Field: "text.page_number", Value: `{"page_number":3,"text":"again"}`}}},
		},
		{PageNumber: 4, Text: Null[string](), Item: Item{Odd: []pipeline.Oddity{{Field: "text.text", Value: "7"}}}},
	}
	if diff := cmp.Diff(want, pages[:4], unexported()); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	stray := pages[4]
	if want := "markdown: page_number: it is missing"; stray.Malformed == nil || stray.Markdown != Value("stray") ||
		!strings.HasPrefix(stray.Malformed.Error(), want) {
		t.Errorf("the stray page is %+v", stray)
	}
}

func TestClient_ParseJobPages_None(t *testing.T) {
	for _, answer := range []string{
		`{"job":{"id":"a","status":"RUNNING"}}`, `{"job":{"id":"a"},"text":null,"markdown":{},"items":{"pages":null}}`,
		`{"job":{"id":"a"},"text":{"pages":[{"page_number":1}]},"text":null,"text":{"pages":[]}}`,
	} {
		a := newAPI(t, answerWith(answer))
		if pages, _, err := pagesOf(t, a.client); err != nil || len(pages) != 0 {
			t.Errorf("%s: got %v, %v", answer, pages, err)
		}
	}
}

// manyPages answers with pages of some size, in any order, of which each result lacks some others.
func manyPages(count, size int) http.HandlerFunc {
	filler := strings.Repeat("x", size)
	return func(w http.ResponseWriter, _ *http.Request) {
		b := bufio.NewWriter(w)
		defer b.Flush()
		_, _ = b.WriteString(`{"job":{"id":"pjb-1","status":"COMPLETED"}`)
		for i, part := range []string{"text", "markdown", "items"} {
			_, _ = fmt.Fprintf(b, `,%q:{"pages":[`, part)
			comma := ""
			for _, n := range rand.New(rand.NewPCG(1, uint64(i))).Perm(count) {
				if n%7 != i {
					_, _ = fmt.Fprintf(b, `%s{"page_number":%d,%q:"%d%s"}`, comma, n, part, n, filler)
					comma = ","
				}
			}
			_, _ = b.WriteString("]}")
		}
		_, _ = b.WriteString("}")
	}
}

// However many pages there are, and however large, few are in memory.
func TestClient_ParseJobPages_BoundedMemory(t *testing.T) {
	testmain.Long(t)
	const count, size = 6000, 4000
	a := newAPI(t, manyPages(count, size))
	next, peak, before := int32(0), uint64(0), heap()
	_, err := a.client.ParseJobPages(t.Context(), "pjb-1", func(p *ParsePage) error {
		if p.PageNumber != next {
			t.Fatalf("page %d comes, want %d", p.PageNumber, next)
		}
		texts := []string{p.Text.Or(""), p.Markdown.Or(""), strings.Trim(string(p.Items.Or(nil)), `"`)}
		for i, text := range texts {
			want := fmt.Sprint(next)
			if next%7 == int32(i) {
				want = ""
			}
			if strings.TrimRight(text, "x") != want {
				t.Errorf("part %d of page %d is of page %.20q", i, next, text)
			}
		}
		if next++; next%1000 == 0 {
			peak = max(peak, heap())
		}
		return nil
	})
	if err != nil || next != count {
		t.Fatalf("%d pages, %v", next, err)
	}
	if most := before + 16<<20; peak > most {
		t.Errorf("%d MiB are in memory of %d, want at most %d", peak>>20, 3*count*size>>20, most>>20)
	}
	if a.spools.made.Load() == 0 {
		t.Error("nothing was spooled")
	}
	a.spools.checkClosed(t)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// What cannot be spooled ends it at once, as storage that failed.
func TestClient_ParseJobPages_SpoolFails(t *testing.T) {
	broken := errors.New("no space")
	requests := 0
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		requests++
		manyPages(1000, 4000)(w, r)
	}, func(o *Options) { o.Spool = func() (Spool, error) { return nil, broken } })
	_, _, err := pagesOf(t, a.client)
	if failed, ok := errors.AsType[*pipeline.StorageError](err); !ok || !errors.Is(failed, broken) || requests != 1 {
		t.Errorf("got %v after %d requests, want a storage error after one", err, requests)
	}
}

// An error of whoever takes the results is returned as it is, and leaves nothing behind.
func TestClient_ParseJobPages_ErrorOfTheTaker(t *testing.T) {
	t.Parallel()
	enough := errors.New("enough")
	a := newAPI(t, manyPages(2000, 4000))
	n := 0
	_, err := a.client.ParseJobPages(t.Context(), "pjb-1", func(*ParsePage) error {
		if n++; n == 3 {
			return enough
		}
		return nil
	})
	if err != enough || n != 3 {
		t.Errorf("got %v after %d pages, want %v after 3", err, n, enough)
	}
	a.spools.checkClosed(t)
}

func TestClient_Batch(t *testing.T) {
	asked := ""
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.RequestURI
		_, _ = io.WriteString(w, `{"id":"bat-1","status":"COMPLETED","source_directory_id":"dir-1","config":{"job":{}},"results":[
			{"source_directory_file_id":"dfl-1","job_reference":{"type":"parse_v2","id":"pjb-1"},"error_message":null},
			{"source_directory_file_id":"dfl-2","job_reference":null,"error_message":"too large"},{"job_reference":{"id":"pjb-3"}},{}]}`)
	})
	var results []BatchResult
	b, err := a.client.Batch(t.Context(), "bat-1", func(r *BatchResult) error {
		results = append(results, *r)
		return nil
	})
	if want := "/api/v2/batches/bat-1?expand=results"; err != nil || b.Status != JobCompleted || b.SourceDirectoryID != "dir-1" ||
		len(b.Odd) != 1 || asked != want {
		t.Errorf("asked for %s, got %+v, %v", asked, b, err)
	}
	want := []BatchResult{
		{SourceDirectoryFileID: "dfl-1", JobType: "parse_v2", JobID: "pjb-1", ErrorMessage: Null[string]()},
		{SourceDirectoryFileID: "dfl-2", ErrorMessage: Value("too large")},
		{JobID: "pjb-3"},
	}
	if diff := cmp.Diff(want, results[:3], unexported()); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if len(results) != 4 || results[3].Malformed == nil {
		t.Errorf("the last one is %+v", results[3:])
	}
}

// What an answer that broke off had is nothing that the next one has.
func TestClient_Results_OfAnAnswerThatBrokeOff(t *testing.T) {
	first := `{"job":{"id":"a"},"images_content_metadata":{"images":[{"filename":"x"}]},"text":{"pages":[{"text":"no number"}]},"then":`
	for name, get := range map[string]func(t *testing.T, c *Client, add func()) error{
		"images": func(t *testing.T, c *Client, add func()) error {
			all, err := c.ParseJobImages(t.Context(), "a", func(*ParseImage) error { add(); return nil })
			if all.IsList {
				t.Error("there is a list of images")
			}
			return err
		},
		"pages": func(t *testing.T, c *Client, add func()) error {
			_, err := c.ParseJobPages(t.Context(), "a", func(*ParsePage) error { add(); return nil })
			return err
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			requests := 0
			a := newAPI(t, func(w http.ResponseWriter, _ *http.Request) {
				if requests++; requests == 1 {
					_, _ = io.WriteString(w, first)
					return
				}
				_, _ = io.WriteString(w, `{"job":{"id":"a"}}`)
			})
			n := 0
			if err := get(t, a.client, func() { n++ }); err != nil || n != 0 || requests != 2 {
				t.Errorf("%s: %d come after %d requests, %v, want none after 2", name, n, requests, err)
			}
		})
	}
}
