package llamacloud

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"exporter/internal/testmain"
	"exporter/pipeline"
)

// sharedLine is a server's connection to the world: all answers together get perSecond bytes a second, in packets, and each
// its turn.
type sharedLine struct {
	perSecond, packet int

	mu   sync.Mutex
	free time.Time
	sent int
	// busy is how many answers are under way, and most how many were at most since it was reset.
	busy, most int
}

// send answers with a body that takes its turns on the line.
func (l *sharedLine) send(w http.ResponseWriter, r *http.Request, body []byte) {
	l.add(1)
	defer l.add(-1)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	for len(body) > 0 && r.Context().Err() == nil {
		n := min(l.packet, len(body))
		time.Sleep(time.Until(l.turn(n)))
		if _, err := w.Write(body[:n]); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		body = body[n:]
	}
}

func (l *sharedLine) add(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy += n
	l.most = max(l.most, l.busy)
}

// turn returns when the next packet has been sent.
func (l *sharedLine) turn(n int) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(n) * time.Second / time.Duration(l.perSecond))
	l.sent += n
	return l.free
}

// become changes the rate, and forgets how many answers were under way.
func (l *sharedLine) become(perSecond int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.perSecond, l.most = perSecond, 0
}

func (l *sharedLine) mostBusy() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.most
}

// fetchAll fetches as many blobs of a listed size with a number of workers, and reports what fails.
func (a *api) fetchAll(t *testing.T, blobs, workers int, size int64) {
	var group sync.WaitGroup
	jobs := make(chan int32, blobs)
	for i := range blobs {
		jobs <- int32(i)
	}
	close(jobs)
	for range workers {
		group.Go(func() {
			for page := range jobs {
				blob, err := a.source.Blob(t.Context(), &pipeline.Asset{
					FileID: "f", Kind: pipeline.Screenshot, PageIndex: page, ListedSize: &size,
				}, nil)
				if err != nil {
					t.Errorf("blob %d: %v", page, err)
					continue
				}
				if err := blob.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

// Nobody is given up for being one of many: not for its rate, nor because the packets of others come first.
func TestSource_Blob_ThinLine_GivesNobodyUp(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name                                     string
		perSecond, packet, blobs, workers, bytes int
		idle                                     time.Duration
	}{
		{"each below the least rate", 12 << 10, 512, 24, 32, 20_000, 5 * time.Second},
		{"more blobs than workers", 12 << 10, 512, 200, 32, 20_000, 5 * time.Second},
		{"a packet for each in more than the idle timeout", 12 << 10, 1460, 150, 100, 20_000, 5 * time.Second},
		{"just above the least rate", 1100, 512, 20, 16, 5_000, 5 * time.Second},
		{"the default timeout", 20 << 10, 1460, 80, 64, 100_000, 30 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				body := large(test.bytes)
				l := &sharedLine{perSecond: test.perSecond, packet: test.packet}
				a := newAPI(t, func(w http.ResponseWriter, r *http.Request) { l.send(w, r, body) },
					func(o *Options) { o.Concurrency, o.IdleTimeout = test.workers, test.idle })
				start := time.Now()
				a.fetchAll(t, test.blobs, test.workers, int64(len(body)))
				if retries := eventsOf[pipeline.Retrying](a.events); len(retries) > 0 || l.sent != test.blobs*len(body) {
					t.Errorf("%d retries, and %d bytes sent for %d: %v", len(retries), l.sent, test.blobs*len(body), retries)
				}
				ideal := time.Duration(l.sent) * time.Second / time.Duration(test.perSecond)
				if took := time.Since(start); took > ideal*11/10 {
					t.Errorf("took %v, want not much more than the %v that the line needs", took, ideal)
				}
			})
		})
	}
}

// Once bodies have starved, fewer are asked for at once. When the line gives more, all workers are used again.
func TestSource_Blob_ThinLine_AsksForFewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const workers, thin, ample = 32, 12 << 10, 100 << 20
		body := large(20_000)
		l := &sharedLine{perSecond: thin, packet: 512}
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) { l.send(w, r, body) },
			func(o *Options) { o.IdleTimeout = 5 * time.Second })
		a.fetchAll(t, workers, workers, int64(len(body)))
		if n := l.mostBusy(); n != workers {
			t.Fatalf("%d answers at once before anything was known of the line, want %d", n, workers)
		}
		l.become(thin)
		a.fetchAll(t, workers, workers, int64(len(body)))
		if n := l.mostBusy(); n > thin/minBodyRate {
			t.Errorf("%d answers at once on a thin line, want %d at most", n, thin/minBodyRate)
		}
		l.become(ample)
		a.fetchAll(t, 10*workers, workers, int64(len(body)))
		if n := l.mostBusy(); n != workers {
			t.Errorf("%d answers at once when the line gives more, want %d", n, workers)
		}
	})
}

