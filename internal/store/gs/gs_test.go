package gs

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
	"exporter/internal/store/bucket/buckettest"
	"exporter/internal/store/wire"
)

// serve returns a client of a store that answers so.
func serve(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c, err := New(t.Context(), Options{Bucket: "bucket", Variable: func(name string) string {
		return map[string]string{"STORAGE_EMULATOR_HOST": server.URL}[name]
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// inJSON answers with an error as the JSON API does.
func inJSON(w http.ResponseWriter, status int, reason, message string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": status, "message": message, "errors": []any{map[string]string{"reason": reason}}}})
}

// What becomes of a create that does not succeed: done, refused for good, or nobody knows.
func TestClient_Create_ByAnswer(t *testing.T) {
	for status, tt := range map[int]struct {
		is        error
		temporary bool
	}{
		412: {store.ErrExists, false}, 409: {store.ErrUnsure, false}, 503: {store.ErrUnsure, true}, 500: {store.ErrUnsure, true},
		408: {store.ErrUnsure, true}, 429: {errRefused, true}, 403: {fs.ErrPermission, false}, 404: {errRefused, false}, 0: {store.ErrUnsure, true},
	} {
		var requests atomic.Int32
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			_, _ = io.Copy(io.Discard, r.Body)
			if r.URL.Query().Get("ifGenerationMatch") != "0" {
				t.Errorf("a create without its condition: %s", r.URL)
			}
			if status == 0 {
				panic(http.ErrAbortHandler)
			}
			w.Header().Set("Retry-After", "3")
			inJSON(w, status, "why", "because")
		})
		_, err := c.Create(t.Context(), "x", store.Bytes("x"), 1)
		e := buckettest.Failure(t, err)
		if !errors.Is(err, tt.is) || e.Temporary != tt.temporary || requests.Load() != 1 || e.Status != status {
			t.Errorf("%d: got error %v, temporary %v after %d requests, want %v, %v after one", status, err, e.Temporary, requests.Load(), tt.is, tt.temporary)
		}
		if status > 0 && (e.RetryAfter != 3*time.Second || e.Code != "why") {
			t.Errorf("%d: got %+v, want after 3s and a code", status, e)
		}
	}
}

// An answer 404 is of an object only where the bucket is known to be there, or the store says so.
func TestClient_Get_404(t *testing.T) {
	for name, tt := range map[string]struct {
		body, listed string
		is           error
	}{
		"no such key":            {"<Error><Code>NoSuchKey</Code></Error>", "", fs.ErrNotExist},
		"no such bucket":         {"<Error><Code>NoSuchBucket</Code></Error>", "", errRefused},
		"nothing, a bucket":      {"Not Found", "{}", fs.ErrNotExist},
		"nothing, and no bucket": {"Not Found", "", errRefused},
	} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("maxResults") && tt.listed != "" {
				_, _ = io.WriteString(w, tt.listed)
				return
			}
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, tt.body)
		})
		_, _, err := c.Get(t.Context(), "x", 0, 1, "")
		if !errors.Is(err, tt.is) || errors.Is(err, fs.ErrNotExist) != (tt.is == fs.ErrNotExist) {
			t.Errorf("%s: got error %v, want %v", name, err, tt.is)
		}
	}
}

func TestClient_Put_AnotherName_IsAnError(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"name":"y","size":"1","generation":"7"}`)
	})
	if _, err := c.Put(t.Context(), "x", store.Bytes("x"), 1); !errors.Is(err, wire.ErrOdd) {
		t.Errorf("got error %v, want %v", err, wire.ErrOdd)
	}
}

func TestClient_Remove_OneOfMany_Fails(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.EscapedPath(), "/o/a%2F3"):
			inJSON(w, http.StatusForbidden, "forbidden", "no")
		case strings.HasSuffix(r.URL.EscapedPath(), "/o/a%2F4"):
			inJSON(w, http.StatusNotFound, "notFound", "No such object")
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
	var keys []string
	for n := range 50 {
		keys = append(keys, fmt.Sprintf("a/%d", n))
	}
	err := c.Remove(t.Context(), keys...)
	if e := buckettest.Failure(t, err); !errors.Is(err, fs.ErrPermission) || e.Key != "a/3" || !strings.Contains(e.Hint, "storage.objects.delete") {
		t.Errorf("got error %v, %+v, want one of a/3 that says what is needed", err, e)
	}
}

func TestClient_List_OddPages(t *testing.T) {
	for name, tt := range map[string]struct {
		page string
		is   error
	}{
		"another prefix":     {`{"items":[{"name":"other/x","size":"1"}]}`, wire.ErrOdd},
		"leads to itself":    {`{"nextPageToken":"t"}`, wire.ErrOdd},
		"no JSON":            {`{`, wire.ErrOdd},
		"a size of no bytes": {`{"items":[{"name":"k/x","size":"-1"}]}`, wire.ErrOdd},
	} {
		var requests atomic.Int32
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			_, _ = io.WriteString(w, tt.page)
		})
		var err error
		for _, err = range c.List(t.Context(), "k/", "") {
		}
		if !errors.Is(err, tt.is) || requests.Load() > 2 {
			t.Errorf("%s: got error %v after %d requests, want %v", name, err, requests.Load(), tt.is)
		}
	}
}

// serviceAccount writes the file of an account whose tokens come from a URL.
func serviceAccount(t *testing.T, tokenURL string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "a@b.iam.gserviceaccount.com", "token_uri": tokenURL,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Tokens of the default credentials go with each request, and are renewed when they end.
func TestClient_Tokens_AreRenewed(t *testing.T) {
	asked, refuse := 0, false
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("Content-Type", "application/json")
		if refuse {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":"invalid_grant","error_description":"sesame"}`)
			return
		}
		// What ends within seconds is renewed before it is used again.
		_, _ = fmt.Fprintf(w, `{"access_token":"sesame-%d","token_type":"Bearer","expires_in":1}`, asked)
	}))
	t.Cleanup(tokens.Close)
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", serviceAccount(t, tokens.URL))
	got := ""
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		inJSON(w, http.StatusForbidden, "forbidden", "no "+got)
	})
	var err error
	if c.tokens, err = findTokens(t.Context(), http.DefaultClient); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		err := c.Remove(t.Context(), "x")
		if want := fmt.Sprintf("Bearer sesame-%d", n+1); got != want || strings.Contains(err.Error(), "sesame") {
			t.Errorf("got %q, error %v, want %q, and no token in the error", got, err, want)
		}
	}
	refuse = true
	err = c.Remove(t.Context(), "x")
	if e := buckettest.Failure(t, err); e.Temporary || strings.Contains(err.Error(), "sesame") || !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("got error %v, temporary %v, want one for good, without a secret", err, e.Temporary)
	}
}

func TestNew_Credentials_ThatAreNone(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "none"))
	if _, err := New(t.Context(), Options{Bucket: "bucket"}); err == nil || !strings.Contains(err.Error(), "GOOGLE_APPLICATION_CREDENTIALS") {
		t.Errorf("got error %v, want one that names the variable", err)
	}
	if _, err := New(t.Context(), Options{Bucket: "Bucket/x"}); err == nil || !strings.Contains(err.Error(), "no name") {
		t.Errorf("got error %v, want one that names the bucket", err)
	}
}

func TestClient_Portal(t *testing.T) {
	buckettest.RunPortal(t, func(t *testing.T, url string) bucket.Client {
		c, err := New(t.Context(), Options{Bucket: "bucket", Variable: func(name string) string {
			return map[string]string{"STORAGE_EMULATOR_HOST": url}[name]
		}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	})
}
