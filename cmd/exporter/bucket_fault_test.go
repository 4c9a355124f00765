package main

import (
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/export"
	"exporter/internal/store/bucket/buckettest"
	"exporter/internal/store/place"
	"exporter/internal/testmain"
	"exporter/internal/verify"
	"exporter/manifest"
)

// An interrupt ends whatever waits for the bucket of an export to open, and the same command goes on.
func TestBucket_Interrupted_WhileItOpens_EndsAtOnce(t *testing.T) {
	testmain.Long(t)
	b := buckettest.NewServer(t, buckettest.Vices{})
	for _, name := range storeVariables() {
		t.Setenv(name, b.Variable(name))
	}
	const at = "s3://bucket/some"
	server, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
	source := corpusDirectories(t, testCorpus())
	newCLI(t, api).mustRun(append([]string{"run", "--out", at}, source...)...)
	run := append([]string{"run", "--out", at}, source...)
	for name, tt := range map[string]struct {
		args []string
		// n is how many such requests of the command are answered before one is not.
		op buckettest.Op
		n  int
	}{
		"run, what it remembers": {run, buckettest.List, 0},
		"run, its owner":         {run, buckettest.List, 2},
		"run, its probe":         {[]string{"run", "--project", "--out", "s3://bucket/new"}, buckettest.Create, 0},
		"plan":                   {append([]string{"plan", "--out", at}, source...), buckettest.List, 0},
		"verify":                 {[]string{"verify", at}, buckettest.List, 0},
		"compact":                {[]string{"compact", at}, buckettest.List, 0},
		"rm":                     {[]string{"rm", at, "--file-id", "dfl-none"}, buckettest.List, 0},
		"dataset":                {[]string{"dataset", at, t.TempDir(), "--format", "parquet"}, buckettest.List, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c, before, seen := newCLI(t, api), blobRequests(server), 0
			held := b.Hold(buckettest.BeforeActing, func(r buckettest.Received) bool {
				if r.Op == tt.op {
					seen++
				}
				return seen > tt.n
			})
			defer held.Release()
			go func() {
				<-held.Reached
				close(c.stop)
			}()
			if code, stdout, stderr := c.run(tt.args...); code != exitInterrupted || strings.Contains(stderr, "committed") {
				t.Errorf("exit %d, want %d and nothing of what is committed\n%s%s", code, exitInterrupted, stdout, stderr)
			}
			if n := blobRequests(server) - before; n > 0 {
				t.Errorf("%d blobs were fetched", n)
			}
		})
	}
}

