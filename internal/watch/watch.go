// Package watch tells others how a run goes, as long as it goes: a file and an address for Prometheus, and a service that watches over
// jobs. None of them can fail a run: what goes wrong is a line of the log.
package watch

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"exporter/internal/config"
	"exporter/internal/export"
	"exporter/internal/metrics"
	"exporter/internal/ping"
	"exporter/internal/store/place"
)

// fileInterval is the time between two updates of the file.
const fileInterval = 15 * time.Second

// Options say whom to tell of a run.
type Options struct {
	// Export is where the export lives.
	Export string
	// Metrics says where Prometheus finds numbers.
	Metrics config.Metrics
	// Ping says which service is told; without a URL, none is.
	Ping ping.Options
	Log  *slog.Logger
}

// Watch tells of one run.
type Watch struct {
	Options
	started time.Time
	before  export.LastRun
	server  *http.Server
	pings   *ping.Client
	// endStart ends the ping of the beginning.
	endStart context.CancelCauseFunc
	done     chan struct{}
	group    errgroup.Group

	mu sync.Mutex
	// counts returns how far the run is; nil before that is known. ended and exitCode say how it ended.
	counts   func() export.Counts
	ended    time.Time
	exitCode int
	// said is what was logged of the file last.
	said string
}

// Start begins to tell of a run, until End is called.
func Start(o Options) *Watch {
	w := &Watch{Options: o, started: time.Now(), done: make(chan struct{}), before: export.LastRun{ExitCode: -1}}
	if p, err := place.Parse(o.Export); err == nil {
		if path, err := p.Absolute(); err == nil {
			w.Export = path
		}
	}
	if o.Metrics.File != "" {
		w.startFile()
	}
	if o.Metrics.Listen != "" {
		w.listen()
	}
	if !o.Ping.URL.IsZero() {
		w.pings = ping.New(o.Ping)
		var ctx context.Context
		ctx, w.endStart = context.WithCancelCause(context.Background())
		w.group.Go(func() error {
			w.warnOfPing(w.pings.Start(ctx))
			return nil
		})
	}
	return w
}

// Over returns a Watcher that has inner show how far the run is, and w tell it.
func (w *Watch) Over(inner export.Watcher) export.Watcher { return &watcher{inner, w} }

type watcher struct {
	export.Watcher
	watch *Watch
}

// Transfer implements export.Watcher.
func (t *watcher) Transfer(counts func() export.Counts) (stop func()) {
	t.watch.mu.Lock()
	t.watch.counts = counts
	t.watch.mu.Unlock()
	return t.Watcher.Transfer(counts)
}

// errRunEnded says why a ping was given up.
var errRunEnded = errors.New("the run has ended, and it had no answer")

// End tells how the run ended, with what is said of it. It takes no longer than a ping may.
func (w *Watch) End(exitCode int, text string) {
	most := cmp.Or(w.Ping.Timeout, ping.Timeout)
	deadline := time.Now().Add(most)
	w.mu.Lock()
	w.ended, w.exitCode = time.Now(), exitCode
	w.mu.Unlock()
	close(w.done)
	if w.server != nil {
		// Who asks just now gets no answer: the next time, nobody is there anyway.
		_ = w.server.Close()
	}
	if w.pings != nil {
		// The service is told of the beginning before it is told of the end, unless it hangs.
		defer time.AfterFunc(most/2, func() { w.endStart(errRunEnded) }).Stop()
	}
	// None of them returns an error.
	_ = w.group.Wait()
	if w.Metrics.File != "" {
		w.writeFile()
	}
	if w.pings != nil {
		ctx, cancel := context.WithDeadlineCause(context.Background(), deadline, errRunEnded)
		defer cancel()
		w.warnOfPing(w.pings.End(ctx, exitCode, w.ended.Sub(w.started), text))
		w.endStart(nil)
	}
}

func (w *Watch) warnOfPing(err error) {
	if err != nil {
		w.Log.Warn("the ping was not taken", "error", err)
	}
}

// families returns the numbers as they are now.
func (w *Watch) families() []metrics.Family {
	w.mu.Lock()
	m := export.Measures{Export: w.Export, Started: w.started, Before: w.before, Ended: w.ended, ExitCode: w.exitCode}
	counts := w.counts
	w.mu.Unlock()
	if counts != nil {
		m.Counts = counts()
	}
	return m.Families(time.Now())
}

// startFile writes the file at once and then now and then.
func (w *Watch) startFile() {
	var err error
	if w.before, err = export.ReadLastRun(w.Metrics.File, w.Export); err != nil {
		w.Log.Warn("what the last run left for Prometheus cannot be read: when the last one succeeded is not known any more", "error", err)
	}
	w.writeFile()
	w.group.Go(func() error {
		ticker := time.NewTicker(fileInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				w.writeFile()
			case <-w.done:
				return nil
			}
		}
	})
}

// writeFile writes the file, and says once why it cannot.
func (w *Watch) writeFile() {
	text := ""
	err := metrics.WriteFile(w.Metrics.File, w.families())
	if err != nil {
		text = err.Error()
	}
	if err != nil && w.said == "" {
		w.Log.Warn("the metrics cannot be written, and the run goes on without: check metrics.file and its directory", "error", err)
	}
	w.said = text
}

// listen serves the numbers.
func (w *Watch) listen() {
	listener, err := net.Listen("tcp", w.Metrics.Listen)
	if err != nil {
		w.Log.Warn("the metrics cannot be served, and the run goes on without: check metrics.listen", "error", err)
		return
	}
	w.server = &http.Server{
		Handler: metrics.Handler(w.families), ReadHeaderTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
	}
	w.Log.Info("serving metrics", "url", "http://"+listener.Addr().String()+metrics.Path)
	w.group.Go(func() error {
		// It ends when the server is closed.
		_ = w.server.Serve(listener)
		return nil
	})
}
