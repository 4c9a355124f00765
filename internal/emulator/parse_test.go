package emulator

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const parsePath = "/api/v2/parse"

// parseShape is an answer with a parse job; what is not expanded is absent.
type parseShape struct {
	Job      jobShape    `json:"job"`
	Text     *pagesShape `json:"text,omitempty"`
	Markdown *pagesShape `json:"markdown,omitempty"`
	Items    *pagesShape `json:"items,omitempty"`
	Metadata *struct {
		Pages    []map[string]any `json:"pages"`
		Document map[string]any   `json:"document"`
	} `json:"metadata,omitempty"`
	Images  *imagesShape `json:"images_content_metadata,omitempty"`
	Results map[string]struct {
		Size   int     `json:"size_bytes"`
		Exists *bool   `json:"exists"`
		URL    *string `json:"presigned_url"`
	} `json:"result_content_metadata,omitempty"`
	TextFull     *string        `json:"text_full,omitempty"`
	MarkdownFull *string        `json:"markdown_full,omitempty"`
	Raw          map[string]any `json:"raw_parameters,omitempty"`
	JobMetadata  map[string]any `json:"job_metadata,omitempty"`
}

type pagesShape struct {
	Pages []map[string]any `json:"pages"`
}

// jobSpec is a job of two images and three pages, the last of which failed.
func jobSpec(t *testing.T, id string) ParseJobSpec {
	t.Helper()
	credits := 1.5
	return ParseJobSpec{
		ID: id, ProjectID: project, Name: "One.pdf", Tier: "agentic", CreatedAt: day(3), UpdatedAt: day(4),
		UserMetadata: map[string]string{"k": "v"}, Credits: &credits,
		Images: []ParseImage{
			{Filename: "page_1.jpg", Category: "screenshot", Data: drawJPEG(t, 8, 9)},
			{Filename: "page_1_chart_1_v2.jpg", Index: 1, Category: "layout", BBox: &BBox{1, 2, 3, 4}, Data: []byte("chart"),
				ContentType: "image/x"},
			{Filename: "img_p0_1.png", Index: 2, Category: "embedded", Data: drawPNG(t, 3, 3), NoURL: true},
			{Filename: "../..", Index: 3, Raw: json.RawMessage(`{"filename":"raw","index":0,` +
				`"category":null,"content_type":null,"presigned_url":null,"bbox":null,"size_bytes":null}`)},
		},
		Pages: []ParsePage{
			{Number: 1, Text: "one", Markdown: "# one\n![c](page_1_chart_1_v2.jpg)", Header: "h", Width: 612, Height: 792.5,
				Items: []json.RawMessage{json.RawMessage(`{"type":"odd","z":1.0}`)}, Metadata: json.RawMessage(`{"confidence":0.5}`)},
			{Number: 2, Text: "two", Markdown: "two"},
			{Number: 3, Error: "it is blank"},
		},
		Results:       map[string][]byte{"outputPDF": []byte("%PDF-1.5 out")},
		Document:      json.RawMessage(`{"confidence":0.75}`),
		RawParameters: json.RawMessage(`{"tier":"agentic"}`), JobMetadata: json.RawMessage(`{"pages":3}`),
	}
}

func jobCorpus(t *testing.T, specs ...ParseJobSpec) *Corpus {
	t.Helper()
	c := todayCorpus(t)
	for _, spec := range specs {
		check(t, c.AddParseJob(spec))
	}
	return c
}

