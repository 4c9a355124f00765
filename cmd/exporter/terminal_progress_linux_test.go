package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/emulator/sample"
	"exporter/internal/testmain"
)

// startSample serves the sample with a latency.
func startSample(t *testing.T, latency time.Duration) string {
	t.Helper()
	server := httptest.NewServer(newEmulator(t, emulator.Options{Corpus: loadCorpus(t, sample.FS()), Latency: latency}))
	t.Cleanup(server.Close)
	return server.URL
}

// drawnFrames returns what was drawn, one after the other: the lines from one that begins with "files" up to one with "time".
func drawnFrames(written string) (drawn [][]string) {
	for text := range strings.SplitSeq(strings.Join(goingUp.Split(written, -1), "\nfiles-begin\n"), "\nfiles-begin\n") {
		var frame []string
		for line := range strings.SplitSeq(text, "\r\n") {
			if strings.HasPrefix(line, "files ") && len(frame) == 0 || len(frame) > 0 && len(frame) < 4 {
				frame = append(frame, line)
			}
		}
		if len(frame) == 4 {
			drawn = append(drawn, frame)
		}
	}
	return drawn
}

// Recordings of runs at 20 requests a minute, which are interrupted when they say how long it takes, and at full speed.
func TestTerminal_Progress_Recordings(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for _, tt := range []struct {
		name, rate string
		columns    int
		// seen, written in the order of the lines, are in some frame; last are in the one that stays.
		seen, last []string
		exit       int
	}{
		{"slow and wide", "20/m", 120,
			[]string{`^files +0/\d+\+ \[-+\]$`, `^assets +0/\? \[-+\]  0 B$`, `^rate +20/m given$`, `^time +\d+s elapsed, ETA 5\ds\+$`},
			[]string{`^files +0/\d+\+ \[-+\]$`, `^assets +0/\? `, `^rate +20/m given`, `^time +\d+s elapsed, ETA 5\ds\+$`}, exitInterrupted},
		{"slow and narrow", "20/m", 40,
			[]string{`^files +0/\d+\+$`, `^assets +0/\?  0 B$`, `^rate +20/m given$`, `^time +\d+s elapsed, ETA 5\ds\+$`}, nil, exitInterrupted},
		{"slow, 20 columns", "20/m", 20,
			[]string{`^files +0/\d+\+$`, `^assets 0/\?  0 B$`, `^rate +20/m given$`, `^time +\d+s, ETA 5\ds`}, nil, exitInterrupted},
		{"fast and wide", "unlimited", 120, nil,
			[]string{`^files +10/10 \[={28}\]$`, `^assets +120/120 \[={28}\]  [\d.]+ [KM]iB, \d+/s$`, `^rate +no limit known$`, `^time +\d+s elapsed$`}, 0},
		{"fast and narrow", "unlimited", 40, nil,
			[]string{`^files +10/10$`, `^assets +120/120  [\d.]+ [KM]iB, \d+/s$`, `^rate +no limit known$`, `^time +\d+s elapsed$`}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stopped := false
			code, written := recordTerminal(t, startSample(t, 0), tt.columns, nil, func(c *child, _ *os.File, written string) {
				if tt.exit == exitInterrupted && !stopped && strings.Contains(written, "ETA 5") {
					stopped = true
					c.signal(syscall.SIGINT)
				}
			}, "run", "--project", "--rate", tt.rate, "--out", filepath.Join(t.TempDir(), "out"))
			drawn := drawnFrames(written)
			if code != tt.exit || len(drawn) == 0 {
				t.Fatalf("exit %d, want %d, after %d frames\n%+q", code, tt.exit, len(drawn), written)
			}
			for _, frame := range drawn {
				for _, line := range frame {
					if textColumns(line) >= tt.columns {
						t.Errorf("a line of %d columns: %q", textColumns(line), line)
					}
				}
			}
			for i, want := range tt.seen {
				seen := false
				for _, frame := range drawn {
					seen = seen || regexp.MustCompile(want).MatchString(frame[i])
				}
				if !seen {
					t.Errorf("no frame has %q: %q", want, drawn)
				}
			}
			for i, want := range tt.last {
				if got := drawn[len(drawn)-1][i]; !regexp.MustCompile(want).MatchString(got) {
					t.Errorf("the last frame has %q, want %q", got, want)
				}
			}
			if strings.Contains(written, "ETA 1s+") {
				t.Errorf("a guess that means nothing: %+q", written)
			}
		})
	}
}

