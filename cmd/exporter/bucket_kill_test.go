//go:build unix && !race

package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/store/bucket/buckettest"
	"exporter/internal/testmain"
)

// bucketPatience is how long a run waits for one that was killed.
const bucketPatience = 600 * time.Millisecond

// killedInBucket is an export in a bucket of which runs are killed, some while another is under way.
type killedInBucket struct {
	exportSettings
	t      *testing.T
	url    string
	out    string
	random *rand.Rand
	kills  int
	// gaveWay counts runs that found another one, or lost the export to one.
	gaveWay int
}

func (e *killedInBucket) start() *child {
	e.t.Helper()
	return startChild(e.t, e.url, childOptions{CheckpointRows: e.rows, Patience: bucketPatience}, e.args(e.out)...)
}

// pause waits for a random while, a little longer after each kill.
func (e *killedInBucket) pause() {
	most := bucketPatience + 150*time.Millisecond + time.Duration(e.kills)*20*time.Millisecond
	time.Sleep(time.Duration(e.random.Int64N(int64(most))))
}

// killOne kills a run at a random moment, and every other time one beside which another is under way. It returns whether one ended by
// itself, with nothing left to do.
func (e *killedInBucket) killOne() (complete bool) {
	e.t.Helper()
	runs := []*child{e.start()}
	if e.kills%2 == 1 {
		runs = append(runs, e.start())
	}
	e.pause()
	if runs[0].kill() {
		e.kills++
	} else {
		complete = e.ended(runs[0])
	}
	for _, c := range runs[1:] {
		if e.pause(); !c.kill() {
			complete = e.ended(c) || complete
		}
	}
	// Whatever a row says is there.
	readExport(e.t, e.out)
	return complete
}

// ended checks how a run ended by itself, and returns whether it was complete.
func (e *killedInBucket) ended(c *child) bool {
	e.t.Helper()
	switch code := c.cmd.ProcessState.ExitCode(); code {
	case 0:
		return true
	case exitOwned:
		e.gaveWay++
	default:
		e.t.Fatalf("a run ended with exit %d\n%s", code, &c.stderr)
	}
	return false
}

// Runs on an export in a bucket are killed twenty times at random moments, two at once half of the time. Nothing that was committed is lost,
// and in the end it is what an undisturbed run leaves.
func TestBucket_KillAtRandomMoment_EndsExact(t *testing.T) {
	testmain.Long(t)
	const kills = 10
	b := newTestBucket(t, buckettest.Vices{})
	for i, sink := range []string{"local", "archive"} {
		t.Run(sink, func(t *testing.T) {
			t.Parallel()
			s := exportSettings{sink: sink, files: 10, each: 12, latency: 15 * time.Millisecond, rows: 20, workers: 4, checkpoint: 50 * time.Millisecond}
			want := s.undisturbed(t)
			random := rand.New(rand.NewPCG(uint64(i), 22))
			landed, gaveWay, exports := 0, 0, 0
			for ; landed < kills; exports++ {
				_, url := startEmulator(t, s.emulator())
				e := &killedInBucket{exportSettings: s, t: t, url: url, out: b.url + "/" + sink + strconv.Itoa(exports), random: random}
				for landed+e.kills < kills && !e.killOne() {
				}
				c := newCLI(t, url)
				c.own = quickly(bucketPatience)
				c.mustRun(s.args(e.out)...)
				c.mustRun("compact", e.out, "--shard-size", "12KB", "--frame-size", "3KB")
				got := readVersionless(t, e.out)
				got.names = slices.DeleteFunc(got.names, func(name string) bool { return name == ".exporter/retired.json" })
				got.check(t, want)
				landed, gaveWay = landed+e.kills, gaveWay+e.gaveWay
			}
			t.Logf("%d kills of %d exports; %d runs gave way", landed, exports, gaveWay)
		})
	}
}

