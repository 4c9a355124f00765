package llamacloud

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"exporter/pipeline"
)

// chunked sends a body without a length.
func chunked(w http.ResponseWriter, body []byte) {
	_ = http.NewResponseController(w).Flush()
	_, _ = w.Write(body)
}

// breakOff ends the connection in the middle of the answer.
func breakOff(w http.ResponseWriter) {
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// trickle sends one byte a second, for ever.
func trickle(w http.ResponseWriter, r *http.Request) { trickleOf(w, r, 0xff) }

func trickleOf(w http.ResponseWriter, r *http.Request, b byte) {
	for r.Context().Err() == nil {
		if _, err := w.Write([]byte{b}); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		time.Sleep(time.Second)
	}
}

func TestSource_Blob_HostileAnswers(t *testing.T) {
	image := picture(t)
	size := int64(len(image))
	declare := func(w http.ResponseWriter, n int) { w.Header().Set("Content-Length", strconv.Itoa(n)) }
	tests := []struct {
		name    string
		listed  int64
		answer  http.HandlerFunc
		class   string
		retried bool
	}{
		{"shorter than declared", 0, func(w http.ResponseWriter, r *http.Request) {
			declare(w, len(image))
			_, _ = w.Write(image[:len(image)/2])
			breakOff(w)
		}, ClassTruncated, true},
		{"reset in the middle, chunked", size, func(w http.ResponseWriter, r *http.Request) {
			chunked(w, image[:len(image)/2])
			breakOff(w)
		}, ClassTruncated, true},
		{"closed early without a length, listed", size, func(w http.ResponseWriter, r *http.Request) {
			untilClosed(t, w, image[:len(image)-1])
		}, ClassSizeMismatch, true},
		{"closed early without a length, not listed", 0, func(w http.ResponseWriter, r *http.Request) {
			untilClosed(t, w, image[:len(image)-2])
		}, ClassTruncated, true},
		{"declared size is not the listed one", size + 1, func(w http.ResponseWriter, r *http.Request) {
			declare(w, len(image))
			_, _ = w.Write(image)
		}, ClassSizeMismatch, true},
		{"longer than listed", size - 1, func(w http.ResponseWriter, r *http.Request) {
			chunked(w, image)
		}, ClassSizeMismatch, true},
		{"HTML", 0, answerWith("<!doctype html><p>Please log in"), ClassNotImage, true},
		{"HTML declared as an image", 0, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "image/jpeg")
			_, _ = io.WriteString(w, "<!doctype html><p>Please log in")
		}, ClassNotImage, true},
		{"JSON", size, answerWith("{}"), ClassNotImage, true},
		{"nothing", 0, answerWith(""), ClassNotImage, true},
		{"no content", 0, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }, ClassNotImage, true},
		{"a part of it", 0, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(206)
			_, _ = w.Write(image)
		}, ClassNotImage, true},
		{"unknown bytes", 0, answerWith("\x00\x01\x02\x03"), ClassNotImage, true},
		{"unknown bytes declared as an image", 0, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "image/avif")
			_, _ = io.WriteString(w, "\x00\x01\x02\x03")
		}, ClassNotImage, true},
		{"declared too large", 0, func(w http.ResponseWriter, r *http.Request) {
			declare(w, 1<<20+1)
			_, _ = w.Write(image)
			breakOff(w)
		}, ClassTooLarge, false},
		{"too large without a length", 0, func(w http.ResponseWriter, r *http.Request) {
			chunked(w, append(image, make([]byte, 1<<20)...))
		}, ClassTooLarge, false},
		{"gzip", 0, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(image)
		}, ClassEncoding, false},
		{"stalled body", size, func(w http.ResponseWriter, r *http.Request) {
			declare(w, len(image))
			chunked(w, image[:8])
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, ClassStalled, true},
		{"trickled body", 0, trickle, ClassSlow, true},
		{"no headers", 0, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, ClassTimeout, true},
		{"endless headers", 0, endlessHeaders(t), ClassTransport, true},
		{"not found", 0, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) }, "http_404", false},
		{"forbidden", 0, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(403) }, "http_403", false},
		{"gone", 0, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(410) }, "http_410", false},
		{"unprocessable", 0, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(422) }, "http_422", false},
		{"not implemented", 0, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(501) }, "http_501", false},
		{"not modified", 0, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(304) }, "http_304", false},
		{"redirect to nowhere", 0, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(302) }, "http_302", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, test.answer, func(o *Options) { o.MaxAttempts, o.MaxBlobSize = 2, 1<<20 })
				_, err := a.fetchBlob(t, test.listed)
				want := map[bool]int{true: 2, false: 1}[test.retried]
				failure, ok := errors.AsType[*pipeline.Failure](err)
				if !ok || failure.Class != test.class || failure.Attempts != want {
					t.Errorf("got %v, want a failure of class %s after %d requests", err, test.class, want)
				}
				if n := len(eventsOf[pipeline.Requested](a.events)); n != want {
					t.Errorf("%d requests were reported, want %d", n, want)
				}
				a.spools.checkClosed(t)
			})
		})
	}
}

