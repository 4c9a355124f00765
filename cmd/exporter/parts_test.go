package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"exporter/internal/emulator"
	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/internal/store/bucket/buckettest"
	"exporter/internal/store/place"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// readParts reads all parts of an export back, which must not share a file, and returns what they have together.
func readParts(t *testing.T, out string, count int) exportedSet {
	t.Helper()
	all, owners := exportedSet{rows: map[pipeline.AssetKey]pipeline.Row{}}, map[pipeline.FileKey]int{}
	for part := range count {
		at := out + "/" + parts.Path(part)
		for _, file := range readExport(t, at).files {
			if other, isThere := owners[file.Key()]; isThere {
				t.Errorf("file %v is in parts %d and %d", file.Key(), other, part)
			}
			owners[file.Key()] = part
		}
		for key, row := range readVersionless(t, at).rows {
			all.rows[key] = row
		}
	}
	return all
}

// Many tasks have together what one has, in a directory and in a bucket.
func TestParts_Together_AreASingleExport(t *testing.T) {
	testmain.Long(t)
	b := newTestBucket(t, buckettest.Vices{})
	for _, sink := range []string{"local", "archive"} {
		for where, out := range map[string]string{"directory": filepath.Join(t.TempDir(), sink), "bucket": b.url + "/" + sink} {
			t.Run(sink+" in a "+where, func(t *testing.T) {
				const count = 4
				server, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
				c, sources := newCLI(t, api), append([]string{"--sink", sink}, corpusDirectories(t, testCorpus())...)
				single := filepath.Join(t.TempDir(), "single")
				c.mustRun(append([]string{"run", "--out", single}, sources...)...)
				want := readVersionless(t, single)
				blobs := blobRequests(server)
				for part := range count {
					c.mustRun(append([]string{"run", "--out", out, "--part", fmt.Sprintf("%d/%d", part, count)}, sources...)...)
				}
				if got := blobRequests(server) - blobs; got != blobs {
					t.Errorf("the parts fetched %d blobs, a single run %d", got, blobs)
				}
				got := readParts(t, out, count)
				got.names, want.names = nil, nil
				got.check(t, want)
				// With nothing to do, nothing is done.
				before := blobRequests(server)
				for part := range count {
					text := c.mustRun("run", "--out", out, "--part", fmt.Sprintf("%d/%d", part, count))
					if blobRequests(server) != before || !strings.Contains(text, "nothing to do") {
						t.Errorf("part %d once more: %d blobs, %s", part, blobRequests(server)-before, text)
					}
				}
			})
		}
	}
}

// Tasks that begin at the same moment agree on how the export is divided.
func TestParts_AtOnce_AgreeOnOnePlan(t *testing.T) {
	testmain.Long(t)
	b := newTestBucket(t, buckettest.Vices{})
	for where, out := range map[string]string{"directory": filepath.Join(t.TempDir(), "out"), "bucket": b.url + "/out"} {
		t.Run(where, func(t *testing.T) {
			const count = 6
			_, api := startEmulator(t, emulator.Options{Corpus: emulator.Synthetic(emulator.SyntheticOptions{Files: 40, AssetsPerFile: 2, BlobSize: 100})})
			var tasks sync.WaitGroup
			for part := range count {
				c := newCLI(t, api)
				tasks.Go(func() {
					args := []string{"run", "--directory", emulator.SyntheticDirectory, "--out", out, "--part", fmt.Sprintf("%d/%d", part, count)}
					if code, stdout, stderr := c.run(args...); code != 0 {
						t.Errorf("part %d: exit %d\n%s%s", part, code, stdout, stderr)
					}
				})
			}
			tasks.Wait()
			if got := len(readParts(t, out, count).rows); got != 80 {
				t.Errorf("the parts have %d rows, want 80", got)
			}
		})
	}
}

