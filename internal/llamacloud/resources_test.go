package llamacloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/pipeline"
)

func timeOf(t *testing.T, text string) Optional[Timestamp] {
	t.Helper()
	parsed, err := parseTimestamp(text)
	if err != nil {
		t.Fatal(err)
	}
	return Value(parsed)
}

// listed returns all items of a listing as one value.
func listed[T any](items iter.Seq2[T, error]) (any, error) {
	var all []T
	for item, err := range items {
		if err != nil {
			return all, err
		}
		all = append(all, item)
	}
	return all, nil
}

// Every listing sends its query, follows cursors to a token that is "", and reads what an item has.
func TestClient_Listings(t *testing.T) {
	day := time.Date(2026, 5, 1, 12, 0, 0, 0, time.FixedZone("", 7200))
	at := func(text string) Optional[Timestamp] { return timeOf(t, text) }
	for name, test := range map[string]struct {
		list func(*Client) (any, error)
		// path is what is asked for first, without the page size.
		path string
		item string
		want any
	}{
		"attachments": {
			func(c *Client) (any, error) { return listed(c.Attachments(t.Context(), "dfl-1")) },
			"/api/v1/beta/attachments?source_id=dfl-1",
			`{"name":"screenshots/page_1.jpg","size":12,"last_modified":"2026-05-01T00:00:00Z"}`,
			[]Attachment{{Name: "screenshots/page_1.jpg", Size: Value[int64](12), LastModified: at("2026-05-01T00:00:00Z")}},
		},
		"directories": {
			func(c *Client) (any, error) {
				q := DirectoriesQuery{Name: "a b", Types: []string{"user", "index"}, IncludeDeleted: true}
				return listed(c.Directories(t.Context(), q))
			},
			"/api/v1/beta/directories?include_deleted=true&name=a+b&types=user&types=index",
			`{"id":"dir-1","name":"a b","project_id":"p","type":"ephemeral","deleted_at":null,
				"expires_at":"2026-05-02T00:00:00Z"}`,
			[]Directory{{
				ID: "dir-1", ProjectID: "p", Name: Value("a b"), Type: Value("ephemeral"), ExpiresAt: at("2026-05-02T00:00:00Z"),
				DeletedAt: Null[Timestamp](),
			}},
		},
		"indexes": {
			func(c *Client) (any, error) {
				return listed(c.Indexes(t.Context(), IndexesQuery{SourceDirectoryID: "dir-1"}))
			},
			"/api/v1/indexes?source_directory_id=dir-1",
			`{"id":"i","name":"n","project_id":"p","source_directory_id":"s","output_directory_id":"o","sync_config_id":"y",
				"export_config_id":"x","metadata":{"status": "ready"},"last_synced_at":"2026-05-02T00:00:00Z"}`,
			[]Index{{
				ID: "i", Name: Value("n"), ProjectID: "p", SourceDirectoryID: "s", OutputDirectoryID: "o", SyncConfigID: "y",
				ExportConfigID: "x", Metadata: Value(json.RawMessage(`{"status":"ready"}`)), LastSyncedAt: at("2026-05-02T00:00:00Z"),
			}},
		},
		"projects": {
			func(c *Client) (any, error) { return listed(c.Projects(t.Context(), ProjectsQuery{Name: "n"})) },
			"/api/v2/projects?name=n", `{"id":"p","name":"n","organization_id":"o","is_default":true}`,
			[]Project{{ID: "p", Name: Value("n"), OrganizationID: "o", IsDefault: Value(true)}},
		},
		"pipelines": {
			func(c *Client) (any, error) { return listed(c.Pipelines(t.Context(), PipelinesQuery{Name: "n"})) },
			"/api/v2/pipelines?name=n", `{"id":"l","name":"n","pipeline_type":"MANAGED","project_id":"p","status":"CREATED"}`,
			[]Pipeline{{ID: "l", Name: Value("n"), Type: Value("MANAGED"), ProjectID: "p", Status: Value("CREATED")}},
		},
		"parse jobs": {
			func(c *Client) (any, error) {
				q := ParseJobsQuery{Status: JobCompleted, CreatedAtOnOrAfter: day, JobIDs: []pipeline.ID{"a", "b"}}
				return listed(c.ParseJobs(t.Context(), q))
			},
			"/api/v2/parse?created_at_on_or_after=2026-05-01T10%3A00%3A00Z&job_ids=a&job_ids=b&status=COMPLETED",
			`{"id":"pjb-1","project_id":"p","status":"COMPLETED","name":"n","tier":"agentic","user_metadata":{"a":"b"},
				"error_message":null}`,
			[]ParseJob{{
				ID: "pjb-1", ProjectID: "p", Status: "COMPLETED", Name: Value("n"), Tier: Value("agentic"),
				UserMetadata: Value(json.RawMessage(`{"a":"b"}`)), ErrorMessage: Null[string](),
			}},
		},
		"batches": {
			func(c *Client) (any, error) {
				q := BatchesQuery{SourceDirectoryID: "dir-1", Status: "THROTTLED", CreatedAtOnOrBefore: day}
				return listed(c.Batches(t.Context(), q))
			},
			"/api/v2/batches?created_at_on_or_before=2026-05-01T10%3A00%3A00Z&source_directory_id=dir-1&status=THROTTLED",
			`{"id":"bat-1","project_id":"p","source_directory_id":"dir-1","status":"THROTTLED","config":{"job":{"type":"parse_v2"}}}`,
			[]Batch{{ID: "bat-1", ProjectID: "p", SourceDirectoryID: "dir-1", Status: "THROTTLED", JobType: Value("parse_v2")}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				q := r.URL.Query()
				if size := q.Get("page_size"); size != "1000" {
					t.Errorf("page_size %q", size)
				}
				q.Del("page_size")
				asked = append(asked, r.URL.Path+"?"+q.Encode())
				if q.Has("page_token") {
					_, _ = fmt.Fprintf(w, `{"items":[%s],"next_page_token":""}`, test.item)
					return
				}
				_, _ = io.WriteString(w, `{"items":[],"next_page_token":"t","total_size":null}`)
			})
			got, err := test.list(a.client)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, unexported()); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
			if len(asked) != 2 || asked[0] != test.path || !strings.Contains(asked[1], "page_token=t") {
				t.Errorf("asked for %q, want %q and its second page", asked, test.path)
			}
		})
	}
}

