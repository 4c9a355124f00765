package llamacloud

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"exporter/internal/llamacloud/governor"
	"exporter/pipeline"
)

// slowHost lets so many requests a minute through, and serves a picture by links that live for a while.
type slowHost struct {
	image     []byte
	perMinute int
	life      time.Duration

	mu                   sync.Mutex
	began                time.Time
	used, refused, stale int
}

func (s *slowHost) link(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, fmt.Sprintf("http://127.0.0.1:81/blob?until=%d", time.Now().Add(s.life).UnixNano()), http.StatusFound)
}

func (s *slowHost) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.began) >= time.Minute {
		s.began, s.used = time.Now(), 0
	}
	until, err := strconv.ParseInt(r.FormValue("until"), 10, 64)
	switch {
	case s.used >= s.perMinute:
		s.refused++
		w.Header().Set("Retry-After", fmt.Sprint(int(time.Until(s.began.Add(time.Minute)).Seconds())+1))
		w.WriteHeader(http.StatusServiceUnavailable)
	case err != nil || time.Now().UnixNano() > until:
		s.used++
		s.stale++
		w.WriteHeader(http.StatusForbidden)
	default:
		s.used++
		_, _ = w.Write(s.image)
	}
}

// Where a blob host wants few requests, the API is asked for a link only when it can be used.
func TestSource_Blob_LinksOfASlowBlobHostAreFresh(t *testing.T) {
	t.Parallel()
	for _, life := range []time.Duration{5 * time.Second, time.Minute} {
		t.Run(life.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &slowHost{image: picture(t), perMinute: 20, life: life}
				a := newAPI(t, s.link)
				a.serve(t, "127.0.0.1:81", s.serve)
				const workers, blobs = 32, 320
				var failed atomic.Int64
				var crew sync.WaitGroup
				for range workers {
					crew.Go(func() {
						for range blobs / workers {
							if _, err := a.fetchBlob(t, 0); err != nil {
								t.Log(err)
								failed.Add(1)
							}
						}
					})
				}
				crew.Wait()
				if n := failed.Load(); n > 0 || s.stale > workers/4 {
					t.Errorf("%d failed and %d links were dead, want none and few; %d throttled", n, s.stale, s.refused)
				}
			})
		})
	}
}

// An asset that two blob hosts throttle in turn, and nothing else, is given up.
func TestSource_Blob_ThrottledByTwoOrigins_Ends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		image := picture(t)
		var asked atomic.Int64
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			to := "http://127.0.0.1:81/good"
			if strings.Contains(r.URL.Path, "/poisoned/") {
				to = fmt.Sprintf("http://127.0.0.1:%d/bad", 81+asked.Add(1)%2)
			} else if strings.Contains(r.URL.Path, "/other/") {
				to = "http://127.0.0.1:82/good"
			}
			http.Redirect(w, r, to, http.StatusFound)
		}, func(o *Options) { o.MaxAttempts = 3 })
		for _, host := range []string{"127.0.0.1:81", "127.0.0.1:82"} {
			a.serve(t, host, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/bad" {
					w.WriteHeader(http.StatusTooManyRequests)
					return
				}
				_, _ = w.Write(image)
			})
		}
		ctx, cancel := context.WithCancel(t.Context())
		var others sync.WaitGroup
		for _, file := range []pipeline.ID{"one", "other"} {
			others.Go(func() {
				for ctx.Err() == nil {
					if err := a.blobOf(t, file); err != nil && ctx.Err() == nil {
						t.Error(err)
					}
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		err := a.blobOf(t, "poisoned")
		cancel()
		others.Wait()
		if failure, ok := errors.AsType[*pipeline.Failure](err); !ok || failure.Class != "http_429" || asked.Load() > 3*3*2 {
			t.Errorf("got %v after %d links, want http_429 after few", err, asked.Load())
		}
	})
}

// A blob host that wants a pause which is too long is its assets' failure, not the run's, and gets no more requests, whether
// it has all blobs or not.
func TestSource_Blob_HostThatWantsTooLongAPause(t *testing.T) {
	for name, others := range map[string]int{"it has all": 0, "another has some": 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				image := picture(t)
				var asked, followed atomic.Int64
				api := hosts{"busy": "127.0.0.1:81", "good": "127.0.0.1:82"}
				a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
					asked.Add(1)
					api.ServeHTTP(w, r)
				})
				a.serve(t, "127.0.0.1:81", func(w http.ResponseWriter, _ *http.Request) {
					followed.Add(1)
					w.Header().Set("Retry-After", "1800")
					w.WriteHeader(http.StatusServiceUnavailable)
				})
				a.serve(t, "127.0.0.1:82", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(image) })
				for range others {
					if err := a.blobOf(t, "good"); err != nil {
						t.Fatal(err)
					}
				}
				asked.Store(0)
				start := time.Now()
				classes := map[string]int{}
				for range 50 {
					err := a.blobOf(t, "busy")
					failure, ok := errors.AsType[*pipeline.Failure](err)
					if !ok {
						t.Fatalf("got %v, want the asset's failure", err)
					}
					classes[failure.Class]++
				}
				if classes["http_503"] != 1 || classes[ClassThrottled] != 49 || followed.Load() != 1 || asked.Load() != 50 || time.Since(start) > time.Minute {
					t.Errorf("got %v after %d requests to the API and %d to the origin in %v", classes, asked.Load(), followed.Load(), time.Since(start))
				}
			})
		})
	}
}

