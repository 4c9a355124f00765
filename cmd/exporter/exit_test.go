package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"exporter/internal/emulator"
	"exporter/internal/emulator/sample"
	"exporter/internal/export"
	"exporter/internal/llamacloud"
	"exporter/internal/store"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// What storage has run out of, or does not allow, is named by the hint.
func TestExplainError_Storage_NamesTheThing(t *testing.T) {
	t.Parallel()
	for errno, want := range map[syscall.Errno]string{
		syscall.ENOSPC: "make room", syscall.EDQUOT: "disk quota", syscall.EFBIG: "ulimit -f", syscall.EMFILE: "ulimit -n",
		syscall.ENFILE: "ulimit -n", syscall.EXDEV: "mount of another file system", syscall.EROFS: "read-only",
		syscall.EACCES: "group that shares", syscall.EPERM: "group that shares", syscall.EIO: "when storage works again",
	} {
		path := &fs.PathError{Op: "open", Path: "blobs/x", Err: errno}
		for _, err := range []error{path, &pipeline.StorageError{Op: "store blob", Err: fmt.Errorf("all: %w", path)}} {
			if e := explainError(err); e.code != exitStorage || !strings.Contains(e.hint, want) {
				t.Errorf("%v: exit %d, %q, want %d and %q", err, e.code, e.hint, exitStorage, want)
			}
		}
	}
	outage := &llamacloud.OutageError{Last: fmt.Errorf("dial: %w", syscall.EMFILE)}
	if e := explainError(outage); e.code != exitStopped || !strings.Contains(e.hint, "ulimit -n") {
		t.Errorf("%v: exit %d, %q, want %d and the limit", outage, e.code, e.hint, exitStopped)
	}
}

// What keeps the API from being reached is named, and the proxy where one stands before it.
func TestExplainError_Unreachable_NamesTheThing(t *testing.T) {
	t.Parallel()
	request := func(class, proxy string, err error) error {
		return &llamacloud.RequestError{Class: class, Proxy: proxy, Err: fmt.Errorf("get: %w", err)}
	}
	dial := func(op string, err error) error { return &net.OpError{Op: op, Err: err} }
	const proxy = "http://proxy.test:3128"
	for _, tt := range []struct {
		err  error
		code int
		want string
	}{
		{request(llamacloud.ClassTransport, "", &net.DNSError{IsNotFound: true}), exitStopped, "no host has this name: check base_url and the network, "},
		{request(llamacloud.ClassTransport, "", &net.DNSError{IsTimeout: true}), exitStopped, "names are not resolved: "},
		{request(llamacloud.ClassTransport, "", dial("dial", syscall.ECONNREFUSED)), exitStopped, "nothing listens there: check base_url and the network, "},
		{request(llamacloud.ClassTransport, "", dial("dial", syscall.EHOSTUNREACH)), exitStopped, "there is no way there: "},
		{request(llamacloud.ClassTransport, "", dial("dial", syscall.EMFILE)), exitStopped, "ulimit -n"},
		{request(llamacloud.ClassTransport, proxy, dial("dial", syscall.EMFILE)), exitStopped, "ulimit -n"},
		{request(llamacloud.ClassTimeout, "", dial("dial", os.ErrDeadlineExceeded)), exitStopped, "where only a proxy leads out, name it in HTTPS_PROXY; else check base_url"},
		{request(llamacloud.ClassTransport, "", errors.New("odd")), exitStopped, "check base_url and the network, then the same command goes on"},
		{request(llamacloud.ClassTransport, proxy, dial("proxyconnect", syscall.ECONNREFUSED)), exitStopped, "the proxy at " + proxy + " cannot be reached: "},
		{request(llamacloud.ClassTransport, proxy, errors.New("Bad Gateway")), exitStopped, "the proxy at " + proxy + " could not do it: "},
		{request(llamacloud.ClassProxy, proxy, errors.New("refused")), exitRefused, "check the proxy at " + proxy + ", which HTTPS_PROXY, "},
		{request(llamacloud.ClassTLS, "", x509.HostnameError{Certificate: &x509.Certificate{}}), exitRefused, "certificate is one of other hosts"},
		{request(llamacloud.ClassTLS, "", x509.CertificateInvalidError{Reason: x509.Expired}), exitRefused, "check the clock of this machine"},
		{request(llamacloud.ClassTLS, "", x509.UnknownAuthorityError{}), exitRefused, "SSL_CERT_FILE or with --ca-cert FILE"},
		{request(llamacloud.ClassTLS, "", tls.RecordHeaderError{}), exitRefused, "does not speak TLS"},
		{&llamacloud.APIError{Status: 407, Proxy: proxy}, exitRefused, "check the proxy at " + proxy},
		{&llamacloud.APIError{Status: 404, BasePath: "/llama"}, exitRefused, `base_url has the path "/llama"`},
	} {
		errs := []error{tt.err}
		if tt.code == exitStopped {
			errs = append(errs, &llamacloud.OutageError{Last: tt.err})
		}
		for _, err := range errs {
			if e := explainError(err); e.code != tt.code || !strings.Contains(e.hint, tt.want) {
				t.Errorf("%v: exit %d, %q, want %d and %q", err, e.code, e.hint, tt.code, tt.want)
			}
		}
	}
}

