package llamacloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/testmain"
	"exporter/pipeline"
)

// jobAPI has the parse job "pjb-1", whose pictures are on another host behind links that live for a while.
type jobAPI struct {
	*api
	mu sync.Mutex
	// status is that of the job, images its images_content_metadata but for the links, and results what else it has.
	status  string
	images  []map[string]any
	results map[string]any
	// life is how long a link lives; listed counts the listings of pictures, followed the links that were followed and dead those of them
	// that were.
	life                           time.Duration
	listed, followed, dead, polled int
}

func newJobAPI(t *testing.T, sel Selection, images ...map[string]any) *jobAPI {
	j := &jobAPI{status: JobCompleted, images: images, life: time.Hour}
	j.api = newAPI(t, j.answer)
	j.source = NewSource(j.client, sel)
	j.serve(t, "127.0.0.1:81", func(w http.ResponseWriter, r *http.Request) {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.followed++
		if r.Header.Get("Authorization") != "" {
			t.Error("the key is sent to the storage")
		}
		signed, err := time.Parse("20060102T150405.000Z", r.URL.Query().Get("at"))
		if err != nil || time.Since(signed) >= j.life {
			j.dead++
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = w.Write(picture(t))
	})
	return j
}

func (j *jobAPI) answer(w http.ResponseWriter, r *http.Request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	answer := map[string]any{"job": map[string]any{"id": "pjb-1", "status": j.status, "error_message": "no luck"}}
	expand := r.URL.Query()["expand"]
	if len(expand) == 0 {
		j.polled++
	}
	for _, name := range expand {
		if name != "images_content_metadata" {
			answer[name] = j.results[name]
			continue
		}
		j.listed++
		if j.images == nil {
			answer[name] = nil
			continue
		}
		now := time.Now().UTC()
		for _, image := range j.images {
			image["presigned_url"] = fmt.Sprintf("http://127.0.0.1:81/%v?at=%s&X-Amz-Date=%s&X-Amz-Expires=%d&%s", image["filename"],
				now.Format("20060102T150405.000Z"), now.Format("20060102T150405Z"), int(j.life.Seconds()), linkSecret)
		}
		answer[name] = map[string]any{"total_count": len(j.images), "images": j.images}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (j *jobAPI) assets(t *testing.T, kind pipeline.Kind) ([]*pipeline.Asset, error) {
	t.Helper()
	return j.source.Assets(t.Context(), pipeline.Wanted{
		File: &pipeline.File{JobID: "pjb-1", ID: "f"}, Kind: kind, Origin: pipeline.OriginParse,
	}, roomy)
}

// What a picture is its category says, or else its name; its page is in its name, and its caption among the items of its page.
func TestSource_JobPictures(t *testing.T) {
	j := newJobAPI(t, Selection{},
		map[string]any{"filename": "page_3.jpg", "index": 0, "category": "screenshot"},
		map[string]any{"filename": "page_4.jpg"},
		map[string]any{"filename": "page_3_chart_1_v2.jpg", "category": "layout", "bbox": map[string]int{"x": 1, "y": 2, "w": 3, "h": 4}},
		map[string]any{"filename": "img_p0_7.png", "category": "embedded"},
		map[string]any{"filename": "../page_1.jpg"},
		map[string]any{"index": 9},
	)
	j.results = map[string]any{"items": map[string]any{"pages": []any{map[string]any{
		"page_number": 3, "success": true, "page_width": 600.5, "page_height": 800,
		"items": []any{map[string]any{"type": "image", "caption": "A chart", "url": "page_3_chart_1_v2.jpg"}, map[string]any{"type": "text"}},
	}}}}
	var pages []int32
	if err := j.source.Pages(t.Context(), &pipeline.File{JobID: "pjb-1"}, func(p *pipeline.PageRow) error {
		pages = append(pages, p.PageNumber)
		return nil
	}); err != nil || !slices.Equal(pages, []int32{3}) {
		t.Fatalf("got pages %v, %v", pages, err)
	}
	describe := func(a *pipeline.Asset) string {
		number, caption, box := "-", "", ""
		d := a.Detail()
		if d.PageNumber != nil {
			number = fmt.Sprint(*d.PageNumber)
		}
		if d.Caption != nil {
			caption = *d.Caption
		}
		if d.Box != nil {
			box = fmt.Sprint(*d.Box)
		}
		return fmt.Sprintf("%s %s %s %d %s %q %s %s %s %s %v", a.JobID, a.FileID, a.Kind, a.PageIndex, number, d.UpstreamName, d.Category,
			d.Label, box, caption, d.Malformed != nil)
	}
	for kind, want := range map[pipeline.Kind][]string{
		pipeline.Screenshot: {
			`pjb-1 f screenshot 3 3 "page_3.jpg" screenshot    false`, `pjb-1 f screenshot 4 4 "page_4.jpg" screenshot    false`,
		},
		pipeline.Figure: {
			`pjb-1 f figure 3 3 "page_3_chart_1_v2.jpg" layout chart {1 2 3 4} A chart false`,
			`pjb-1 f figure 0 1 "img_p0_7.png" embedded    false`, `pjb-1 f figure -1 - "../page_1.jpg"     false`, `pjb-1 f figure -2 - ""     true`,
		},
	} {
		assets, err := j.assets(t, kind)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range assets {
			got = append(got, describe(a))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
	}
}

// A job is taken at its word only when it is done.
func TestSource_JobIsNotDone(t *testing.T) {
	for status, want := range map[string]string{
		"RUNNING": "pending: the parse job is RUNNING", "NEW\x1bSTATUS": `pending: the parse job is NEW\x1bSTATUS`,
		"FAILED": "the parse job is FAILED: no luck", "CANCELLED": "the parse job is CANCELLED: no luck",
	} {
		j := newJobAPI(t, Selection{}, map[string]any{"filename": "page_1.jpg"})
		j.status = status
		_, err := j.assets(t, pipeline.Screenshot)
		pagesErr := j.source.Pages(t.Context(), &pipeline.File{JobID: "pjb-1"}, func(*pipeline.PageRow) error {
			t.Error("a page is given")
			return nil
		})
		for _, err := range []error{err, pagesErr} {
			if err == nil || err.Error() != want {
				t.Errorf("%s: got %v, want %s", status, err, want)
			}
		}
	}
	// Null is no list of pictures.
	j := newJobAPI(t, Selection{})
	if assets, err := j.assets(t, pipeline.Screenshot); err != nil || assets != nil {
		t.Errorf("got %v, %v, want no list", assets, err)
	}
}

// A job that is not done is waited for where that is wanted.
func TestSource_Wait_WaitsForTheJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJobAPI(t, Selection{Wait: true})
		j.status = "RUNNING"
		time.AfterFunc(time.Minute, func() {
			j.mu.Lock()
			defer j.mu.Unlock()
			j.status = JobCompleted
		})
		start := time.Now()
		if err := j.source.Pages(t.Context(), &pipeline.File{JobID: "pjb-1"}, nil); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < time.Minute || took > 100*time.Second || j.polled > 10 {
			t.Errorf("took %v and %d requests, want a minute and a few", took, j.polled)
		}
		j.status = "RUNNING"
		time.AfterFunc(10*time.Second, j.source.Stop)
		if err := j.source.Pages(t.Context(), &pipeline.File{JobID: "pjb-1"}, nil); !errors.Is(err, pipeline.ErrStopped) {
			t.Errorf("got %v, want %v", err, pipeline.ErrStopped)
		}
	})
}

// Links that die while many pictures wait for each other are renewed by few listings, and no picture follows a dead one more than once.
func TestSource_JobPictures_LinksAreRenewed(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for name, hidden := range map[string]bool{"expiry in the link": false, "expiry not known": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const pictures, workers = 600, 64
				var images []map[string]any
				for i := range pictures {
					images = append(images, map[string]any{"filename": fmt.Sprintf("page_%d.jpg", i+1)})
				}
				j := newJobAPI(t, Selection{}, images...)
				j.life = 2 * time.Second
				assets, err := j.assets(t, pipeline.Screenshot)
				if err != nil || len(assets) != pictures {
					t.Fatalf("got %d assets, %v", len(assets), err)
				}
				if hidden {
					for _, l := range j.source.jobs.jobs {
						for name, link := range l.links {
							link.until = time.Time{}
							l.links[name] = link
						}
					}
				}
				var wg sync.WaitGroup
				next := make(chan *pipeline.Asset)
				for range workers {
					wg.Go(func() {
						for a := range next {
							blob, err := j.source.Blob(t.Context(), a, nil)
							if err != nil {
								t.Error(err)
								continue
							}
							_ = blob.Close()
						}
					})
				}
				for _, a := range assets {
					// As fast as twenty in a second.
					time.Sleep(50 * time.Millisecond)
					next <- a
				}
				close(next)
				wg.Wait()
				// Links say in whole seconds when they were made.
				if most := 1 + int(pictures*50*time.Millisecond/(j.life-time.Second)); j.listed > most {
					t.Errorf("the job was listed %d times, want at most %d", j.listed, most)
				}
				if j.dead > workers || !hidden && j.dead > 0 {
					t.Errorf("%d of %d links were dead", j.dead, j.followed)
				}
			})
		})
	}
}

