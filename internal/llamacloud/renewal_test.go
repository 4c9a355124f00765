package llamacloud

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"exporter/pipeline"
)

// linkAPI redirects every request to a link of another host, which is dead for the first few.
type linkAPI struct {
	image []byte
	// status is what a dead link is answered with.
	status int

	mu   sync.Mutex
	dead int
	// asked is when the API was asked, followed how often a link was followed.
	asked    []time.Time
	followed int
}

const linkSecret = "X-Amz-Signature=5f1d7a"

func newLinkAPI(t *testing.T, status, dead int, change ...func(*Options)) (*api, *linkAPI) {
	l := &linkAPI{image: picture(t), status: status, dead: dead}
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.asked = append(l.asked, time.Now())
		http.Redirect(w, r, fmt.Sprintf("http://127.0.0.1:81/blob?n=%d&%s", len(l.asked), linkSecret), http.StatusFound)
	}, change...)
	a.serve(t, "127.0.0.1:81", func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if want := fmt.Sprint("n=", len(l.asked), "&"); !strings.HasPrefix(r.URL.RawQuery, want) {
			t.Errorf("the link %q is followed, want the newest: %s", r.URL.RawQuery, want)
		}
		if l.followed++; l.followed <= l.dead {
			w.WriteHeader(l.status)
			_, _ = w.Write([]byte("<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"))
			return
		}
		_, _ = w.Write(l.image)
	})
	return a, l
}

// A link that is dead is asked for anew at once, twice at most. That costs no attempt.
func TestSource_Blob_DeadLink_IsRenewed(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 410} {
		for dead := range 4 {
			t.Run(fmt.Sprint(status, "/", dead), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					a, l := newLinkAPI(t, status, dead, func(o *Options) { o.MaxAttempts = 1 })
					start := time.Now()
					blob, err := a.fetchBlob(t, 0)
					if took := time.Since(start); took != 0 {
						t.Errorf("took %v, want no waiting", took)
					}
					if dead <= maxRenewals {
						if want := 2 * (dead + 1); err != nil || blob.Attempts != want {
							t.Errorf("got %v, want the blob after %d requests", err, want)
						}
						return
					}
					failure, ok := errors.AsType[*pipeline.Failure](err)
					if !ok || failure.Class != fmt.Sprint("http_", status) || failure.Attempts != 6 || errors.Is(err, ErrUnauthorized) {
						t.Fatalf("got %v, want a failure of class http_%d after 6 requests", err, status)
					}
					if strings.Contains(err.Error(), linkSecret) || len(l.asked) != 3 {
						t.Errorf("got %v after asking %d times, want no query in it after 3", err, len(l.asked))
					}
				})
			})
		}
	}
}

// Each time that the API is asked anew takes a token.
func TestSource_Blob_DeadLink_KeepsTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, l := newLinkAPI(t, http.StatusForbidden, 2, func(o *Options) { o.Rate = Rate{PerSecond: 0.1} })
		if _, err := a.fetchBlob(t, 0); err != nil {
			t.Fatal(err)
		}
		for i := range len(l.asked) - 1 {
			if gap := l.asked[i+1].Sub(l.asked[i]); gap < 10*time.Second-time.Millisecond {
				t.Errorf("request %d came %v after the one before, want 10 s", i+2, gap)
			}
		}
	})
}

// Only what another host refuses is taken for a dead link, and only as long as there is hope.
func TestSource_Blob_DeadLink_OnlyOfAnotherHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, l := newLinkAPI(t, http.StatusInternalServerError, 100, func(o *Options) { o.MaxAttempts = 2 })
		_, err := a.fetchBlob(t, 0)
		if failure, ok := errors.AsType[*pipeline.Failure](err); !ok || failure.Class != "http_500" || len(l.asked) != 2 {
			t.Errorf("got %v after asking %d times, want a failure of class http_500 after 2", err, len(l.asked))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/moved") {
				http.Redirect(w, r, "/moved", http.StatusFound)
				return
			}
			w.WriteHeader(http.StatusNotFound)
		})
		_, err := a.fetchBlob(t, 0)
		if failure, ok := errors.AsType[*pipeline.Failure](err); !ok || failure.Class != "http_404" || failure.Attempts != 2 {
			t.Errorf("got %v, want a failure of class http_404 after 2 requests", err)
		}
	})
}
