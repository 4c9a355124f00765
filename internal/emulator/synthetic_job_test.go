package emulator

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"

	"exporter/internal/testmain"
)

func TestSynthetic_ParseJobs(t *testing.T) {
	o := SyntheticOptions{
		Files: 2, AssetsPerFile: 2, BlobSize: 200, ParseJobs: 5, ParseImages: 8, ParsePages: 3, PageText: 500, Batch: true, Index: true,
		IDs: UUIDs, Seed: 3,
	}
	c := Synthetic(o)
	check(t, c.AddParseJob(ParseJobSpec{ID: "pjb-x"}))
	a, again := serve(t, Options{Corpus: c}), serve(t, Options{Corpus: Synthetic(o)})
	jobs := pages(a, parsePath+"?", func(j jobShape) string { return j.ID })
	if len(jobs) != 6 || jobs[5] != "pjb-x" {
		t.Fatalf("jobs %v, want five that are computed and pjb-x", jobs)
	}
	seen := map[[32]byte]bool{}
	for _, id := range jobs[:5] {
		path := parsePath + "/" + id + "?expand=images_content_metadata&expand=markdown&expand=items"
		got := shaped[parseShape](t, a.get(path).want(t, 200).body)
		if got.Job.ID != id || got.Images.Total != 8 || len(got.Images.Images) != 8 || len(got.Markdown.Pages) != 3 {
			t.Fatalf("job %+v", got)
		}
		names := map[string]bool{}
		for i, image := range got.Images.Images {
			blob := a.download(*image.URL).want(t, 200).body
			checkSynthetic(t, image.Filename, blob, 200, 200)
			if sum := sha256.Sum256(blob); seen[sum] || names[image.Filename] || image.Index != i {
				t.Errorf("%s: %+v is there twice, or out of order", id, image)
			} else {
				seen[sum], names[image.Filename] = true, true
			}
			other := a.get(parsePath + "/" + id + "?expand=images_content_metadata&image_filenames=" + image.Filename)
			if n := shaped[parseShape](t, other.body).Images.Total; n != 1 {
				t.Errorf("%d images of the name %s", n, image.Filename)
			}
		}
		for i, page := range got.Markdown.Pages {
			crop := fmt.Sprintf("(page_%d_image_1_v2.jpg)", i+1)
			if text := page["markdown"].(string); len(text) < 500 || !strings.Contains(text, crop) || !names[crop[1:len(crop)-1]] {
				t.Errorf("page %d is %.80q, want 500 bytes and a link to %s", i+1, text, crop)
			}
		}
		if b := again.get(path).body; shaped[parseShape](t, b).Markdown.Pages[2]["markdown"] != got.Markdown.Pages[2]["markdown"] {
			t.Error("the same options give another text")
		}
	}
	if a.get(parsePath+"/pjb-"+numberedUUID(3, 'j', 5)).want(t, 404); len(seen) != 40 {
		t.Errorf("%d blobs, want 40", len(seen))
	}
	other := strings.Replace(jobs[0], "pjb-"+jobs[0][4:5], map[bool]string{true: "pjb-1", false: "pjb-0"}[jobs[0][4] == '0'], 1)
	a.get(parsePath+"/"+other).want(t, 404)
	for name, want := range map[string]bool{"page_3.jpg": true, "page_4.jpg": false, "img_p2_1.jpg": false, "page_03.jpg": false} {
		if got := c.computed.job(0).result.image(name) != nil; got != want {
			t.Errorf("the job has an image %s: %t, want %t", name, got, want)
		}
	}
	batch := shaped[batchShape](t, a.get("/api/v2/batches/"+SyntheticBatch+"?expand=results").want(t, 200).body)
	entries := a.ids("/api/v1/beta/directories/" + SyntheticDirectory + "/files")
	if len(batch.Results) != 2 || batch.Results[1].Reference.ID != jobs[1] || batch.Results[1].File != entries[1] {
		t.Errorf("batch %+v, want the directory files %v", batch, entries)
	}
	if got := shaped[indexShape](t, a.get("/api/v1/indexes/"+SyntheticIndex).want(t, 200).body); got.ExportConfig != SyntheticExport ||
		got.SourceDirectory != SyntheticDirectory || got.OutputDirectory != SyntheticOutput {
		t.Errorf("index %+v", got)
	}
}

