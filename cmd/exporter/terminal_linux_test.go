package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"exporter/internal/emulator"
	"exporter/internal/emulator/sample"
	"exporter/internal/testmain"
)

// openTerminal returns both ends of a new terminal of so many columns: what is written to tty can be read from screen.
func openTerminal(t *testing.T, columns int) (screen, tty *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	fd := int(screen.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = errors.Join(unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0), resize(screen, columns))
	}
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprint("/dev/pts/", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	return screen, tty
}

// resize gives a terminal so many columns; 0 stands for one that does not know its size.
func resize(screen *os.File, columns int) error {
	size := &unix.Winsize{Row: 40, Col: uint16(columns)}
	if columns == 0 {
		size.Row = 0
	}
	return unix.IoctlSetWinsize(int(screen.Fd()), unix.TIOCSWINSZ, size)
}

// runOnTerminal runs a command line on a terminal, and returns all that was written to it.
func runOnTerminal(t *testing.T, baseURL string, args ...string) (code int, written string) {
	t.Helper()
	return recordTerminal(t, baseURL, 150, nil, func(*child, *os.File, string) {}, args...)
}

// recordTerminal does so on a terminal of so many columns, with some more variables, and calls watch with what was written so far.
func recordTerminal(
	t *testing.T, baseURL string, columns int, environ []string, watch func(c *child, screen *os.File, written string), args ...string,
) (code int, written string) {
	t.Helper()
	screen, tty := openTerminal(t, columns)
	c := newChild(t, baseURL, childOptions{}, args...)
	c.cmd.Env = append(c.cmd.Env, environ...)
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = tty, tty, tty
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// The screen ends when nobody has the terminal open any more, or when watch has closed it.
	tty.Close()
	for buffer := make([]byte, 4096); ; {
		n, err := screen.Read(buffer)
		written += string(buffer[:n])
		if errors.Is(err, syscall.EIO) || errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		watch(c, screen, written)
	}
	_ = c.cmd.Wait() // the exit code tells
	if showsKey(written) {
		t.Errorf("%v printed the key", c.cmd)
	}
	return c.cmd.ProcessState.ExitCode(), written
}

// drawing is what the bars need: to go up to their first line, to erase what is below, and to begin a line anew.
var drawing = regexp.MustCompile(`\x1b\[[0-9]+A|\x1b\[J|\r`)

// goingUp begins a drawing, but for the first one.
var goingUp = regexp.MustCompile(`\r\x1b\[[0-9]+A\x1b\[J`)

// On a terminal, where bars are drawn and the log is written around them, no name controls anything.
func TestTerminal_HostileNames_ArePrintedWithEscapes(t *testing.T) {
	s := newSurroundings(t)
	url := hostileAPI(t, s)
	for _, tt := range []struct {
		exit int
		args []string
		// bars has to be there for the test to be of use, and so has a name.
		bars, name string
	}{
		{exitIncomplete, []string{"run", "--directory", "d", "--out", s.out, "--sink", "archive", "--compression",
			"none", "-v"},
			"assets", `\u202egpj.exe`},
		{exitDamage, []string{"verify", "--out", s.out, "-v"}, "verify", `\u202e\n.tar`},
		{exitIncomplete, []string{"plan", "--directory", "d", "--out", s.out, "-v"}, "files", `bad_id`},
		{0, []string{"files", "ls", "d"}, "", `\u202egpj.exe`},
		{exitUsage, []string{"run", "--directory", "\x1b[31m"}, "", `\x1b[31m`},
	} {
		if tt.args[0] == "verify" {
			plant(t, filepath.Join(s.out, "shards"), "shard-\u009b\u202e\n.tar")
			plant(t, filepath.Join(s.out, "shards"), "shard-000000.tar")
		}
		code, written := runOnTerminal(t, url, tt.args...)
		if code != tt.exit || !strings.Contains(written, tt.name) {
			t.Errorf("%q: exit %d, want %d and %q\n%+q", tt.args, code, tt.exit, tt.name, written)
		}
		if bars := regexp.MustCompile(tt.bars + `.*\[[=>-]*\]`); tt.bars != "" && !bars.MatchString(written) {
			t.Errorf("%q draws no bar %q: %+q", tt.args, tt.bars, written)
		}
		checkPrintable(t, fmt.Sprintf("%q", tt.args), drawing.ReplaceAllString(written, ""))
	}
	s.check()
}

