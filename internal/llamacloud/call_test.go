package llamacloud

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"exporter/internal/testmain"
	"exporter/pipeline"
)

// throttle answers the first n requests with a status and headers, the others with an empty listing.
func throttle(n int64, status int, headers map[string]string) http.HandlerFunc {
	var count atomic.Int64
	return func(w http.ResponseWriter, _ *http.Request) {
		if count.Add(1) > n {
			_, _ = io.WriteString(w, "[]")
			return
		}
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
	}
}

func TestClient_ObeysRetryAfter(t *testing.T) {
	tests := []struct {
		name        string
		status      int
		headers     map[string]string
		least, most time.Duration
	}{
		{"seconds", 429, map[string]string{"Retry-After": "20"}, 20 * time.Second, 21 * time.Second},
		{"milliseconds", 429, map[string]string{"Retry-After-Ms": "20000"}, 20 * time.Second, 21 * time.Second},
		{"unavailable", 503, map[string]string{"Retry-After": "20"}, 20 * time.Second, 21 * time.Second},
		{"date", 429, map[string]string{
			"Date": "Wed, 01 May 2024 12:00:00 GMT", "Retry-After": "Wed, 01 May 2024 12:00:20 GMT",
		}, 20 * time.Second, 21 * time.Second},
		{"past date", 429, map[string]string{
			"Date": "Wed, 01 May 2024 12:00:00 GMT", "Retry-After": "Wed, 01 May 2024 11:59:00 GMT",
		}, 0, time.Second},
		{"garbage", 429, map[string]string{"Retry-After": "soon"}, 0, time.Second},
		{"nothing", 429, nil, 0, time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, throttle(1, test.status, test.headers), func(o *Options) { o.MaxAttempts = 1 })
				if test.status == 503 {
					a.client.opts.MaxAttempts = 2
				}
				start := time.Now()
				if _, err := a.client.PageFigures(t.Context(), "f"); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took < test.least || took > test.most {
					t.Errorf("took %v, want %v to %v", took, test.least, test.most)
				}
				if got := eventsOf[pipeline.Paused](a.events); len(got) != 1 || got[0].For < test.least {
					t.Errorf("pauses %v were reported, want one", got)
				}
			})
		})
	}
}

func TestClient_PausesAllWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var arrivals []time.Duration
		start := time.Now()
		limited := throttle(1, 429, map[string]string{"Retry-After": "60"})
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			arrivals = append(arrivals, time.Since(start))
			mu.Unlock()
			limited(w, r)
		})
		var wg sync.WaitGroup
		for worker := range 4 {
			wg.Go(func() {
				time.Sleep(time.Duration(worker) * time.Second)
				if _, err := a.client.PageFigures(t.Context(), "f"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(arrivals) != 5 {
			t.Fatalf("requests came at %v, want 5", arrivals)
		}
		for _, at := range arrivals[1:] {
			if at < time.Minute || at > time.Minute+time.Second {
				t.Errorf("a request came at %v, want it after a minute and some jitter", at)
			}
		}
	})
}

func TestClient_TooLongPauseEndsAllRequests(t *testing.T) {
	for _, value := range []string{"901", "99999999999999999999"} {
		synctest.Test(t, func(t *testing.T) {
			a := newAPI(t, throttle(1, 429, map[string]string{"Retry-After": value}))
			start := time.Now()
			for range 2 {
				_, err := a.source.Assets(t.Context(), wanted("f", pipeline.Figure), roomy)
				if _, ok := errors.AsType[*PauseError](err); !ok {
					t.Errorf("got %v, want a PauseError", err)
				}
				if _, ok := errors.AsType[*pipeline.Failure](err); ok {
					t.Error("it concerns one file only, want the run")
				}
			}
			if n := len(eventsOf[pipeline.Requested](a.events)); n != 1 || time.Since(start) != 0 {
				t.Errorf("%d requests in %v, want one and no waiting", n, time.Since(start))
			}
		})
	}
}

func TestClient_ThrottledForEverEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, throttle(1<<40, 429, nil))
		for range 2 {
			_, err := a.fetchBlob(t, 0)
			if _, ok := errors.AsType[*PauseError](err); !ok {
				t.Errorf("got %v, want a PauseError", err)
			}
			if _, ok := concern(err); ok {
				t.Error("it concerns one asset only, want the run")
			}
		}
		if n := len(eventsOf[pipeline.Requested](a.events)); n > 60 {
			t.Errorf("%d requests, want at most 60", n)
		}
	})
}

