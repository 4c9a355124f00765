package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/emulator"
	"exporter/internal/export"
	"exporter/internal/store"
	"exporter/internal/store/bucket/buckettest"
	"exporter/internal/store/place"
	"exporter/internal/testmain"
)

// testBucket is a bucket that this process finds by its environment.
type testBucket struct {
	// Server is nil where EXPORTER_TEST_BUCKET names a bucket of another store, which the environment leads to.
	*buckettest.Server
	url string
}

func newTestBucket(t *testing.T, v buckettest.Vices) *testBucket {
	t.Helper()
	if url := os.Getenv("EXPORTER_TEST_BUCKET"); url != "" {
		return &testBucket{url: url + "/" + strings.NewReplacer("/", "-", " ", "-").Replace(t.Name())}
	}
	s := buckettest.NewServer(t, v)
	for _, name := range storeVariables() {
		t.Setenv(name, s.Variable(name))
	}
	return &testBucket{s, "s3://" + s.Bucket + "/some"}
}

// storeVariables are those that lead to a bucket of a test, and nowhere else.
func storeVariables() []string {
	return []string{
		"STORAGE_EMULATOR_HOST", "AZURE_STORAGE_CONNECTION_STRING",
		"AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE",
	}
}

// quickly owns places as place.Own does, and waits for a writer that was killed no longer than that.
func quickly(patience time.Duration) place.Owner {
	if patience == 0 {
		return nil
	}
	return func(ctx context.Context, text string, o place.Options) (store.Store, error) {
		o.Beat, o.Patience = patience/3, patience
		return place.Own(ctx, text, o)
	}
}