// Of an export in parts one part probes the store, so that the plan of a part leaves it out.
func TestParts_PlanInABucket_LeavesTheProbeOut(t *testing.T) {
	b := newTestBucket(t, buckettest.Vices{})
	_, api := startEmulator(t, emulator.Options{Corpus: emulator.Synthetic(emulator.SyntheticOptions{Files: 10, AssetsPerFile: 1, BlobSize: 100})})
	puts := func(args ...string) int64 {
		t.Helper()
		text := newCLI(t, api).mustRun(append([]string{"plan", "--directory", emulator.SyntheticDirectory, "--json", "--out", b.url + "/out"}, args...)...)
		var report struct {
			Bucket struct {
				Puts int64 `json:"puts"`
			} `json:"bucket"`
		}
		if err := json.Unmarshal([]byte(text), &report); err != nil {
			t.Fatal(err)
		}
		return report.Bucket.Puts
	}
	const probe = 165
	if all, one := puts(), puts("--part", "0/1"); all-one != probe {
		t.Errorf("a plain export takes %d PUT, and one in one part %d, want %d less", all, one, probe)
	}
}

// onPlan is a fault of the request that makes the plan, the n-th time.
func onPlan(n int, fault buckettest.Fault) func(buckettest.Received) buckettest.Fault {
	seen := 0
	return func(r buckettest.Received) buckettest.Fault {
		if r.Op != buckettest.Create || !strings.HasSuffix(r.Key, "/"+parts.PlanName) {
			return buckettest.Fault{}
		}
		if seen++; seen-1 != n {
			return buckettest.Fault{}
		}
		return fault
	}
}

// Whatever becomes of the request that makes the plan, there is one.
func TestParts_PlanInABucket_SurvivesFaults(t *testing.T) {
	testmain.Long(t)
	for name, fault := range map[string]buckettest.Fault{
		"the answer is lost": buckettest.LoseReply(), "the request is lost": buckettest.ResetBefore(), "slow down": buckettest.SlowDown("0"),
		"broken and done": {Status: 500, Code: "InternalError", After: true}, "broken": buckettest.Broken(),
	} {
		t.Run(name, func(t *testing.T) {
			fired := false
			plan := onPlan(0, fault)
			b := newTestBucket(t, buckettest.Vices{Fault: func(r buckettest.Received) buckettest.Fault {
				f := plan(r)
				fired = fired || f.Reset || f.Status != 0
				return f
			}})
			_, api := startEmulator(t, emulator.Options{Corpus: emulator.Synthetic(emulator.SyntheticOptions{Files: 10, AssetsPerFile: 1, BlobSize: 100})})
			for part := range 2 {
				newCLI(t, api).mustRun("run", "--directory", emulator.SyntheticDirectory, "--out", b.url+"/out", "--part", fmt.Sprintf("%d/2", part))
			}
			if !fired {
				t.Error("the fault did not happen")
			}
			if got := len(readParts(t, b.url+"/out", 2).rows); got != 10 {
				t.Errorf("the parts have %d rows, want 10", got)
			}
		})
	}
}

// In a store that does not keep writers apart, tasks that both make the plan make the same one.
func TestParts_SingleWriter_MakesThePlanThatOthersMake(t *testing.T) {
	testmain.Long(t)
	b := newTestBucket(t, buckettest.Vices{IgnoreCreate: true})
	_, api := startEmulator(t, emulator.Options{Corpus: emulator.Synthetic(emulator.SyntheticOptions{Files: 10, AssetsPerFile: 1, BlobSize: 100})})
	args := []string{"run", "--directory", emulator.SyntheticDirectory, "--single-writer", "--out", b.url + "/out", "--part"}
	for _, part := range []string{"0/2", "1/2"} {
		newCLI(t, api).mustRun(append(args, part)...)
	}
	text, err := place.ReadObject(t.Context(), b.url+"/out/"+parts.PlanName, 1000, place.Options{})
	if want := string(parts.Fixed(2, b.url+"/out").Encode()); err != nil || string(text) != want {
		t.Errorf("the plan is %s, %v, want %s", text, err, want)
	}
	if got := len(readParts(t, b.url+"/out", 2).rows); got != 10 {
		t.Errorf("the parts have %d rows, want 10", got)
	}
	if code, _, stderr := newCLI(t, api).run(append(args, "1/3")...); code != exitUsage {
		t.Errorf("another count: exit %d, want %d\n%s", code, exitUsage, stderr)
	}
	// Without --single-writer such a store is refused.
	if code, _, stderr := newCLI(t, api).run("run", "--directory", emulator.SyntheticDirectory, "--out", b.url+"/other", "--part", "0/2"); code != exitUsage {
		t.Errorf("without --single-writer: exit %d, want %d\n%s", code, exitUsage, stderr)
	}
}

