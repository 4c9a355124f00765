package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"exporter/internal/config"
	"exporter/internal/emulator"
	"exporter/internal/store/bucket"
	"exporter/internal/store/bucket/buckettest"
	"exporter/internal/store/place"
)

// In a bucket as in a directory, a report replaces nothing but a report.
func TestReport_InABucket_ReplacesReportsAlone(t *testing.T) {
	b := newTestBucket(t, buckettest.Vices{})
	_, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
	c, out := newCLI(t, api), filepath.Join(t.TempDir(), "out")
	victim := b.url + "/other/manifest.parquet"
	err := place.WriteObject(t.Context(), victim, func(w io.Writer) error {
		_, err := io.WriteString(w, "PAR1")
		return err
	}, place.Options{})
	if err != nil {
		t.Fatal(err)
	}
	run := append([]string{"run", "--out", out}, corpusDirectories(t, testCorpus())...)
	if code, _, stderr := c.run(append(run, "--report", victim)...); code != exitUsage || !strings.Contains(stderr, "what is there is no report, and is not replaced") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	c.mustRun(append(run, "--report", b.url+"/report.md")...)
	c.mustRun("report", out, "--to", b.url+"/report.md")
	if code, _, stderr := c.run("report", out, "--to", victim); code != exitUsage || !strings.Contains(stderr, "what is there is no report, and is not replaced") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	for name, want := range map[string]string{victim: "PAR1", b.url + "/report.md": "<!-- exporter report -->"} {
		text, err := place.ReadObject(t.Context(), name, 1<<20, place.Options{})
		if err != nil || !strings.HasPrefix(string(text), want) {
			t.Errorf("%s has %.40q, %v, want %q", name, text, err, want)
		}
	}
}

// A bucket that does not answer keeps no run from its export: it warns, and writes the report at its end where it can. What a bucket refuses is found before
// the first request.
func TestRun_ReportInABucket_ThatDoesNotAnswer_GoesOn(t *testing.T) {
	var fault func(r buckettest.Received) buckettest.Fault
	b := buckettest.NewServer(t, buckettest.Vices{Fault: func(r buckettest.Received) buckettest.Fault { return fault(r) }})
	for _, name := range storeVariables() {
		t.Setenv(name, b.Variable(name))
	}
	const goesOn, unwritten = "the place of the report does not answer as it should: the run goes on", "the report was not written"
	for name, tt := range map[string]struct {
		// before is the fault before the run has asked for a picture, and after the one since then.
		before, after buckettest.Fault
		bucket        string
		code          int
		says          []string
		isWritten     bool
	}{
		"passes":         {buckettest.Broken(), buckettest.Fault{}, b.Bucket, 0, []string{goesOn}, true},
		"throttles":      {buckettest.SlowDown("3600"), buckettest.Fault{}, b.Bucket, 0, []string{goesOn}, true},
		"changes":        {buckettest.Broken(), buckettest.Denied(), b.Bucket, 0, []string{goesOn, unwritten, "AccessDenied"}, false},
		"refuses":        {buckettest.Denied(), buckettest.Fault{}, b.Bucket, exitStorage, []string{"--report (run.report)", "AccessDenied"}, false},
		"no such bucket": {buckettest.Fault{}, buckettest.Fault{}, "other-bucket", exitStorage, []string{"--report (run.report)", "NoSuchBucket", "look at its name"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			server, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
			fault = func(buckettest.Received) buckettest.Fault {
				if blobRequests(server) > 0 {
					return tt.after
				}
				return tt.before
			}
			c, out, at := newCLI(t, api), filepath.Join(t.TempDir(), "out"), "s3://"+tt.bucket+"/"+strings.ReplaceAll(name, " ", "-")+".md"
			if tt.before.Status >= http.StatusInternalServerError {
				c.reportPatience = time.Millisecond
			}
			code, _, stderr := c.run(append([]string{"run", "--out", out, "--report", at}, corpusDirectories(t, testCorpus())...)...)
			if code != tt.code {
				t.Errorf("exit %d, want %d", code, tt.code)
			}
			for _, want := range append(tt.says, unwritten) {
				if is := strings.Contains(stderr, want); is != (want != unwritten || strings.Contains(fmt.Sprint(tt.says), unwritten)) {
					t.Errorf("%q is said: %v\n%s", want, is, stderr)
				}
			}
			if n := len(server.Requests()); (n > 0) != (tt.code == 0) {
				t.Errorf("%d requests, exit %d", n, code)
			}
			if _, err := os.Stat(filepath.Join(out, "manifest.parquet")); (err == nil) != (tt.code == 0) {
				t.Errorf("the export: %v", err)
			}
			fault = func(buckettest.Received) buckettest.Fault { return buckettest.Fault{} }
			text, err := place.ReadObject(t.Context(), at, 1<<20, place.Options{})
			if is := err == nil && strings.HasPrefix(string(text), "<!-- exporter report -->"); is != tt.isWritten {
				t.Errorf("%s has %.40q, %v; want a report: %v", at, text, err, tt.isWritten)
			}
		})
	}
}

