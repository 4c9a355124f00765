package llamacloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"exporter/internal/media"
	"exporter/pipeline"
)

// inTurn answers the first request with the first handler, the second with the second, and all others with the last.
func inTurn(handlers ...http.HandlerFunc) http.HandlerFunc {
	var count atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		handlers[min(int(count.Add(1)), len(handlers))-1](w, r)
	}
}

func TestSource_Blob_WrongInTheSameWay_IsAskedForTwice(t *testing.T) {
	image := picture(t)
	size := int64(len(image))
	bare := func(body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { chunked(w, body) }
	}
	whole := answerWith(string(image))
	longer := answerWith(string(image) + "\x00")
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(image)))
		_, _ = w.Write(image[:40])
		breakOff(w)
	}
	closed := func(w http.ResponseWriter, _ *http.Request) { untilClosed(t, w, image[:len(image)-2]) }
	partial := func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(image)
	}
	fails := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	html := answerWith("<!doctype html><p>Please log in")
	otherHTML := answerWith("<!doctype html><h1>Please log in")
	many := make([]http.HandlerFunc, 6)
	for i := range many {
		many[i] = answerWith(string(image) + strings.Repeat("\x00", i+1))
	}
	for _, test := range []struct {
		name     string
		listed   int64
		answers  []http.HandlerFunc
		class    string
		requests int
	}{
		{"longer, declared", size, []http.HandlerFunc{longer}, ClassSizeMismatch, 2},
		{"shorter, declared", size + 9, []http.HandlerFunc{whole}, ClassSizeMismatch, 2},
		{"longer, not declared", size - 9, []http.HandlerFunc{bare(image)}, ClassSizeMismatch, 2},
		{"shorter, not declared", size + 9, []http.HandlerFunc{bare(image)}, ClassSizeMismatch, 2},
		{"declared, then not", size + 9, []http.HandlerFunc{whole, bare(image)}, ClassSizeMismatch, 2},
		{"of another size each time", size, many, ClassSizeMismatch, 6},
		{"HTML", size, []http.HandlerFunc{html}, ClassNotImage, 2},
		{"one page and another", 0, []http.HandlerFunc{html, otherHTML, html, otherHTML, html, html}, ClassNotImage, 6},
		{"JSON", size, []http.HandlerFunc{answerWith("{}")}, ClassNotImage, 2},
		{"another status", size, []http.HandlerFunc{partial}, ClassNotImage, 2},
		{"ends as no image does", 0, []http.HandlerFunc{bare(image[:size-2])}, ClassTruncated, 2},
		{"an error in between", size, []http.HandlerFunc{longer, fails, longer}, ClassSizeMismatch, 3},
		{"HTML, then longer", size, []http.HandlerFunc{html, longer}, ClassSizeMismatch, 3},
		{"ends with the connection, listed", size, []http.HandlerFunc{closed}, ClassSizeMismatch, 6},
		{"ends with the connection, not listed", 0, []http.HandlerFunc{closed}, ClassTruncated, 6},
		{"cut off at the same byte", size, []http.HandlerFunc{cut}, ClassTruncated, 6},
		{"right in the end", size, []http.HandlerFunc{longer, cut, html, cut, whole}, "", 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, inTurn(test.answers...))
				blob, err := a.fetchBlob(t, test.listed)
				class, attempts := "", 0
				if failure, ok := errors.AsType[*pipeline.Failure](err); ok {
					class, attempts = failure.Class, failure.Attempts
				} else if err == nil {
					attempts = blob.Attempts
				}
				if class != test.class || attempts != test.requests {
					t.Errorf("got %v after %d requests, want class %q after %d", err, attempts, test.class, test.requests)
				}
			})
		})
	}
}