// A single request that is throttled for ever, while nothing else is, fails, and holds nobody up.
func TestSource_Blob_ThrottledForEver_IsTheAssetsFailure(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for _, after := range []string{"", "1", "60"} {
		synctest.Test(t, func(t *testing.T) {
			a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.URL.Path, "file-1") {
					w.Header().Set("Retry-After", after)
					w.WriteHeader(http.StatusTooManyRequests)
					return
				}
				_, _ = io.WriteString(w, "[]")
			}, func(o *Options) { o.Rate = Rate{PerSecond: 20} })
			ctx, cancel := context.WithCancel(t.Context())
			var others sync.WaitGroup
			var listed atomic.Int64
			for range 8 {
				others.Go(func() {
					for ctx.Err() == nil {
						if _, err := a.client.PageFigures(ctx, "f"); err != nil && ctx.Err() == nil {
							t.Error(err)
						}
						listed.Add(1)
					}
				})
			}
			start := time.Now()
			_, err := a.fetchBlob(t, 0)
			took := time.Since(start)
			cancel()
			others.Wait()
			failure, ok := errors.AsType[*pipeline.Failure](err)
			if !ok || failure.Class != "http_429" || failure.Attempts != 6 {
				t.Errorf("Retry-After %q: got %v, want a failure of class http_429 after 6 attempts", after, err)
			}
			// One pause may hold all: before the first of the others was accepted.
			pause, _ := strconv.Atoi(after)
			if want := 20 * (took.Seconds() - float64(pause) - 1); float64(listed.Load()) < 0.9*want {
				t.Errorf("Retry-After %q: %d others in %v, want %.0f", after, listed.Load(), took, want)
			}
		})
	}
}

func TestClient_RetriesBurstsOfErrors(t *testing.T) {
	for _, status := range []int{408, 409, 425, 500, 502, 503, 504} {
		synctest.Test(t, func(t *testing.T) {
			a := newAPI(t, throttle(5, status, nil))
			if _, err := a.client.PageFigures(t.Context(), "f"); err != nil {
				t.Errorf("%d: %v", status, err)
			}
			retries := eventsOf[pipeline.Retrying](a.events)
			if len(retries) != 5 || retries[4].Attempt != 5 || retries[0].Route != figuresRoute {
				t.Errorf("%d: retries %v, want 5", status, retries)
			}
		})
	}
}

func TestClient_GivesUpAfterMaxAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, throttle(6, 500, nil))
		_, err := a.source.Assets(t.Context(), wanted("f", pipeline.Figure), roomy)
		failure, ok := errors.AsType[*pipeline.Failure](err)
		if !ok || failure.Class != "http_500" || failure.Attempts != 6 {
			t.Errorf("got %v, want a failure of class http_500 after 6 attempts", err)
		}
	})
}

func TestClient_UnauthorizedEndsAllRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, throttle(1<<40, 401, nil))
		for range 3 {
			_, err := a.fetchBlob(t, 0)
			if !errors.Is(err, ErrUnauthorized) {
				t.Errorf("got %v, want %v", err, ErrUnauthorized)
			}
			if _, ok := errors.AsType[*pipeline.Failure](err); ok {
				t.Error("it concerns one asset only, want the run")
			}
		}
		for _, err := range allFiles(t, NewSource(a.client, Selection{Project: true})) {
			if !errors.Is(err, ErrUnauthorized) {
				t.Errorf("files: got %v, want %v", err, ErrUnauthorized)
			}
		}
		if n := len(eventsOf[pipeline.Requested](a.events)); n != 2 {
			t.Errorf("%d requests, want 2", n)
		}
	})
}

func TestClient_RefusedConnectionIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, nil, func(o *Options) { o.BaseURL = mustParse(t, "http://127.0.0.1:81") })
		_, err := a.fetchBlob(t, 0)
		failure, ok := errors.AsType[*pipeline.Failure](err)
		if !ok || failure.Class != ClassTransport || failure.Attempts != 6 {
			t.Errorf("got %v, want a failure of class transport after 6 attempts", err)
		}
	})
}

func TestClient_GivesTheCauseOfItsContext(t *testing.T) {
	cause := errors.New("the user has had enough")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		a := newAPI(t, func(_ http.ResponseWriter, r *http.Request) {
			cancel(cause)
			<-r.Context().Done()
		})
		if _, err := a.source.Assets(ctx, wanted("f", pipeline.Figure), roomy); !errors.Is(err, cause) {
			t.Errorf("got %v, want %v", err, cause)
		}
	})
}

func TestSource_Stop_FinishesWhatWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a *api
		a = newAPI(t, func(w http.ResponseWriter, _ *http.Request) {
			a.source.Stop()
			_, _ = io.WriteString(w, "[]")
		})
		if _, err := a.source.Assets(t.Context(), wanted("f", pipeline.Figure), roomy); err != nil {
			t.Errorf("the request that was sent fails: %v", err)
		}
		if _, err := a.source.Assets(t.Context(), wanted("f", pipeline.Figure), roomy); !errors.Is(err, pipeline.ErrStopped) {
			t.Errorf("got %v, want %v", err, pipeline.ErrStopped)
		}
	})
}