// What cannot be read of an item is that item's, and the listing goes on.
func TestClient_Listings_OddItems(t *testing.T) {
	a := newAPI(t, answerWith(`{"items":[7,{"id":""},{"id":"a","name":7,"expires_at":"soon"},{"name":"b"},{"id":"c"}]}`))
	var malformed, fine []string
	for d, err := range a.client.Directories(t.Context(), DirectoriesQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		if d.Malformed != nil {
			malformed = append(malformed, d.Malformed.Error())
			continue
		}
		fine = append(fine, fmt.Sprintf("%s %v", d.ID, d.Odd))
	}
	want := []string{`want an object, not 7 in 7`, `id is empty in {"id":""}`, `id: it is missing in {"name":"b"}`}
	if diff := cmp.Diff(want, malformed); diff != "" {
		t.Errorf("malformed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{`a [{name 7} {expires_at "soon"}]`, "c []"}, fine); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
}

// A deployment that does not have today's listing is asked for the one before; one that refuses it is not.
func TestClient_Listings_OfTheAPIBefore(t *testing.T) {
	for _, test := range []struct {
		status int
		want   []string
		asked  []string
	}{
		{404, []string{"a"}, []string{
			"/api/v2/pipelines name=n", "/api/v1/pipelines pipeline_name=n", "/api/v2/projects name=n", "/api/v1/projects project_name=n",
		}},
		{403, nil, []string{"/api/v2/pipelines name=n", "/api/v2/projects name=n"}},
	} {
		var asked []string
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			q.Del("page_size")
			asked = append(asked, r.URL.Path+" "+q.Encode())
			if strings.HasPrefix(r.URL.Path, "/api/v2/") {
				w.WriteHeader(test.status)
				return
			}
			_, _ = io.WriteString(w, `[{"id":"a","name":"n"}]`)
		})
		got, err := collect(a.client.Pipelines(t.Context(), PipelinesQuery{Name: "n"}), func(p Pipeline) string { return p.ID })
		if diff := cmp.Diff(test.want, got); diff != "" || (err == nil) != (test.want != nil) {
			t.Errorf("%d: pipelines (-want +got):\n%s%v", test.status, diff, err)
		}
		got, err = collect(a.client.Projects(t.Context(), ProjectsQuery{Name: "n"}), func(p Project) string { return p.ID })
		if diff := cmp.Diff(test.want, got); diff != "" || (err == nil) != (test.want != nil) {
			t.Errorf("%d: projects (-want +got):\n%s%v", test.status, diff, err)
		}
		if diff := cmp.Diff(test.asked, asked); diff != "" {
			t.Errorf("%d: asked (-want +got):\n%s", test.status, diff)
		}
	}
}

