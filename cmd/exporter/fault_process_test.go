//go:build unix && !race

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"exporter/internal/durable"
	"exporter/internal/emulator"
	"exporter/internal/export"
	"exporter/internal/testmain"
	"exporter/manifest"
)

// gate stands before an emulator. It lets some blobs through and holds the requests for others.
type gate struct {
	*emulator.Server
	url string
	// passes is how many blobs may still pass, held how many requests came after them.
	passes atomic.Int64
	held   chan struct{}
	// open ends the waiting of requests that are held.
	open chan struct{}
	// underWay are the requests of programs that are there, or were a moment ago.
	underWay sync.WaitGroup
}

// startGate starts the emulator of an export behind a gate for so many blobs.
func startGate(t *testing.T, s exportSettings, passes int64) *gate {
	t.Helper()
	g := &gate{Server: newEmulator(t, s.emulator()), held: make(chan struct{}, s.assets()), open: make(chan struct{})}
	g.passes.Store(passes)
	front := httptest.NewServer(g)
	t.Cleanup(front.Close)
	g.url = front.URL
	return g
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.underWay.Add(1)
	defer g.underWay.Done()
	if blobPath.MatchString(r.URL.Path) && g.passes.Add(-1) < 0 {
		g.held <- struct{}{}
		select {
		case <-g.open:
		case <-r.Context().Done():
			return
		}
	}
	g.Server.ServeHTTP(w, r)
}

// checkResumes runs an export again that has ended early. It has to fetch no more than what was not committed.
func (g *gate) checkResumes(t *testing.T, s exportSettings, out string, committed int) {
	t.Helper()
	g.underWay.Wait()
	g.Reset()
	newCLI(t, g.url).mustRun(s.args(out)...)
	if got, want := blobRequests(g.Server), s.assets()-committed; got != want {
		t.Errorf("the next run fetched %d blobs, want %d", got, want)
	}
	readExportedSet(t, out).check(t, s.undisturbed(t))
}

// waitUntilHeld waits until n requests are held.
func (g *gate) waitUntilHeld(t *testing.T, n int) {
	t.Helper()
	for range n {
		select {
		case <-g.held:
		case <-time.After(30 * time.Second):
			t.Fatal("the run never asked for more blobs than those that passed")
		}
	}
}

// The first signal ends a run when what is in flight has come in and is committed. The next run fetches the rest.
func TestExport_Interrupted_CommitsWhatIsInFlight(t *testing.T) {
	testmain.Long(t)
	obeyHangups(t)
	for _, sink := range []string{"local", "archive"} {
		for _, sent := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
			t.Run(sink+"/"+sent.String(), func(t *testing.T) {
				t.Parallel()
				s := exportSettings{sink: sink, files: 4, each: 10, latency: 20 * time.Millisecond, workers: 4, checkpoint: time.Hour}
				g := startGate(t, s, 11)
				out := filepath.Join(t.TempDir(), "out")
				c := startChild(t, g.url, childOptions{}, s.args(out)...)
				g.waitUntilHeld(t, s.workers)
				c.signal(sent)
				// The signal is to be there before the blobs are.
				time.Sleep(300 * time.Millisecond)
				close(g.open)
				stderr := c.mustExit(exitInterrupted)
				for _, want := range []string{
					"interrupted: what is in flight is finished and committed; another interrupt stops at once",
					"what was fetched is kept, and the same command goes on",
				} {
					if !strings.Contains(stderr, want) {
						t.Errorf("standard error is %q, want %q", stderr, want)
					}
				}
				committed := len(readExport(t, out).rows)
				if fetched := blobRequests(g.Server); committed != fetched || committed == s.assets() {
					t.Errorf("%d of %d blobs are committed, of %d assets", committed, fetched, s.assets())
				}
				g.checkResumes(t, s, out, committed)
			})
		}
	}
}