func TestSource_Stop_EndsBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a *api
		a = newAPI(t, func(w http.ResponseWriter, _ *http.Request) {
			a.source.Stop()
			w.WriteHeader(http.StatusInternalServerError)
		})
		_, err := a.fetchBlob(t, 0)
		if _, failed := errors.AsType[*pipeline.Failure](err); failed || !errors.Is(err, pipeline.ErrStopped) {
			t.Errorf("got %v, want %v", err, pipeline.ErrStopped)
		}
	})
}

// TestClient_EveryRequestTakesAToken_ButHops counts at the server, so that what net/http sends again by itself is seen.
func TestClient_EveryRequestTakesAToken_ButHops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var arrivals []time.Time
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			arrivals = append(arrivals, time.Now())
			switch len(arrivals) {
			case 2:
				// A connection that was used before and ends without a byte looks like one that had been closed for idleness.
				conn, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				_ = conn.Close()
			case 4:
				http.Redirect(w, r, "/elsewhere", http.StatusFound)
			case 6:
				w.WriteHeader(http.StatusInternalServerError)
			default:
				_, _ = io.WriteString(w, "[]")
			}
		}, func(o *Options) { o.Rate = Rate{PerSecond: 0.02} })
		for range 4 {
			if _, err := a.source.Assets(t.Context(), wanted("f", pipeline.Figure), roomy); err != nil {
				t.Fatal(err)
			}
		}
		if retries := eventsOf[pipeline.Retrying](a.events); len(retries) != 1 {
			t.Errorf("retries %v, want one: the other is by net/http itself", retries)
		}
		if len(arrivals) != 7 {
			t.Fatalf("%d requests, want 7", len(arrivals))
		}
		for i := range len(arrivals) - 1 {
			least := 50*time.Second - time.Millisecond
			if i == 3 {
				// A redirect goes on at once.
				least = 0
			}
			if gap := arrivals[i+1].Sub(arrivals[i]); gap < least || least == 0 && gap > time.Millisecond {
				t.Errorf("request %d came %v after the one before, want %v", i+2, gap, least)
			}
		}
	})
}

func TestSource_Stop_EndsWhatNetHTTPSendsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests atomic.Int64
		var a *api
		a = newAPI(t, func(w http.ResponseWriter, _ *http.Request) {
			if requests.Add(1) == 1 {
				_, _ = io.WriteString(w, "[]")
				return
			}
			a.source.Stop()
			panic(http.ErrAbortHandler)
		})
		if _, err := a.source.Assets(t.Context(), wanted("f", pipeline.Figure), roomy); err != nil {
			t.Fatal(err)
		}
		if _, err := a.source.Assets(t.Context(), wanted("f", pipeline.Figure), roomy); !errors.Is(err, pipeline.ErrStopped) {
			t.Errorf("got %v, want %v", err, pipeline.ErrStopped)
		}
	})
}

func TestClient_ObservesRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := picture(t)
		a := newAPI(t, func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			_, _ = w.Write(body)
		})
		if _, err := a.fetchBlob(t, 0); err != nil {
			t.Fatal(err)
		}
		want := pipeline.Requested{
			Method: "GET", Route: screenshotRoute, Status: 200, Bytes: int64(len(body)), Took: time.Second,
			Date: time.Now().UTC().Truncate(time.Second),
		}
		if got := eventsOf[pipeline.Requested](a.events); len(got) != 1 || got[0] != want {
			t.Errorf("events %+v, want %+v", got, want)
		}
	})
}

// A wait that an answer asks for its own request holds nobody else up, and one that is too long is not waited for.
func TestSource_Blob_RetryAfterOfOtherStatuses(t *testing.T) {
	image := picture(t)
	for _, status := range []int{408, 409, 425, 500, 502, 504} {
		for _, after := range []string{"20", "86400", "99999999999999999999"} {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
					if !strings.Contains(r.URL.Path, "file-1") {
						_, _ = io.WriteString(w, "[]")
						return
					}
					if asked++; asked > 1 {
						_, _ = w.Write(image)
						return
					}
					w.Header().Set("Retry-After", after)
					w.WriteHeader(status)
				})
				start := time.Now()
				done := make(chan struct{})
				go func() {
					defer close(done)
					time.Sleep(time.Second)
					if _, err := a.client.PageFigures(t.Context(), "f"); err != nil || time.Since(start) != time.Second {
						t.Errorf("%d: another request ended after %v, %v", status, time.Since(start), err)
					}
				}()
				_, err := a.fetchBlob(t, 0)
				took := time.Since(start)
				<-done
				if after == "20" {
					if err != nil || took < 20*time.Second || took > 21*time.Second {
						t.Errorf("%d: got %v after %v, want the image after 20 s", status, err, took)
					}
				} else if failure, ok := errors.AsType[*pipeline.Failure](err); !ok || failure.Attempts != 1 || took > time.Second {
					t.Errorf("%d, Retry-After %s: got %v after %v, want a failure at once", status, after, err, took)
				}
			})
		}
	}
}
