package llamacloud

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/testmain"
	"exporter/pipeline"
)

// checkPrintable fails if a text has a character that does not print.
func checkPrintable(t *testing.T, text string) {
	t.Helper()
	if i := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
		t.Errorf("%+q does not print at byte %d", text, i)
	}
}

// The host of a redirect is the server's text: it shows neither the key nor what controls a terminal.
func TestClient_HostOfARedirect_IsCleaned(t *testing.T) {
	for _, test := range []struct {
		location, want string
		// status is what the other host answers; 0 is that it cannot be reached.
		status int
	}{
		{"https://" + canary + ".example/" + canary + "?" + canary, "GET [redacted].example/api/v1/files/{id}", 0},
		{"https://" + strings.ToUpper(canary) + "/", "GET [redacted]/api/v1/files/{id}", 0},
		{"https://a\u202e\u009b31m.example/", `GET a\u202e\u009b31m.example/api/v1/files/{id}`, 0},
		{"http://" + canary + ".example:81/", `redirected to "[redacted].example:81" over plain http`, 0},
		{"http://127.0.0.1:81/?" + canary, "GET 127.0.0.1:81/api/v1/files/{id}/page_screenshots/{page_index}: 404", 404},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", test.location)
				w.WriteHeader(http.StatusFound)
			}, func(o *Options) { o.MaxAttempts = 1 })
			if test.status != 0 {
				a.serve(t, "127.0.0.1:81", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(test.status) })
			}
			_, err := a.fetchBlob(t, 0)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("%q: got %v, want %q", test.location, err, test.want)
			}
			checkPrintable(t, err.Error())
		})
	}
}

// A token is given back as it came, however it looks, and never becomes another parameter or part of the path.
func TestClient_DirectoryFiles_GivesTokensBackAsTheyCame(t *testing.T) {
	tokens := []string{
		"a&page_size=1&page_token=b", "../../x", "?#%00%", "\x00\r\nX-Evil: 1", "\u202e\U000e0041", "null", " ", "__proto__",
		strings.Repeat("long", 10_000), `{"$ne":null}`, "\ufffd",
	}
	var got []string
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil || len(query["page_token"]) > 1 || len(query["page_size"]) != 1 || r.Header.Get("X-Evil") != "" {
			t.Errorf("got the query %q, %v, with the headers %v", r.URL.RawQuery, err, r.Header)
		}
		i := len(got)
		got = append(got, query.Get("page_token"))
		next := Null[string]()
		if i < len(tokens) {
			next = Value(tokens[i])
		}
		page := struct {
			Items []DirectoryFile  `json:"items"`
			Next  Optional[string] `json:"next_page_token"`
		}{[]DirectoryFile{{ID: string(rune('a' + i))}}, next}
		if err := json.NewEncoder(w).Encode(page); err != nil {
			t.Error(err)
		}
	})
	files := 0
	for _, err := range a.client.DirectoryFiles(t.Context(), "d", DirectoryFilesQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		files++
	}
	if want := append([]string{""}, tokens...); files != len(want) || !cmp.Equal(got, want) {
		t.Errorf("%d files, with the tokens %q, want %q", files, got, want)
	}
}