// The second signal ends a run at once, even while the API does not answer.
func TestExport_InterruptedTwice_EndsAtOnce(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for _, sink := range []string{"local", "archive"} {
		t.Run(sink, func(t *testing.T) {
			t.Parallel()
			s := exportSettings{sink: sink, files: 4, each: 10, workers: 4, checkpoint: time.Hour}
			g := startGate(t, s, 20)
			out := filepath.Join(t.TempDir(), "out")
			c := startChild(t, g.url, childOptions{CheckpointRows: 8}, s.args(out)...)
			g.waitUntilHeld(t, s.workers)
			// Two of a kind could become one. The first is to be heeded before the second comes.
			c.signal(syscall.SIGINT)
			time.Sleep(300 * time.Millisecond)
			c.signal(syscall.SIGTERM)
			stderr := c.mustExit(exitInterrupted)
			if want := "exporter: stopped at once; what was committed is kept, and the same command goes on"; !strings.Contains(stderr, want) {
				t.Errorf("standard error is %q, want %q", stderr, want)
			}
			checkLastReport(t, out, exitInterrupted)
			committed := len(readExport(t, out).rows)
			close(g.open)
			g.checkResumes(t, s, out, committed)
		})
	}
}

// obeyHangups has the programs that a test starts obey SIGHUP, also where the test was started by nohup.
func obeyHangups(t *testing.T) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(c) })
}

// Slurm sends SIGTERM twice: that is one.
func TestExport_TerminatedTwiceAtOnce_CommitsWhatIsInFlight(t *testing.T) {
	t.Parallel()
	s := exportSettings{sink: "local", files: 4, each: 10, workers: 4, checkpoint: time.Hour}
	g := startGate(t, s, 11)
	out := filepath.Join(t.TempDir(), "out")
	c := startChild(t, g.url, childOptions{}, s.args(out)...)
	g.waitUntilHeld(t, s.workers)
	c.signal(syscall.SIGTERM)
	// Two that come while neither has been seen become one.
	time.Sleep(300 * time.Millisecond)
	c.signal(syscall.SIGTERM)
	time.Sleep(300 * time.Millisecond)
	close(g.open)
	c.mustExit(exitInterrupted)
	if committed, fetched := len(readExport(t, out).rows), blobRequests(g.Server); committed != fetched || committed < 11 {
		t.Errorf("%d of %d blobs are committed", committed, fetched)
	}
	checkLastReport(t, out, exitInterrupted)
}

// What nohup starts goes on when the terminal is closed.
func TestExport_HangupIgnored_GoesOn(t *testing.T) {
	t.Parallel()
	s := exportSettings{sink: "local", files: 4, each: 10, workers: 4, checkpoint: time.Hour}
	g := startGate(t, s, 11)
	out := filepath.Join(t.TempDir(), "out")
	c := newChild(t, g.url, childOptions{}, s.args(out)...)
	program := c.cmd
	c.cmd = exec.CommandContext(t.Context(), "sh", append([]string{"-c", `trap "" HUP; exec "$0" "$@"`, program.Path}, program.Args[1:]...)...)
	c.cmd.Env, c.cmd.Stderr = program.Env, &c.stderr
	var err error
	if c.stdout, err = c.cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	g.waitUntilHeld(t, s.workers)
	c.signal(syscall.SIGHUP)
	close(g.open)
	c.mustExit(0)
	readExportedSet(t, out).check(t, s.undisturbed(t))
}