// untilClosed answers as HTTP/1.0 does: the body ends with the connection.
func untilClosed(t *testing.T, w http.ResponseWriter, body []byte) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	_, _ = io.WriteString(conn, "HTTP/1.0 200 OK\r\n\r\n")
	_, _ = conn.Write(body)
	_ = conn.Close()
}

func endlessHeaders(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, err = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
		for i := 0; err == nil; i++ {
			_, err = fmt.Fprintf(conn, "X-Filler-%d: %0100d\r\n", i, i)
		}
	}
}

func TestSource_Blob_Verified(t *testing.T) {
	image := picture(t)
	tests := []struct {
		name      string
		body      []byte
		declared  string
		mediaType string
		width     int32
		chunked   bool
		listed    int64
	}{
		{"whole", image, "image/jpeg", "image/jpeg", 3, false, int64(len(image))},
		{"listed as 0", image, "image/jpeg", "image/jpeg", 3, false, 0},
		{"no length", image, "image/jpeg", "image/jpeg", 3, true, int64(len(image))},
		{"neither length nor listed size", image, "", "image/jpeg", 3, true, 0},
		{"declared as something else", image, "text/html", "image/jpeg", 3, false, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header()["Content-Type"] = []string{test.declared}
				if test.chunked {
					chunked(w, test.body)
					return
				}
				_, _ = w.Write(test.body)
			})
			blob, err := a.fetchBlob(t, test.listed)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(blob.Open())
			if err != nil || !bytes.Equal(got, test.body) {
				t.Errorf("read %d bytes, %v, want %d", len(got), err, len(test.body))
			}
			if blob.SHA256 != sha256.Sum256(test.body) || blob.Size != int64(len(test.body)) ||
				blob.MediaType != test.mediaType || blob.Width != test.width || blob.Attempts != 1 || blob.FetchedAt.IsZero() {
				t.Errorf("got %+v", blob.Content)
			}
		})
	}
}

func TestSource_Blob_RetriesAsAWhole(t *testing.T) {
	image := picture(t)
	synctest.Test(t, func(t *testing.T) {
		var count atomic.Int64
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(image)))
			if count.Add(1) < 4 {
				_, _ = w.Write(image[:40])
				breakOff(w)
			}
			_, _ = w.Write(image)
		})
		blob, err := a.fetchBlob(t, int64(len(image)))
		if err != nil {
			t.Fatal(err)
		}
		if blob.Attempts != 4 || blob.SHA256 != sha256.Sum256(image) {
			t.Errorf("got %+v after %d attempts, want the image after 4", blob.Content, blob.Attempts)
		}
	})
}

// large returns what begins as a JPEG and ends as one.
func large(size int) []byte {
	body := make([]byte, size)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(body)
	copy(body, "\xff\xd8\xff\xe0")
	copy(body[size-2:], "\xff\xd9")
	return body
}

func TestSource_Blob_SpoolsLargeBlobs(t *testing.T) {
	const inMemory = 100 << 10
	for _, size := range []int{inMemory, inMemory + 10000, 3*inMemory + 1} {
		for _, known := range []bool{true, false} {
			body := large(size)
			a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				if known {
					w.Header().Set("Content-Length", strconv.Itoa(size))
				}
				_, _ = w.Write(body)
			})
			a.client.spool.inMemory = inMemory
			asset := &pipeline.Asset{FileID: "f", Kind: pipeline.Figure}
			blob, err := a.source.Blob(t.Context(), asset, nil)
			if err != nil {
				t.Fatal(err)
			}
			if n := a.spools.made.Load(); (n == 1) != (size > inMemory) {
				t.Errorf("%d bytes: %d spools", size, n)
			}
			for range 2 {
				got, err := io.ReadAll(blob.Open())
				if err != nil || !bytes.Equal(got, body) {
					t.Errorf("%d bytes: read %d, %v", size, len(got), err)
				}
			}
			if blob.SHA256 != sha256.Sum256(body) {
				t.Errorf("%d bytes: wrong hash", size)
			}
			if err := blob.Close(); err != nil {
				t.Error(err)
			}
			a.spools.checkClosed(t)
		}
	}
}

