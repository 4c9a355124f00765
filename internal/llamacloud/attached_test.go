package llamacloud

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"exporter/pipeline"
)

// attachmentsOf asks for what is attached to a file.
func attachmentsOf(f *pipeline.File) pipeline.Wanted {
	return pipeline.Wanted{File: f, Kind: pipeline.Screenshot, Origin: pipeline.OriginAttachment}
}

// Attachments are looked for by the id of the directory's entry first, then by that of the file. Their names are taken as they are.
func TestSource_Attachments(t *testing.T) {
	var asked []string
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		id := r.URL.Query().Get("source_id")
		asked = append(asked, id)
		if id == "dfl-1" {
			_, _ = io.WriteString(w, `{"items":[],"next_page_token":""}`)
			return
		}
		_, _ = io.WriteString(w, `{"items":[
			{"name":"screenshots/page_12.jpg","size":100,"last_modified":"2026-01-02T03:04:05Z"},
			{"name":"screenshots/../page_2.png","size":"oops"}, {"name":"screenshots/cover.webp"}, {"name":"items/page_3.json","size":5},
			{"name":"a/b%2Fc.jpg"}, {"name":"screenshots/page_99999999999.jpg"}, {"size":1}]}`)
	})
	got, err := a.source.Assets(t.Context(), attachmentsOf(&pipeline.File{ID: "f", DirectoryFileID: "dfl-1"}), roomy)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"dfl-1", "f"}, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	type seen struct {
		Name                          string
		Page                          int32
		Number                        int32
		Size                          int64
		NoPicture, Malformed, IsDated bool
		Odd                           int
	}
	var all []seen
	for _, a := range got {
		s := seen{a.Detail().UpstreamName, a.PageIndex, 0, 0, a.Detail().NoPicture, a.Detail().Malformed != nil, !a.Detail().UpdatedAt.IsZero(), len(a.Detail().Odd)}
		if number := a.Detail().PageNumber; number != nil {
			s.Number = *number
		}
		s.Size, _ = a.ExpectedSize()
		all = append(all, s)
	}
	want := []seen{
		{"screenshots/page_12.jpg", 12, 12, 100, false, false, true, 0}, {"screenshots/../page_2.png", 2, 2, 0, false, false, false, 1},
		{"screenshots/cover.webp", -1, 0, 0, false, false, false, 0}, {"items/page_3.json", 3, 3, 5, true, false, false, 0},
		{"a/b%2Fc.jpg", -1, 0, 0, false, false, false, 0}, {"screenshots/page_99999999999.jpg", -1, 0, 0, false, false, false, 0},
		{"", -2, 0, 0, false, true, false, 0},
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("attachments (-want +got):\n%s", diff)
	}
}

// An API without attachments is asked for those of ten files.
func TestSource_Attachments_NotOffered_AsksNoMore(t *testing.T) {
	requests := 0
	a := newAPI(t, func(w http.ResponseWriter, _ *http.Request) {
		requests++
		http.NotFound(w, nil)
	})
	for i := range 30 {
		_, err := a.source.Assets(t.Context(), attachmentsOf(&pipeline.File{ID: fmt.Sprint("f", i)}), roomy)
		if failure, ok := errors.AsType[*pipeline.Failure](err); !ok || !failure.Absent {
			t.Fatalf("got %v, want what is absent", err)
		}
	}
	if requests != mostAbsent {
		t.Errorf("%d requests were made, want %d", requests, mostAbsent)
	}
}

// attachmentAPI gives links to another host; follow answers for them.
func attachmentAPI(t *testing.T, link func(n int) string, follow http.HandlerFunc, change ...func(*Options)) (*api, *[]string) {
	var mu sync.Mutex
	asked := new([]string)
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		*asked = append(*asked, r.URL.EscapedPath()+"?"+r.URL.RawQuery)
		_, _ = io.WriteString(w, link(len(*asked)))
	}, change...)
	a.serve(t, "127.0.0.1:81", follow)
	return a, asked
}