func TestServer_ListParseJobs(t *testing.T) {
	failed := ParseJobSpec{ID: "pjb-2", ProjectID: project, Status: StatusFailed, ErrorMessage: "no", CreatedAt: day(5)}
	c := jobCorpus(t, jobSpec(t, "pjb-1"), failed, ParseJobSpec{ID: "pjb-3", ProjectID: "project-2"},
		ParseJobSpec{ID: "pjb-4", ProjectID: project, CreatedAt: day(6), Stages: []Stage{{StatusPending, Delay{Looks: -1}}}},
		ParseJobSpec{ID: "pjb-5", ProjectID: project, CreatedAt: day(7), ExpiresAt: day(8)})
	if c.AddParseJob(failed) == nil {
		t.Error("a job of a known id gave no error")
	}
	a := serve(t, Options{Corpus: c})
	for query, want := range map[string][]string{
		"": {"pjb-1", "pjb-2", "pjb-3", "pjb-4"}, "status=COMPLETED&": {"pjb-1", "pjb-3"}, "status=FAILED&": {"pjb-2"},
		"status=PENDING&":                    {"pjb-4"},
		"created_at_on_or_after=2024-06-05&": {"pjb-2", "pjb-4"}, "created_at_on_or_before=2024-06-05&": {"pjb-1"},
		"job_ids=pjb-1&job_ids=pjb-4&": {"pjb-1", "pjb-4"}, "job_ids=&": {"pjb-1", "pjb-2", "pjb-3", "pjb-4"},
		"project_id=project-2&": {"pjb-3"},
	} {
		wantIDs(t, query, want, pages(a, parsePath+"?"+query, func(j jobShape) string { return j.ID }))
	}
	got := shaped[cursorPage[jobShape]](t, a.get(parsePath).body).Items
	if got[0].Status != "COMPLETED" || *got[0].Name != "One.pdf" || got[0].Metadata["k"] != "v" || got[0].Usage != nil ||
		got[0].Error != nil ||
		*got[1].Error != "no" {
		t.Errorf("jobs %+v", got)
	}
	want := `{"detail":[{"loc":["query","status"],"msg":"Input should be 'PENDING', 'RUNNING', ` +
		`'COMPLETED', 'FAILED' or 'CANCELLED'","type":"enum"}]}`
	if got := string(a.get(parsePath+"?status=THROTTLED").want(t, 422).body); got != want {
		t.Errorf("unknown status: %s, want %s", got, want)
	}
	c.RemoveParseJob("pjb-1")
	a.get(parsePath+"/pjb-1").want(t, 404)
	a.get(parsePath+"/pjb-5").want(t, 404)
}