// A plain run that has begun before a task, and looks for parts after it has, does not go on, and leaves nothing.
func TestParts_PlainRunBesideATask_IsRefused(t *testing.T) {
	testmain.Long(t)
	b := newTestBucket(t, buckettest.Vices{})
	for where, out := range map[string]string{"directory": filepath.Join(t.TempDir(), "out"), "bucket": b.url + "/out"} {
		t.Run(where, func(t *testing.T) {
			server, api := startEmulator(t, emulator.Options{Corpus: emulator.Synthetic(emulator.SyntheticOptions{Files: 2, AssetsPerFile: 1, BlobSize: 100})})
			c := newCLI(t, api)
			c.own = func(ctx context.Context, text string, o place.Options) (store.Store, error) {
				s, err := place.Own(ctx, text, o)
				return s, errors.Join(err, place.CreateOnce(ctx, out+"/"+parts.PlanName, parts.New(2).Encode(), o))
			}
			code, _, stderr := c.run("run", "--directory", emulator.SyntheticDirectory, "--out", out)
			if code != exitUsage || !strings.Contains(stderr, "is in 2 parts") {
				t.Errorf("exit %d, want %d and that the export is in parts\n%s", code, exitUsage, stderr)
			}
			if n := blobRequests(server); n != 0 {
				t.Errorf("%d blobs were fetched", n)
			}
			for part := range 2 {
				newCLI(t, api).mustRun("run", "--directory", emulator.SyntheticDirectory, "--out", out, "--part", fmt.Sprintf("%d/2", part))
			}
		})
	}
}

// Of a plain run and a task that begin at the same moment exactly one goes on, and what is there is of one kind, in a directory and in a bucket.
func TestParts_PlainRunAndTaskAtOnce_OneGoesOn(t *testing.T) {
	testmain.Long(t)
	b := newTestBucket(t, buckettest.Vices{})
	for where, out := range map[string]string{"directory": filepath.Join(t.TempDir(), "out"), "bucket": b.url + "/out"} {
		t.Run(where, func(t *testing.T) {
			_, api := startEmulator(t, emulator.Options{Corpus: emulator.Synthetic(emulator.SyntheticOptions{Files: 6, AssetsPerFile: 1, BlobSize: 100})})
			var codes [2]int
			var texts [2]string
			var both sync.WaitGroup
			for i, args := range [][]string{{}, {"--part", "0/1"}} {
				c := newCLI(t, api)
				both.Go(func() {
					code, stdout, stderr := c.run(append([]string{"run", "--directory", emulator.SyntheticDirectory, "--out", out}, args...)...)
					codes[i], texts[i] = code, stdout+stderr
				})
			}
			both.Wait()
			winner := 0
			if codes[0] != 0 {
				winner = 1
			}
			if codes[winner] != 0 || codes[1-winner] != exitUsage {
				t.Fatalf("a plain run ends with %d, and a task with %d, want 0 and %d of them\n%s\n%s", codes[0], codes[1], exitUsage, texts[0], texts[1])
			}
			_, err := place.ReadObject(t.Context(), out+"/"+parts.PlanName, 1000, place.Options{})
			if isInParts := err == nil; isInParts != (winner == 1) {
				t.Errorf("the task went on: %v, and the export is in parts: %v, %v", winner == 1, isInParts, err)
			}
			at := out
			if winner == 1 {
				at += "/" + parts.Path(0)
			}
			if got := len(readExport(t, at).rows); got != 6 {
				t.Errorf("there are %d rows, want 6", got)
			}
		})
	}
}