func TestExplainError_Interrupted_SaysWhatIsKept(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want string
	}{
		{pipeline.ErrInterrupted, "interrupted; what was fetched is kept, and the same command goes on"},
		{errors.Join(export.ErrStoppedAtOnce, errors.New("more")), "stopped at once\nmore; what was committed is kept, and the same command goes on"},
		{export.ErrAbandoned, "interrupted"},
	} {
		e := explainError(tt.err)
		got := tt.err.Error()
		if e.hint != "" {
			got += "; " + e.hint
		}
		if e.code != exitInterrupted || got != tt.want {
			t.Errorf("exit %d, %q, want %d and %q", e.code, got, exitInterrupted, tt.want)
		}
	}
	if e := explainError(&pipeline.StorageError{Op: "open", Err: store.ErrOwned}); e.code != exitOwned {
		t.Errorf("an export that another run has: exit %d, want %d", e.code, exitOwned)
	}
}

// A key of one region is refused by the other, so where one was asked both are named.
func TestExplainError_Unauthorized_NamesTheRegions(t *testing.T) {
	t.Parallel()
	const check = "check the key in LLAMA_CLOUD_API_KEY or api.api_key_file, and that it is one for this base_url"
	const other = "; a key of one region gets 401 in the other; --region na is api.cloud.llamaindex.ai"
	for host, want := range map[string]string{
		"api.cloud.llamaindex.ai":        check + other + ", which was asked; --region eu is api.cloud.eu.llamaindex.ai",
		"api.cloud.eu.llamaindex.ai:443": check + other + "; --region eu is api.cloud.eu.llamaindex.ai, which was asked",
		"127.0.0.1:8080":                 check,
		"llama.example.com":              check,
	} {
		err := fmt.Errorf("list: %w: %w", llamacloud.ErrUnauthorized, &llamacloud.APIError{Host: host, Status: 401})
		if e := explainError(err); e.code != exitRefused || e.hint != want {
			t.Errorf("%s: exit %d, %q\nwant %d, %q", host, e.code, e.hint, exitRefused, want)
		}
	}
}

