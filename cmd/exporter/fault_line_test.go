package main

import (
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"exporter/pipeline"
)

// thinLine is what all answers with a blob go over: together they get perSecond bytes a second, and each its turn.
type thinLine struct {
	http.Handler
	perSecond int

	mu   sync.Mutex
	free time.Time
	sent int
}

func (l *thinLine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if blobPath.MatchString(r.URL.Path) {
		w = &thinWriter{w, l}
	}
	l.Handler.ServeHTTP(w, r)
}

// turn returns when the next bytes have been sent.
func (l *thinLine) turn(n int) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(n) * time.Second / time.Duration(l.perSecond))
	l.sent += n
	return l.free
}

type thinWriter struct {
	http.ResponseWriter
	line *thinLine
}

func (w *thinWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *thinWriter) Write(p []byte) (written int, err error) {
	const packet = 64
	for len(p) > 0 && err == nil {
		n := min(packet, len(p))
		time.Sleep(time.Until(w.line.turn(n)))
		if n, err = w.ResponseWriter.Write(p[:n]); err == nil {
			err = http.NewResponseController(w.ResponseWriter).Flush()
		}
		written += n
		p = p[n:]
	}
	return written, err
}

// All blobs share a line on which each comes at less than a KiB a second. None is given up for that, and no byte is sent
// twice.
func TestRun_ThinLine_GivesNobodyUp(t *testing.T) {
	t.Parallel()
	s := exportSettings{sink: "archive", files: 2, each: 16, workers: 16, checkpoint: time.Hour, size: 500}
	l := &thinLine{Handler: newEmulator(t, s.emulator()), perSecond: 4 << 10}
	a := startAPI(t, l)
	out := filepath.Join(t.TempDir(), "out")
	newCLI(t, a.url).mustRun(append(s.args(out), idle("300ms")...)...)
	size := 0
	for key, row := range readExport(t, out).rows {
		size += int(row.Content.Size)
		if row.Status != pipeline.Stored || row.Attempts != 1 {
			t.Errorf("%v is %s after %d attempts, want it stored after one", key, row.Status, row.Attempts)
		}
	}
	if l.sent != size {
		t.Errorf("%d bytes were sent for %d", l.sent, size)
	}
	readExportedSet(t, out).check(t, s.undisturbed(t))
}