// A list in a bucket is read by tasks without a shared disk.
func TestParts_ListInABucket_IsReadByAll(t *testing.T) {
	testmain.Long(t)
	b := newTestBucket(t, buckettest.Vices{})
	server, api := startEmulator(t, emulator.Options{Corpus: emulator.Synthetic(emulator.SyntheticOptions{Files: 50, AssetsPerFile: 1, BlobSize: 100})})
	source, list := []string{"--directory", emulator.SyntheticDirectory}, b.url+"/lists/files.list"
	newCLI(t, api).mustRun(append([]string{"plan", "--write-list", list}, source...)...)
	server.Reset()
	for part := range 3 {
		newCLI(t, api).mustRun(append([]string{"run", "--list", list, "--out", b.url + "/out", "--part", fmt.Sprintf("%d/3", part)}, source...)...)
	}
	for _, r := range server.Requests() {
		if strings.HasSuffix(r.Path, "/files") {
			t.Errorf("%s %s: the files were listed", r.Method, r.Path)
		}
	}
	if got := len(readParts(t, b.url+"/out", 3).rows); got != 50 {
		t.Errorf("the parts have %d rows, want 50", got)
	}
	other := b.url + "/out/" + parts.PlanName
	if code, _, stderr := newCLI(t, api).run(append([]string{"plan", "--write-list", other}, source...)...); code != exitUsage || !strings.Contains(stderr, "is no list") {
		t.Errorf("a list in the place of another object: exit %d, want %d\n%s", code, exitUsage, stderr)
	}
	code, _, stderr := newCLI(t, api).run(append([]string{"run", "--list", b.url + "/lists/none", "--out", b.url + "/other"}, source...)...)
	if code != exitUsage || !strings.Contains(stderr, "there is no list") {
		t.Errorf("a list that is not there: exit %d, want %d\n%s", code, exitUsage, stderr)
	}
}

// switchedAPI is an API at one address, of which what it serves may change.
type switchedAPI struct {
	url    string
	served atomic.Pointer[emulator.Server]
}