func TestSynthetic_AttachmentFiles(t *testing.T) {
	for _, ids := range []SyntheticIDs{ShortIDs, UUIDs, TypedIDs} {
		o := SyntheticOptions{Files: 3, AssetsPerFile: 4, AttachmentFiles: 2, BlobSize: 100, DocumentSize: 50_000, IDs: ids}
		a := serve(t, Options{Corpus: Synthetic(o)})
		for i, f := range a.list("/api/v1/beta/directories/" + SyntheticDirectory + "/files").Items {
			if fileID, entryID := o.SyntheticFile(i); *f.FileID != fileID || f.ID != entryID {
				t.Errorf("file %d is %s and %s, want %s and %s", i, *f.FileID, f.ID, fileID, entryID)
			}
			names := pages(a, attachmentsPath+"?source_id="+f.ID+"&", func(a attachmentShape) string { return a.Name })
			if want := map[bool]int{true: 4, false: 0}[i > 0]; len(names) != want {
				t.Errorf("%s has the attachments %v, want %d", f.ID, names, want)
			}
			if i == 0 {
				continue
			}
			if names[3] != "screenshots/page_4.jpg" {
				t.Errorf("the last attachment is %s", names[3])
			}
			link := shaped[presignedShape](t, a.get(attachmentsPath+"/screenshots%2Fpage_4.jpg?source_id="+f.ID).want(t, 200).body).URL
			checkSynthetic(t, names[3], a.download(link).want(t, 200).body, 100, 100)
			for _, name := range []string{"screenshots%2Fpage_5.jpg", "screenshots%2Fpage_0.jpg", "screenshots%2Fpage_04.jpg",
				"page_4.jpg"} {
				a.get(attachmentsPath+"/"+name+"?source_id="+f.ID).want(t, 404)
			}
			document := shaped[presignedShape](t, a.get("/api/v1/beta/files/"+*f.FileID+"/content").want(t, 200).body).URL
			if got := a.download(document).want(t, 200); len(got.body) != 50_000 || !bytes.HasPrefix(got.body, []byte("%PDF-1.5\n")) {
				t.Errorf("document of %d bytes, %.20q", len(got.body), got.body)
			}
		}
	}
}

// sizer is a client that keeps nothing but the size of the answer.
type sizer struct {
	header http.Header
	size   int64
}

func (d *sizer) Header() http.Header { return d.header }
func (d *sizer) WriteHeader(int)     {}
func (d *sizer) Write(b []byte) (int, error) {
	d.size += int64(len(b))
	return len(b), nil
}

