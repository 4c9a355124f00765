package buckettest

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
)

// RunPortal tests what a client makes of answers that are none of a store: of the page of a network at which one has to log in, and of an error
// that breaks off. Nothing is taken for done, for missing or for empty, and each may succeed soon. open returns a client of the store at a URL.
func RunPortal(t *testing.T, open func(t *testing.T, url string) bucket.Client) {
	for name, answer := range map[string]http.HandlerFunc{
		"a page": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "<!DOCTYPE html>\n<html><body>Log in</body></html>")
		},
		"an empty page": func(w http.ResponseWriter, r *http.Request) {},
		"another XML":   func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "<Welcome></Welcome>") },
		"another JSON":  func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, `{"welcome": true}`) },
		"404 cut": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, "<Error><Code>NoSuchKey</Code>")
			if r.Method == http.MethodHead {
				return
			}
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				answer(w, r)
			}))
			t.Cleanup(server.Close)
			c, ctx := open(t, server.URL), t.Context()
			_, put := c.Put(ctx, "x", store.Bytes("x"), 1)
			_, create := c.Create(ctx, "x", store.Bytes("x"), 1)
			_, _, get := c.Get(ctx, "x", 0, 1<<20, "")
			list := errors.New("it is empty")
			for _, list = range c.List(ctx, "", "") {
			}
			for op, err := range map[Op]error{Put: put, Create: create, Get: get, List: list} {
				e, ok := errors.AsType[*bucket.Error](err)
				if !ok || !e.Temporary {
					t.Errorf("%s: got error %v, want one that is temporary", op, err)
				}
			}
			if !errors.Is(create, store.ErrUnsure) {
				t.Errorf("create: got error %v, want %v", create, store.ErrUnsure)
			}
		})
	}
}
