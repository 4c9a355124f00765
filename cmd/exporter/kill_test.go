//go:build unix && !race

// The kill tests run the real program on the real file system hundreds of times. The race detector would make them slow, and
// watches the same code in other tests.

package main

import (
	"os"
	"path/filepath"
	"testing"

	"exporter/internal/emulator"
)

// killedExport is an export directory, and the runs on it that are killed.
type killedExport struct {
	exportSettings
	t      *testing.T
	server *emulator.Server
	url    string
	out    string
	// kills have landed. lost is how many blobs had been requested at the last of them, but were not committed.
	kills, lost int
}

func newKilledExport(t *testing.T, s exportSettings) *killedExport {
	server, url := startEmulator(t, s.emulator())
	return &killedExport{exportSettings: s, t: t, server: server, url: url, out: filepath.Join(t.TempDir(), "out")}
}

// start starts a run that stops at a point, or nowhere.
func (e *killedExport) start(stop point) *child {
	e.t.Helper()
	return startChild(e.t, e.url, childOptions{CheckpointRows: e.rows, Stop: stop}, e.args(e.out)...)
}

// checkKilled checks what a kill left: every row leads to its bytes, and no more is lost than what may be uncommitted. It
// returns how many rows there are.
func (e *killedExport) checkKilled() (committed int) {
	e.t.Helper()
	e.kills++
	if _, err := os.Stat(e.out); err == nil {
		committed = len(readExport(e.t, e.out).rows)
	}
	lost := blobRequests(e.server) - committed
	// The log may have got a request that was in flight at the kill before this one too late to be counted then.
	if most := e.rows - 1 + 2*e.workers; lost-e.lost > most {
		e.t.Errorf("kill %d: %d blobs are to be fetched again, want at most %d", e.kills, lost-e.lost, most)
	}
	e.lost = lost
	return committed
}

// complete runs the export to its end. It has to be what it would be if nobody had killed anything, at little extra cost.
func (e *killedExport) complete(want exportedSet) {
	e.t.Helper()
	newCLI(e.t, e.url).mustRun(e.args(e.out)...)
	e.checkComplete(want)
}

func (e *killedExport) checkComplete(want exportedSet) {
	e.t.Helper()
	readExportedSet(e.t, e.out).check(e.t, want)
	e.lost = blobRequests(e.server) - e.assets()
	if most := e.kills * (e.rows - 1 + e.workers); e.lost > most {
		e.t.Errorf("%d blobs were fetched again after %d kills, want at most %d", e.lost, e.kills, most)
	}
}
