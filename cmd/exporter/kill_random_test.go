//go:build unix && !race

package main

import (
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"exporter/internal/durable"
	"exporter/internal/testmain"
)

// traces count in what state kills left an export.
type traces struct{ blobs, parts, partialShards, none int }

// look looks at an export directory.
func (n *traces) look(out string) {
	seen := false
	for pattern, count := range map[string]*int{
		durable.TempDir + "/*.jpg":       &n.blobs,
		".exporter/parts/*.parquet":      &n.parts,
		"shards/shard-*.tar.zst.partial": &n.partialShards,
	} {
		// The pattern is a good one.
		if names, _ := filepath.Glob(filepath.Join(out, filepath.FromSlash(pattern))); len(names) > 0 {
			*count++
			seen = true
		}
	}
	if !seen {
		n.none++
	}
}

// Runs are killed at twenty random moments for each sink, and at a hundred where all faults are tried, on the same directory until one ends by itself.
func TestExport_KillAtRandomMoment_LosesAtMostACheckpoint(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	const longest = 200 * time.Millisecond
	kills := 100 / testmain.Apart(5)
	for i, sink := range []string{"local", "archive"} {
		s := exportSettings{
			sink: sink, files: 10, each: 8, latency: 2 * time.Millisecond, rows: 20, workers: 4, checkpoint: 50 * time.Millisecond,
		}
		want := s.undisturbed(t)
		t.Run(sink, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(uint64(i), 200))
			landed, lost, exports, began := 0, 0, 0, time.Now()
			var left traces
			for landed < kills {
				e := newKilledExport(t, s)
				for e.killAfter(random, 0, longest) {
					left.look(e.out)
				}
				e.checkComplete(want)
				landed, lost, exports = landed+e.kills, lost+e.lost, exports+1
			}
			t.Logf("%d kills of %d exports, %d of %d blobs fetched again, in %v", landed, exports, lost, exports*s.assets(),
				time.Since(began).Round(time.Millisecond))
			t.Logf("kills that left temporary blobs: %d, parts: %d, a partial shard: %d, nothing: %d",
				left.blobs, left.parts, left.partialShards, left.none)
		})
	}
}

// killAfter starts a run and kills it after a random while, which is a little longer each time, so that a slow machine comes
// to an end too. It returns false if the run had ended by itself until then.
func (e *killedExport) killAfter(random *rand.Rand, shortest, longest time.Duration) bool {
	e.t.Helper()
	longest += time.Duration(e.kills) * 5 * time.Millisecond
	c := e.start(nil)
	time.Sleep(shortest + time.Duration(random.Int64N(int64(longest-shortest))))
	if c.kill() {
		e.checkKilled()
		return true
	}
	if code := c.cmd.ProcessState.ExitCode(); code != 0 {
		e.t.Fatalf("a run ended with exit %d\n%s", code, &c.stderr)
	}
	return false
}

// Somebody kills every run of an export until there is nothing left to do.
func TestExport_KillLoop_Completes(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for i, sink := range []string{"local", "archive"} {
		s := exportSettings{
			sink: sink, files: 12, each: 60, latency: 5 * time.Millisecond, rows: 120, workers: 8, checkpoint: 50 * time.Millisecond,
		}
		want := s.undisturbed(t)
		t.Run(sink, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(uint64(i), 9))
			e := newKilledExport(t, s)
			began := time.Now()
			for e.killAfter(random, 100*time.Millisecond, 500*time.Millisecond) {
			}
			e.checkComplete(want)
			t.Logf("%d kills, %d of %d blobs fetched again, in %v", e.kills, e.lost, len(want.rows), time.Since(began).Round(time.Millisecond))
			if sink == "archive" {
				if n := tarMembers(t, e.out); n != len(want.rows) {
					t.Errorf("tar lists %d members, want %d", n, len(want.rows))
				}
			}
		})
	}
}

// tarMembers counts the members of all shards as GNU tar sees them.
func tarMembers(t *testing.T, out string) (n int) {
	t.Helper()
	for _, program := range []string{"tar", "zstd"} {
		if _, err := exec.LookPath(program); err != nil {
			cannot(t, "count the members of shards: %v", err)
		}
	}
	shards, err := filepath.Glob(filepath.Join(out, "shards", "*"))
	if err != nil || len(shards) == 0 {
		t.Fatalf("%d shards: %v", len(shards), err)
	}
	for _, shard := range shards {
		list, err := exec.Command("tar", "--zstd", "-tf", shard).Output()
		if err != nil {
			t.Fatalf("tar -tf %s: %v", shard, err)
		}
		n += strings.Count(string(list), "\n")
	}
	return n
}
