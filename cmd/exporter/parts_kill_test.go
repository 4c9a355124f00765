//go:build unix && !race

package main

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"exporter/internal/parts"
	"exporter/internal/store/bucket/buckettest"
	"exporter/internal/store/place"
	"exporter/internal/testmain"
)

// A task that is killed goes on when it is started again, and while it is there a second one of its number is fenced.
func TestParts_KilledAndStartedTwice_GoesOn(t *testing.T) {
	testmain.Long(t)
	b := newTestBucket(t, buckettest.Vices{})
	for where, tt := range map[string]struct {
		out  string
		stop point
	}{
		"directory": {filepath.Join(t.TempDir(), "out"), point{"rename .exporter/parts/*", "rename .exporter/parts/*"}},
		"bucket":    {b.url + "/out", nil},
	} {
		t.Run(where, func(t *testing.T) {
			const count = 2
			// A part of so many files is large enough, whatever chance has them divided.
			s := exportSettings{sink: "local", files: 80, each: 3, rows: 20, workers: 4, checkpoint: 50 * time.Millisecond}
			want := s.undisturbed(t)
			g := startGate(t, s, 30)
			args := func(part string) []string { return append(s.args(tt.out), "--part", part) }
			o := childOptions{CheckpointRows: s.rows, Stop: tt.stop}
			if tt.stop == nil {
				o.Patience = bucketPatience
			}
			first := startChild(t, g.url, o, args("1/2")...)
			if tt.stop == nil {
				g.waitUntilHeld(t, s.workers)
				// It owns the part, and says so.
				stderr := startChild(t, g.url, childOptions{Patience: 3 * time.Second}, args("1/2")...).mustExit(exitOwned)
				if !strings.Contains(stderr, "another run is using this export") {
					t.Errorf("a second task: %s", stderr)
				}
				if !first.kill() {
					t.Fatal("the task was not killed")
				}
			} else {
				first.killAtPoint()
			}
			close(g.open)
			if tt.stop != nil {
				if n := len(readExport(t, tt.out+"/"+parts.Path(1)).rows); n == 0 {
					t.Error("nothing was committed before the task was killed")
				}
			}
			for _, part := range []string{"1/2", "0/2"} {
				startChild(t, g.url, childOptions{Patience: bucketPatience}, args(part)...).mustExit(0)
			}
			got := readParts(t, tt.out, count)
			got.names, want.names = nil, nil
			for key, row := range want.rows {
				row.Location.Path = version.ReplaceAllString(row.Location.Path, "$1")
				want.rows[key] = row
			}
			got.check(t, want)
		})
	}
}

// Two tasks of one number at once: the second one ends with 75, and the first one goes on.
func TestParts_TwoOfOneNumber_SecondIsRefused(t *testing.T) {
	t.Parallel()
	s := exportSettings{sink: "local", files: 40, each: 3, workers: 4, checkpoint: time.Hour}
	g := startGate(t, s, 10)
	out := filepath.Join(t.TempDir(), "out")
	args := func(part string) []string { return append(s.args(out), "--part", part) }
	first := startChild(t, g.url, childOptions{CheckpointRows: 1000}, args("0/2")...)
	g.waitUntilHeld(t, s.workers)
	startChild(t, g.url, childOptions{}, args("0/2")...).mustExit(exitOwned)
	close(g.open)
	// The other number is another export.
	startChild(t, g.url, childOptions{}, args("1/2")...).mustExit(0)
	first.mustExit(0)
	if got := len(readParts(t, out, 2).rows); got != s.assets() {
		t.Errorf("the parts have %d rows, want %d", got, s.assets())
	}
}

// While the first run of a plain export is under way, no task puts it in parts, though it has committed nothing yet.
func TestParts_TaskBesideAPlainRun_IsRefused(t *testing.T) {
	b := newTestBucket(t, buckettest.Vices{})
	for where, out := range map[string]string{"directory": filepath.Join(t.TempDir(), "out"), "bucket": b.url + "/out"} {
		t.Run(where, func(t *testing.T) {
			if where == "bucket" {
				testmain.Long(t)
			}
			s := exportSettings{sink: "local", files: 4, each: 10, workers: 4, checkpoint: time.Hour}
			g := startGate(t, s, 5)
			first := startChild(t, g.url, childOptions{CheckpointRows: 1000}, s.args(out)...)
			g.waitUntilHeld(t, s.workers)
			stderr := startChild(t, g.url, childOptions{}, append(s.args(out), "--part", "0/2")...).mustExit(exitUsage)
			if !strings.Contains(stderr, "has a run under way that makes an export which is not in parts") {
				t.Errorf("a task: %s", stderr)
			}
			if _, err := place.ReadObject(t.Context(), out+"/"+parts.PlanName, 1000, place.Options{}); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the plan of the task: %v, want %v", err, fs.ErrNotExist)
			}
			close(g.open)
			first.mustExit(0)
			readVersionless(t, out).check(t, s.undisturbed(t))
		})
	}
}