// Where a blob host shuts each time that the API has been asked for a link, the API isn't asked for ever: the third link is kept
// until the host takes it.
func TestSource_Blob_HostThatShutsAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 20
		image, asked := picture(t), 0
		var host *governor.Governor
		follow := func() *governor.Ticket {
			ticket, err := host.Follow(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return ticket
		}
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			if host != nil && asked < most {
				asked++
				follow().Accepted(nil)
				if _, err := follow().Throttled(new(governor.Request), governor.Delay{Wait: 1, Unit: 1}, nil); err != nil {
					t.Error(err)
				}
			}
			http.Redirect(w, r, "http://127.0.0.1:81/", http.StatusFound)
		})
		a.serve(t, "127.0.0.1:81", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(image) })
		if _, err := a.fetchBlob(t, 0); err != nil {
			t.Fatal(err)
		}
		host = a.client.origins.other(&url.URL{Scheme: "http", Host: "127.0.0.1:81"})
		if _, err := a.fetchBlob(t, 0); err != nil || asked != maxRenewals+1 {
			t.Errorf("%v after asking the API %d times, want the blob after %d", err, asked, maxRenewals+1)
		}
	})
}

// A blob host that is busy, with or without saying for how long, costs no attempt.
func TestSource_Blob_BusyHost_CostsNoAttempt(t *testing.T) {
	for _, header := range []map[string]string{nil, {"Retry-After": "2"}} {
		synctest.Test(t, func(t *testing.T) {
			busy := throttle(3, http.StatusServiceUnavailable, header)
			image, n := picture(t), 0
			a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "http://127.0.0.1:81/", http.StatusFound)
			}, func(o *Options) { o.MaxAttempts = 1 })
			a.serve(t, "127.0.0.1:81", func(w http.ResponseWriter, r *http.Request) {
				if n++; n <= 3 {
					busy(w, r)
					return
				}
				_, _ = w.Write(image)
			})
			if _, err := a.fetchBlob(t, 0); err != nil {
				t.Error(err)
			}
		})
	}
}

// Blobs wait for a host only as long as all are there.
func TestSource_Blob_OfSeveralHosts_WaitsForItsOwn(t *testing.T) {
	for name, second := range map[string]string{"the API": "", "another": "http://127.0.0.1:82/"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				image := picture(t)
				a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
					switch {
					case strings.Contains(r.URL.Path, "/first/"):
						http.Redirect(w, r, "http://127.0.0.1:81/", http.StatusFound)
					case second != "":
						http.Redirect(w, r, second, http.StatusFound)
					default:
						_, _ = w.Write(image)
					}
				})
				for _, host := range []string{"127.0.0.1:81", "127.0.0.1:82"} {
					a.serve(t, host, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(image) })
				}
				busy := a.client.origins.other(&url.URL{Scheme: "http", Host: "127.0.0.1:81"})
				for n, file := range []pipeline.ID{"first", "second", "second"} {
					if n == 2 {
						admitted, err := busy.Admit(t.Context(), nil)
						if err != nil {
							t.Fatal(err)
						}
						if _, err := admitted.Throttled(new(governor.Request), governor.Delay{Wait: 60, Unit: 1}, nil); err != nil {
							t.Fatal(err)
						}
					}
					start := time.Now()
					if err := a.blobOf(t, file); err != nil || time.Since(start) != 0 {
						t.Errorf("blob %d: %v after %v, want it at once", n+1, err, time.Since(start))
					}
				}
			})
		})
	}
}

