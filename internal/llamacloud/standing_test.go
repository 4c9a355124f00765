package llamacloud

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"exporter/pipeline"
)

// keyAPI answers listings and blobs while it accepts the key, and never those whose path has "odd" in it.
type keyAPI struct {
	image []byte
	// advice is X-Should-Retry of a refusal, late how long it takes.
	advice string
	late   time.Duration

	refuses           atomic.Bool
	refused, accepted atomic.Int64
}

func (k *keyAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case k.refuses.Load() || strings.Contains(r.URL.Path, "odd"):
		k.refused.Add(1)
		time.Sleep(k.late)
		w.Header().Set("X-Should-Retry", k.advice)
		w.WriteHeader(http.StatusUnauthorized)
		return
	case strings.HasSuffix(r.URL.Path, "/page_screenshots"):
		_, _ = w.Write([]byte("[]"))
	default:
		_, _ = w.Write(k.image)
	}
	k.accepted.Add(1)
}

func newKeyAPI(t *testing.T, change ...func(*Options)) (*api, *keyAPI) {
	k := &keyAPI{image: picture(t)}
	return newAPI(t, k.ServeHTTP, change...), k
}

func (a *api) blobOf(t *testing.T, file pipeline.ID) error {
	blob, err := a.source.Blob(t.Context(), &pipeline.Asset{FileID: file, Kind: pipeline.Screenshot}, nil)
	checkNoKey(t, err)
	if err != nil {
		return err
	}
	return blob.Close()
}

func (a *api) listingOf(t *testing.T, file pipeline.ID) error {
	_, err := a.source.Assets(t.Context(), wanted(file, pipeline.Screenshot), roomy)
	checkNoKey(t, err)
	return err
}

// checkAlone fails unless an error concerns one asset or file that was refused.
func checkAlone(t *testing.T, err error, requests int) {
	t.Helper()
	failure, ok := errors.AsType[*pipeline.Failure](err)
	if !ok || failure.Class != "http_401" || failure.Attempts != requests || errors.Is(err, ErrUnauthorized) {
		t.Errorf("got %v, want a failure of class http_401 after %d requests", err, requests)
	}
}

// A refusal that comes once costs one more request.
func TestSource_Unauthorized_OnceIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, throttle(1, 401, nil))
		start := time.Now()
		if err := a.listingOf(t, "f"); err != nil {
			t.Error(err)
		}
		if n := len(eventsOf[pipeline.Requested](a.events)); n != 2 || time.Since(start) > firstBackoff {
			t.Errorf("%d requests in %v, want 2 in %v at most", n, time.Since(start), firstBackoff)
		}
	})
}

// One file or asset whose requests are refused, while the API accepts others, is that file's or asset's failure; where no
// other request is under way, one that was accepted before is sent.
func TestSource_Unauthorized_OneOfMany_FailsAlone(t *testing.T) {
	for _, advice := range []string{"", "false"} {
		synctest.Test(t, func(t *testing.T) {
			requests := 2
			if advice != "" {
				requests = 1
			}
			a, k := newKeyAPI(t)
			k.advice = advice
			if err := a.listingOf(t, "f"); err != nil {
				t.Fatal(err)
			}
			checkAlone(t, a.blobOf(t, "odd"), requests)
			checkAlone(t, a.listingOf(t, "odd"), requests)
			if refused, accepted := k.refused.Load(), k.accepted.Load(); refused != int64(2*requests) || accepted != 3 {
				t.Errorf("%d requests were refused and %d accepted, want %d and 3", refused, accepted, 2*requests)
			}
			if err := a.blobOf(t, "f"); err != nil {
				t.Errorf("another asset: %v", err)
			}
		})
	}
}