func startSwitch(t *testing.T) *switchedAPI {
	t.Helper()
	s := &switchedAPI{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.served.Load().ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *switchedAPI) serve(e *emulator.Server) { s.served.Store(e) }

// goneCounts returns how many files of an export are missed, and how many are gone.
func goneCounts(t *testing.T, out string) (missed, gone int) {
	t.Helper()
	for _, f := range readExport(t, out).files {
		switch {
		case f.IsGone():
			gone++
		case !f.MissedAt.IsZero():
			missed++
		}
	}
	return missed, gone
}

// What vanishes is what two lists do not have. One list that is read again is one, and an older one counts for nothing.
func TestList_ReadAgain_MakesNothingVanish(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	const files = 40
	folder := t.TempDir()
	out, without := filepath.Join(folder, "out"), emulator.SyntheticOptions{Files: files - 3, AssetsPerFile: 1, BlobSize: 100}
	with := without
	with.Files = files
	source := []string{"--directory", emulator.SyntheticDirectory}
	// The API has an address of its own, whichever files it has at the moment.
	api := startSwitch(t)
	write := func(o emulator.SyntheticOptions, name string) string {
		api.serve(newEmulator(t, emulator.Options{Corpus: emulator.Synthetic(o)}))
		name = filepath.Join(folder, name)
		newCLI(t, api.url).mustRun(append([]string{"plan", "--write-list", name}, source...)...)
		return name
	}
	run := func(what, list string, wantMissed, wantGone int) {
		t.Helper()
		args := append([]string{"run", "--out", out}, source...)
		if list != "" {
			args = append(args, "--list", list)
		}
		newCLI(t, api.url).mustRun(args...)
		if missed, gone := goneCounts(t, out); missed != wantMissed || gone != wantGone {
			t.Errorf("%s: %d files are missed and %d gone, want %d and %d", what, missed, gone, wantMissed, wantGone)
		}
	}
	early := write(without, "early")
	full := write(with, "full")
	run("the first list", full, 0, 0)
	run("an older list without some files", early, 0, 0)
	run("an older list once more", early, 0, 0)
	first := write(without, "first")
	run("a new list without some files", first, 3, 0)
	run("the same list", first, 3, 0)
	run("the list before, which has them", full, 0, 0)
	if err := os.Remove(filepath.Join(out, "run.json")); err != nil {
		t.Fatal(err)
	}
	run("the same list, after a run that left no report", first, 3, 0)
	second := write(without, "second")
	run("another new list without them", second, 0, 3)
	run("a listing of the API", "", 0, 3)
	run("a list from before that, which has them", full, 0, 0)
}

// Of a part, only what it has may vanish, and a listing of which nothing is in the part is not empty.
func TestParts_FileOfAPart_Vanishes(t *testing.T) {
	t.Parallel()
	const count, files = 3, 12
	out, o := filepath.Join(t.TempDir(), "out"), emulator.SyntheticOptions{Files: files, AssetsPerFile: 1, BlobSize: 100}
	api := startSwitch(t)
	api.serve(newEmulator(t, emulator.Options{Corpus: emulator.Synthetic(o)}))
	run := func(part int) {
		t.Helper()
		newCLI(t, api.url).mustRun("run", "--directory", emulator.SyntheticDirectory, "--out", out, "--part", fmt.Sprintf("%d/%d", part, count))
	}
	for part := range count {
		run(part)
	}
	o.Files--
	api.serve(newEmulator(t, emulator.Options{Corpus: emulator.Synthetic(o)}))
	all := 0
	for part := range count {
		run(part)
		run(part)
		missed, gone := goneCounts(t, out+"/"+parts.Path(part))
		if all += gone; missed != 0 {
			t.Errorf("part %d has %d files that are missed", part, missed)
		}
	}
	if all != 1 {
		t.Errorf("%d files are gone, want the one that is", all)
	}
}

// A list that is damaged in the middle ends the run, and what was fetched before is there.
func TestList_DamagedBehindItsBeginning_LosesNothing(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	folder := t.TempDir()
	out, list := filepath.Join(folder, "out"), filepath.Join(folder, "list")
	_, api := startEmulator(t, emulator.Options{
		Corpus: emulator.Synthetic(emulator.SyntheticOptions{Files: 4000, AssetsPerFile: 1, BlobSize: 50, IDs: emulator.UUIDs}),
	})
	source := []string{"--directory", emulator.SyntheticDirectory}
	newCLI(t, api).mustRun(append([]string{"plan", "--write-list", list}, source...)...)
	content, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(list, content[:len(content)-len(content)/10], 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := newCLI(t, api).run(append([]string{"run", "--out", out, "--list", list}, source...)...)
	if code != exitUsage || !strings.Contains(stderr, "is damaged or none: it is cut short") {
		t.Errorf("exit %d, want %d and that the list is cut short\n%s", code, exitUsage, stderr)
	}
	if err := os.WriteFile(list, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if text := newCLI(t, api).mustRun(append([]string{"run", "--out", out, "--list", list}, source...)...); !strings.Contains(text, "4000 listed") {
		t.Errorf("with the whole list: %s", text)
	}
	if _, err := os.Stat(filepath.Join(out, "run.json")); errors.Is(err, fs.ErrNotExist) {
		t.Error("there is no report")
	}
	if got := len(readExport(t, out).rows); got != 4000 {
		t.Errorf("%d rows, want 4000", got)
	}
	if missed, gone := goneCounts(t, out); missed+gone > 0 {
		t.Errorf("%d files are missed and %d gone", missed, gone)
	}
}