func attachment(name string) *pipeline.Asset {
	return &pipeline.Asset{
		FileID: "f", Kind: pipeline.Screenshot, Origin: pipeline.OriginAttachment,
		Details: &pipeline.Details{UpstreamName: name, Handle: pipeline.ID("dfl-1")},
	}
}

// The link to an attachment is asked for by its name, which is one segment of the path, and renewed where it is dead. The key does not go
// there, and what grants access shows nowhere.
func TestSource_Attachment_IsFetchedByItsLink(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404} {
		synctest.Test(t, func(t *testing.T) {
			followed := 0
			a, asked := attachmentAPI(t,
				func(n int) string {
					return fmt.Sprintf(`{"url":"http://127.0.0.1:81/b?n=%d&%s","expires_at":"2020-01-01T00:00:00Z"}`, n, linkSecret)
				},
				func(w http.ResponseWriter, r *http.Request) {
					if r.Header.Get("Authorization") != "" {
						t.Error("the key is sent to the storage")
					}
					if followed++; followed <= 2 {
						w.WriteHeader(status)
						_, _ = io.WriteString(w, "<Error><Code>AccessDenied</Code></Error>")
						return
					}
					_, _ = w.Write(picture(t))
				}, func(o *Options) { o.MaxAttempts = 1 })
			blob, err := a.source.Blob(t.Context(), attachment("screenshots/page 1%.jpg"), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer blob.Close()
			const path = "/api/v1/beta/attachments/screenshots%2Fpage%201%25.jpg?source_id=dfl-1"
			if diff := cmp.Diff([]string{path, path, path}, *asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
			for _, e := range a.events.events {
				if strings.Contains(fmt.Sprintf("%+v", e), linkSecret) {
					t.Errorf("the link shows in %+v", e)
				}
			}
		})
	}
}

// Whatever is wrong with a link is the failure of its picture.
func TestSource_Attachment_WrongLinks(t *testing.T) {
	for name, tt := range map[string]struct{ answer, class string }{
		"form":      {`{"url":"http://127.0.0.1:81/b","expires_at":"2030-01-01T00:00:00Z","form_fields":{"a":"b"}}`, "malformed"},
		"no url":    {`{"expires_at":"2030-01-01T00:00:00Z"}`, "malformed"},
		"empty":     {`{"url":""}`, "malformed"},
		"no JSON":   {`<html>`, "malformed"},
		"scheme":    {`{"url":"file:///etc/passwd"}`, "redirect"},
		"user":      {`{"url":"http://a:b@127.0.0.1:81/b"}`, "redirect"},
		"XML":       {`{"url":"http://127.0.0.1:81/xml"}`, "not_image"},
		"redirects": {`{"url":"http://127.0.0.1:81/loop"}`, "redirect"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, _ := attachmentAPI(t, func(int) string { return tt.answer }, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/loop" {
						http.Redirect(w, r, "/loop", http.StatusFound)
						return
					}
					_, _ = io.WriteString(w, "<?xml version='1.0'?><Error/>")
				}, func(o *Options) { o.MaxAttempts = 3 })
				_, err := a.source.Blob(t.Context(), attachment("a.jpg"), nil)
				if failure, ok := errors.AsType[*pipeline.Failure](err); !ok || failure.Class != tt.class {
					t.Errorf("got %v, want a failure of class %s", err, tt.class)
				}
			})
		})
	}
}