// Listings of parse jobs are asked for five times a second at most, by all who list them, and retries count.
func TestClient_ParseJobs_FiveListingsASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/api/v2/parse" {
				_, _ = io.WriteString(w, `{"job":{"id":"a"}}`)
				return
			}
			at = append(at, time.Now())
			if len(at) == 2 {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			_, _ = fmt.Fprintf(w, `{"items":[{"id":"%d"}],"next_page_token":"%d"}`, len(at), len(at))
		})
		for range 3 {
			n := 0
			for _, err := range a.client.ParseJobs(t.Context(), ParseJobsQuery{}) {
				if n++; n == 5 || err != nil {
					break
				}
				if _, err := a.client.ParseJob(t.Context(), "a"); err != nil {
					t.Fatal(err)
				}
			}
		}
		if len(at) != 16 {
			t.Fatalf("%d listings", len(at))
		}
		for i := range at[5:] {
			if d := at[i+5].Sub(at[i]); d < time.Second {
				t.Errorf("listings %d to %d come within %v", i, i+5, d)
			}
		}
		if d := at[len(at)-1].Sub(at[0]); d > 10*time.Second {
			t.Errorf("16 listings take %v", d)
		}
	})
}

func TestClient_SingleItems(t *testing.T) {
	for name, test := range map[string]struct {
		get    func(*Client) (any, error)
		path   string
		answer string
		want   any
	}{
		"file": {
			func(c *Client) (any, error) { return c.File(t.Context(), "f") }, "/api/v1/beta/files/f",
			`{"id":"f","name":"n","project_id":"p","expires_at":"2026-05-02T00:00:00Z"}`,
			ProjectFile{ID: "f", Name: Value("n"), ProjectID: "p", ExpiresAt: timeOf(t, "2026-05-02T00:00:00Z")},
		},
		"directory": {
			func(c *Client) (any, error) { return c.Directory(t.Context(), "d") }, "/api/v1/beta/directories/d",
			`{"id":"d","name":"n","project_id":"p"}`, Directory{ID: "d", Name: Value("n"), ProjectID: "p"},
		},
		"index": {
			func(c *Client) (any, error) { return c.Index(t.Context(), "i") }, "/api/v1/indexes/i?expand=sync_in_progress",
			`{"id":"i","sync_in_progress":false}`, Index{ID: "i", SyncInProgress: Value(false)},
		},
		"parse job": {
			func(c *Client) (any, error) { return c.ParseJob(t.Context(), "pjb-1") }, "/api/v2/parse/pjb-1",
			`{"text":null,"job":{"id":"pjb-1","status":"RUNNING","project_id":"p"}}`,
			ParseJob{ID: "pjb-1", Status: "RUNNING", ProjectID: "p"},
		},
		"content": {
			func(c *Client) (any, error) { return c.FileContent(t.Context(), "f") }, "/api/v1/beta/files/f/content",
			`{"url":"https://s3.example/f?X-Amz-Signature=s","expires_at":"2026-05-02T00:00:00Z","form_fields":null}`,
			PresignedURL{
				URL: "https://s3.example/f?X-Amz-Signature=s", ExpiresAt: timeOf(t, "2026-05-02T00:00:00Z"),
				FormFields: Null[map[string]string](),
			},
		},
		"attachment": {
			func(c *Client) (any, error) { return c.AttachmentURL(t.Context(), "dfl-1", "../a b/é.jpg") },
			"/api/v1/beta/attachments/..%2Fa%20b%2F%C3%A9.jpg?source_id=dfl-1",
			`{"url":"https://s3.example/a"}`, PresignedURL{URL: "https://s3.example/a"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			asked := ""
			a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				asked = r.RequestURI
				_, _ = io.WriteString(w, test.answer)
			})
			got, err := test.get(a.client)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, unexported()); diff != "" || asked != test.path {
				t.Errorf("asked for %s, want %s; -want +got:\n%s", asked, test.path, diff)
			}
		})
	}
}

