package interop

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"exporter/internal/parts"
)

// makeEngines makes the environment of engines.txt.
var makeEngines = venvOnce("EXPORTER_TEST_ENGINES", "engines.txt")

// engine returns a command of the Python environment that has the engines. It runs beside the export, with its key.
func (d *divided) engine(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	program(t, "python3")
	venv, err := makeEngines()
	must(t, err)
	return d.beside(t, filepath.Join(venv, "bin", name), args...)
}

// beside returns a command that runs in the folder of the export, with its key.
func (d *divided) beside(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	c := program(t, name, args...)
	c.Dir = filepath.Dir(d.out)
	c.Env = append(os.Environ(), "LLAMA_CLOUD_API_KEY="+apiKey, "LLAMA_CLOUD_BASE_URL="+d.url, "HOME="+c.Dir)
	return c
}

// killOnce runs a command, kills what runs a part, lets its blobs through, and waits for the command to end.
func (d *divided) killOnce(t *testing.T, c *exec.Cmd, part int, kill func(t *testing.T, part int)) (said string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	must(t, err)
	defer log.Close()
	read := func() string {
		text, err := os.ReadFile(log.Name())
		must(t, err)
		return string(text)
	}
	defer func() {
		if t.Failed() {
			t.Logf("%v:\n%s", c, read())
		}
	}()
	c.Stdout, c.Stderr = log, log
	must(t, c.Start())
	d.waitForBlob(t, part)
	kill(t, part)
	d.release(part)
	must(t, c.Wait())
	return read()
}

// Snakemake makes the export that one run makes, though the program is killed in one of four jobs.
func TestSnakemake_Parts_EndAsOneRunDoes(t *testing.T) {
	t.Parallel()
	d := serveDivided(t, 4, 2)
	said := d.killOnce(t, d.engine(t, "snakemake", "--snakefile", deployed(t, "snakemake/Snakefile"), "--cores", "4", "--keep-going", "--config",
		"parts=4", "out="+d.out, "flags=--rate unlimited --directory "+d.directories[0], "pause=0"), 2, d.kill)
	if n := strings.Count(said, "Trying to restart job"); n != 1 {
		t.Errorf("%d jobs were tried again, want 1:\n%s", n, said)
	}
	d.checkMerged(t)
}

// Snakemake tries no part again where the first one says that none can succeed.
func TestSnakemake_Refused_IsNotTriedAgain(t *testing.T) {
	t.Parallel()
	d := serveDivided(t, 4)
	c := d.engine(t, "snakemake", "--snakefile", deployed(t, "snakemake/Snakefile"), "--cores", "1", "--keep-going", "--config", "parts=4",
		"out="+d.out, "flags=--directory "+d.directories[0], "pause=0")
	c.Env = append(c.Env, "LLAMA_CLOUD_API_KEY=another")
	said, err := c.CombinedOutput()
	if err == nil {
		t.Errorf("%v succeeds", c)
	}
	if n := strings.Count(string(said), "exporter: "); n != 1 {
		t.Errorf("the program ran %d times, want once:\n%s", n, said)
	}
}

// GNU parallel makes the export that one run makes, though the program is killed in one of four jobs. It makes nothing where a part says that
// none can succeed.
func TestParallel_Parts_EndAsOneRunDoes(t *testing.T) {
	t.Parallel()
	d := serveDivided(t, 4, 1)
	script := deployed(t, "parallel/export.sh")
	program(t, "parallel")
	run := func(key string, args ...string) *exec.Cmd {
		c := d.beside(t, script, append(args, "4", d.out, "--rate", "unlimited", "--directory", d.directories[0])...)
		c.Env = append(c.Env, "LLAMA_CLOUD_API_KEY="+key, "JOBS=2", "PAUSE=0")
		return c
	}
	refused := run("another")
	if said, _ := refused.CombinedOutput(); refused.ProcessState.ExitCode() != 4 {
		t.Errorf("%v: %v, want exit code 4:\n%s", refused, refused.ProcessState, said)
	}
	said := d.killOnce(t, run(apiKey), 1, d.kill)
	if n := strings.Count(said, "part 1/4 ended with exit code 137, and is tried again"); n != 1 {
		t.Errorf("%d parts were tried again, want one:\n%s", n, said)
	}
	d.checkMerged(t)

	// What is done is not run again.
	before := len(d.emulator.Requests())
	if said, err := run(apiKey, "--resume").CombinedOutput(); err != nil {
		t.Errorf("--resume: %v\n%s", err, said)
	}
	if n := len(d.emulator.Requests()) - before; n != 0 {
		t.Errorf("--resume made %d requests, want none", n)
	}
}

// Who interrupts GNU parallel, or the script, waits for the programs to commit what they have, and no part is tried again.
func TestParallel_Interrupted_PartsCommit(t *testing.T) {
	t.Parallel()
	program(t, "parallel")
	d := serveDivided(t, 2, 0)
	c := d.beside(t, deployed(t, "parallel/export.sh"), "2", d.out, "--rate", "unlimited", "--directory", d.directories[0])
	c.Env = append(c.Env, "JOBS=1", "PAUSE=0")
	said := start(t, c)
	d.waitForBlob(t, 0)
	must(t, c.Process.Signal(syscall.SIGTERM))
	// Longer than parallel waits by itself.
	time.Sleep(time.Second)
	d.release(0)
	if _ = c.Wait(); c.ProcessState.ExitCode() <= 101 {
		t.Errorf("%v, want an exit code of parallel itself\n%s", c.ProcessState, said)
	}
	text, err := os.ReadFile(d.path(parts.Path(0) + "/run.json"))
	must(t, err)
	var report struct {
		ExitCode int `json:"exit_code"`
	}
	must(t, json.Unmarshal(text, &report))
	if report.ExitCode != 130 {
		t.Errorf("the part ended with %d, want 130\n%s", report.ExitCode, said)
	}
	if _, err := os.Stat(d.path(parts.Path(1))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the other part was begun: %v\n%s", err, said)
	}
}
