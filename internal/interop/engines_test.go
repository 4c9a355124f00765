package interop

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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
	var all bytes.Buffer
	c.Stdout, c.Stderr = &all, &all
	must(t, c.Start())
	d.waitForBlob(t, part)
	kill(t, part)
	d.release(part)
	if err := c.Wait(); err != nil {
		t.Fatalf("%v: %v\n%s", c, err, all.Bytes())
	}
	return all.String()
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
