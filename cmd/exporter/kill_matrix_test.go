//go:build unix && !race

package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// change changes what is upstream a little: a picture is rendered again in the same size or in another, or goes, and a file goes or
// comes back. Every change moves the date of its file.
func (n *nightly) change(random *rand.Rand, files int, at time.Time) {
	n.t.Helper()
	picture := func(page int64, size int) emulator.AssetSpec {
		data := []byte("\xff\xd8\xff")
		for len(data) < size {
			data = append(data, byte(random.IntN(256)))
		}
		return emulator.AssetSpec{Kind: emulator.Screenshot, Page: page, Data: data}
	}
	id := fmt.Sprintf("file-%08d", random.IntN(files))
	if n.corpus.Touch(id, at) != nil {
		n.must(n.corpus.AddFile(emulator.SyntheticDirectory, emulator.FileSpec{
			ID: "dfl" + id[len("file"):], FileID: id, UpdatedAt: at, Assets: []emulator.AssetSpec{picture(0, 300), picture(1, 300)},
		}))
		return
	}
	switch random.IntN(5) {
	case 0:
		n.must(n.corpus.RemoveFile(id))
	case 1:
		n.must(n.corpus.RemoveAsset(id, emulator.Screenshot, 1, ""))
	default:
		n.must(n.corpus.PutAsset(id, picture(0, 300+100*random.IntN(2))))
	}
}

// stored returns the hashes of what an export has stored, all of which has to lead to its bytes. A row of anything else is one too many.
func (n *nightly) stored(out string) map[pipeline.AssetKey][32]byte {
	n.t.Helper()
	n.mustRun("verify", "--out", out)
	sums := map[pipeline.AssetKey][32]byte{}
	for key, row := range readExport(n.t, out).rows {
		if row.Status != pipeline.Stored || row.Gone != (pipeline.Gone{}) {
			n.t.Errorf("%v is %s (%q), gone %+v", key, row.Status, row.Reason, row.Gone)
		}
		sums[key] = row.Content.SHA256
	}
	return sums
}

// waitForBlobs waits until so many blobs have been asked for, or no more are.
func (n *nightly) waitForBlobs(most int) {
	count, since := 0, time.Now()
	for count < most && (count == 0 || time.Since(since) < 100*time.Millisecond) && time.Since(since) < 10*time.Second {
		time.Sleep(time.Millisecond)
		if now := blobRequests(n.server); now > count {
			count, since = now, time.Now()
		}
	}
}

// While upstream changes, runs that fetch everything again and prune are killed at forty random moments. What the ledger vouches for is
// there each time. Once upstream is still, two runs, which it takes for something to vanish, make the export what a new one is.
func TestExport_KillOverChanges_EndsExact(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	const kills, files = 20, 10
	for i, sink := range []string{"local", "archive"} {
		t.Run(sink, func(t *testing.T) {
			t.Parallel()
			s := exportSettings{
				sink: sink, files: files, each: 4, latency: 3 * time.Millisecond, rows: 12, workers: 4, checkpoint: 20 * time.Millisecond,
			}
			corpus := s.emulator().Corpus
			server, url := startEmulator(t, emulator.Options{Corpus: corpus, Latency: s.latency})
			out := filepath.Join(t.TempDir(), "out")
			n := &nightly{newCLI(t, url), corpus, server, out, append(s.args(out), "--prune")}
			n.night()
			random, at := rand.New(rand.NewPCG(uint64(i), 40)), time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
			landed, ended, fetched := 0, 0, 0
			for landed < kills {
				for range 3 {
					at = at.Add(time.Minute)
					n.change(random, files, at)
				}
				n.server.Reset()
				c := startChild(t, url, childOptions{CheckpointRows: s.rows}, append(slices.Clone(n.args), "--refetch")...)
				n.waitForBlobs(random.IntN(s.assets() + 10))
				time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
				if c.kill() {
					landed++
					fetched += blobRequests(server)
					readExport(t, out)
				} else {
					ended++
				}
			}
			n.night()
			n.night()
			fresh := filepath.Join(t.TempDir(), "out")
			n.mustRun(s.args(fresh)...)
			got, want := n.stored(out), n.stored(fresh)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("the export has %d assets, want %d, or other bytes", len(got), len(want))
			}
			if parts, err := filepath.Glob(filepath.Join(out, ".exporter", "parts", "*")); err != nil || len(parts) > 0 {
				t.Errorf("%q are left, %v", parts, err)
			}
			if fetched < kills*s.assets()/10 {
				t.Errorf("%d runs fetched %d blobs before they were killed: too few to say anything", kills, fetched)
			}
			t.Logf("%d kills after %d blobs, %d runs ended before", landed, fetched, ended)
		})
	}
}
