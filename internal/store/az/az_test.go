package az

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
	"exporter/internal/store/bucket/buckettest"
)

// variables is an environment that has these.
func variables(pairs ...string) func(string) string {
	return func(name string) string {
		for _, pair := range pairs {
			if value, ok := strings.CutPrefix(pair, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

// serve returns a client of a store that answers so, which has credentials of these variables.
func serve(t *testing.T, handler http.HandlerFunc, pairs ...string) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	if pairs == nil {
		pairs = []string{"AZURE_STORAGE_KEY=c2VzYW1l"}
	}
	pairs = append(pairs, "AZURE_STORAGE_ACCOUNT=account", "AZURE_STORAGE_SERVICE_ENDPOINT="+server.URL)
	c, err := New(t.Context(), Options{Container: "container", Variable: variables(pairs...)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// What becomes of a create that does not succeed: done, refused for good, or nobody knows.
func TestClient_Create_ByAnswer(t *testing.T) {
	for _, tt := range []struct {
		status    int
		code      string
		is        error
		temporary bool
	}{
		{409, "BlobAlreadyExists", store.ErrExists, false}, {412, "ConditionNotMet", store.ErrExists, false}, {409, "ContainerBeingDeleted", errRefused, false},
		{503, "ServerBusy", store.ErrUnsure, true}, {500, "OperationTimedOut", store.ErrUnsure, true}, {400, "Md5Mismatch", errRefused, true},
		{403, "AuthenticationFailed", fs.ErrPermission, false}, {404, "ContainerNotFound", errRefused, false}, {0, "", store.ErrUnsure, true},
	} {
		var requests atomic.Int32
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			_, _ = io.Copy(io.Discard, r.Body)
			if r.Header.Get("If-None-Match") != "*" || r.Header.Get("Content-Md5") == "" || !strings.HasPrefix(r.Header.Get("Authorization"), "SharedKey account:") {
				t.Errorf("a create without its condition, its sum or its signature: %v", r.Header)
			}
			if tt.status == 0 {
				panic(http.ErrAbortHandler)
			}
			w.Header().Set("X-Ms-Error-Code", tt.code)
			w.WriteHeader(tt.status)
			_, _ = io.WriteString(w, "<Error><Code>x</Code><Message>The signature sesame is wrong</Message></Error>")
		})
		_, err := c.Create(t.Context(), "x", store.Bytes("x"), 1)
		e := buckettest.Failure(t, err)
		if !errors.Is(err, tt.is) || e.Temporary != tt.temporary || requests.Load() != 1 || e.Status != tt.status || e.Code != tt.code {
			t.Errorf("%d %s: got error %v, temporary %v after %d requests, want %v, %v after one", tt.status, tt.code, err, e.Temporary, requests.Load(), tt.is, tt.temporary)
		}
		if strings.Contains(err.Error(), "sesame") {
			t.Errorf("%v shows a signature", err)
		}
	}
}

// An answer 404 is of an object only where the store says so.
func TestClient_Get_404(t *testing.T) {
	for code, missing := range map[string]bool{"BlobNotFound": true, "ContainerNotFound": false, "": false} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Ms-Error-Code", code)
			w.WriteHeader(http.StatusNotFound)
		})
		if _, _, err := c.Get(t.Context(), "x", 0, 1, ""); errors.Is(err, fs.ErrNotExist) != missing || err == nil {
			t.Errorf("%q: got error %v, want one of a missing object: %v", code, err, missing)
		}
	}
}

// A signature goes with each request, and is in no error.
func TestClient_SAS_IsSentAndNotShown(t *testing.T) {
	var query url.Values
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		query = r.URL.Query()
		if r.Method == http.MethodDelete {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusForbidden)
	}, "AZURE_STORAGE_SAS_TOKEN=?sv=2021-12-02&sig=sesame%2B")
	var err error
	for _, err = range c.List(t.Context(), "p/", "") {
	}
	if query.Get("sig") != "sesame+" || query.Get("prefix") != "p/" || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got query %v, error %v", query, err)
	}
	for _, err := range []error{err, c.Remove(t.Context(), "x")} {
		if err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("got error %v, want one without the signature", err)
		}
	}
}