// A picture that is not listed any more is the failure of that picture.
func TestSource_JobPicture_LinkIsGone(t *testing.T) {
	j := newJobAPI(t, Selection{}, map[string]any{"filename": "page_1.jpg"})
	_, err := j.source.Blob(t.Context(), &pipeline.Asset{
		JobID: "pjb-1", Kind: pipeline.Screenshot, Origin: pipeline.OriginParse, Details: &pipeline.Details{UpstreamName: "page_2.jpg"},
	}, nil)
	if failure, ok := errors.AsType[*pipeline.Failure](err); !ok || failure.Class != ClassGone {
		t.Errorf("got %v, want a failure of class %s", err, ClassGone)
	}
}

// A batch says of which file each of its jobs is; what is no parse job, and what failed, is told.
func TestSource_Batch(t *testing.T) {
	const uuid = "0f8fad5b-d9cb-469f-a165-70867728950e"
	status := "THROTTLED"
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/api/v2/batches/"):
			fmt.Fprintf(w, `{"id":"bat-1","status":%q,"source_directory_id":"dir","config":{"job":{"type":"parse_v2"}},"results":[
				{"source_directory_file_id":"dfl-1","job_reference":{"type":"parse_v2","id":"pjb-1"}},
				{"source_directory_file_id":"dfl-2","job_reference":{"type":"parse_v2","id":"pjb-2"}},
				{"source_directory_file_id":"dfl-3","job_reference":{"type":"extract_v2","id":"exj-3"}},
				{"source_directory_file_id":"dfl-4","error_message":"no pages"}]}`, status)
		case strings.HasSuffix(r.URL.Path, "/directories/dir/files"):
			fmt.Fprintf(w, `{"items":[{"id":"dfl-1","file_id":%q,"display_name":"one.pdf"},{"id":"dfl-9"}]}`, uuid)
		default:
			t.Errorf("asked for %s", r.URL)
		}
	})
	list := func() (got []string, errs []error) {
		for f, err := range allFiles(t, NewSource(a.client, Selection{Batches: []pipeline.ID{"bat-1"}})) {
			if err != nil {
				errs = append(errs, err)
				continue
			}
			got = append(got, fmt.Sprintf("%s %s %s %s %q", f.JobID, f.ID, f.DirectoryID, f.DirectoryFileID, f.Idle))
		}
		return got, errs
	}
	want := []string{
		`pjb-1 ` + uuid + ` dir dfl-1 ""`, `pjb-2  dir dfl-2 ""`,
		`  dir dfl-3 "its job in the batch is of type extract_v2, which makes no pictures"`,
		`  dir dfl-4 "the batch has no job of it: no pages"`,
	}
	got, errs := list()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if len(errs) != 1 || errs[0].Error() != "list batch bat-1: it is THROTTLED: not all of its jobs are there" {
		t.Errorf("a batch that goes on: got %v", errs)
	}
	status = JobCompleted
	if _, errs = list(); len(errs) > 0 {
		t.Errorf("a batch that is done: got %v", errs)
	}
}

