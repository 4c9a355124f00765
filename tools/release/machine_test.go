package main

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

//go:embed machine/boot.sh
var bootScript string

// systemRoot returns the folder of the system that machines look like: EXPORTER_TEST_ROOT, such as debootstrap makes it, else this machine's own.
func systemRoot() string { return cmp.Or(os.Getenv("EXPORTER_TEST_ROOT"), "/") }

// machine is a systemd that is process 1, with everything that the system in systemRoot has installed. What happens in it is gone in the end, and its
// network is loopback alone.
type machine struct {
	t *testing.T
	// shared is /mnt in the machine.
	shared string
	pid    string
}

// bootMachine boots a machine that is there until the test ends. The test needs root, who may mount and make namespaces.
func bootMachine(t *testing.T) *machine {
	t.Helper()
	if os.Getuid() != 0 {
		cannot(t, "only root may boot a systemd")
	}
	if _, err := os.Stat(filepath.Join(systemRoot(), "lib/systemd/systemd")); err != nil {
		t.Fatalf("%v: apt-get install systemd", err)
	}
	m := &machine{t: t, shared: t.TempDir()}
	script := filepath.Join(t.TempDir(), "boot.sh")
	if err := os.WriteFile(script, []byte(bootScript), 0o755); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	c := outside(t, "unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--net", "--cgroup", "sh", script, t.TempDir(), m.shared, systemRoot())
	c.Stdout, c.Stderr = &log, &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() {
		if m.pid != "" {
			exec.Command("kill", "-KILL", m.pid).Run()
		}
		c.Process.Signal(syscall.SIGKILL)
		<-ended
	})
	children := fmt.Sprintf("/proc/%d/task/%d/children", c.Process.Pid, c.Process.Pid)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("systemd does not boot here: %v\n%s", err, log.Bytes())
		default:
		}
		b, _ := os.ReadFile(children)
		if m.pid = strings.TrimSpace(string(b)); m.pid == "" {
			continue
		}
		if _, err := m.try("systemctl is-active basic.target"); err == nil {
			return m
		}
	}
	t.Fatalf("systemd did not boot in a minute\n%s", log.Bytes())
	return nil
}

// try runs a script in the machine and returns what it printed.
func (m *machine) try(script string) (string, error) {
	m.t.Helper()
	c := outside(m.t, "nsenter", "--target", m.pid, "--all", "--root", "--wd", "sh", "-euc", script)
	c.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "HOME=/root", "PAGER=cat"}
	out, err := c.CombinedOutput()
	return string(out), err
}

// run runs a script in the machine that must succeed, and returns what it printed.
func (m *machine) run(script string) string {
	m.t.Helper()
	out, err := m.try(script)
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return out
}

// cannot skips a test that needs what this machine does not have. In CI no test may skip: there it fails.
func cannot(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("EXPORTER_TEST_SKIP_NOTHING") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// outside returns a command of an outside program. It fails the test if the program is not installed.
func outside(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatal(err)
	}
	return exec.CommandContext(t.Context(), name, args...)
}