// A document is taken as it is, whatever it is, and told by its bytes and its name.
func TestSource_Document(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, asked := attachmentAPI(t,
			func(int) string { return `{"url":"http://127.0.0.1:81/b","expires_at":"2030-01-01T00:00:00Z"}` },
			func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a,b\n1,2\n") })
		file := &pipeline.File{ID: "f", DisplayName: new("table.csv")}
		assets, err := a.source.Assets(t.Context(), pipeline.Wanted{File: file, Kind: pipeline.Document, Origin: pipeline.OriginFile}, roomy)
		if err != nil || len(assets) != 1 || len(*asked) != 0 {
			t.Fatalf("got %v, %v after %v", assets, err, *asked)
		}
		blob, err := a.source.Blob(t.Context(), assets[0], nil)
		if err != nil {
			t.Fatal(err)
		}
		defer blob.Close()
		if blob.MediaType != "text/csv" || blob.Size != 8 {
			t.Errorf("got %+v", blob.Content)
		}
		if want := []string{"/api/v1/beta/files/f/content?"}; !cmp.Equal(want, *asked) {
			t.Errorf("asked %v, want %v", *asked, want)
		}
	})
}

// What a portal answers in the place of a document is not stored as one, unless the document may be such a page.
func TestSource_Document_PageInItsPlace(t *testing.T) {
	const page = "<!DOCTYPE html><html><body>Please sign in.</body></html>"
	for _, tt := range []struct{ name, declared, body, class string }{
		{"report.pdf", "text/html", page, ClassNotDocument}, {"report.PDF", "application/pdf", page, ClassNotDocument},
		{"report.docx", "", `{"detail":"gone"}`, ClassNotDocument}, {"photo.png", "", "<?xml version='1.0'?><Error/>", ClassNotDocument},
		{"table.xls", "text/html", page, ClassNotDocument}, {"table.xls", "application/vnd.ms-excel", page, ""},
		{"table.xls", "application/xml; charset=utf-8", "<?xml version='1.0'?><Error/>", ClassNotDocument},
		{"letter.doc", "Text/HTML; charset=utf-8", page, ClassNotDocument}, {"deck.key", "text/html", page, ClassNotDocument},
		{"mail.msg", "application/problem+json", `{"detail":"gone"}`, ClassNotDocument}, {"deck.key", "", page, ""},
		{"Report v. 2", "text/html", page, ""}, {"https://example.com", "text/html", page, ""},
		{"notes.ipynb", "application/json", "{}", ""}, {"page.xhtml", "text/html", page, ""}, {"drawing.svg", "text/xml", "<?xml version='1.0'?><svg/>", ""},
		{"page.html", "text/html", page, ""}, {"data.json", "", "{}", ""}, {"README", "text/html", page, ""}, {"report.pdf", "", "%PDF-1.7", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, _ := attachmentAPI(t,
				func(int) string { return `{"url":"http://127.0.0.1:81/b"}` },
				func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", tt.declared)
					_, _ = io.WriteString(w, tt.body)
				}, func(o *Options) { o.MaxAttempts = 2 })
			blob, err := a.source.Blob(t.Context(), &pipeline.Asset{
				FileID: "f", Kind: pipeline.Document, Origin: pipeline.OriginFile, Details: &pipeline.Details{Handle: tt.name},
			}, nil)
			if err == nil {
				defer blob.Close()
			}
			failure, ok := errors.AsType[*pipeline.Failure](err)
			if (tt.class == "") != (err == nil) || ok && failure.Class != tt.class {
				t.Errorf("%s, declared as %q, that is %q: got %v, want %q", tt.name, tt.declared, tt.body, err, tt.class)
			}
		})
	}
}

// A document whose end nothing tells may be cut.
func TestSource_Document_WithoutAnEnd_Fails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := attachmentAPI(t,
			func(int) string { return `{"url":"http://127.0.0.1:81/b"}` },
			func(w http.ResponseWriter, _ *http.Request) {
				conn, buffered, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				_, _ = buffered.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%PDF-1.7")
				_ = buffered.Flush()
			}, func(o *Options) { o.MaxAttempts = 1 })
		_, err := a.source.Blob(t.Context(), &pipeline.Asset{FileID: "f", Kind: pipeline.Document, Origin: pipeline.OriginFile}, nil)
		if failure, ok := errors.AsType[*pipeline.Failure](err); !ok || failure.Class != ClassTruncated {
			t.Errorf("got %v, want a failure of class %s", err, ClassTruncated)
		}
	})
}