// A run that waits for another writer, of which nobody knows whether it lives, ends at once when it is interrupted, and leaves the log as it is.
func TestBucket_Interrupted_WhileItWaitsForAWriter_EndsAtOnce(t *testing.T) {
	testmain.Long(t)
	b := newTestBucket(t, buckettest.Vices{})
	_, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
	first, err := quickly(time.Hour)(t.Context(), b.url, place.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	from, err := place.Open(t.Context(), b.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	before, c := keysOf(t, from), newCLI(t, api)
	time.AfterFunc(3*time.Second, func() { close(c.stop) })
	code, _, stderr := c.run("run", "--project", "--out", b.url)
	if code != exitInterrupted || !strings.Contains(stderr, "waiting to see whether it still writes") {
		t.Errorf("exit %d, want %d of one that waits\n%s", code, exitInterrupted, stderr)
	}
	if after := keysOf(t, from); !slices.Equal(before, after) {
		t.Errorf("it left %q, there was %q", after, before)
	}
}

// A run that is interrupted while it takes the export leaves it free.
func TestBucket_Interrupted_WhileItTakes_LeavesItFree(t *testing.T) {
	testmain.Long(t)
	b := buckettest.NewServer(t, buckettest.Vices{})
	for _, name := range storeVariables() {
		t.Setenv(name, b.Variable(name))
	}
	_, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
	args := append([]string{"run", "--out", "s3://bucket/some"}, corpusDirectories(t, testCorpus())...)
	newCLI(t, api).mustRun(args...)
	for _, at := range []buckettest.Moment{buckettest.BeforeActing, buckettest.BeforeReplying} {
		c, held := newCLI(t, api), b.Hold(at, func(r buckettest.Received) bool {
			return r.Op == buckettest.Create && strings.HasPrefix(r.Key, "some/.exporter/log/")
		})
		go func() {
			<-held.Reached
			close(c.stop)
		}()
		if code, _, stderr := c.run(args...); code != exitInterrupted {
			t.Errorf("exit %d, want %d\n%s", code, exitInterrupted, stderr)
		}
		held.Release()
		if owned, err := place.IsOwned(t.Context(), "s3://bucket/some"); owned || err != nil {
			t.Errorf("%v: owned %v, error %v, want it free", at, owned, err)
		}
		newCLI(t, api).mustRun(args...)
	}
}

// A dataset that a bucket does not take, or an export that it does not give, is a fault of storage, in every form.
func TestBucket_Dataset_Refused_IsStorage(t *testing.T) {
	testmain.Long(t)
	b := buckettest.NewServer(t, buckettest.Vices{})
	for _, name := range storeVariables() {
		t.Setenv(name, b.Variable(name))
	}
	_, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
	c, dir, out := newCLI(t, api), filepath.Join(t.TempDir(), "out"), "s3://"+b.Bucket+"/out"
	for _, to := range []string{dir, out} {
		c.mustRun(append([]string{"run", "--out", to}, corpusDirectories(t, testCorpus())...)...)
	}
	refused := func(below string, ops ...buckettest.Op) buckettest.Vices {
		return buckettest.Vices{Fault: func(r buckettest.Received) buckettest.Fault {
			if slices.Contains(ops, r.Op) && strings.HasPrefix(r.Key, below) {
				return buckettest.Denied()
			}
			return buckettest.Fault{}
		}}
	}
	for _, form := range []string{"parquet", "webdataset", "imagefolder"} {
		to := "s3://" + b.Bucket + "/" + form
		for _, tt := range []struct {
			vices    buckettest.Vices
			from, to string
			want     string
		}{
			{refused(form+"/pages/", buckettest.Put, buckettest.Create), dir, to, "s3:PutObject"},
			{refused("out/blobs/", buckettest.Get), out, filepath.Join(t.TempDir(), "ds"), "s3:GetObject"},
		} {
			b.SetVices(tt.vices)
			code, _, stderr := c.run("dataset", tt.from, tt.to, "--format", form)
			if code != exitStorage || !strings.Contains(stderr, tt.want) || !strings.Contains(stderr, "then the same command goes on") {
				t.Errorf("%s from %s to %s: exit %d, want %d and %q\n%s", form, tt.from, tt.to, code, exitStorage, tt.want, stderr)
			}
		}
		b.SetVices(buckettest.Vices{})
		c.mustRun("dataset", dir, to, "--format", form)
	}
}

// Who reads an export in a bucket is told at once what is waited for, and where there is no such store, does not wait.
func TestBucket_Unreachable_IsSaid(t *testing.T) {
	b := buckettest.NewServer(t, buckettest.Vices{})
	for _, name := range storeVariables() {
		t.Setenv(name, b.Variable(name))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	_, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
	const at = "s3://bucket/some"
	for _, args := range [][]string{
		{"verify", at}, {"ls", at}, {"cat", "--out", at, "file", "0"}, {"dataset", at, t.TempDir(), "--format", "parquet"}, {"rm", at, "--file-id", "dfl-none"},
		{"compact", at}, {"plan", "--out", at, "--project"}, {"run", "--out", at, "--project"},
	} {
		t.Setenv("AWS_ENDPOINT_URL_S3", strings.Replace(b.URL, "http:", "https:", 1))
		if code, _, stderr := newCLI(t, api).run(args...); code != exitStorage || !strings.Contains(stderr, "give its URL with http://") {
			t.Errorf("%q with TLS where there is none: exit %d, want %d and what to do\n%s", args, code, exitStorage, stderr)
		}
		t.Setenv("AWS_ENDPOINT_URL_S3", "http://"+nobody)
		c := newCLI(t, api)
		c.stopAt = "is not reached, and tried again"
		if code, _, stderr := c.run(args...); code != exitInterrupted || !strings.Contains(stderr, c.stopAt) {
			t.Errorf("%q where nothing listens: exit %d, want %d and what is waited for\n%s", args, code, exitInterrupted, stderr)
		}
	}
}

// refetching is a watcher that has a run fetch everything again when a verification has read the tables.
type refetching struct {
	export.Watcher
	refetch func()
}

func (r refetching) Verification(func() verify.Counts) (stop func()) {
	r.refetch()
	return func() {}
}

// What a run has moved since the tables were read is not lost, however short that is ago.
func TestBucket_Verify_BesideRefetch_FindsAll(t *testing.T) {
	testmain.Long(t)
	b := newTestBucket(t, buckettest.Vices{})
	_, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
	c := newCLI(t, api)
	c.mustRun(append([]string{"run", "--out", b.url}, corpusDirectories(t, testCorpus())...)...)
	counted, err := export.Verify(t.Context(), export.VerifyOptions{
		Path: b.url, Watcher: refetching{refetch: func() { c.mustRun("run", "--refetch", "--out", b.url) }}, Table: func(manifest.Damage) {},
		Found: func(f verify.Finding) {
			if f.Err != nil {
				t.Errorf("%s: %v", f.Path, f.Err)
			}
		},
	})
	if err != nil || counted.Blobs == 0 || counted.Lost+counted.Damaged > 0 {
		t.Errorf("got %+v, error %v, want blobs and no damage", counted, err)
	}
}