// Tokens come from where the environment says, and are renewed when they end.
func TestClient_Tokens(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("federated\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int32
	var refuse atomic.Bool
	services := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := asked.Add(1)
		ok := r.FormValue("scope") == "https://storage.azure.com/.default" && r.FormValue("client_id") == "id" && r.URL.Path == "/tenant/oauth2/v2.0/token" &&
			(r.FormValue("client_assertion") == "federated" || r.FormValue("client_secret") == "secret") ||
			r.Header.Get("X-Identity-Header") == "header" && r.FormValue("resource") == "https://storage.azure.com/"
		if !ok || refuse.Load() {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"invalid_client","error_description":"sesame"}`)
			return
		}
		_, _ = fmt.Fprintf(w, `{"access_token":"sesame-%d","expires_in":"0"}`, n)
	}))
	t.Cleanup(services.Close)
	for name, pairs := range map[string][]string{
		"workload": {"AZURE_FEDERATED_TOKEN_FILE=" + file, "AZURE_CLIENT_ID=id", "AZURE_TENANT_ID=tenant", "AZURE_AUTHORITY_HOST=" + services.URL + "/"},
		"secret":   {"AZURE_CLIENT_SECRET=secret", "AZURE_CLIENT_ID=id", "AZURE_TENANT_ID=tenant", "AZURE_AUTHORITY_HOST=" + services.URL},
		"service":  {"IDENTITY_ENDPOINT=" + services.URL + "/msi/token", "IDENTITY_HEADER=header"},
	} {
		refuse.Store(false)
		asked.Store(0)
		var got string
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			got = r.Header.Get("Authorization")
			w.WriteHeader(http.StatusAccepted)
		}, pairs...)
		if err := c.Remove(t.Context(), "x"); err != nil || got != "Bearer sesame-2" {
			t.Errorf("%s: got %q, error %v, want the second token, as the first has ended", name, got, err)
		}
		refuse.Store(true)
		err := c.Remove(t.Context(), "x")
		if e := buckettest.Failure(t, err); e.Temporary || strings.Contains(err.Error(), "sesame") || !strings.Contains(err.Error(), "invalid_client") {
			t.Errorf("%s: got error %v, temporary %v, want one for good, without a secret", name, err, e.Temporary)
		}
	}
}

func TestNew_Account_FromTheUsualPlaces(t *testing.T) {
	for _, tt := range []struct{ pairs, want string }{
		{"AZURE_STORAGE_ACCOUNT=a AZURE_STORAGE_KEY=a2V5", "https://a.blob.core.windows.net/container/x%20y+%25 a"},
		{"AZURE_STORAGE_CONNECTION_STRING=DefaultEndpointsProtocol=http;AccountName=b;AccountKey=a2V5;EndpointSuffix=core.chinacloudapi.cn", "http://b.blob.core.chinacloudapi.cn/container/x%20y+%25 b"},
		{"AZURE_STORAGE_CONNECTION_STRING=AccountName=c;AccountKey=a2V5PT0=;BlobEndpoint=http://127.0.0.1:10000/c", ""},
		{"AZURE_STORAGE_CONNECTION_STRING=AccountName=c;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:10000/c/", "http://127.0.0.1:10000/c/container/x%20y+%25 c"},
		{"AZURE_STORAGE_ACCOUNT=a AZURE_STORAGE_KEY=sesame!", "error: no Base64"},
		{"AZURE_STORAGE_ACCOUNT=a AZURE_STORAGE_SAS_TOKEN=sesame", "error: no signature"},
		{"AZURE_STORAGE_KEY=a2V5", "error: AZURE_STORAGE_ACCOUNT"},
		{"AZURE_STORAGE_ACCOUNT=a AZURE_STORAGE_KEY=a2V5 AZURE_STORAGE_SERVICE_ENDPOINT=https://u:sesame@host", "error: no URL"},
	} {
		c, err := New(t.Context(), Options{Container: "container", Variable: variables(strings.Fields(tt.pairs)...)})
		want, isError := strings.CutPrefix(tt.want, "error: ")
		if isError {
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "sesame") {
				t.Errorf("%s: got error %v, want %q and no secret", tt.pairs, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.pairs, err)
			continue
		}
		got := strings.ReplaceAll(c.at("x y+%", nil).String(), "%2B", "+") + " " + c.who.(*sharedKey).account
		if want != "" && got != want {
			t.Errorf("%s: got %s, want %s", tt.pairs, got, want)
		}
	}
	if _, err := New(t.Context(), Options{Container: "Container/x", Variable: variables()}); err == nil || !strings.Contains(err.Error(), "no name") {
		t.Errorf("got error %v, want one that names the container", err)
	}
}

func TestClient_Portal(t *testing.T) {
	buckettest.RunPortal(t, func(t *testing.T, url string) bucket.Client {
		c, err := New(t.Context(), Options{Container: "container", Variable: variables(
			"AZURE_STORAGE_KEY=c2VzYW1l", "AZURE_STORAGE_ACCOUNT=account", "AZURE_STORAGE_SERVICE_ENDPOINT="+url)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	})
}
