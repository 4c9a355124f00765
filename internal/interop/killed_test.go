package interop

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"exporter/internal/emulator"
)

// The commit log is readable while an export runs and after it was killed, and the next run completes it.
func TestDuckDB_Parts_OfAKilledRun(t *testing.T) {
	t.Parallel()
	for _, l := range []layout{localFiles, compressedShards} {
		t.Run(l.String(), func(t *testing.T) {
			t.Parallel()
			e := kill(t, recordedCorpus(t), l)
			killed := e.readParts(t)
			if len(e.running) == 0 || len(killed) < len(e.running) || len(killed) >= len(e.assets) {
				t.Errorf("%d rows while it ran, %d after it was killed, of %d assets", len(e.running), len(killed), len(e.assets))
			}
			e.checkAssets(t, l, killed, e.only(killed))
			e.frames().checkBlobs(t, killed)

			close(e.passes)
			before := e.started
			e.run(t, 0, layouts()[l]...)
			e.started = before
			assets, _ := e.readDuckDB(t)
			e.checkAssets(t, l, assets, e.assets)
			e.frames().checkBlobs(t, assets)
		})
	}
}

// killedExport is an export whose run was killed when it had committed some assets.
type killedExport struct {
	*export
	// running are the rows that were committed while it ran.
	running []asset
	// passes is closed to let requests for blobs through.
	passes chan struct{}
}

func kill(t *testing.T, corpus *corpus, l layout) *killedExport {
	t.Helper()
	passes := make(chan struct{}, 30)
	e := &killedExport{export: serve(t, corpus, emulator.Options{}, turnstile(passes)), passes: passes}
	c, stderr := e.command(t.Context(), append(layouts()[l], "--checkpoint", "20ms")...)
	e.started = time.Now()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	// Three parts or a few more, so that none is rolled up, and more assets than are let through.
	for part := range 3 {
		for range 10 {
			passes <- struct{}{}
		}
		e.waitForParts(t, part+1)
	}
	e.running = e.readParts(t)
	if err := c.Process.Kill(); err != nil {
		t.Fatalf("kill the run: %v\n%s", err, stderr)
	}
	_ = c.Wait() // says that it was killed
	e.ended = time.Now()
	if status := c.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGKILL {
		t.Fatalf("the run ended with %v, want it killed\n%s", c.ProcessState, stderr)
	}
	return e
}

// turnstile lets a request for a blob through for each pass, and all of them once passes is closed.
func turnstile(passes <-chan struct{}) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if isBlob(r) {
				select {
				case <-passes:
				case <-r.Context().Done():
					return
				}
			}
			h.ServeHTTP(w, r)
		})
	}
}

// isBlob tells whether a request is for a blob.
func isBlob(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/api/v1/files/") && strings.Count(r.URL.Path, "/") > 5
}

// waitForParts waits until n parts with assets are committed.
func (e *export) waitForParts(t *testing.T, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		parts, err := filepath.Glob(filepath.Join(e.out, ".exporter", "parts", "*.assets.parquet"))
		if err != nil {
			t.Fatal(err)
		}
		if len(parts) >= n {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%d parts, waited for %d", len(parts), n)
		}
	}
}

// readParts reads the assets of the commit log as docs/format.md says: of each key, the row of the newest part.
func (e *export) readParts(t *testing.T) []asset {
	t.Helper()
	parts := quoteSQL(e.path(".exporter/parts/*.assets.parquet"))
	statement := selection(specified(t, "manifest.parquet")) + fmt.Sprintf(`FROM read_parquet(%s, filename = true)
		QUALIFY row_number() OVER (PARTITION BY file_id, kind, page_index, figure_name ORDER BY filename DESC) = 1
		ORDER BY file_id, kind, page_index, figure_name NULLS FIRST`, parts)
	return query(t, openDuckDB(t), statement, (*asset).fields)
}

// only returns the rows of the corpus that have the keys of some others.
func (c *corpus) only(others []asset) []asset {
	keys := map[key]bool{}
	for _, a := range others {
		keys[a.key()] = true
	}
	var rows []asset
	for _, a := range c.assets {
		if keys[a.key()] {
			rows = append(rows, a)
		}
	}
	return rows
}
