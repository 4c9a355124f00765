package llamacloud

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/pipeline"
)

// example is the answer of the API's reference.
const example = `{"id":"id","directory_id":"directory_id","display_name":"x","project_id":"project_id","unique_id":"x",
	"created_at":"2019-12-27T18:11:19.117Z","deleted_at":null,
	"download_url":{"expires_at":"2019-12-27T18:11:19.117Z","url":"https://example.com","form_fields":{"foo":"string"}},
	"file_id":"file_id","metadata":{ "foo": "string" }}`

func exampleFile() DirectoryFile {
	at := Value(Timestamp{time.Date(2019, 12, 27, 18, 11, 19, 117e6, time.UTC)})
	return DirectoryFile{
		ID: "id", DirectoryID: "directory_id", ProjectID: "project_id", DisplayName: Value("x"), UniqueID: Value("x"),
		CreatedAt: at, DeletedAt: Null[Timestamp](), FileID: Value("file_id"),
		DownloadURL: Value(PresignedURL{
			URL: "https://example.com", ExpiresAt: at, FormFields: Value(map[string]string{"foo": "string"}),
		}),
		Metadata: Value(json.RawMessage(`{"foo":"string"}`)),
	}
}

func TestClient_DirectoryFileOperations(t *testing.T) {
	var got string
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = fmt.Sprintf("%s %s %s %s %d", r.Method, r.RequestURI, r.Header.Get("Content-Type"), body, r.ContentLength)
		if r.Header.Get("Authorization") != "Bearer "+canary {
			t.Error("the key is missing")
		}
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_, _ = io.WriteString(w, example)
	})
	ctx := t.Context()
	tests := []struct {
		name string
		do   func() (DirectoryFile, error)
		want string
	}{
		{"get", func() (DirectoryFile, error) { return a.client.DirectoryFile(ctx, "d", "f") },
			"GET /api/v1/beta/directories/d/files/f   0"},
		{"get expanded", func() (DirectoryFile, error) { return a.client.DirectoryFile(ctx, "d", "f", "a", "b") },
			"GET /api/v1/beta/directories/d/files/f?expand=a&expand=b   0"},
		{"add", func() (DirectoryFile, error) {
			return a.client.AddDirectoryFile(ctx, "d", NewDirectoryFile{FileID: "f"})
		}, `POST /api/v1/beta/directories/d/files application/json {"file_id":"f"} 15`},
		{"add with all", func() (DirectoryFile, error) {
			return a.client.AddDirectoryFile(ctx, "d", NewDirectoryFile{
				FileID: "f", DisplayName: Value(""), Metadata: Value(json.RawMessage(`{"b":1.0,"a":[]}`)), UniqueID: Null[string](),
			})
		}, `POST /api/v1/beta/directories/d/files application/json ` +
			`{"file_id":"f","display_name":"","metadata":{"b":1.0,"a":[]},"unique_id":null} 78`},
		{"update nothing", func() (DirectoryFile, error) {
			return a.client.UpdateDirectoryFile(ctx, "d", "f", DirectoryFilePatch{})
		}, `PATCH /api/v1/beta/directories/d/files/f application/json {} 2`},
		{"update", func() (DirectoryFile, error) {
			return a.client.UpdateDirectoryFile(ctx, "d", "f", DirectoryFilePatch{
				TargetDirectoryID: Value(pipeline.ID("e")), Metadata: Null[json.RawMessage](),
			})
		}, `PATCH /api/v1/beta/directories/d/files/f application/json {"metadata":null,"target_directory_id":"e"} 43`},
		{"delete", func() (DirectoryFile, error) {
			return exampleFile(), a.client.DeleteDirectoryFile(ctx, "d", "f")
		}, "DELETE /api/v1/beta/directories/d/files/f   0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file, err := test.do()
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("sent %s\nwant %s", got, test.want)
			}
			if diff := cmp.Diff(exampleFile(), file, unexported()); diff != "" {
				t.Errorf("file (-want +got):\n%s", diff)
			}
		})
	}
}