// Of a body that is wrong, no byte is read beyond the one that shows it, and what the server has not sent is never taken
// from the wire.
func TestSource_Blob_ReadsNoFurtherThanItMust(t *testing.T) {
	const most = 100_000
	image := large(50_000)
	endless := func(begin []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			chunked(w, begin)
			for body := make([]byte, 4096); ; {
				if _, err := w.Write(body); err != nil {
					return
				}
			}
		}
	}
	declared := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(n))
			endless(image)(w, r)
		}
	}
	for _, test := range []struct {
		name   string
		listed int64
		answer http.HandlerFunc
		class  string
		read   int64
	}{
		{"without end, listed", 1000, endless(image), ClassSizeMismatch, 1001},
		{"without end, listed as a few bytes", 16, endless(image), ClassSizeMismatch, 17},
		{"without end, listed as more than is kept in one piece", 70_000, endless(image), ClassSizeMismatch, 70_001},
		{"without end, listed as the most", most, endless(image), ClassSizeMismatch, most + 1},
		{"without end, listed as more than the most", 2 * most, endless(image), ClassTooLarge, most + 1},
		{"without end, not listed", 0, endless(image), ClassTooLarge, most + 1},
		{"text without end, listed", 100, endless([]byte(strings.Repeat("x", 1000))), ClassNotImage, 101},
		{"text without end, not listed", 0, endless([]byte(strings.Repeat("x", 4096))), ClassNotImage, media.SniffLen},
		{"declared longer than listed", 60_000, declared(90_000), ClassSizeMismatch, media.SniffLen},
		{"declared longer than the most", 60_000, declared(most + 1), ClassTooLarge, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, test.answer, func(o *Options) { o.MaxAttempts, o.MaxBlobSize = 1, most })
				var wire atomic.Int64
				setDial(a.client, a.counting(&wire, nil))
				_, err := a.fetchBlob(t, test.listed)
				if failure, ok := errors.AsType[*pipeline.Failure](err); !ok || failure.Class != test.class {
					t.Errorf("got %v, want a failure of class %s", err, test.class)
				}
				synctest.Wait()
				requests := eventsOf[pipeline.Requested](a.events)
				if len(requests) != 1 || requests[0].Bytes != test.read {
					t.Errorf("requests %+v, want one of which %d bytes were read", requests, test.read)
				}
				// net/http reads ahead as much as its buffer holds.
				if n, ahead := wire.Load(), int64(32<<10); n > test.read+ahead {
					t.Errorf("%d bytes were taken from the wire, want at most %d", n, test.read+ahead)
				}
			})
		})
	}
}

// counting dials as the network does, and counts the bytes that are read and the connections.
func (n *network) counting(bytes, dialled *atomic.Int64) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := n.dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		if dialled != nil {
			dialled.Add(1)
		}
		return &countedConn{conn, bytes}, nil
	}
}

type countedConn struct {
	net.Conn
	read *atomic.Int64
}

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

// A connection is used again after a blob that was good, and not after one that was not read to its end.
func TestSource_Blob_KeepsTheConnection(t *testing.T) {
	image := large(100_000)
	size := int64(len(image))
	for _, test := range []struct {
		name        string
		answer      http.HandlerFunc
		listed      int64
		connections int64
	}{
		{"declared and listed", answerWith(string(image)), size, 1},
		{"declared", answerWith(string(image)), 0, 1},
		{"listed", func(w http.ResponseWriter, _ *http.Request) { chunked(w, image) }, size, 1},
		{"neither", func(w http.ResponseWriter, _ *http.Request) { chunked(w, image) }, 0, 1},
		{"longer than listed", func(w http.ResponseWriter, _ *http.Request) { chunked(w, image) }, size / 2, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, test.answer, func(o *Options) { o.MaxAttempts = 1 })
				var wire, dialled atomic.Int64
				setDial(a.client, a.counting(&wire, &dialled))
				for range 5 {
					if _, err := a.fetchBlob(t, test.listed); (err != nil) != (test.connections > 1) {
						t.Errorf("got %v", err)
					}
					synctest.Wait()
				}
				if n := dialled.Load(); n != test.connections {
					t.Errorf("%d connections, want %d", n, test.connections)
				}
			})
		})
	}
}