// What the API means nothing by stays as it is, or does nothing: names that other languages stumble over, twice the same
// name, numbers that no float64 holds, depth.
func TestDecodePage_HostileObjects(t *testing.T) {
	const odd = `{"__proto__":{"admin":true},"constructor":null,"a":1,"a":2,"big":9007199254740993,"huge":1e400,"tiny":-0.0,` +
		`"":"","\u0000":"\ud800","null":null}`
	deep := strings.Repeat(`{"a":[`, (maxJSONDepth-3)/2) + strings.Repeat(`]}`, (maxJSONDepth-3)/2)
	for _, test := range []struct {
		name, item string
		want       DirectoryFile
	}{
		{"metadata", `{"id":"x","metadata":` + odd + `}`, DirectoryFile{ID: "x", Metadata: Value(json.RawMessage(strings.Replace(odd, `\ud800`, "\U0010f7ed\U0010f7a0\U0010f780", 1)))}},
		{"depth", `{"id":"x","metadata":` + deep + `}`, DirectoryFile{ID: "x", Metadata: Value(json.RawMessage(deep))}},
		{"unknown fields", `{"__proto__":{"id":"y"},"id":"x","constructor":[],"file_id":null}`,
			DirectoryFile{ID: "x", FileID: Null[string]()}},
		{"the last of two", `{"id":"w","file_id":"f","id":"x","file_id":null}`, DirectoryFile{ID: "x", FileID: Null[string]()}},
		{"half of a surrogate pair", `{"id":"x","display_name":"a\udfff\ud83d"}`,
			DirectoryFile{ID: "x", DisplayName: Value("a\U0010f7ed\U0010f7bf\U0010f7bf\U0010f7ed\U0010f7a0\U0010f7bd")}},
		{"NUL", `{"id":"\u0000","unique_id":"\u0000"}`, DirectoryFile{ID: "\x00", UniqueID: Value("\x00")}},
	} {
		got, err := decodeText(`{"items":[`+test.item+`]}`, pageDecoder)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		got.Items[0].Item = Item{}
		if diff := cmp.Diff([]DirectoryFile{test.want}, got.Items, unexported()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// Answers that are no listing are refused, and cost no more memory than a small multiple of their size.
func TestDecodePage_RefusesAtSmallCost(t *testing.T) {
	testmain.Long(t)
	const size = 1 << 20
	for name, unit := range map[string]string{
		"arrays": "[", "objects": `{"a":`, "strings": `"`, "numbers": "9", "escapes": `"\`, "commas": ",",
		"white space": " ", "NUL": "\x00",
		"not UTF-8": "\xff",
	} {
		for _, prefix := range []string{"", `{"items":[`, `{"items":[{"id":"x","metadata":`, `{"next_page_token":`} {
			raw := prefix + strings.Repeat(unit, size/len(unit))
			var err error
			allocated := allocatedBy(func() { _, err = decodeText(raw, pageDecoder) })
			if err == nil || allocated > 4*size {
				t.Errorf("%s%s…: got %v for %d bytes, want an error for at most %d", prefix, name, err, allocated, 4*size)
			}
			if err != nil && len(err.Error()) > maxErrorText {
				t.Errorf("%s%s…: the error has %d bytes", prefix, name, len(err.Error()))
			}
		}
	}
}

// allocatedBy returns how many bytes a function allocates.
func allocatedBy(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// fakeAnswer is a network where everybody answers the same.
type fakeAnswer struct {
	status int
	header http.Header
	body   []byte
}

func (f fakeAnswer) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: f.status, Header: f.header, Body: io.NopCloser(bytes.NewReader(f.body)), ContentLength: int64(len(f.body)),
	}, nil
}

// However an answer is wrong, the error prints, shows nothing of the key, and says what was asked for.
func FuzzClient_Errors(f *testing.F) {
	for _, seed := range []struct {
		status                            int
		location, encoding, id, mediaType string
		body                              string
	}{
		{403, "", "", "request-1", "text/html", "<h1>\x1b[31m</h1>"},
		{404, "", "", "\x9b\u202e", "", `{"detail":"\u001b]0;x\u0007 ` + canary + `"}`},
		{200, "", "gz\u202eip", "", "image/png", "x"},
		{302, "https://" + canary + "\u009b.example/", "", "", "", ""},
		{302, "http://[::1]:9/\u202e", "", "", "", ""},
		{307, canary + ":x", "", "", "", ""},
		{200, "", "", "", canary, "\x7f Bearer " + canary[:9]},
		{422, "", "", canary, "", `{"detail":[{"loc":["\u202e",{}],"msg":"` + canary + `"}]}`},
		{200, "", "", "", "", `[{"page_index":"Authorization: Bearer ` + canary + `"}]`},
	} {
		f.Add(seed.status, seed.location, seed.encoding, seed.id, seed.mediaType, []byte(seed.body))
	}
	f.Fuzz(func(t *testing.T, status int, location, encoding, id, mediaType string, body []byte) {
		if status < 200 || status > 599 || status == http.StatusTooManyRequests {
			return
		}
		// One that has been refused, or throttled, sends nothing any more.
		client, err := New(Options{BaseURL: mustParse(t, "https://api.cloud.llamaindex.ai"), Key: canaryKey(t), MaxAttempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		client.transports.usual = fakeAnswer{status, http.Header{
			"Location": {location}, "Content-Encoding": {encoding}, "X-Request-Id": {id}, "Content-Type": {mediaType},
		}, body}
		asset := &pipeline.Asset{FileID: "f", Kind: pipeline.Figure, FigureName: "\u202e" + canary}
		_, blobErr := NewSource(client, Selection{}).Blob(t.Context(), asset, nil)
		_, listErr := client.PageFigures(t.Context(), "f")
		for _, err := range []error{blobErr, listErr} {
			if err == nil {
				continue
			}
			checkPrintable(t, err.Error())
			text := strings.ToLower(err.Error())
			if strings.Contains(text, canary[:8]) {
				t.Errorf("got the error %q, want nothing of the key in it", text)
			}
			if want := "get api.cloud.llamaindex.ai/"; location == "" && !strings.Contains(text, want) {
				t.Errorf("got the error %q, want %q in it", text, want)
			}
		}
	})
}