// A run that is told to end puts what it has into the bucket, however long it would have gone on to fill its shard. One that is killed loses
// that, and no more: what it has put is there, and nothing of the rest is left on this machine.
func TestBucket_UnfinishedShard_IsPutAtTheEnd(t *testing.T) {
	testmain.Long(t)
	b := newTestBucket(t, buckettest.Vices{})
	for name, tt := range map[string]struct {
		sealAfter string
		end       func(*child)
		committed bool
	}{
		"told to end":          {"15m", func(c *child) { c.signal(syscall.SIGTERM); c.mustExit(exitInterrupted) }, true},
		"killed":               {"15m", func(c *child) { c.kill() }, false},
		"killed after a shard": {"50ms", func(c *child) { c.kill() }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := exportSettings{files: 20, each: 10, latency: 20 * time.Millisecond}
			server, url := startEmulator(t, s.emulator())
			out, scratch := b.url+"/"+strings.ReplaceAll(name, " ", "-"), t.TempDir()
			args := []string{
				"run", "--directory", emulator.SyntheticDirectory, "--out", out, "--sink", "archive", "--concurrency", "4", "--no-progress",
				"--scratch", scratch, "--seal-after", tt.sealAfter,
			}
			c := startChild(t, url, childOptions{Patience: bucketPatience}, args...)
			for deadline := time.Now().Add(20 * time.Second); blobRequests(server) < 60; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("it fetched nothing")
				}
			}
			tt.end(c)
			if got := len(readExport(t, out).rows); got >= 20 != tt.committed || !tt.committed && got > 0 {
				t.Errorf("%d rows are committed, want some: %t", got, tt.committed)
			}
			if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
				t.Errorf("%d files are left in the scratch folder: %v", len(left), err)
			}
			again := newCLI(t, url)
			again.own = quickly(bucketPatience)
			again.mustRun("run", "--directory", emulator.SyntheticDirectory, "--out", out, "--sink", "archive")
			if got := len(readExport(t, out).rows); got != s.assets() {
				t.Errorf("%d rows, want %d", got, s.assets())
			}
		})
	}
}

// What a killed run left in a directory goes on in a bucket, where it was copied.
func TestBucket_CopyOfADirectory_GoesOn(t *testing.T) {
	testmain.Long(t)
	b := buckettest.NewServer(t, buckettest.Vices{})
	for _, name := range storeVariables() {
		t.Setenv(name, b.Variable(name))
	}
	for _, sink := range []string{"local", "archive"} {
		t.Run(sink, func(t *testing.T) {
			s := exportSettings{sink: sink, files: 6, each: 10, rows: 20, workers: 4, checkpoint: time.Minute}
			want := s.undisturbed(t)
			e := newKilledExport(t, s)
			e.start(point{"rename .exporter/parts/*", "rename .exporter/parts/*"}).killAtPoint()
			before := len(readExport(t, e.out).rows)
			if before == 0 || before == s.assets() {
				t.Fatalf("%d of %d assets were committed", before, s.assets())
			}
			for _, name := range fileNames(t, e.out) {
				content, err := os.ReadFile(filepath.Join(e.out, name))
				if err != nil {
					t.Fatal(err)
				}
				b.Set(sink+"/"+name, content)
			}
			out, fetched := "s3://bucket/"+sink, blobRequests(e.server)
			if got := len(readExport(t, out).rows); got != before {
				t.Errorf("%d rows are read from the copy, want %d", got, before)
			}
			c := newCLI(t, e.url)
			c.mustRun(s.args(out)...)
			if got := blobRequests(e.server) - fetched; got > s.assets()-before {
				t.Errorf("%d blobs were fetched, and %d were missing", got, s.assets()-before)
			}
			c.mustRun("compact", out, "--shard-size", "12KB", "--frame-size", "3KB")
			got := readVersionless(t, out)
			got.names = slices.DeleteFunc(got.names, func(name string) bool {
				return !slices.Contains(want.names, name) && strings.HasPrefix(name, ".exporter/")
			})
			got.check(t, want)
		})
	}
}