// checkLastReport checks the exit code in run.json, and that no run is said to be under way.
func checkLastReport(t *testing.T, out string, want int) {
	t.Helper()
	var report export.Report
	b, err := os.ReadFile(filepath.Join(out, export.ReportName))
	if err == nil {
		err = json.Unmarshal(b, &report)
	}
	if err != nil || report.ExitCode != want {
		t.Errorf("%s has the exit code %d (%v), want %d", export.ReportName, report.ExitCode, err, want)
	}
	if _, err := os.Lstat(filepath.Join(out, export.RunningName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is there after the run: %v", export.RunningName, err)
	}
}

// A run that is killed leaves its note, and the next one says so.
func TestExport_Killed_NextRunSaysSo(t *testing.T) {
	t.Parallel()
	s := exportSettings{sink: "local", files: 4, each: 10, workers: 4, checkpoint: time.Hour}
	g := startGate(t, s, 11)
	out := filepath.Join(t.TempDir(), "out")
	c := startChild(t, g.url, childOptions{CheckpointRows: 8}, s.args(out)...)
	g.waitUntilHeld(t, s.workers)
	if !c.kill() {
		t.Fatal("the run was not killed")
	}
	close(g.open)
	var note export.Running
	b, err := os.ReadFile(filepath.Join(out, export.RunningName))
	if err == nil {
		err = json.Unmarshal(b, &note)
	}
	if host, _ := os.Hostname(); err != nil || note.Process != c.cmd.Process.Pid || note.Host != host || note.StartedAt.IsZero() ||
		note.Settings["source.directories"] == "" {
		t.Errorf("the note of the killed run is %+v (%v)", note, err)
	}
	if showsKey(string(b)) {
		t.Errorf("the note shows the key: %s", b)
	}
	code, _, stderr := newCLI(t, g.url).run(s.args(out)...)
	want := fmt.Sprintf("the last run did not come to its end: what it committed is kept\" host=%s process=%d", note.Host, note.Process)
	if code != 0 || !strings.Contains(stderr, want) {
		t.Errorf("the next run: exit %d, want %q in\n%s", code, want, stderr)
	}
	checkLastReport(t, out, 0)
	readExportedSet(t, out).check(t, s.undisturbed(t))
}

// A second run, or a removal, on an export that has a run is refused, and changes nothing.
func TestExport_SecondRun_IsRefused(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for _, sink := range []string{"local", "archive"} {
		t.Run(sink, func(t *testing.T) {
			t.Parallel()
			s := exportSettings{sink: sink, files: 4, each: 10, workers: 4, checkpoint: time.Hour}
			g := startGate(t, s, 20)
			out := filepath.Join(t.TempDir(), "out")
			first := startChild(t, g.url, childOptions{CheckpointRows: 1000}, s.args(out)...)
			g.waitUntilHeld(t, s.workers)
			before := fingerprint(t, out, durable.TempDir)
			unused, url := startEmulator(t, s.emulator())
			for _, args := range [][]string{s.args(out), {"rm", out, "--file-id", "file-0"}} {
				stderr := startChild(t, url, childOptions{}, args...).mustExit(exitOwned)
				for _, want := range []string{
					fmt.Sprintf("another run is using this export: process %d on ", first.cmd.Process.Pid), `, since 20`,
					"; wait for it to end, or export to another --out",
				} {
					if !strings.Contains(stderr, want) {
						t.Errorf("%q: standard error is %q, want %q", args, stderr, want)
					}
				}
			}
			checkUntouched(t, out, before, durable.TempDir)
			if n := len(unused.Requests()); n != 0 {
				t.Errorf("the second run made %d requests", n)
			}
			close(g.open)
			first.mustExit(0)
			if n := blobRequests(g.Server); n != s.assets() {
				t.Errorf("%d requests for %d blobs", n, s.assets())
			}
			readExportedSet(t, out).check(t, s.undisturbed(t))
		})
	}
}

// Whoever owns an export is named, also before its run has begun or where it is no run, and no run that was killed is in its stead.
func TestExport_OwnedWithoutARun_NamesTheOwner(t *testing.T) {
	t.Parallel()
	s := exportSettings{sink: "local", files: 1, each: 1, workers: 1, checkpoint: time.Hour}
	server, url := startEmulator(t, s.emulator())
	out := filepath.Join(t.TempDir(), "out")
	startChild(t, url, childOptions{Stop: point{"rename " + manifest.AssetsName}}, s.args(out)...).killAtPoint()
	server.Reset()
	owner, err := durable.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	want := fmt.Sprintf("another run is using this export: process %d on %q, since 20", os.Getpid(), durable.Host())
	for _, args := range [][]string{s.args(out), {"rm", out, "--file-id", "file-0"}} {
		if stderr := startChild(t, url, childOptions{}, args...).mustExit(exitOwned); !strings.Contains(stderr, want) {
			t.Errorf("%q: standard error is %q, want %q", args, stderr, want)
		}
	}
	if n := len(server.Requests()); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

// killedWithParts returns an export of which a run was killed when it had written some parts.
func killedWithParts(t *testing.T, s exportSettings) (server *emulator.Server, url, out string) {
	t.Helper()
	server = newEmulator(t, s.emulator())
	listener := httptest.NewUnstartedServer(server)
	var connections atomic.Int64
	listener.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			connections.Add(1)
		case http.StateClosed:
			connections.Add(-1)
		}
	}
	listener.Start()
	t.Cleanup(listener.Close)
	out = filepath.Join(t.TempDir(), "out")
	c := startChild(t, listener.URL, childOptions{CheckpointRows: 8, Stop: point{"rename .exporter/parts/00000005.assets.parquet"}}, s.args(out)...)
	c.killAtPoint()
	// What the killed run has sent may come to the server still.
	for connections.Load() > 0 {
		time.Sleep(time.Millisecond)
	}
	server.Reset()
	return server, listener.URL, out
}