// The files of an index are those of both of its directories. It goes by either of its ids, and is not complete while it is synchronised.
func TestSource_Index(t *testing.T) {
	syncing := true
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		index := fmt.Sprintf(`{"id":"idx","export_config_id":"exp","source_directory_id":"in","output_directory_id":"out","sync_in_progress":%t}`, syncing)
		switch r.URL.Path {
		case "/api/v1/indexes/idx":
			if r.URL.Query().Get("expand") != "sync_in_progress" {
				t.Errorf("asked for %s", r.URL)
			}
			_, _ = io.WriteString(w, index)
		case "/api/v1/indexes":
			_, _ = io.WriteString(w, `{"items":[`+index+`]}`)
		case "/api/v1/beta/directories/in/files":
			_, _ = io.WriteString(w, `{"items":[{"id":"dfl-0f8fad5b-d9cb-469f-a165-70867728950e","display_name":"a"}]}`)
		case "/api/v1/beta/directories/out/files":
			_, _ = io.WriteString(w, `{"items":[{"id":"d2","file_id":"f2"}]}`)
		default:
			http.NotFound(w, r)
		}
	})
	for _, id := range []pipeline.ID{"idx", "exp"} {
		for _, syncing = range []bool{true, false} {
			var got []string
			var errs []error
			for f, err := range allFiles(t, NewSource(a.client, Selection{Indexes: []pipeline.ID{id}})) {
				if err != nil {
					errs = append(errs, err)
					continue
				}
				got = append(got, f.ID+" "+f.DirectoryID)
			}
			if want := []string{"dfl-0f8fad5b-d9cb-469f-a165-70867728950e in", "f2 out"}; !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			if (len(errs) > 0) != syncing {
				t.Errorf("while it is synchronised is %t: got %v", syncing, errs)
			}
		}
	}
}