// A terminal may become narrow while a run is under way.
func TestTerminal_Resize_TheNextFramesFit(t *testing.T) {
	t.Parallel()
	resized := 0
	_, written := recordTerminal(t, startSample(t, 0), 120, nil, func(c *child, screen *os.File, written string) {
		switch drawn := len(drawnFrames(written)); {
		case resized == 0 && drawn > 0:
			resized = len(written)
			if err := resize(screen, 30); err != nil {
				t.Error(err)
			}
		case resized > 0 && drawn > 2:
			c.signal(syscall.SIGINT)
		}
	}, "run", "--project", "--rate", "20/m", "--out", filepath.Join(t.TempDir(), "out"))
	later := drawnFrames(written[resized:])
	if len(later) < 2 {
		t.Fatalf("%d frames after the terminal was resized: %+q", len(later), written)
	}
	for _, frame := range later[1:] {
		for _, line := range frame {
			if len(line) >= 30 {
				t.Errorf("%q does not fit into 30 columns", line)
			}
		}
	}
}

// Where the cursor cannot be moved, nothing is drawn.
func TestTerminal_DumbOrWithoutSize_DrawsNothing(t *testing.T) {
	testmain.Long(t)
	url := startSample(t, 0)
	for columns, environ := range map[int][]string{0: nil, 80: {"TERM=dumb"}} {
		if _, tty := openTerminal(t, columns); newScreen(tty, environ, nil) != nil {
			t.Errorf("%d columns, %q: the cursor is moved, and no lines are logged", columns, environ)
		}
		code, written := recordTerminal(t, url, columns, environ, func(*child, *os.File, string) {},
			"run", "--project", "--out", filepath.Join(t.TempDir(), "out"))
		if code != 0 || strings.Contains(written, "\x1b") || !strings.Contains(written, "files    10 listed") {
			t.Errorf("%d columns, %q: exit %d\n%+q", columns, environ, code, written)
		}
	}
}

// A terminal that goes away, and a reader of the log that does, end no run.
func TestRun_NobodyReadsAnyMore_EndsAsItShould(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	url := startSample(t, 20*time.Millisecond)
	args := func() (out string, args []string) {
		out = filepath.Join(t.TempDir(), "out")
		return out, []string{"run", "--project", "--out", out, "--concurrency", "4", "-v"}
	}
	out, line := args()
	gone := false
	code, written := recordTerminal(t, url, 80, nil, func(_ *child, screen *os.File, written string) {
		if len(drawnFrames(written)) > 1 && !gone {
			gone = true
			screen.Close()
		}
	}, line...)
	if rows := len(readExport(t, out).rows); code != 0 || !gone || rows < 100 || strings.Contains(written, "10 listed") {
		t.Errorf("terminal gone %t: exit %d, %d rows\n%+q", gone, code, rows, written)
	}

	out, line = args()
	c := newChild(t, url, childOptions{}, line...)
	stderr, err := c.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stderr.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	stderr.Close()
	stdout.Close()
	_ = c.cmd.Wait() // the exit code tells
	if rows := len(readExport(t, out).rows); c.cmd.ProcessState.ExitCode() != 0 || rows < 100 {
		t.Errorf("pipes closed: %v, %d rows", c.cmd.ProcessState, rows)
	}
}