// X-Should-Retry of the API decides before the status does, within max_attempts.
func TestClient_ObeysShouldRetry(t *testing.T) {
	for _, test := range []struct {
		status   int
		advice   string
		class    string
		requests int
	}{
		{404, "true", "http_404", 6}, {501, "TRUE", "http_501", 6}, {404, "perhaps", "http_404", 1},
		{500, "false", "http_500", 1}, {409, "False", "http_409", 1}, {500, "", "http_500", 6},
		{429, "false", "http_429", 1}, {503, "false", "http_503", 1},
	} {
		t.Run(fmt.Sprint(test.status, test.advice), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, throttle(1<<40, test.status, map[string]string{"X-Should-Retry": test.advice}))
				_, err := a.fetchBlob(t, 0)
				failure, ok := errors.AsType[*pipeline.Failure](err)
				if !ok || failure.Class != test.class || failure.Attempts != test.requests {
					t.Errorf("got %v, want a failure of class %s after %d requests", err, test.class, test.requests)
				}
			})
		})
	}
}

// A throttled answer is obeyed by all, also where the request itself is not sent again.
func TestClient_ShouldRetry_DoesNotShortenAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, throttle(1, 429, map[string]string{"X-Should-Retry": "false", "Retry-After": "20"}))
		if _, err := a.source.Assets(t.Context(), wanted("f", pipeline.Figure), roomy); err == nil {
			t.Fatal("the request was sent again")
		}
		if got := eventsOf[pipeline.Paused](a.events); len(got) != 1 || got[0].For.Seconds() < 20 {
			t.Errorf("pauses %v were reported, want one of 20 s", got)
		}
	})
}

// What another host says of that is not heard.
func TestClient_ShouldRetry_OfAnotherHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Should-Retry", "false")
			http.Redirect(w, r, "http://127.0.0.1:81/", http.StatusFound)
		}, func(o *Options) { o.MaxAttempts = 3 })
		a.serve(t, "127.0.0.1:81", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Should-Retry", "false")
			w.WriteHeader(http.StatusInternalServerError)
		})
		_, err := a.fetchBlob(t, 0)
		if failure, ok := errors.AsType[*pipeline.Failure](err); !ok || failure.Attempts != 6 {
			t.Errorf("got %v, want a failure after 3 attempts of 2 requests each", err)
		}
	})
}

// A request that changes something is sent twice only where the API says that it may be.
func TestClient_ShouldRetry_OfAPost(t *testing.T) {
	for advice, want := range map[string]int{"": 1, "false": 1, "true": 2} {
		synctest.Test(t, func(t *testing.T) {
			var bodies []string
			a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				if bodies = append(bodies, string(body)); len(bodies) == 1 {
					w.Header().Set("X-Should-Retry", advice)
					w.WriteHeader(http.StatusInternalServerError)
					return
				}
				_, _ = io.WriteString(w, `{"id":"x"}`)
			})
			_, err := a.client.AddDirectoryFile(t.Context(), "d", NewDirectoryFile{FileID: "f"})
			if len(bodies) != want || (err == nil) != (want == 2) || bodies[0] != bodies[len(bodies)-1] {
				t.Errorf("advice %q: sent %q, %v, want it %d times", advice, bodies, err, want)
			}
		})
	}
}

// resending is a network that sends every request twice, and stops the source in between. It answers all the same, or
// fails.
type resending struct {
	source *Source
	instant
	err error
}

func (n *resending) RoundTrip(r *http.Request) (*http.Response, error) {
	trace := httptrace.ContextClientTrace(r.Context())
	trace.GotConn(httptrace.GotConnInfo{})
	n.source.Stop()
	trace.GotConn(httptrace.GotConnInfo{})
	if n.err != nil {
		return nil, n.err
	}
	return n.instant.RoundTrip(r)
}

// Nothing panics when no token is to be had for a request that net/http sends again, and its answer is not used.
func TestSource_Stop_WhileNetHTTPSendsAgain(t *testing.T) {
	for _, err := range []error{nil, errors.New("broken")} {
		a := newAPI(t, nil)
		a.client.transports.usual = &resending{a.source, instant{picture(t)}, err}
		if _, err := a.fetchBlob(t, 0); !errors.Is(err, pipeline.ErrStopped) {
			t.Errorf("got %v, want %v", err, pipeline.ErrStopped)
		}
		if n := len(eventsOf[pipeline.Requested](a.events)); n != 1 {
			t.Errorf("%d requests were reported, want 1", n)
		}
	}
}