// An interrupt ends the wait at the end of a run, which has ended as it has.
func TestRun_ReportInABucket_InterruptedAtTheEnd(t *testing.T) {
	server, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
	b := buckettest.NewServer(t, buckettest.Vices{Fault: func(buckettest.Received) buckettest.Fault {
		if blobRequests(server) > 0 {
			return buckettest.ResetBefore()
		}
		return buckettest.Fault{}
	}})
	for _, name := range storeVariables() {
		t.Setenv(name, b.Variable(name))
	}
	c, out := newCLI(t, api), filepath.Join(t.TempDir(), "out")
	c.stopAt = "the object store is not reached, and tried again"
	code, _, stderr := c.run(append([]string{"run", "--out", out, "--report", "s3://" + b.Bucket + "/report.md"}, corpusDirectories(t, testCorpus())...)...)
	if code != 0 || !strings.Contains(stderr, c.stopAt) || !strings.Contains(stderr, "the report was not written") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	readExport(t, out)
}

// Where nobody listens, that is no reason not to run; an interrupt ends the wait for it.
func TestApp_ReportBefore_NobodyListens(t *testing.T) {
	b := buckettest.NewServer(t, buckettest.Vices{})
	for _, name := range storeVariables() {
		t.Setenv(name, b.Variable(name))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://"+listener.Addr().String())
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Run.Report = "s3://" + b.Bucket + "/report.html"
	a := &app{stderr: io.Discard, stop: make(chan struct{}), reportPatience: time.Millisecond}
	if silent, refused := a.reportBefore(t.Context(), cfg); silent == nil || refused != nil {
		t.Errorf("got %v, refused %v, want what is silent", silent, refused)
	}
	stop := make(chan struct{})
	close(stop)
	a = &app{stderr: io.Discard, stop: stop}
	if silent, refused := a.reportBefore(t.Context(), cfg); silent != nil || explainError(refused).code != exitInterrupted {
		t.Errorf("got %v, refused %v, want an interrupt", silent, refused)
	}
}

func TestMayPass(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{&bucket.Error{Err: errSilent}, true},
		{&bucket.Error{Temporary: true, Err: io.ErrUnexpectedEOF}, true},
		{&bucket.Error{Err: dial(syscall.ECONNREFUSED)}, true},
		{&bucket.Error{Status: 507, Err: io.EOF}, true},
		{&bucket.Error{Status: 501, Err: io.EOF}, false},
		{&bucket.Error{Status: 301, Err: io.EOF}, false},
		{&bucket.Error{Err: dial(&net.DNSError{IsNotFound: true})}, false},
		{&place.Error{Err: dial(&net.DNSError{IsNotFound: true})}, false},
		{&place.Error{Err: dial(&net.DNSError{IsTimeout: true})}, true},
		{&place.Error{Err: dial(syscall.EHOSTUNREACH)}, true},
		{&place.Error{Problem: "no credentials"}, false},
		{usagef("what is there is no report"), false},
	} {
		if got := mayPass(tt.err); got != tt.want {
			t.Errorf("%#v: %v, want %v", tt.err, got, tt.want)
		}
	}
}