// A part of the commit log is damaged after a kill. It is named, and the run refuses to go on without it.
func TestExport_DamagedPart_IsRefused(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	s := exportSettings{sink: "local", files: 8, each: 6, workers: 2, checkpoint: time.Hour}
	server, url, out := killedWithParts(t, s)
	parts, err := filepath.Glob(filepath.Join(out, ".exporter", "parts", "*.parquet"))
	if err != nil || len(parts) < 6 {
		t.Fatalf("the kill left %d parts, %v", len(parts), err)
	}
	random := rand.New(rand.NewPCG(44, 44))
	for _, part := range parts {
		sound, err := os.ReadFile(part)
		if err != nil {
			t.Fatal(err)
		}
		damaged := [][]byte{{}, sound[:len(sound)/2], sound[:len(sound)-1], make([]byte, len(sound))}
		for range 10 {
			flipped := slices.Clone(sound)
			flipped[random.IntN(len(sound))] ^= 1 << random.IntN(8)
			damaged = append(damaged, flipped)
		}
		for i, content := range damaged {
			if err := os.WriteFile(part, content, 0o644); err != nil {
				t.Fatal(err)
			}
			code, _, stderr := newCLI(t, url).run(s.args(out)...)
			if want := filepath.Base(part) + " is damaged: "; code != exitDamage || !strings.Contains(stderr, want) {
				t.Fatalf("damage %d of %s: exit %d, want %d and %q\n%s", i, filepath.Base(part), code, exitDamage, want, stderr)
			}
		}
		if err := os.WriteFile(part, sound, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(server.Requests()); n != 0 {
		t.Errorf("%d requests before the damage was found", n)
	}
	newCLI(t, url).mustRun(s.args(out)...)
	readExportedSet(t, out).check(t, s.undisturbed(t))
}

// What was asked for is known from the parts alone, when a first run was killed: another source or sink is refused.
func TestExport_KilledThenOtherSettings_IsRefused(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	s := exportSettings{sink: "local", files: 8, each: 6, workers: 2, checkpoint: time.Hour}
	server, url, out := killedWithParts(t, s)
	c := newCLI(t, url)
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--sink", "archive"}, `output.sink is "archive", not "local"`},
		{[]string{"--display-name", "a"}, `source.display_name is "a", not ""`},
	} {
		before := fingerprint(t, out, durable.TempDir, durable.PrivateDir+"/lock")
		code, _, stderr := c.run(append(s.args(out), tt.args...)...)
		if code != exitUsage || !strings.Contains(stderr, tt.want) || !strings.Contains(stderr, "give --force source") {
			t.Errorf("%q: exit %d, want %d and %q\n%s", tt.args, code, exitUsage, tt.want, stderr)
		}
		checkUntouched(t, out, before, durable.TempDir, durable.PrivateDir+"/lock")
	}
	if n := len(server.Requests()); n != 0 {
		t.Errorf("%d requests before the settings were refused", n)
	}
	c.mustRun(append(s.args(out), "--file", "file-00000001")...)
	readExportedSet(t, out).check(t, s.undisturbed(t))
}