// A request gives up its place while it waits because it was throttled, and for nothing else.
func TestSource_Blob_LeavesItsPlaceWhereItIsThrottled(t *testing.T) {
	for status, want := range map[int]int{http.StatusTooManyRequests: 2, http.StatusInternalServerError: 0} {
		synctest.Test(t, func(t *testing.T) {
			image, n := picture(t), 0
			a := newAPI(t, func(w http.ResponseWriter, _ *http.Request) {
				if n++; n <= 2 {
					w.WriteHeader(status)
					return
				}
				_, _ = w.Write(image)
			})
			left := 0
			blob, err := a.source.Blob(t.Context(), &pipeline.Asset{FileID: "file-1", Kind: pipeline.Screenshot}, func(wait func() error) error {
				left++
				return wait()
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := blob.Close(); err != nil || left != want {
				t.Errorf("%d: it left its place %d times, %v, want %d", status, left, err, want)
			}
		})
	}
}

// Redirects are answers as others are: their connections are kept.
func TestSource_Blob_RedirectsKeepTheirConnections(t *testing.T) {
	image := picture(t)
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:81/", http.StatusFound)
	})
	a.serve(t, "127.0.0.1:81", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(image) })
	var dialled atomic.Int64
	setDial(a.client, func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialled.Add(1)
		return a.dial(ctx, network, addr)
	})
	for range 10 {
		blob, err := a.fetchBlob(t, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := blob.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// net/http drops a connection whose goroutine has not come to say within 50 ms that the request is written.
	if n := dialled.Load(); n < 2 || n > 5 {
		t.Errorf("%d connections for 20 requests, want one for each of two origins, and some more on a machine that is busy", n)
	}
}

// waiting is a network that sends every request twice.
type waiting struct{ instant }

func (n waiting) RoundTrip(r *http.Request) (*http.Response, error) {
	trace := httptrace.ContextClientTrace(r.Context())
	trace.GotConn(httptrace.GotConnInfo{})
	trace.GotConn(httptrace.GotConnInfo{})
	return n.instant.RoundTrip(r)
}

// The time in which a request that is sent again waits for its token is not the API's.
func TestSource_Blob_SentAgain_WaitsForAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, nil, func(o *Options) { o.Rate, o.HeaderTimeout = Rate{PerSecond: 1.0 / 60}, 10*time.Second })
		a.client.transports.usual = waiting{instant{picture(t)}}
		start := time.Now()
		if _, err := a.fetchBlob(t, 0); err != nil || time.Since(start) < time.Minute {
			t.Errorf("%v after %v, want the blob after a minute", err, time.Since(start))
		}
	})
}

// Beyond some number of origins, those that come share a governor.
func TestOrigins_Other_AreBounded(t *testing.T) {
	o := newAPI(t, nil).client.origins
	other := func(n int) any { return o.other(&url.URL{Scheme: "https", Host: fmt.Sprintf("s%d.example.com", n)}) }
	first := other(0)
	for n := range maxOrigins {
		other(n)
	}
	if other(maxOrigins) != other(maxOrigins+1) || other(0) != first || other(1) == first || len(o.others) > maxOrigins+1 {
		t.Errorf("%d governors, want %d and one for the rest", len(o.others), maxOrigins)
	}
}

// hosts is an API that redirects the blobs of a file to the host of its name, and others to none.
type hosts map[string]string

func (h hosts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for file, host := range h {
		if strings.Contains(r.URL.Path, "/"+file+"/") {
			http.Redirect(w, r, "http://"+host+"/"+file, http.StatusFound)
			return
		}
	}
	w.WriteHeader(http.StatusNotFound)
}