// What the API refuses by its status needs a person, whatever the command was: the hint says what for. All else goes on by itself.
func TestExplainError_Refused_ByStatus(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{
		400: "check the id", 402: "no credits", 403: "another project", 404: "check the id and the region",
		407: "check the proxy", 410: "does not come back",
		422: "does not take the id", 500: "the same command goes on", 503: "the same command goes on",
	} {
		refused := &llamacloud.APIError{Method: "GET", Status: status}
		for _, err := range []error{refused, &llamacloud.ListingError{What: "directory x", Err: refused}} {
			code := exitRefused
			if status >= 500 {
				code = exitStopped
			}
			if e := explainError(err); e.code != code || !strings.Contains(e.hint, want) {
				t.Errorf("%v: exit %d, %q, want %d and %q", err, e.code, e.hint, code, want)
			}
		}
	}
	refused := fmt.Errorf("%w: %w", llamacloud.ErrCursorRefused, &llamacloud.APIError{Status: 404})
	if e := explainError(refused); e.code != exitStopped {
		t.Errorf("%v: exit %d, want %d", refused, e.code, exitStopped)
	}
}

// brokenOutput is a standard output whose writes fail.
type brokenOutput struct{ err error }

func (b brokenOutput) Write([]byte) (int, error) {
	return 0, &fs.PathError{Op: "write", Path: "/dev/stdout", Err: b.err}
}

// runInto runs a command line in a program whose standard output is w.
func runInto(t *testing.T, w io.Writer, url string, args ...string) (code int, stderr string) {
	t.Helper()
	var text strings.Builder
	a := &app{stdin: strings.NewReader(""), stdout: w, stderr: &text, environ: []string{
		"LLAMA_CLOUD_API_KEY=" + canaryKey, "LLAMA_CLOUD_BASE_URL=" + url, "EXPORTER_LIMITS_RATE=unlimited",
	}}
	return run(t.Context(), a, args), text.String()
}

// Whoever reads only the first lines, as "| head" does, has seen what they wanted. What is found out all the same is the exit code.
func TestRun_NobodyReadsTheResult_IsNoFailure(t *testing.T) {
	testmain.Long(t)
	t.Chdir(t.TempDir())
	_, url := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, sample.FS())})
	for _, line := range []string{
		"demo --no-progress", "plan --project --no-progress", "run --project --out out --no-progress", "run --out out --json --no-progress", "--help", "help run",
		"version", "--version", "licenses", "config show", "config show --json", "completion bash", "ls out", "ls out --tree --json", "verify out", "verify out --json",
		"cat --out out 03517320-10c7-8d4f-9eb6-6e4a09466ae3 0", "sources", "sources --json", "files ls 26dec090-b6dd-89e9-841f-18c3f644d9c0",
		"compact out", "dataset out ds --format parquet", "rm out --file-id 03517320-10c7-8d4f-9eb6-6e4a09466ae3",
	} {
		if code, stderr := runInto(t, brokenOutput{syscall.EPIPE}, url, strings.Fields(line)...); code != 0 || strings.Contains(stderr, "stdout") {
			t.Errorf("exporter %s: exit %d, want 0\n%s", line, code, stderr)
		}
	}
	if err := os.RemoveAll("out/blobs"); err != nil {
		t.Fatal(err)
	}
	if code, stderr := runInto(t, brokenOutput{syscall.EPIPE}, url, "verify", "out"); code != exitDamage {
		t.Errorf("exporter verify of a damaged export: exit %d, want %d\n%s", code, exitDamage, stderr)
	}
}

// A result that cannot be written is a failure, of help, too.
func TestRun_ResultThatCannotBeWritten_IsAFailure(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"--help", "help run", "run --help", "version", "licenses", "completion bash", "config show"} {
		code, stderr := runInto(t, brokenOutput{syscall.ENOSPC}, "", strings.Fields(line)...)
		if code != exitStorage || !strings.Contains(stderr, "no space left") {
			t.Errorf("exporter %s: exit %d, want %d\n%s", line, code, exitStorage, stderr)
		}
	}
}

// No signal ends the program where the reader of a real pipe goes away.
func TestMain_PipeWithoutReader_IsNoFailure(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	c := newChild(t, "", childOptions{}, "licenses")
	c.cmd.Stdout, c.cmd.Stderr = w, &c.stderr
	if err := c.cmd.Run(); err != nil || c.stderr.Len() > 0 {
		t.Errorf("exporter licenses: %v, want exit 0\n%s", err, &c.stderr)
	}
}