func TestClient_AddDirectoryFile_RefusesMetadataThatIsNotJSON(t *testing.T) {
	a := newAPI(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	_, err := a.client.AddDirectoryFile(t.Context(), "d", NewDirectoryFile{Metadata: Value(json.RawMessage(`{`))})
	if err == nil || !strings.HasPrefix(err.Error(), "encode request: ") {
		t.Errorf("got %v", err)
	}
}

// TestClient_WritesAreRetriedWhereThatIsSafe lets the first answer to a write fail in several ways.
func TestClient_WritesAreRetriedWhereThatIsSafe(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	failures := map[string]http.HandlerFunc{
		"429": status(429), "500": status(500), "503": status(503),
		"reset":     func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
		"malformed": answerWith("{"),
	}
	for name, fail := range failures {
		synctest.Test(t, func(t *testing.T) {
			requests := map[string]int{}
			a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				if requests[r.Method]++; requests[r.Method] == 1 {
					fail(w, r)
					return
				}
				_, _ = io.WriteString(w, example)
			})
			_, postErr := a.client.AddDirectoryFile(t.Context(), "d", NewDirectoryFile{FileID: "f"})
			_, patchErr := a.client.UpdateDirectoryFile(t.Context(), "d", "f", DirectoryFilePatch{})
			deleteErr := a.client.DeleteDirectoryFile(t.Context(), "d", "f")
			if (postErr == nil) != (name == "429") || patchErr != nil || deleteErr != nil {
				t.Errorf("%s: POST %v, PATCH %v, DELETE %v", name, postErr, patchErr, deleteErr)
			}
			if want := map[bool]int{true: 2, false: 1}[name == "429"]; requests["POST"] != want {
				t.Errorf("%s: %d POST requests, want %d", name, requests["POST"], want)
			}
		})
	}
}

func TestClient_AddDirectoryFile_IsSentAgainWhereNothingWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, answerWith(example), func(o *Options) { o.BaseURL = mustParse(t, "http://127.0.0.1:81") })
		go func() {
			time.Sleep(time.Millisecond)
			a.serve(t, "127.0.0.1:81", answerWith(example))
		}()
		if _, err := a.client.AddDirectoryFile(t.Context(), "d", NewDirectoryFile{FileID: "f"}); err != nil {
			t.Errorf("a refused connection is not tried again: %v", err)
		}
		if n := len(eventsOf[pipeline.Retrying](a.events)); n == 0 {
			t.Error("there was no retry")
		}
	})
}

func TestClient_UploadDirectoryFile(t *testing.T) {
	content := strings.Repeat("0123456789", 20000)
	for _, size := range []int64{int64(len(content)), -1} {
		synctest.Test(t, func(t *testing.T) {
			opened, requests := 0, 0
			a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				requests++
				sent, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				if known := size >= 0; known != (r.ContentLength == int64(len(sent))) {
					t.Errorf("Content-Length is %d, the body has %d bytes", r.ContentLength, len(sent))
				}
				checkForm(t, r, sent, content)
				if requests == 1 {
					w.WriteHeader(http.StatusTooManyRequests)
					return
				}
				_, _ = io.WriteString(w, example)
			})
			file, err := a.client.UploadDirectoryFile(t.Context(), "d", FileUpload{Name: "a \"b\"\r\n/é.pdf", Size: size, Open: func() (io.ReadCloser, error) {
				opened++
				return io.NopCloser(strings.NewReader(content)), nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			if file.ID != "id" || opened != 2 || requests != 2 {
				t.Errorf("file %q, opened %d times, %d requests, want 2", file.ID, opened, requests)
			}
		})
	}
}

func checkForm(t *testing.T, r *http.Request, sent []byte, content string) {
	t.Helper()
	if want := "/api/v1/beta/directories/d/files/upload"; r.URL.Path != want || r.Method != http.MethodPost {
		t.Errorf("%s %s, want POST %s", r.Method, r.URL.Path, want)
	}
	_, boundary, _ := strings.Cut(r.Header.Get("Content-Type"), "multipart/form-data; boundary=")
	form := multipart.NewReader(bytes.NewReader(sent), boundary)
	part, err := form.NextPart()
	if err != nil {
		t.Errorf("read form: %v", err)
		return
	}
	got, err := io.ReadAll(part)
	if err != nil || string(got) != content || part.FormName() != "upload_file" {
		t.Errorf("field %q of %d bytes, %v", part.FormName(), len(got), err)
	}
	if _, err := form.NextPart(); err != io.EOF {
		t.Errorf("after the file: %v, want the end", err)
	}
}

// What is given of a file comes before it, byte by byte, and what is not given is not sent.
func TestClient_UploadDirectoryFile_Fields(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []string
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			sent = nil
			parts, err := r.MultipartReader()
			for err == nil {
				var part *multipart.Part
				if part, err = parts.NextPart(); err == nil {
					content, readErr := io.ReadAll(part)
					sent = append(sent, part.FormName()+"="+string(content))
					err = readErr
				}
			}
			if err != io.EOF {
				t.Error(err)
			}
			_, _ = io.WriteString(w, example)
		})
		u := FileUpload{Name: "x.pdf", Size: 1, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("x")), nil }}
		all := u
		all.DisplayName, all.UniqueID, all.ExternalFileID = Value("First \"quarter\" é"), Value(""), Value("ext/1")
		all.Metadata = Value(json.RawMessage(`{"b": 1.50,"a":["x"]}`))
		none := u
		none.Metadata = Null[json.RawMessage]()
		for _, tt := range []struct {
			upload FileUpload
			want   string
		}{
			{all, `display_name=First "quarter" é|unique_id=|external_file_id=ext/1|metadata={"b": 1.50,"a":["x"]}|upload_file=x`},
			{none, "upload_file=x"},
		} {
			if _, err := a.client.UploadDirectoryFile(t.Context(), "d", tt.upload); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(sent, "|"); got != tt.want {
				t.Errorf("sent %s, want %s", got, tt.want)
			}
		}
	})
}