// A job that was named and is gone is still asked for, so that what is known of it can be told to have expired.
func TestSource_JobIsGone_IsWithdrawn(t *testing.T) {
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) })
	got := files(t, a, Selection{ParseJobs: []pipeline.ID{"pjb-1"}})
	if len(got) != 1 || got[0].JobID != "pjb-1" || got[0].Withdrawn == nil {
		t.Errorf("got %+v", got)
	}
}

// A part of the parse jobs is no listing of all of them.
func TestSource_ParseJobs_PartIsNotAll(t *testing.T) {
	a := newAPI(t, answerWith(`{"items":[{"id":"pjb-1","status":"COMPLETED","created_at":"2026-01-01T00:00:00Z"},{"id":"pjb-2","status":"FAILED"}]}`))
	for _, tt := range []struct {
		sel    Selection
		isPart bool
	}{
		{Selection{AllParseJobs: true}, false},
		{Selection{AllParseJobs: true, JobStatus: JobCompleted}, true},
		{Selection{AllParseJobs: true, JobsSince: time.Now()}, true},
	} {
		listings := NewSource(a.client, tt.sel).Listings(t.Context())
		if len(listings) != 1 || listings[0].IsPart != tt.isPart {
			t.Errorf("%+v: got %+v", tt.sel, listings)
		}
		got := files(t, a, tt.sel)
		if len(got) != 2 || got[0].UpdatedAt.IsZero() || got[1].Idle != "the parse job is FAILED" {
			t.Errorf("got %+v", got)
		}
	}
}