func TestServer_GetParseJob_Expand(t *testing.T) {
	a := serve(t, Options{Corpus: jobCorpus(t, jobSpec(t, "pjb-1"))})
	job := func(query string) parseShape {
		t.Helper()
		return shaped[parseShape](t, a.get(parsePath+"/pjb-1"+query).want(t, 200).body)
	}
	if got := job(""); got.Job.ID != "pjb-1" || got.Job.Usage != nil || got.Text != nil || got.Images != nil || got.Results != nil {
		t.Errorf("without expand: %+v", got)
	}
	if got := job("?expand=usage&expand=unknown"); *got.Job.Usage.Credits != 1.5 {
		t.Errorf("usage %+v", got.Job.Usage)
	}
	// A list with commas is one of several values.
	got := job("?expand=text,markdown&expand=items&expand=metadata,text_full" +
		"&expand=markdown_full&expand=raw_parameters&expand=job_metadata")
	page := func(members string) map[string]any { return decode[map[string]any](t, []byte(members)) }
	failed := `{"page_number":3,"success":false,"error":"it is blank"}`
	for name, pages := range map[string][2][]map[string]any{
		"text": {got.Text.Pages, {page(`{"page_number":1,"text":"one"}`), page(`{"page_number":2,"text":"two"}`),
			page(`{"page_number":3,"text":""}`)}},
		"markdown": {got.Markdown.Pages, {
			page(`{"page_number":1,"success":true,"markdown":"# one\n![c](page_1_chart_1_v2.jpg)","header":"h","footer":null}`),
			page(`{"page_number":2,"success":true,"markdown":"two","header":null,"footer":null}`), page(failed),
		}},
		"items": {got.Items.Pages, {
			page(`{"page_number":1,"page_width":612,"page_height":792.5,"success":true,"items":[{"type":"odd","z":1}]}`),
			page(`{"page_number":2,"page_width":0,"page_height":0,"success":true,"items":[]}`), page(failed),
		}},
		"metadata": {got.Metadata.Pages, {page(`{"page_number":1,"confidence":0.5}`), page(`{"page_number":2}`),
			page(`{"page_number":3}`)}},
	} {
		if diff := cmp.Diff(pages[1], pages[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if *got.TextFull != "one\n\ntwo\n\n" || !strings.HasPrefix(*got.MarkdownFull, "# one\n![c]") ||
		got.Metadata.Document["confidence"] != 0.75 ||
		got.Raw["tier"] != "agentic" || got.JobMetadata["pages"] != 3.0 {
		t.Errorf("answer %+v", got)
	}
}

func TestServer_GetParseJob_Images(t *testing.T) {
	a := serve(t, Options{Corpus: jobCorpus(t, jobSpec(t, "pjb-1"))})
	const path = parsePath + "/pjb-1?expand=images_content_metadata"
	body := a.get(path).want(t, 200).body
	images := decode[struct {
		Images struct {
			Total  int               `json:"total_count"`
			Images []json.RawMessage `json:"images"`
		} `json:"images_content_metadata"`
	}](t, body).Images
	if images.Total != 4 || !strings.HasPrefix(string(images.Images[3]), `{"filename":"raw",`) {
		t.Errorf("images %s", body)
	}
	screenshot, chart, embedded := shaped[imageShape](t, images.Images[0]), shaped[imageShape](t, images.Images[1]),
		shaped[imageShape](t, images.Images[2])
	if *screenshot.Category != "screenshot" || *screenshot.ContentType != "image/jpeg" || screenshot.BBox != nil ||
		embedded.URL != nil ||
		*chart.BBox != (boxShape{1, 2, 3, 4}) || *chart.ContentType != "image/x" || chart.Index != 1 {
		t.Errorf("images %+v, %+v, %+v", screenshot, chart, embedded)
	}
	got := a.download(*chart.URL).want(t, 200)
	if string(got.body) != "chart" || got.header.Get("Content-Type") != "image/x" {
		t.Errorf("blob %q as %q", got.body, got.header.Get("Content-Type"))
	}
	some := shaped[parseShape](t, a.get(path+"&image_filenames=img_p0_1.png,page_1.jpg,none").body).Images
	if some.Total != 2 || some.Images[0].Filename != "page_1.jpg" || some.Images[1].Filename != "img_p0_1.png" {
		t.Errorf("images of image_filenames: %+v", some)
	}
	results := shaped[parseShape](t, a.get(parsePath+"/pjb-1?expand=output_pdf_content_metadata").body).Results
	if pdf := results["outputPDF"]; pdf.Size != 12 || !*pdf.Exists || string(a.download(*pdf.URL).want(t,
		200).body) != "%PDF-1.5 out" {
		t.Errorf("results %+v", results)
	}
}

// A job goes through its stages, one look at a time, and has half of its result meanwhile.
func TestServer_GetParseJob_Stages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := jobSpec(t, "pjb-1")
		spec.Status, spec.ErrorMessage = StatusFailed, "it broke"
		spec.Stages = []Stage{{StatusPending, Delay{Looks: 2}}, {StatusRunning, Delay{Until: time.Now().Add(time.Hour)}}}
		s := newServer(t, Options{Corpus: jobCorpus(t, spec)})
		look := func(want string, pages int) {
			t.Helper()
			listed := decode[cursorPage[jobShape]](t, ask(s, parsePath).Body.Bytes()).Items[0]
			got := decode[parseShape](t, ask(s, parsePath+"/pjb-1?expand=markdown&expand=images_content_metadata").Body.Bytes())
			if got.Job.Status != want || listed.Status != want || (got.Job.Error != nil) != (want == "FAILED") {
				t.Errorf("status %s, listed %s, want %s", got.Job.Status, listed.Status, want)
			}
			if (got.Markdown == nil) != (pages == 0) || pages > 0 && (len(got.Markdown.Pages) != pages ||
				len(got.Images.Images) != pages+1) {
				t.Errorf("%s: pages %+v, images %+v; want %d pages", want, got.Markdown, got.Images, pages)
			}
		}
		look("PENDING", 0)
		look("PENDING", 0)
		look("RUNNING", 1)
		time.Sleep(time.Hour)
		look("FAILED", 3)
		look("FAILED", 3)
	})
}

// Links to images live as long as LinkLife, and no longer than the job.
func TestServer_GetParseJob_LinkLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := jobSpec(t, "pjb-1")
		spec.ExpiresAt = time.Now().Add(5 * time.Second)
		s := newServer(t, Options{Corpus: jobCorpus(t, spec), LinkLife: 4 * time.Second, Storage: &StorageOptions{Origin: testStorage}})
		link := func() string {
			got := decode[parseShape](t, ask(s, parsePath+"/pjb-1?expand=images_content_metadata&image_filenames=page_1.jpg").Body.Bytes())
			return *got.Images.Images[0].URL
		}
		first := link()
		if !strings.HasPrefix(first, testStorage+"/download/parse/pjb-1/images/page_1.jpg?"+
			"X-Amz-Date=20000101T000000Z&X-Amz-Expires=4&X-Amz-Signature=") {
			t.Errorf("link %s", first)
		}
		time.Sleep(4 * time.Second)
		if w := askStorage(s, first); w.Code != 403 || !strings.Contains(w.Body.String(),
			"<Code>AccessDenied</Code><Message>Request has expired") {
			t.Errorf("status %d, body %s at the end of the link", w.Code, w.Body)
		}
		second := link()
		if w := askStorage(s, second); w.Code != 200 {
			t.Errorf("status %d of a new link, want 200", w.Code)
		}
		time.Sleep(time.Second)
		if w := ask(s, parsePath+"/pjb-1"); w.Code != 404 || w.Body.String() != `{"detail":"Job not found"}` {
			t.Errorf("status %d, body %s after the job has expired", w.Code, w.Body)
		}
		if w := askStorage(s, second); w.Code != http.StatusNotFound {
			t.Errorf("status %d of its image, want 404", w.Code)
		}
	})
}

