package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"exporter/internal/testmain"
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
	testmain.Long(t)
	t.Parallel()
	s := exportSettings{sink: "archive", files: 2, each: 8, workers: 16, checkpoint: time.Hour, size: 500}
	// Of 16 bodies each gets a packet after 0.8 s.
	l := &thinLine{Handler: newEmulator(t, s.emulator()), perSecond: 5 << 8}
	a := startAPI(t, l)
	out := filepath.Join(t.TempDir(), "out")
	newCLI(t, a.url).mustRun(append(s.args(out), idle("2s")...)...)
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

// Bodies that have no end are read until they are longer than listed, and asked for once more.
func TestRun_BodiesWithoutEnd_AreReadNoFurtherThanListed(t *testing.T) {
	t.Parallel()
	s := exportSettings{sink: "local", files: 4, each: 5, workers: 4, checkpoint: time.Hour}
	server := newEmulator(t, s.emulator())
	var asked, sent atomic.Int64
	var ended sync.WaitGroup
	a := startAPI(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/page_screenshots/1") {
			server.ServeHTTP(w, r)
			return
		}
		asked.Add(1)
		ended.Add(1)
		defer ended.Done()
		chunk := append([]byte("\xff\xd8\xff\xe0"), make([]byte, 64<<10)...)
		for {
			n, err := w.Write(chunk)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	}))
	out := filepath.Join(t.TempDir(), "out")
	if code, _, stderr := newCLI(t, a.url).run(s.args(out)...); code != exitIncomplete {
		t.Errorf("exit %d, want %d\n%s", code, exitIncomplete, stderr)
	}
	ended.Wait()
	failed := 0
	for key, row := range readExport(t, out).rows {
		if row.Status == pipeline.Stored {
			continue
		}
		failed++
		if !strings.HasPrefix(row.Reason, "size_mismatch: ") || row.Attempts != 2 {
			t.Errorf("%v is %s after %d attempts (%s), want size_mismatch after 2", key, row.Status, row.Attempts, row.Reason)
		}
	}
	// What the machine's own buffers hold is sent whether it is read or not.
	if n := asked.Load(); failed == 0 || n != 2*int64(failed) || sent.Load() > n*16<<20 {
		t.Errorf("%d assets failed, for which %d requests were answered with %d bytes", failed, n, sent.Load())
	}
}