// Without a place of the caller's, blobs are in files that nobody finds.
func TestSpoolFile_LeavesNoName(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	f, err := spoolFile()
	if err != nil {
		t.Fatal(err)
	}
	named := func() int {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	if n := named(); n != 0 && runtime.GOOS != "windows" {
		t.Errorf("%d files have names", n)
	}
	if _, err := f.Write([]byte("spooled")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := f.ReadAt(got, 2); err != nil || string(got) != "ooled" {
		t.Errorf("read %q, %v", got, err)
	}
	if err := f.Close(); err != nil || named() != 0 {
		t.Errorf("closed: %v, and %d files are left", err, named())
	}
}

func TestSource_Blob_ClosesTheSpoolOfABrokenBlob(t *testing.T) {
	body := large(2 * minBuffer)
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
		_, _ = w.Write(body)
		breakOff(w)
	}, func(o *Options) { o.MaxAttempts = 1 })
	a.client.spool.inMemory = minBuffer
	_, err := a.fetchBlob(t, 0)
	if failure, ok := errors.AsType[*pipeline.Failure](err); !ok || failure.Class != ClassTruncated {
		t.Errorf("got %v, want a failure of class truncated", err)
	}
	a.spools.checkClosed(t)
}

func TestSource_Blob_SpoolFailureEndsTheRun(t *testing.T) {
	body := large(2 * minBuffer)
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(body) }, func(o *Options) {
		o.Spool = func() (Spool, error) { return nil, syscall.ENOSPC }
	})
	a.client.spool.inMemory = minBuffer
	_, err := a.fetchBlob(t, 0)
	if _, ok := errors.AsType[*pipeline.StorageError](err); !ok || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want a StorageError", err)
	}
	if _, ok := errors.AsType[*pipeline.Failure](err); ok {
		t.Error("it concerns one asset only, want the run")
	}
}

func TestSource_Blob_MemoryIsNotSharedBetweenBlobs(t *testing.T) {
	first, second := large(1000), large(2000)
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		body := first
		if filepath.Base(r.URL.Path) == "1" {
			body = second
		}
		_, _ = w.Write(body)
	})
	get := func(page int32) *pipeline.Blob {
		blob, err := a.source.Blob(t.Context(), &pipeline.Asset{FileID: "f", Kind: pipeline.Screenshot, PageIndex: page}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return blob
	}
	for range 20 {
		x, y := get(0), get(1)
		for blob, want := range map[*pipeline.Blob][]byte{x: first, y: second} {
			if got, err := io.ReadAll(blob.Open()); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("read %d bytes, %v, want %d", len(got), err, len(want))
			}
			if err := blob.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestClient_PageScreenshot_Streams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		image := picture(t)
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "image/jpeg")
			w.Header().Set("Content-Length", strconv.Itoa(2*len(image)))
			_, _ = w.Write(image)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
		got, err := a.client.PageScreenshot(t.Context(), "f", 3)
		if err != nil {
			t.Fatal(err)
		}
		if got.ContentType != "image/jpeg" || got.Length != int64(2*len(image)) {
			t.Errorf("got %+v", got)
		}
		// Time that the reader takes for itself does not count.
		time.Sleep(time.Hour)
		body, err := io.ReadAll(got.Body)
		if failed, ok := errors.AsType[*RequestError](err); !ok || failed.Class != ClassStalled || !bytes.Equal(body, image) {
			t.Errorf("read %d bytes, %v, want the image and then a stall", len(body), err)
		}
		if err := got.Body.Close(); err != nil {
			t.Error(err)
		}
		if _, err := a.client.PageScreenshot(t.Context(), "..", 3); !errors.Is(err, pipeline.ErrBadID) {
			t.Errorf("got %v, want %v", err, pipeline.ErrBadID)
		}
	})
}
