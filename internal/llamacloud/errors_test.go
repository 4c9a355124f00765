package llamacloud

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode"
)

func TestClient_ErrorsTellWhatTheAPISays(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"text", `{"detail":"no such file"}`, "no such file"},
		{"validation", `{"detail":[{"loc":["query","page_size"],"msg":"too large","type":"x"},{"loc":["body",0],"msg":"bad"}]}`,
			"query.page_size: too large; body.0: bad"},
		{"validation without a place", `{"detail":[{"msg":"bad"}]}`, "bad"},
		{"another shape", `{"message":"hello"}`, `{"message":"hello"}`},
		{"plain text", "upstream says no\n", "upstream says no"},
		{"HTML", "<html><h1>Bad gateway</h1></html>", ""},
		{"nothing", "", ""},
		{"binary", "\x00\x01\x02", ""},
		{"not UTF-8", "\xff\xfe words", ""},
		{"control characters", `{"detail":"a\u001b[31mb\r\nc\u202e\u0000"}`, `a\x1b[31mb\r\nc\u202e\x00`},
		{"the key", `{"detail":"wrong key ` + canary + `"}`, "wrong key [redacted]"},
		{"deep", strings.Repeat("[", 100), strings.Repeat("[", 100)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Request-Id", "req-1 "+canary)
				w.WriteHeader(http.StatusUnprocessableEntity)
				_, _ = io.WriteString(w, test.body)
			}, func(o *Options) { o.ProjectID = "hidden" })
			_, err := a.client.PageScreenshots(t.Context(), "file-1")
			checkNoKey(t, err)
			got, ok := errors.AsType[*APIError](err)
			if !ok || got.Detail != test.want || got.Status != 422 || got.Method != "GET" || got.Host != "127.0.0.1" ||
				got.Route != screenshotsRoute || got.RequestID != "req-1 [redacted]" {
				t.Fatalf("got %#v, want detail %q", err, test.want)
			}
			checkNoKey(t, *got)
			if text := err.Error(); strings.Contains(text, "hidden") || strings.Contains(text, "file-1") ||
				!strings.HasPrefix(text, "GET 127.0.0.1/api/v1/files/{id}/page_screenshots: 422 Unprocessable Entity") {
				t.Errorf("error reads %q", text)
			}
		})
	}
}

func TestClient_BoundsDetail(t *testing.T) {
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, strings.Repeat("é\x1b", 1<<20))
	})
	_, err := a.client.PageFigures(t.Context(), "f")
	got, ok := errors.AsType[*APIError](err)
	if !ok || len(got.Detail) > maxErrorText+10 || strings.ContainsFunc(got.Detail, unicode.IsControl) {
		t.Errorf("got %v (%d bytes)", err, len(got.Detail))
	}
}

func TestClient_ErrorsOfTransportAreBoundedAndClean(t *testing.T) {
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "gopher \x1b "+r.Header.Get("Authorization")+strings.Repeat("x", 3000)+"\r\n\r\n")
		_ = conn.Close()
	}, func(o *Options) { o.MaxAttempts = 1 })
	_, err := a.client.PageFigures(t.Context(), "f")
	checkNoKey(t, err)
	got, ok := errors.AsType[*RequestError](err)
	if !ok || got.Class != ClassTransport || len(err.Error()) > maxErrorText+100 ||
		strings.ContainsFunc(err.Error(), unicode.IsControl) {
		t.Errorf("got %v", err)
	}
}

func TestAPIError_Is(t *testing.T) {
	for _, test := range []struct {
		err  APIError
		want bool
	}{{APIError{Status: 401, own: true}, true}, {APIError{Status: 401}, false}, {APIError{Status: 403, own: true}, false}} {
		if got := errors.Is(&test.err, ErrUnauthorized); got != test.want {
			t.Errorf("%+v: %v, want %v", test.err, got, test.want)
		}
	}
}