// A place at a blob host that is not used is given back at once, also where it is the only one that the host gives, and where
// its quota is announced.
func TestSource_Blob_PlaceThatIsNotUsed(t *testing.T) {
	for name, file := range map[string]pipeline.ID{"the API refuses": "none", "it is elsewhere": "slow", "the API answers slowly": "self"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				image := picture(t)
				api := hosts{"first": "127.0.0.1:81", "second": "127.0.0.1:81", "slow": "127.0.0.1:82"}
				a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
					if strings.Contains(r.URL.Path, "/self/") {
						trickle(w, r)
						return
					}
					api.ServeHTTP(w, r)
				})
				a.serve(t, "127.0.0.1:81", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(image) })
				a.serve(t, "127.0.0.1:82", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
				if err := a.blobOf(t, "first"); err != nil {
					t.Fatal(err)
				}
				host := a.client.origins.other(&url.URL{Scheme: "http", Host: "127.0.0.1:81"})
				admitted, err := host.Admit(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := admitted.Throttled(new(governor.Request), governor.Delay{Wait: 1, Unit: 1}, nil); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				var other sync.WaitGroup
				other.Go(func() {
					// What becomes of it is of no concern here.
					_, _ = a.source.Blob(ctx, &pipeline.Asset{FileID: file, Kind: pipeline.Screenshot}, nil)
				})
				time.Sleep(5 * time.Second)
				start := time.Now()
				if err := a.blobOf(t, "second"); err != nil || time.Since(start) > time.Second {
					t.Errorf("%v after %v, want the blob at once", err, time.Since(start))
				}
				cancel()
				other.Wait()
			})
		})
	}
}

// Blobs that a host of their own would have, but the API refuses, use up nothing of what that host announces.
func TestSource_Blob_PlaceThatIsNotUsed_LeavesTheQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		image := picture(t)
		a := newAPI(t, hosts{"first": "127.0.0.1:81"}.ServeHTTP)
		a.serve(t, "127.0.0.1:81", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("RateLimit-Policy", `"default";q=20;w=60`)
			w.Header().Set("RateLimit", `"default";r=19;t=60`)
			_, _ = w.Write(image)
		})
		start := time.Now()
		for _, file := range []pipeline.ID{"first", "none"} {
			for range 10 {
				if err := a.blobOf(t, file); (err == nil) != (file == "first") {
					t.Fatal(err)
				}
			}
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("took %v, want no time", took)
		}
	})
}

// A pause that a blob host asks for is obeyed by those that had their places there before.
func TestSource_Blob_PauseOfAHost_HoldsForThoseWithPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		image := picture(t)
		var n, early atomic.Int64
		var until time.Time
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:81/", http.StatusFound)
		}, func(o *Options) { o.Rate = Rate{PerSecond: 2} })
		a.serve(t, "127.0.0.1:81", func(w http.ResponseWriter, _ *http.Request) {
			switch k := n.Add(1); {
			case k == 40:
				until = time.Now().Add(time.Minute)
				w.Header().Set("Retry-After", "60")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			case time.Now().Before(until):
				early.Add(1)
			}
			_, _ = w.Write(image)
		})
		var crew sync.WaitGroup
		for range 32 {
			crew.Go(func() {
				for range 4 {
					if _, err := a.fetchBlob(t, 0); err != nil {
						t.Error(err)
					}
				}
			})
		}
		crew.Wait()
		if got := early.Load(); got > 0 {
			t.Errorf("%d requests came in the pause", got)
		}
	})
}

// What ends the run is no failure of an asset that waits for a blob host.
func TestSource_Blob_EndOfTheRun_WhileAHostIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/end/") {
				w.Header().Set("Retry-After", "7200")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			http.Redirect(w, r, "http://127.0.0.1:81/", http.StatusFound)
		})
		a.serve(t, "127.0.0.1:81", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(http.StatusTooManyRequests)
		})
		errs := make(chan error, 2)
		for range 2 {
			go func() { errs <- a.blobOf(t, "waits") }()
		}
		time.Sleep(time.Second)
		if err := a.listingOf(t, "end"); err == nil {
			t.Fatal("the run goes on")
		}
		for range 2 {
			err := <-errs
			if _, ok := errors.AsType[*pipeline.Failure](err); ok || err == nil {
				t.Errorf("got %v, want what ended the run", err)
			}
		}
	})
}