// Below the bars stands which limit holds, how many of the last answers were throttled, and until when a pause lasts.
func TestTerminal_Limit_IsShownBelowTheBars(t *testing.T) {
	testmain.Long(t)
	server := httptest.NewServer(newEmulator(t, emulator.Options{
		Corpus: loadCorpus(t, sample.FS()),
		Limit: &emulator.RateLimit{
			Requests: 600, Used: 600, Window: 2 * time.Second,
			RetryAfter: emulator.RetryAfterSeconds, QuotaHeaders: emulator.QuotaIETF,
		},
	}))
	t.Cleanup(server.Close)
	out := filepath.Join(t.TempDir(), "out")
	code, written := runOnTerminal(t, server.URL, "run", "--project", "--figures=false", "--out", out)
	if code != 0 {
		t.Fatalf("exit %d, want 0\n%+q", code, written)
	}
	for _, want := range []string{
		`rate +300/s announced, 1 of the last 1 throttled, paused until \d\d:\d\d:\d\d\s`,
		`rate +300/s announced, 1 of the last \d\d throttled\s`,
	} {
		if !regexp.MustCompile(want).MatchString(written) {
			t.Errorf("the terminal never shows %q:\n%+q", want, written)
		}
	}
	if columns := regexp.MustCompile(`files +\d+/\d+  ?\[`); !columns.MatchString(written) {
		t.Errorf("the text below the bars widens their columns:\n%+q", written)
	}
}

// While a run is under way, the process list does not show the key, and neither does the crash of all goroutines.
func TestRun_ProcessListAndCrash_DoNotShowTheKey(t *testing.T) {
	t.Parallel()
	s := exportSettings{sink: "local", files: 4, each: 4, workers: 4, checkpoint: time.Hour}
	server := newEmulator(t, s.emulator())
	fetching, done := make(chan struct{}, s.assets()), make(chan struct{})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/page_screenshots/") {
			fetching <- struct{}{}
			<-done
			return
		}
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	defer close(done)
	out := filepath.Join(t.TempDir(), "out")
	c := startChild(t, front.URL, childOptions{}, s.args(out)...)
	select {
	case <-fetching:
	case <-time.After(30 * time.Second):
		t.Fatal("the run never asked for a blob")
	}
	for _, name := range []string{"cmdline", "comm", "status"} {
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", c.cmd.Process.Pid, name))
		if err != nil || len(content) == 0 || showsKey(string(content)) {
			t.Errorf("%s is %q, %v, want it without the key", name, content, err)
		}
	}
	c.signal(syscall.SIGQUIT)
	code, _, stderr := c.wait()
	for _, want := range []string{"SIGQUIT", "llamacloud.(*call).send", "exporter/pipeline.(*run).fetchOne"} {
		if code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("exit %d, and the crash does not show %q:\n%s", code, want, stderr)
		}
	}
}

// Help is as wide as the terminal.
func TestTerminal_Help_FitsIt(t *testing.T) {
	screen, tty := openTerminal(t, 0)
	for columns, want := range map[int]int{0: widestHelp, 20: narrowestHelp, 60: 60, 150: widestHelp} {
		if err := resize(screen, columns); err != nil {
			t.Fatal(err)
		}
		if got := helpWidth(tty); got != want {
			t.Errorf("help on a terminal of %d columns is %d wide, want %d", columns, got, want)
		}
	}
}
