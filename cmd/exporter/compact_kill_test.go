//go:build unix && !race

package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"exporter/internal/testmain"
)

// compactedExport is an export that is to be compacted: some of its shards have dead members, some have nothing else, and of its blobs
// some have no row.
type compactedExport struct {
	exportSettings
	t *testing.T
	// out is where it is, and left how many assets it has.
	out  string
	left int
}

func newCompactedExport(t *testing.T, sink string) *compactedExport {
	s := exportSettings{sink: sink, files: 24, each: 4, rows: 8, workers: 4, checkpoint: time.Hour}
	_, url := startEmulator(t, s.emulator())
	e := &compactedExport{s, t, filepath.Join(t.TempDir(), "out"), s.assets() - 4*s.each}
	c := newCLI(t, url)
	c.mustRun(s.args(e.out)...)
	rm := []string{"rm", e.out}
	for _, id := range []string{"file-00000002", "file-00000003", "file-00000011", "file-00000020"} {
		rm = append(rm, "--file-id", id)
	}
	c.mustRun(rm...)
	if sink == "local" {
		for _, name := range []string{"2~v01234567.jpg", "3.jpg"} {
			e.plant("blobs/aa/file-00000002/page_screenshots/" + name)
		}
	}
	return e
}

func (e *compactedExport) plant(name string) {
	e.t.Helper()
	path := filepath.Join(e.out, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		e.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("\xff\xd8\xff"), 0o666); err != nil {
		e.t.Fatal(err)
	}
}

// copy returns the export in a directory of its own.
func (e *compactedExport) copy(t *testing.T) *compactedExport {
	t.Helper()
	c := *e
	c.t, c.out = t, filepath.Join(t.TempDir(), "out")
	if err := os.CopyFS(c.out, os.DirFS(e.out)); err != nil {
		t.Fatal(err)
	}
	return &c
}

func (e *compactedExport) args() []string {
	return []string{"compact", e.out, "--shard-size", "20KB", "--frame-size", "3KB"}
}

// start starts a compaction that stops at a point, or nowhere.
func (e *compactedExport) start(stop point) *child {
	e.t.Helper()
	return startChild(e.t, "", childOptions{Stop: stop}, e.args()...)
}

// checkKilled fails unless every row leads to its bytes.
func (e *compactedExport) checkKilled() {
	e.t.Helper()
	if got := len(readExport(e.t, e.out).rows); got != e.left {
		e.t.Errorf("%d rows, want %d", got, e.left)
	}
}

// complete compacts the export. Every reader sees each picture once then, and nothing else.
func (e *compactedExport) complete() {
	e.t.Helper()
	c := newCLI(e.t, "")
	c.mustRun(e.args()...)
	e.checkKilled()
	if stdout := c.mustRun("verify", e.out); strings.Contains(stdout, "orphans") {
		e.t.Errorf("after a compaction:\n%s", stdout)
	}
	readExportedSet(e.t, e.out)
	if e.sink == "archive" {
		if n := tarMembers(e.t, e.out); n != e.left {
			e.t.Errorf("tar lists %d members, want %d", n, e.left)
		}
	}
	if stdout := c.mustRun(e.args()...); !strings.Contains(stdout, "shards   0 repacked into 0\n") {
		e.t.Errorf("there is something left to do:\n%s", stdout)
	}
}

// compactPoints returns where compactions are killed.
func compactPoints(sink string) []point {
	if sink == "local" {
		const orphan = "remove blobs/aa/*/page_screenshots/*.jpg"
		return []point{{orphan}, {orphan, orphan}, {orphan, orphan, "syncdir blobs"}}
	}
	const (
		partial = "shards/shard-*.tar.zst.partial"
		gone    = "remove shards/shard-00000[0-9].tar.zst"
	)
	return slices.Concat(
		[]point{
			{"create " + partial}, {"write " + partial}, {"sync " + partial}, {"sync " + partial, "syncdir shards"},
			{"create " + partial, "create " + partial, "sync " + partial},
		},
		replaced(assetParts), replaced("manifest.parquet"),
		[]point{{"remove " + assetParts}},
		replaced(".exporter/retired.json"),
		[]point{{gone}, {gone, gone}, {gone, gone, "syncdir shards"}, {gone, "rename shards/shard-*.tar.zst"}},
	)
}

// A compaction is killed at each of its steps. Every row leads to its bytes, and the next one does the rest.
func TestExport_KillInCompact_EveryPictureOnce(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for _, sink := range []string{"local", "archive"} {
		before := newCompactedExport(t, sink)
		for _, p := range compactPoints(sink) {
			t.Run(sink+"/"+strings.Join(p, ", "), func(t *testing.T) {
				t.Parallel()
				e := before.copy(t)
				e.start(p).killAtPoint()
				e.checkKilled()
				e.complete()
			})
		}
	}
}

// Compactions of one export are killed at twenty random moments.
func TestExport_KillCompactAtRandomMoments_EveryPictureOnce(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	before := newCompactedExport(t, "archive")
	random := rand.New(rand.NewPCG(1, 20))
	e := before.copy(t)
	for landed, ended := 0, 0; landed < 20; {
		c := e.start(nil)
		time.Sleep(time.Duration(random.Int64N(int64(150*time.Millisecond) + int64(ended)*int64(time.Millisecond))))
		if c.kill() {
			landed++
			e.checkKilled()
			continue
		}
		ended++
		e.complete()
		e = before.copy(t)
	}
	e.complete()
}