// Others that are accepted meanwhile are enough; nothing is sent to find out.
func TestSource_Unauthorized_OthersUnderWay_TellEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, k := newKeyAPI(t)
		k.late = 10 * time.Second
		var others sync.WaitGroup
		const count = 100
		others.Go(func() {
			for range count {
				if err := a.blobOf(t, "f"); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Second)
			}
		})
		checkAlone(t, a.blobOf(t, "odd"), 2)
		others.Wait()
		if n := k.accepted.Load(); n != count {
			t.Errorf("%d requests were accepted, want %d", n, count)
		}
	})
}

// A key that is revoked ends the run, however many requests are under way, and costs a few for each.
func TestSource_Unauthorized_RevokedKeyEndsTheRun(t *testing.T) {
	const workers = 16
	synctest.Test(t, func(t *testing.T) {
		a, k := newKeyAPI(t)
		k.late = time.Second
		time.AfterFunc(10*time.Second, func() { k.refuses.Store(true) })
		var group sync.WaitGroup
		for range workers {
			group.Go(func() {
				for {
					err := a.blobOf(t, "f")
					if err == nil {
						time.Sleep(time.Second)
						continue
					}
					if _, ok := errors.AsType[*pipeline.Failure](err); ok || !errors.Is(err, ErrUnauthorized) {
						t.Errorf("got %v, want %v", err, ErrUnauthorized)
					}
					return
				}
			})
		}
		group.Wait()
		if n := k.refused.Load(); n > 2*workers+2 {
			t.Errorf("%d requests were refused, want at most two of each of %d workers and two more", n, workers)
		}
	})
}

// What was sent before the key was revoked, and is answered after, does not speak for the key.
func TestSource_Unauthorized_AnswersToEarlierRequestsDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &keyAPI{image: picture(t), late: 20 * time.Second}
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "early") && !k.refuses.Load() {
				time.Sleep(30 * time.Second)
				_, _ = w.Write(k.image)
				return
			}
			k.ServeHTTP(w, r)
		})
		var early sync.WaitGroup
		early.Go(func() {
			// It is sent while the refusal is on its way, and accepted between the first and the second.
			time.Sleep(time.Second)
			if err := a.blobOf(t, "early"); err != nil {
				t.Error(err)
			}
		})
		time.AfterFunc(2*time.Second, func() { k.refuses.Store(true) })
		if err := a.blobOf(t, "odd"); !errors.Is(err, ErrUnauthorized) {
			t.Errorf("got %v, want %v", err, ErrUnauthorized)
		}
		early.Wait()
	})
}

// A key that may not list a directory ends the run, even if it is accepted otherwise.
func TestSource_Unauthorized_ListingEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, k := newKeyAPI(t)
		if err := a.listingOf(t, "f"); err != nil {
			t.Fatal(err)
		}
		for _, err := range allFiles(t, NewSource(a.client, Selection{Directories: []pipeline.ID{"odd"}})) {
			if !errors.Is(err, ErrUnauthorized) {
				t.Errorf("got %v, want %v", err, ErrUnauthorized)
			}
		}
		if err := a.blobOf(t, "f"); !errors.Is(err, ErrUnauthorized) {
			t.Errorf("another request: got %v, want %v", err, ErrUnauthorized)
		}
		if refused, accepted := k.refused.Load(), k.accepted.Load(); refused != 2 || accepted != 1 {
			t.Errorf("%d requests were refused and %d accepted, want 2 and 1", refused, accepted)
		}
	})
}

// A run that is stopped while it finds out what a refusal means ends as one that is stopped.
func TestSource_Unauthorized_StopWhileAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, k := newKeyAPI(t, func(o *Options) { o.MaxAttempts = 1 })
		if err := a.listingOf(t, "f"); err != nil {
			t.Fatal(err)
		}
		k.late = time.Second
		time.AfterFunc(time.Second/2, a.source.Stop)
		if err := a.blobOf(t, "odd"); !errors.Is(err, pipeline.ErrStopped) {
			t.Errorf("got %v, want %v", err, pipeline.ErrStopped)
		}
	})
}