func TestClient_SingleItems_Malformed(t *testing.T) {
	for name, answer := range map[string]string{
		"no id": `{"name":"n"}`, "null": "null", "no job": `{"text":{}}`, "a job without id": `{"job":{"status":"COMPLETED"}}`,
	} {
		synctest.Test(t, func(t *testing.T) {
			a := newAPI(t, answerWith(answer))
			_, file := a.client.File(t.Context(), "f")
			_, job := a.client.ParseJob(t.Context(), "f")
			_, batch := a.client.Batch(t.Context(), "f", func(*BatchResult) error { return nil })
			for _, err := range []error{file, job, batch} {
				if failed, ok := errors.AsType[*RequestError](err); !ok || failed.Class != ClassMalformed {
					t.Errorf("%s: got %v, want class malformed", name, err)
				}
			}
		})
	}
}

// A link that takes a form, or that is none, is no link to download from; and no link shows who may use it.
func TestClient_FileContent_IsALinkToDownloadFrom(t *testing.T) {
	for answer, want := range map[string]string{
		`{"url":"https://s3.example/","form_fields":{"key":"` + canary + `"}}`: "form_fields: the link takes a form",
		`{"url":""}`: "url is empty", `{"expires_at":null}`: "url: it is missing", `{"url":7}`: "url: want a string",
		"[]": "want an object",
	} {
		synctest.Test(t, func(t *testing.T) {
			a := newAPI(t, answerWith(answer))
			link, err := a.client.FileContent(t.Context(), "f")
			if err == nil || !strings.Contains(err.Error(), want) || link.URL != "" {
				t.Errorf("%s: got %v, %v, want %q", answer, link, err, want)
			}
			checkNoKey(t, err)
		})
	}
	link := PresignedURL{URL: "https://s3.example/f?sig=" + canary, FormFields: Value(map[string]string{"a": canary})}
	for _, text := range []string{fmt.Sprint(link), fmt.Sprintf("%+v", []PresignedURL{link}), fmt.Sprint(&link)} {
		if strings.Contains(text, canary) || !strings.Contains(text, "https://s3.example/f") {
			t.Errorf("the link shows as %s", text)
		}
	}
}

func TestLinkOf_Expiry(t *testing.T) {
	for link, want := range map[string]Optional[Timestamp]{
		"https://b/k?X-Amz-Date=20260501T120000Z&X-Amz-Expires=900": timeOf(t, "2026-05-01T12:15:00Z"),
		"https://b/k?X-Amz-Date=20260501T120000Z&X-Amz-Expires=-1":  {},
		"https://b/k?X-Amz-Date=2026&X-Amz-Expires=900":             {},
		"https://b/k": {}, "::": {},
	} {
		if got := linkOf(link).ExpiresAt; got != want {
			t.Errorf("%s: got %v, want %v", link, got, want)
		}
	}
}
