package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"exporter/internal/durable"
	"exporter/internal/durable/durabletest"
	"exporter/internal/testmain"
)

// childEnv holds the childOptions of a program that a test starts, as JSON.
const childEnv = "CHILD_OPTIONS"

// childOptions say how a program that a test starts differs from the real one.
type childOptions struct {
	// CheckpointRows bounds the assets that are not committed; 0 leaves it as it is.
	CheckpointRows int
	// Stop is where the program stops for ever; empty is nowhere.
	Stop point
	// UID is the user that it runs as; 0 is that of the test.
	UID int
	// Cost says that the program prints a cost as its last line.
	Cost bool
	// Patience is that of quickly; 0 leaves it as it is.
	Patience time.Duration
	// Peak says that its memory is tuned as that of the real one, and that it prints the most that it had as its last line, in bytes.
	Peak bool
}

// point is a place in a run: operations such as "rename blobs/*/*/*/0.jpg", with the wildcards of path.Match. Each is the
// first of its kind after the one before it, and the place is right after the last.
type point []string

// childMain is main, with the childOptions of the environment where there are any.
func childMain() {
	encoded := os.Getenv(childEnv)
	if encoded == "" {
		main()
		return
	}
	var o childOptions
	if err := json.Unmarshal([]byte(encoded), &o); err != nil {
		panic(err)
	}
	if o.UID != 0 {
		if err := becomeUser(o.UID); err != nil {
			panic(err)
		}
	}
	ctx, stop := withSignals(context.Background())
	a := &app{
		stdin: strings.NewReader(""), stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ(), stop: stop,
		checkpointRows: o.CheckpointRows, ownProcess: o.Peak, own: quickly(o.Patience),
	}
	if len(o.Stop) > 0 {
		s := &stopper{left: o.Stop}
		a.own = ownWrapped(func(fsys durable.FS) durable.FS { return durabletest.Hook(fsys, durabletest.Hooks{After: s.see}) })
	}
	if o.Cost {
		os.Exit(runAtCost(ctx, a))
	}
	code := run(ctx, a, os.Args[1:])
	if o.Peak {
		fmt.Printf("\n%d\n", peakMemory())
	}
	os.Exit(code)
}

// peakMemory returns the most memory that this process had, in bytes; 0 where the system does not say.
func peakMemory() (kibibytes int64) {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	_, _ = fmt.Sscan(rest, &kibibytes)
	return kibibytes << 10
}

// stopper stops a program at a point.
type stopper struct {
	mu sync.Mutex
	// left are the point's operations that have not been seen yet.
	left point
}

// see takes note of an operation. At the point it prints a line, and does not return while the test that reads the line is
// there. Nobody else goes on either, as it holds the lock.
func (s *stopper) see(o durabletest.Operation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if matches, err := path.Match(s.left[0], o.Kind+" "+o.Name); err != nil || !matches {
		return
	}
	if s.left = s.left[1:]; len(s.left) > 0 {
		return
	}
	fmt.Printf("at the point: %s %s\n", o.Kind, o.Name)
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(exitInternal)
}

// childLife is when a child is taken to hang: late, as it may have to wait for a processor that others use.
const childLife = 4 * time.Minute

// child is the program in a process of its own.
type child struct {
	t      *testing.T
	ctx    context.Context
	cmd    *exec.Cmd
	stdout io.Reader
	stderr bytes.Buffer
}

// startChild starts a command line against the API at baseURL. The test ends it, should it hang.
func startChild(t *testing.T, baseURL string, o childOptions, args ...string) *child {
	t.Helper()
	return newChild(t, baseURL, o, args...).start()
}

// start starts what was prepared.
func (c *child) start() *child {
	c.t.Helper()
	c.cmd.Stderr = &c.stderr
	// Closed when the child or the test ends.
	if _, err := c.cmd.StdinPipe(); err != nil {
		c.t.Fatal(err)
	}
	var err error
	if c.stdout, err = c.cmd.StdoutPipe(); err != nil {
		c.t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	return c
}

// newChild prepares what startChild starts.
func newChild(t *testing.T, baseURL string, o childOptions, args ...string) *child {
	t.Helper()
	watchForKey(t)
	ctx, cancel := context.WithTimeout(t.Context(), childLife)
	t.Cleanup(cancel)
	encoded, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, ctx: ctx, cmd: exec.CommandContext(ctx, "exporter", args...)}
	c.cmd.Env = []string{
		childEnv + "=" + string(encoded), "LLAMA_CLOUD_API_KEY=" + canaryKey, "LLAMA_CLOUD_BASE_URL=" + baseURL, "EXPORTER_LIMITS_RATE=unlimited",
		// A crash shows all goroutines.
		"GORACE=atexit_sleep_ms=0", "GOTRACEBACK=all", "TMPDIR=" + os.TempDir(),
	}
	if !o.Peak && !o.Cost {
		c.cmd.Env = append(c.cmd.Env, "GOGC="+strconv.Itoa(testmain.GCPercent))
	}
	for _, name := range storeVariables() {
		if value, ok := os.LookupEnv(name); ok {
			c.cmd.Env = append(c.cmd.Env, name+"="+value)
		}
	}
	return c
}

// wait returns the exit code and what was printed. The key must not be in it.
func (c *child) wait() (code int, stdout, stderr string) {
	c.t.Helper()
	out, err := io.ReadAll(c.stdout)
	err = errors.Join(err, c.cmd.Wait())
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		c.t.Fatalf("%v: %v\n%s", c.cmd, err, &c.stderr)
	}
	if errors.Is(c.ctx.Err(), context.DeadlineExceeded) {
		c.t.Fatalf("%v: it hangs: no end after %v\n%s", c.cmd, childLife, &c.stderr)
	}
	stdout, stderr = string(out), c.stderr.String()
	if showsKey(stdout + stderr) {
		c.t.Errorf("%v printed the key", c.cmd)
	}
	return c.cmd.ProcessState.ExitCode(), stdout, stderr
}

// mustExit fails unless the program ends with the exit code, and returns what it wrote to standard error.
func (c *child) mustExit(want int) (stderr string) {
	c.t.Helper()
	code, stdout, stderr := c.wait()
	if code != want {
		c.t.Fatalf("%v: exit %d, want %d\n%s%s", c.cmd, code, want, stdout, stderr)
	}
	return stderr
}

// killAtPoint waits until the program has come to its point, and kills it there.
func (c *child) killAtPoint() {
	c.t.Helper()
	line, err := bufio.NewReader(c.stdout).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "at the point: ") {
		_, stdout, stderr := c.wait()
		c.t.Fatalf("%v never came to its point: %s%s%s", c.cmd, line, stdout, stderr)
	}
	if !c.kill() {
		c.t.Fatalf("%v was not killed: %v\n%s", c.cmd, c.cmd.ProcessState, &c.stderr)
	}
}

// signal sends a signal.
func (c *child) signal(s os.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// kill kills the program, and tells whether it was alive until then.
func (c *child) kill() (landed bool) {
	c.t.Helper()
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		c.t.Fatal(err)
	}
	c.wait()
	status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signal() == syscall.SIGKILL
}