// A line that gives enough limits nobody, however long a body takes to begin.
func TestSource_Blob_AmpleLine_IsNotLimited(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	const workers = 64
	for name, test := range map[string]struct {
		perSecond, bytes int
		late             time.Duration
	}{"fast": {128_000_000, 100_000, 0}, "small and late": {1 << 20, 2000, 4 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			body := large(test.bytes)
			l := &sharedLine{perSecond: test.perSecond, packet: 16 << 10}
			a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", strconv.Itoa(len(body)))
				_ = http.NewResponseController(w).Flush()
				time.Sleep(test.late)
				l.send(w, r, body)
			}, func(o *Options) { o.Concurrency = workers })
			start := time.Now()
			a.fetchAll(t, 20*workers, workers, int64(len(body)))
			ideal := time.Duration(l.sent)*time.Second/time.Duration(test.perSecond) + 20*test.late
			if took := time.Since(start); took > ideal*11/10 || l.mostBusy() != workers || a.client.line.thin.Load() {
				t.Errorf("%s: took %v with %d answers at once, want %v with %d", name, took, l.mostBusy(), ideal, workers)
			}
		})
	}
}

// A request that waits for a place on the line ends with what ends all waiting.
func TestSource_Blob_ThinLine_WaitingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, answerWith(string(picture(t))))
		a.client.line.starve(0, minBodyRate, time.Second)
		held := a.client.line.enter()
		time.AfterFunc(time.Minute, a.source.Stop)
		start := time.Now()
		if _, err := a.fetchBlob(t, 0); !errors.Is(err, pipeline.ErrStopped) || time.Since(start) != time.Minute {
			t.Errorf("got %v after %v, want %v after a minute", err, time.Since(start), pipeline.ErrStopped)
		}
		a.client.line.leave(held)
		if l := a.client.line; l.inside != 0 || len(l.queue) != 0 {
			t.Errorf("%d have places and %d wait for one, want none", l.inside, len(l.queue))
		}
	})
}

// beside answers for file-1 in a way of its own, and sends a body over the line for all others.
func (l *sharedLine) beside(own http.HandlerFunc, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "file-1") {
			own(w, r)
			return
		}
		l.send(w, r, body)
	}
}

// A body that trickles beside others that come fast, or beside many on a thin line, is no part of a thin line.
func TestSource_Blob_TrickleBesideOthers_IsSlow(t *testing.T) {
	t.Parallel()
	for name, perSecond := range map[string]int{"fast": 10 << 20, "thin": 12 << 10} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				body := large(20_000)
				l := &sharedLine{perSecond: perSecond, packet: 512}
				a := newAPI(t, l.beside(trickle, body), func(o *Options) { o.IdleTimeout, o.MaxAttempts = 5*time.Second, 1 })
				var others sync.WaitGroup
				for range 16 {
					others.Go(func() {
						for range 20 {
							a.fetchAll(t, 1, 1, int64(len(body)))
							time.Sleep(100 * time.Millisecond)
						}
					})
				}
				start := time.Now()
				_, err := a.fetchBlob(t, 0)
				if failure, ok := errors.AsType[*pipeline.Failure](err); !ok || failure.Class != ClassSlow {
					t.Errorf("got %v, want a failure of class slow", err)
				}
				if took := time.Since(start); took > 20*time.Second {
					t.Errorf("took %v, want it soon after the grace of 5 s", took)
				}
				others.Wait()
			})
		})
	}
}

// A connection that is dead is given up on a thin line too, though later.
func TestSource_Blob_StallOnAThinLine_IsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const perSecond, workers, idle = 12 << 10, 16, 5 * time.Second
		body := large(100_000)
		l := &sharedLine{perSecond: perSecond, packet: 512}
		a := newAPI(t, l.beside(breakOffLate, body), func(o *Options) { o.IdleTimeout, o.MaxAttempts = idle, 1 })
		var others sync.WaitGroup
		others.Go(func() { a.fetchAll(t, workers, workers, int64(len(body))) })
		start := time.Now()
		_, err := a.fetchBlob(t, 0)
		if failure, ok := errors.AsType[*pipeline.Failure](err); !ok || failure.Class != ClassStalled {
			t.Errorf("got %v, want a failure of class stalled", err)
		}
		most := (workers+1)*fewPackets/perSecond*time.Second + 2*idle
		if took := time.Since(start); took <= idle || took > most {
			t.Errorf("took %v, want more than %v and at most %v", took, idle, most)
		}
		others.Wait()
	})
}

// breakOffLate sends the headers, and nothing after them.
func breakOffLate(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}