func TestServer_GetParseJob_Raw(t *testing.T) {
	a := serve(t, Options{Corpus: jobCorpus(t, ParseJobSpec{ID: "pjb-1", ProjectID: project, Raw: json.RawMessage(`{"job":null}`)})})
	if got := string(a.get(parsePath+"/pjb-1").want(t, 200).body); got != `{"job":null}` {
		t.Errorf("answer %s", got)
	}
	a.get(parsePath+"/pjb-1?project_id=project-2").want(t, 404)
}

func TestServer_Batches(t *testing.T) {
	c := todayCorpus(t)
	spec := BatchSpec{
		ID: "bat-1", ProjectID: project, SourceDirectoryID: "dir-a", ConfigurationID: "cfg", CreatedAt: day(3),
		Results: []BatchResult{{DirectoryFileID: "f1", JobID: "pjb-1"}, {DirectoryFileID: "f2", Error: "too large"}},
		Stages:  []Stage{{StatusRunning, Delay{Looks: 1}}, {StatusThrottled, Delay{Looks: 1}}, {StatusRunning, Delay{Looks: 1}}},
	}
	check(t, c.AddBatch(spec))
	check(t, c.AddBatch(BatchSpec{ID: "bat-2", ProjectID: project, JobType: "extract_v2", Status: StatusCancelled, CreatedAt: day(5)}))
	check(t, c.AddBatch(BatchSpec{ID: "bat-3", ProjectID: "project-2"}))
	if c.AddBatch(spec) == nil || c.AddBatch(BatchSpec{ID: "x", SourceDirectoryID: "none"}) == nil {
		t.Error("a batch of a known id, or of an unknown directory, gave no error")
	}
	a := serve(t, Options{Corpus: c})
	const path = "/api/v2/batches"
	for query, want := range map[string][]string{
		"": {"bat-1", "bat-2", "bat-3"}, "source_directory_id=dir-a&": {"bat-1"}, "status=CANCELLED&": {"bat-2"},
		"status=RUNNING&":                    {"bat-1"},
		"created_at_on_or_after=2024-06-04&": {"bat-2"}, "created_at_on_or_before=2024-06-04&": {"bat-1"},
		"project_id=project-2&": {"bat-3"},
	} {
		wantIDs(t, query, want, pages(a, path+"?"+query, func(b batchShape) string { return b.ID }))
	}
	for i, want := range []string{"RUNNING", "THROTTLED", "RUNNING", "COMPLETED", "COMPLETED"} {
		got := shaped[batchShape](t, a.get(path+"/bat-1?expand=results").want(t, 200).body)
		if count := map[bool]int{true: 2, false: 1}[want == "COMPLETED"]; got.Status != want || len(got.Results) != count {
			t.Errorf("look %d: status %s, %d results; want %s, %d", i, got.Status, len(got.Results), want, count)
		}
	}
	got := shaped[batchShape](t, a.get(path+"/bat-1?expand=results").body)
	if got.Config.Job.Type != "parse_v2" || got.Config.Job.Configuration != "cfg" ||
		*got.Results[0].Reference != (referenceShape{"parse_v2", "pjb-1"}) ||
		got.Results[0].Error != nil || got.Results[1].Reference != nil || *got.Results[1].Error != "too large" ||
		got.Results[1].File != "f2" {
		t.Errorf("batch %+v", got)
	}
	if got := shaped[batchShape](t, a.get(path+"/bat-1").body); got.Results != nil {
		t.Error("results are there without having been asked for")
	}
	a.get(path+"/none").want(t, 404)
	a.get(path+"/bat-1?project_id=project-2").want(t, 404)
	a.get(path+"?status=DONE").want(t, 422)
	a.get(path+"?status=THROTTLED").want(t, 200)
}