func TestClient_UploadDirectoryFile_LocalFailures(t *testing.T) {
	broken := errors.New("no such file")
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, example)
		})
		opened := 0
		_, err := a.client.UploadDirectoryFile(t.Context(), "d", FileUpload{Name: "x", Size: 3, Open: func() (io.ReadCloser, error) {
			opened++
			return nil, broken
		}})
		if !errors.Is(err, broken) || opened != 1 {
			t.Errorf("got %v after opening %d times, want %v after once", err, opened, broken)
		}
		for _, content := range []string{"ab", "abcd"} {
			_, err := a.client.UploadDirectoryFile(t.Context(), "d", FileUpload{Name: "x", Size: 3, Open: func() (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader(content)), nil
			}})
			if !errors.Is(err, errFileChanged) {
				t.Errorf("%q for 3 bytes: got %v, want %v", content, err, errFileChanged)
			}
		}
	})
}

// TestClient_UploadDirectoryFile_MayTakeLong uploads for longer than the header timeout, and then stalls.
func TestClient_UploadDirectoryFile_MayTakeLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, example)
		})
		pauses := make([]time.Duration, 10)
		for i := range pauses {
			pauses[i] = 50 * time.Second
		}
		_, err := a.client.UploadDirectoryFile(t.Context(), "d", FileUpload{Name: "x", Size: -1, Open: func() (io.ReadCloser, error) {
			return io.NopCloser(&slowReader{pauses: pauses}), nil
		}})
		if err != nil {
			t.Errorf("a slow upload fails: %v", err)
		}
		pauses[5] = 70 * time.Second
		_, err = a.client.UploadDirectoryFile(t.Context(), "d", FileUpload{Name: "x", Size: -1, Open: func() (io.ReadCloser, error) {
			return io.NopCloser(&slowReader{pauses: pauses}), nil
		}})
		if failed, ok := errors.AsType[*RequestError](err); !ok || failed.Class != ClassTimeout {
			t.Errorf("got %v, want class timeout", err)
		}
	})
}

// slowReader gives one byte after each pause.
type slowReader struct{ pauses []time.Duration }

func (r *slowReader) Read(p []byte) (int, error) {
	if len(r.pauses) == 0 {
		return 0, io.EOF
	}
	time.Sleep(r.pauses[0])
	r.pauses = r.pauses[1:]
	p[0] = 'x'
	return 1, nil
}
