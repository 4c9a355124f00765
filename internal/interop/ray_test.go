//go:build ray

package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// Ray makes the export that one run makes, though the worker of one of four tasks is killed, and none where the key is refused. As Ray listens on every interface, all of it has a network
// of its own, with nothing but loopback; only root may make one.
func TestRay_Parts_EndAsOneRunDoes(t *testing.T) {
	venv := filepath.Join(t.TempDir(), "venv")
	must(t, installPython(venv, "ray==2.60.0"))
	// The thread ends with the test, and what it starts is in its network.
	runtime.LockOSThread()
	must(t, syscall.Unshare(syscall.CLONE_NEWNET))
	output(t, program(t, "ip", "link", "set", "lo", "up"))
	d := serveDivided(t, 4, 2)
	// Paths of sockets are short.
	dir, err := os.MkdirTemp("", "ray-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	driver := func(key string) *exec.Cmd {
		c := d.beside(t, filepath.Join(venv, "bin", "python"), deployed(t, "ray/export.py"), "4", d.out, "--rate", "unlimited",
			"--directory", d.directories[0])
		c.Env = append(c.Env, "LLAMA_CLOUD_API_KEY="+key, "PAUSE=1", "RAY_raylet_start_wait_time_s=300", "RAY_TMPDIR="+dir)
		return c
	}
	refused := driver("another")
	if said, _ := refused.CombinedOutput(); refused.ProcessState.ExitCode() != 4 {
		t.Errorf("with a wrong key: %v, want exit code 4\n%s", refused.ProcessState, said)
	}
	said := d.killOnce(t, driver(apiKey), 2, d.killWorker)
	if n := strings.Count(said, "part 2 ended with exit code 137, and is tried again"); n != 1 {
		t.Errorf("%d parts were tried again, want one:\n%s", n, said)
	}
	d.checkMerged(t)
}

// killWorker kills the worker that the program runs in.
func (d *divided) killWorker(t *testing.T, part int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.process(t, part)))
	must(t, err)
	_, text, found := strings.Cut(string(status), "\nPPid:\t")
	var worker int
	if _, err := fmt.Sscan(text, &worker); err != nil || !found {
		t.Fatalf("the parent of the program: %v\n%s", err, status)
	}
	must(t, syscall.Kill(worker, syscall.SIGKILL))
}