// Neither 300,000 pages of one job nor a million jobs cost memory.
func TestSynthetic_ParseJobs_CostNoMemory(t *testing.T) {
	testmain.Long(t)
	const pages, jobs = 300_000, 1_000_000
	for name, o := range map[string]SyntheticOptions{
		"pages": {ParseJobs: 1, ParseImages: 3000, ParsePages: pages}, "jobs": {ParseJobs: jobs, ParseImages: 1, ParsePages: 1,
			Batch: true, Files: 1},
	} {
		s := newServer(t, Options{Corpus: Synthetic(o), LogLimit: -1})
		last := "/api/v2/parse/pjb-" + numberedUUID(0, 'j', uint64(o.ParseJobs-1))
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for _, path := range []string{last + "?expand=text&expand=images_content_metadata", "/api/v2/parse?page_size=1000", last} {
			d := &sizer{header: http.Header{}}
			r := httptest.NewRequest("GET", path, nil)
			r.Header.Set("Authorization", "Bearer "+testKey)
			s.ServeHTTP(d, r)
			if d.size < 100 || name == "pages" && strings.Contains(path, "text") && d.size < 30*pages {
				t.Errorf("%s: %s has %d bytes", name, path, d.size)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > 4<<20 || after.HeapSys > 16<<20+before.HeapSys {
			t.Errorf("%s: %d bytes more are held, and the heap grew from %d to %d", name, held, before.HeapSys, after.HeapSys)
		}
	}
}

// A large answer comes in chunks, a small one with its length.
func TestServer_GetParseJob_Length(t *testing.T) {
	c := Synthetic(SyntheticOptions{ParseJobs: 1, ParseImages: 2000, ParsePages: 1})
	a := serve(t, Options{Corpus: c})
	path := "/api/v2/parse/pjb-" + numberedUUID(0, 'j', 0)
	if got := a.get(path + "?expand=text"); got.length != int64(len(got.body)) {
		t.Errorf("Content-Length %d of %d bytes", got.length, len(got.body))
	}
	got := a.get(path + "?expand=images_content_metadata")
	if got.length != -1 || !json.Valid(got.body) || len(got.body) < largestWhole {
		t.Errorf("Content-Length %d of %d bytes, want chunks", got.length, len(got.body))
	}
}

// Blobs behind presigned links, and the new listings, can be faulty as others are.
func TestFaults_Today(t *testing.T) {
	c := jobCorpus(t, jobSpec(t, "pjb-1"))
	check(t, c.AddBatch(BatchSpec{ID: "bat-1", ProjectID: project, Results: []BatchResult{{DirectoryFileID: "f1"}}}))
	for _, storage := range []*StorageOptions{nil, {}} {
		for kind, path := range map[FaultKind]string{
			FaultOddItem: attachmentsPath + "?source_id=f1", FaultOddField: parsePath,
			FaultNullList:   parsePath + "/pjb-1?expand=images_content_metadata",
			FaultSmallPages: "/api/v2/batches?page_size=4", FaultEmptyPage: "/api/v1/beta/directories",
			FaultRepeatPage:    attachmentsPath + "?source_id=f1",
			FaultTruncatedJSON: "/api/v2/batches/bat-1?expand=results", FaultStatus503: attachmentsPath + "/%2E%2E?source_id=f1",
		} {
			o := Options{Corpus: c, Storage: storage, Faults: Faults{Rate: 1, Kinds: []FaultKind{kind}, Routes: Routes()}}
			a := faultyToday(t, o)
			wrong := a.get(path)
			if right := a.get(path).want(t, 200); bytes.Equal(right.body, wrong.body) || a.server.Requests()[0].Fault != kind {
				t.Errorf("%s of %s: %s", kind, path, wrong.body)
			}
		}
		for _, kind := range []FaultKind{FaultStatus403, FaultStatus404, FaultWrongSize, FaultShort, FaultHTML, FaultPDF,
			FaultRedirectLoop} {
			o := Options{Corpus: c, Storage: storage, Faults: Faults{Rate: 1, Kinds: []FaultKind{kind}}}
			a := faultyToday(t, o)
			image := shaped[parseShape](t, a.get(parsePath+"/pjb-1?expand=images_content_metadata").body).Images.Images[0]
			wrong, _ := a.try("GET", *image.URL, http.Header{"Authorization": nil}, nil)
			if wrong.status == 403 {
				wrong.wantXML(t, 403, "AccessDenied")
			}
			if kind == FaultRedirectLoop {
				a.server.Reset()
				loop := wrong.header.Get("Location")
				if origin := (*image.URL)[:strings.Index(*image.URL, "/download")]; a.fetch(origin+loop, nil).status != 307 {
					t.Errorf("the hop %s does not loop", loop)
				}
			}
			right := a.download(*image.URL).want(t, 200)
			if !bytes.Equal(right.body, drawJPEG(t, 8, 9)) || bytes.Equal(wrong.body, right.body) {
				t.Errorf("%s: %d and %d bytes", kind, len(wrong.body), len(right.body))
			}
			if !slices.ContainsFunc(a.server.Requests(), func(r Request) bool {
				return r.Fault == kind && r.Route == RouteDownloadParseImage && r.Storage == (storage != nil)
			}) {
				t.Errorf("%s did not happen to the image", kind)
			}
		}
	}
}

func faultyToday(t *testing.T, o Options) *api {
	t.Helper()
	if o.Storage == nil {
		return serve(t, o)
	}
	storage := *o.Storage
	o.Storage = &storage
	return withStorage(t, o)
}
