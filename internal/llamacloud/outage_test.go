package llamacloud

import (
	"crypto/tls"
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

// outageAPI answers the listings of assets and a blob of every file, but never that of the file "broken". While it is down
// it answers nothing.
type outageAPI struct {
	image []byte

	mu    sync.Mutex
	down  bool
	asked map[string]int
}

func (o *outageAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	o.asked[r.URL.Path]++
	down := o.down
	o.mu.Unlock()
	switch {
	case down || strings.Contains(r.URL.Path, "/broken/page_screenshots/"):
		panic(http.ErrAbortHandler)
	case strings.HasSuffix(r.URL.Path, "/page_screenshots"):
		_, _ = w.Write([]byte("[]"))
	default:
		_, _ = w.Write(o.image)
	}
}

func (o *outageAPI) set(down bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.down = down
}

func newOutageAPI(t *testing.T) (*api, *outageAPI) {
	o := &outageAPI{image: picture(t), asked: map[string]int{}}
	a := newAPI(t, o.ServeHTTP)
	if _, err := a.source.Assets(t.Context(), wanted("f", pipeline.Screenshot), roomy); err != nil {
		t.Fatal(err)
	}
	return a, o
}

// An outage that is over within max_outage costs no asset, also where a single request is under way: the API is asked for
// what it has answered before until it answers again.
func TestClient_Outage_CostsNoAsset(t *testing.T) {
	for _, workers := range []int{1, 2, 32} {
		synctest.Test(t, func(t *testing.T) {
			a, o := newOutageAPI(t)
			o.set(true)
			time.AfterFunc(time.Minute, func() { o.set(false) })
			var done sync.WaitGroup
			for range workers {
				done.Go(func() {
					if _, err := a.fetchBlob(t, 0); err != nil {
						t.Errorf("%d workers: %v", workers, err)
					}
				})
			}
			done.Wait()
			if paused := eventsOf[pipeline.Paused](a.events); len(paused) == 0 || !paused[0].Outage {
				t.Errorf("%d workers: pauses %v were reported, want those of an outage", workers, paused)
			}
			o.mu.Lock()
			defer o.mu.Unlock()
			listing, blob := o.asked["/api/v1/files/f/page_screenshots"], o.asked["/api/v1/files/file-1/page_screenshots/0"]
			// net/http sends one again where a connection that it had used before is closed.
			if listing > 20 || blob > 8*workers {
				t.Errorf("%d workers: %d probes, and %d requests for the blob", workers, listing, blob)
			}
		})
	}
}

// An outage that lasts ends the run, not the asset.
func TestClient_Outage_ThatLastsEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, o := newOutageAPI(t)
		o.set(true)
		start := time.Now()
		_, err := a.fetchBlob(t, 0)
		if outage, ok := errors.AsType[*OutageError](err); !ok || outage.Max != 2*time.Minute {
			t.Errorf("got %v, want an OutageError", err)
		}
		if took := time.Since(start); took > 2*time.Minute {
			t.Errorf("gave up after %v, want two minutes at most", took)
		}
	})
}

// Requests that always fail are no outage, however many there are in a row: the API answers others.
func TestClient_BrokenAssets_AreNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := newOutageAPI(t)
		for range 5 {
			_, err := a.source.Blob(t.Context(), &pipeline.Asset{FileID: "broken", Kind: pipeline.Screenshot}, nil)
			if failure, ok := errors.AsType[*pipeline.Failure](err); !ok || failure.Class != ClassTransport {
				t.Fatalf("got %v, want a failure of class transport", err)
			}
		}
		if _, err := a.fetchBlob(t, 0); err != nil {
			t.Error(err)
		}
	})
}

// Where the API shows a bad certificate after an outage, that ends the run.
func TestClient_Outage_ThenBadCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, o := newOutageAPI(t)
		o.set(true)
		refuse := &badCertificate{RoundTripper: a.client.transports.usual}
		a.client.transports.usual = refuse
		go func() {
			time.Sleep(10 * time.Second)
			refuse.now.Store(true)
		}()
		_, err := a.fetchBlob(t, 0)
		if failed, ok := errors.AsType[*RequestError](err); !ok || failed.Class != ClassTLS {
			t.Errorf("got %v, want class tls", err)
		}
		if n := refuse.asked.Load(); n > 2 {
			t.Errorf("%d handshakes, want one", n)
		}
	})
}

// badCertificate is a transport whose server cannot prove who it is any more.
type badCertificate struct {
	http.RoundTripper
	now   atomic.Bool
	asked atomic.Int64
}

func (b *badCertificate) RoundTrip(r *http.Request) (*http.Response, error) {
	if !b.now.Load() {
		return b.RoundTripper.RoundTrip(r)
	}
	b.asked.Add(1)
	return nil, &tls.CertificateVerificationError{Err: errors.New("expired")}
}
