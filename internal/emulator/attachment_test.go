package emulator

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const attachmentsPath = "/api/v1/beta/attachments"

func TestServer_ListAttachments(t *testing.T) {
	c := todayCorpus(t)
	a := serve(t, Options{Corpus: c})
	name := func(i attachmentShape) string { return i.Name }
	all := []string{"screenshots/page_1.jpg", "items/page_1.json", "..", "a b/ü?#%2F"}
	for source, want := range map[string][]string{"f1": all, "file-1": {}, "f2": {}, "file-2": {"screenshots/page_1.jpg"}} {
		wantIDs(t, source, want, pages(a, attachmentsPath+"?source_id="+source+"&", name))
	}
	first := shaped[cursorPage[attachmentShape]](t, a.get(attachmentsPath+"?source_id=f1").body).Items[0]
	if first.Size != int64(len(drawJPEG(t, 8, 9))) || *first.LastModified != "2024-06-04T12:00:00.123456Z" {
		t.Errorf("attachment %+v", first)
	}
	for _, query := range []string{"", "?source_id="} {
		if got := string(a.get(attachmentsPath+query).want(t,
			422).body); got != `{"detail":[{"loc":["query","source_id"],"msg":"Field required","type":"missing"}]}` {
			t.Errorf("%q: %s", query, got)
		}
	}
	a.get(attachmentsPath+"?source_id=none").want(t, 404)
	a.get(attachmentsPath+"?source_id=f1&project_id=project-2").want(t, 404)
	token := *shaped[cursorPage[attachmentShape]](t, a.get(attachmentsPath+"?source_id=f1&page_size=1").body).Next
	a.get(attachmentsPath+"?source_id=file-2&page_token="+token).want(t, 422)
}

// An attachment's name is one segment, and the link needs no key.
func TestServer_GetAttachment(t *testing.T) {
	a := serve(t, Options{Corpus: todayCorpus(t)})
	for name, want := range map[string]string{
		"screenshots%2Fpage_1.jpg": string(drawJPEG(t, 8, 9)), "items%2Fpage_1.json": "{}", "%2E%2E": "dots",
		url.PathEscape("a b/ü?#%2F"): "odd",
	} {
		got := shaped[presignedShape](t, a.get(attachmentsPath+"/"+name+"?source_id=f1").want(t, 200).body)
		if got.FormFields != nil || !strings.HasPrefix(got.URL, a.url+"/download/") || !strings.Contains(got.URL, "X-Amz-Expires=3600") {
			t.Errorf("%s: presigned %+v", name, got)
		}
		if strings.Contains(got.URL, "/..") {
			t.Errorf("%s: the path of %s leads up for clients that resolve it", name, got.URL)
		}
		if body := a.download(got.URL).want(t, 200).body; string(body) != want {
			t.Errorf("%s: %d bytes, want %d", name, len(body), len(want))
		}
	}
	a.get(attachmentsPath+"/screenshots/page_1.jpg?source_id=f1").want(t, 404)
	for _, path := range []string{"/none?source_id=f1", "/screenshots%2Fpage_1.jpg?source_id=file-1", "/%2E%2E?source_id=none"} {
		a.get(attachmentsPath+path).want(t, 404)
	}
	a.get(attachmentsPath+"/%2E%2E").want(t, 422)
	a.fetch(a.url+attachmentsPath+"/%2E%2E?source_id=f1", nil).want(t, 401)
}

func TestCorpus_PutAttachment(t *testing.T) {
	c := todayCorpus(t)
	a := serve(t, Options{Corpus: c})
	name := func(i attachmentShape) string { return i.Name }
	lie := int64(7)
	check(t, c.PutAttachment("f1", AttachmentSpec{Name: "items/page_1.json", Data: []byte("[1]"), ListedSize: &lie}))
	check(t, c.PutAttachment("file-1", AttachmentSpec{Name: "new", Raw: []byte(`{"name":"raw","size":1,"last_modified":null}`)}))
	c.RemoveAttachment("f1", "..")
	c.RemoveAttachment("f1", "..")
	wantIDs(t, "f1", []string{"screenshots/page_1.jpg", "items/page_1.json", "a b/ü?#%2F"}, pages(a,
		attachmentsPath+"?source_id=f1&", name))
	wantIDs(t, "file-1", []string{"raw"}, pages(a, attachmentsPath+"?source_id=file-1&", name))
	if got := shaped[cursorPage[attachmentShape]](t, a.get(attachmentsPath+"?source_id=f1").body).Items[1]; got.Size != 7 {
		t.Errorf("listed size %d, want 7", got.Size)
	}
	a.get(attachmentsPath+"/%2E%2E?source_id=f1").want(t, 404)
	if c.PutAttachment("none", AttachmentSpec{}) == nil {
		t.Error("an attachment of an unknown source gave no error")
	}
	check(t, c.RemoveFile("file-1"))
	a.get(attachmentsPath+"?source_id=f1").want(t, 404)
}

// Where there is a storage origin, presigned links lead to it; it wants no key, and refuses one.
func TestStorage_Presigned(t *testing.T) {
	c := todayCorpus(t)
	check(t, c.AddParseJob(jobSpec(t, "pjb-1")))
	for _, blobs := range []bool{false, true} {
		a := withStorage(t, Options{Corpus: c, Storage: &StorageOptions{Blobs: blobs}})
		job := decode[parseShape](t, a.get("/api/v2/parse/pjb-1?expand=images_content_metadata&expand=xlsx_content_metadata").body)
		links := map[string]string{
			*job.Images.Images[0].URL: string(drawJPEG(t, 8, 9)), *job.Results["outputPDF"].URL: "%PDF-1.5 out",
			shaped[presignedShape](t, a.get(attachmentsPath+"/%2E%2E?source_id=f1").body).URL: "dots",
			shaped[presignedShape](t, a.get("/api/v1/beta/files/file-1/content").body).URL:    "%PDF-1.5 one",
		}
		for link, want := range links {
			if !strings.HasPrefix(link, a.server.storage.Origin+"/") {
				t.Errorf("%s does not lead to storage", link)
			}
			if got := a.download(link).want(t, 200).body; string(got) != want {
				t.Errorf("%s: %d bytes, want %d", link, len(got), len(want))
			}
			a.fetch(link, http.Header{"Authorization": {"Bearer " + testKey}}).wantXML(t, 400, "InvalidArgument")
			a.fetch(strings.Replace(link, "Expires=3600", "Expires=9999", 1), nil).wantXML(t, 403, "SignatureDoesNotMatch")
		}
		c.RemoveAttachment("file-2", "screenshots/page_1.jpg")
	}
}

// Without a storage origin, a link that was changed, or none, is refused as storage does.
func TestServer_Presigned_Refuses(t *testing.T) {
	c := todayCorpus(t)
	a := serve(t, Options{Corpus: c})
	link := shaped[presignedShape](t, a.get(attachmentsPath+"/%2E%2E?source_id=f1").body).URL
	a.fetch(strings.Replace(link, "f1", "f2", 1), nil).wantXML(t, 403, "SignatureDoesNotMatch")
	a.fetch(link[:strings.Index(link, "?")], nil).wantXML(t, 403, "SignatureDoesNotMatch")
	c.RemoveAttachment("f1", "..")
	a.fetch(link, nil).wantXML(t, 404, "NoSuchKey")
}