// contentsOf returns what an export, or a dataset, holds, but for what is private.
func contentsOf(t *testing.T, at string) map[string]string {
	t.Helper()
	from, err := place.Open(t.Context(), at, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	contents := map[string]string{}
	for _, key := range keysOf(t, from) {
		if strings.HasPrefix(key, store.PrivatePrefix) {
			continue
		}
		b, err := store.ReadBytes(t.Context(), from, key, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		contents[key] = string(b)
	}
	return contents
}

// version is what the name of a blob in a bucket has besides that of its asset: the generation of its writer.
var version = regexp.MustCompile(`~v[0-9a-z]{8}(\.|$)`)

// readVersionless is readExportedSet for names without versions.
func readVersionless(t *testing.T, out string) exportedSet {
	t.Helper()
	s := readExportedSet(t, out)
	for key, row := range s.rows {
		row.Location.Path = version.ReplaceAllString(row.Location.Path, "$1")
		s.rows[key] = row
	}
	for i, name := range s.names {
		s.names[i] = version.ReplaceAllString(name, "$1")
	}
	slices.Sort(s.names)
	return s
}

// What is exported to a bucket is what is exported to a directory, goes on as that does, and is read by every command.
func TestBucket_Export_IsThatOfADirectory(t *testing.T) {
	b := newTestBucket(t, buckettest.Vices{})
	for _, sink := range []string{"local", "archive"} {
		t.Run(sink, func(t *testing.T) {
			server, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
			c, out, dir := newCLI(t, api), b.url+"/"+sink, filepath.Join(t.TempDir(), "out")
			to := func(out string) []string {
				return append([]string{"--out", out, "--sink", sink}, corpusDirectories(t, testCorpus())...)
			}
			c.mustRun(append([]string{"run"}, to(dir)...)...)
			c.mustRun(append([]string{"run"}, to(out)...)...)
			want := readVersionless(t, dir)
			if len(want.rows) == 0 {
				t.Fatal("nothing was exported")
			}
			readVersionless(t, out).check(t, want)

			before := blobRequests(server)
			if text := c.mustRun("run", "--out", out); blobRequests(server) != before || !strings.Contains(text, "nothing to do") {
				t.Errorf("a second run fetched %d blobs: %s", blobRequests(server)-before, text)
			}
			for _, at := range []string{dir, out} {
				c.mustRun("run", "--out", at, "--refetch")
				c.mustRun("compact", at)
			}
			readVersionless(t, out).check(t, readVersionless(t, dir))
			for _, args := range [][]string{{"ls", out, "--summary"}, {"ls", out, "--skipped"}, {"plan", "--out", out}} {
				if got, inDir := c.mustRun(args...), c.mustRun(withOther(args, out, dir)...); withoutCost(got) != withoutCost(inDir) {
					t.Errorf("%q: got\n%s, want\n%s", args, got, inDir)
				}
			}
			for key := range want.rows {
				args := []string{"cat", "--out", out, string(key.FileID), fmt.Sprint(key.PageIndex)}
				if key.FigureName != "" {
					args = append(args, key.FigureName)
				}
				if got := c.mustRun(args...); got == "" || got != c.mustRun(withOther(args, out, dir)...) {
					t.Errorf("%q shows %d bytes, which are others in the directory", args, len(got))
				}
				break
			}
		})
	}
}

func withOther(args []string, old, by string) []string {
	other := append([]string{}, args...)
	for i := range other {
		if other[i] == old {
			other[i] = by
		}
	}
	return other
}

// withoutCost leaves out what a plan says of a bucket alone.
func withoutCost(text string) string {
	return strings.Join(slices.DeleteFunc(strings.SplitAfter(text, "\n"), func(line string) bool { return strings.HasPrefix(line, "bucket ") }), "")
}

// A dataset has the same bytes wherever the export is, and wherever it goes.
func TestBucket_Dataset_IsThatOfADirectory(t *testing.T) {
	testmain.Long(t)
	b := newTestBucket(t, buckettest.Vices{})
	_, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
	c, folder := newCLI(t, api), t.TempDir()
	dir := filepath.Join(folder, "out")
	c.mustRun(append([]string{"run", "--out", dir}, corpusDirectories(t, testCorpus())...)...)
	c.mustRun(append([]string{"run", "--out", b.url + "/out"}, corpusDirectories(t, testCorpus())...)...)
	for _, form := range []string{"parquet", "imagefolder"} {
		want := ""
		for i, pair := range [][2]string{{dir, filepath.Join(folder, form)}, {b.url + "/out", b.url + "/" + form}, {b.url + "/out", filepath.Join(folder, "from-"+form)}} {
			args := []string{"dataset", pair[0], pair[1], "--format", form, "--split", "train=0.5,val=0.5"}
			c.mustRun(args...)
			c.mustRun(args...)
			got := contentsOf(t, pair[1])
			// What was fetched when, and from where, is of the export.
			names := ""
			for _, key := range slices.Sorted(maps.Keys(got)) {
				size := len(got[key])
				if !strings.HasSuffix(key, ".jpg") {
					size = 0
				}
				names += fmt.Sprintln(key, size)
			}
			if i == 0 {
				want = names
			}
			if diff := cmp.Diff(want, names); diff != "" || !strings.Contains(names, "pages/") {
				t.Errorf("%s from %s to %s (-want +got):\n%s", form, pair[0], pair[1], diff)
			}
		}
	}
	if code, _, stderr := c.run("dataset", b.url+"/out", b.url+"/out/ds", "--format", "parquet"); code != exitUsage || !strings.Contains(stderr, "is in the export") {
		t.Errorf("a dataset in an export: exit %d, %s", code, stderr)
	}
}

// costlyBucket is a bucket of which the requests are counted.
type costlyBucket struct{ *buckettest.Server }

// checkPlan compares what a plan says with what a run then does, which has so many assets already.
func (b costlyBucket) checkPlan(t *testing.T, c *cli, args []string, kept int64) (p export.PlanReport) {
	t.Helper()
	if err := json.Unmarshal([]byte(c.mustRun(append([]string{"plan", "--json"}, args...)...)), &p); err != nil {
		t.Fatal(err)
	}
	if p.Assets.Keep != kept {
		t.Errorf("%d assets are kept, want %d", p.Assets.Keep, kept)
	}
	counts := map[string]func() int64{
		"PUT":  func() int64 { return int64(b.Count(buckettest.Put, buckettest.Create)) },
		"GET":  func() int64 { return int64(b.Count(buckettest.Get)) },
		"LIST": func() int64 { return int64(b.Count(buckettest.List)) },
	}
	before := map[string]int64{}
	for what, count := range counts {
		before[what] = count()
	}
	c.mustRun(append([]string{"run"}, args...)...)
	for what, planned := range map[string]int64{"PUT": p.Bucket.Puts, "GET": p.Bucket.Gets, "LIST": p.Bucket.Lists} {
		counted := counts[what]() - before[what]
		if off := planned - counted; off > 15+counted/20 || off < -15-counted/20 {
			t.Errorf("%d %s are planned, and there were %d", planned, what, counted)
		}
	}
	return p
}

// What a plan says of requests is about what a run sends.
func TestBucket_Plan_SaysWhatItCosts(t *testing.T) {
	testmain.Long(t)
	for _, sink := range []string{"local", "archive"} {
		t.Run(sink, func(t *testing.T) {
			b := costlyBucket{buckettest.NewServer(t, buckettest.Vices{})}
			for _, name := range storeVariables() {
				t.Setenv(name, b.Variable(name))
			}
			_, api := startEmulator(t, emulator.Options{
				Corpus: emulator.Synthetic(emulator.SyntheticOptions{Files: 200, AssetsPerFile: 4, BlobSize: 3_000, Seed: 7}),
			})
			c := newCLI(t, api)
			args := []string{"--directory", emulator.SyntheticDirectory, "--out", "s3://bucket/some", "--sink", sink}
			p := b.checkPlan(t, c, args, 0)
			if least := int64(800*3_000 + 40<<20); p.Bucket.Bytes < least || p.Bucket.Bytes > least+8<<20 {
				t.Errorf("%d bytes are planned, want %d and a little", p.Bucket.Bytes, least)
			}
			if p := b.checkPlan(t, c, args, 800); p.Bucket.Bytes > 8<<20 {
				t.Errorf("%d bytes are planned where there is nothing to do", p.Bucket.Bytes)
			}
			if text := c.mustRun(append([]string{"plan"}, args...)...); !strings.Contains(text, "bucket") {
				t.Errorf("the plan does not say what it costs:\n%s", text)
			}
		})
	}
}

// Nights of few pictures leave a shard each in a bucket, of which a compaction makes one.
func TestBucket_Nights_BecomeOneShard(t *testing.T) {
	testmain.Long(t)
	b := newTestBucket(t, buckettest.Vices{})
	_, api := startEmulator(t, emulator.Options{
		Corpus: emulator.Synthetic(emulator.SyntheticOptions{Files: 5, AssetsPerFile: 4, BlobSize: 3_000, Seed: 7}),
	})
	c, out := newCLI(t, api), b.url+"/nights"
	shards := func() int {
		from, err := place.Open(t.Context(), out, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer from.Close()
		return len(slices.DeleteFunc(keysOf(t, from), func(key string) bool { return !strings.HasPrefix(key, "shards/") }))
	}
	const nights = 4
	for night := range nights {
		c.mustRun("run", "--directory", emulator.SyntheticDirectory, "--out", out, "--sink", "archive", "--limit", fmt.Sprint(night+1))
		if got := shards(); got != night+1 {
			t.Errorf("night %d: %d shards, want one each", night+1, got)
		}
	}
	c.mustRun("run", "--directory", emulator.SyntheticDirectory, "--out", out, "--compact")
	if got := shards(); got != 1 {
		t.Errorf("%d shards, want one of them all", got)
	}
	if got := len(readExport(t, out).rows); got != 20 {
		t.Errorf("%d rows, want 20", got)
	}
	c.mustRun("verify", out)
}

// A second program gives way to one that is alive, and has asked the API for nothing and stored nothing by then.
func TestBucket_SecondWriter_GivesWay(t *testing.T) {
	testmain.Long(t)
	b := newTestBucket(t, buckettest.Vices{})
	server, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
	c := newCLI(t, api)
	c.own = quickly(2 * time.Second)
	first, err := quickly(time.Second)(t.Context(), b.url, place.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	args := append([]string{"run", "--out", b.url}, corpusDirectories(t, testCorpus())...)
	code, _, stderr := c.run(args...)
	if code != exitOwned || !strings.Contains(stderr, fmt.Sprintf("another run is using this export: process %d on %q, since 20", os.Getpid(), store.Host())) {
		t.Errorf("exit %d, want %d and who has the export\n%s", code, exitOwned, stderr)
	}
	if n := blobRequests(server); n > 0 {
		t.Errorf("%d blobs were fetched", n)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	c.mustRun(args...)
}

// What is wrong with a bucket is said, with what to do, and nothing of a secret.
func TestBucket_Wrong_SaysWhatToDo(t *testing.T) {
	testmain.Long(t)
	for name, tt := range map[string]struct {
		vices buckettest.Vices
		unset string
		args  []string
		exit  int
		want  string
	}{
		"overwrites": {vices: buckettest.Vices{IgnoreCreate: true}, exit: exitUsage, want: "give --single-writer"},
		"overwrites, and that is known": {
			vices: buckettest.Vices{IgnoreCreate: true}, args: []string{"--single-writer"},
		},
		"returns other bytes": {
			vices: buckettest.Vices{IgnoreRange: true}, exit: exitStorage, want: "other bytes than those that were asked for",
		},
		"no right to store": {
			vices: buckettest.Vices{Fault: buckettest.On(buckettest.Denied(), buckettest.Put, buckettest.Create)}, exit: exitStorage, want: "s3:PutObject",
		},
		"no right to list": {
			vices: buckettest.Vices{Fault: buckettest.On(buckettest.Denied(), buckettest.List)}, exit: exitStorage, want: "s3:ListBucket",
		},
		"half of a key":     {unset: "AWS_ACCESS_KEY_ID", exit: exitUsage, want: "AWS_ACCESS_KEY_ID is not"},
		"a clock":           {vices: buckettest.Vices{ClockOff: 2 * time.Hour}, exit: exitStorage, want: "clock"},
		"no scratch folder": {args: []string{"--scratch", "/nowhere/scratch"}, exit: exitUsage, want: "name another one with --scratch"},
	} {
		t.Run(name, func(t *testing.T) {
			b := buckettest.NewServer(t, tt.vices)
			for _, name := range storeVariables() {
				t.Setenv(name, b.Variable(name))
			}
			if tt.unset != "" {
				t.Setenv(tt.unset, "")
			}
			_, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
			args := append([]string{"run", "--out", "s3://bucket/some", "--project"}, tt.args...)
			code, stdout, stderr := newCLI(t, api).run(args...)
			if code != tt.exit || !strings.Contains(stderr, tt.want) || strings.Contains(stdout+stderr, b.SecretKey) {
				t.Errorf("exit %d, want %d and %q\n%s", code, tt.exit, tt.want, stderr)
			}
		})
	}
}
