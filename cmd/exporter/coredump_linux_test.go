package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"
)

// A run that crashes leaves no core, whatever the shell and GOTRACEBACK allow, and others of the same user cannot read its memory.
func TestRun_Crash_LeavesNoCore(t *testing.T) {
	const nobody = 65534
	asked, done := make(chan struct{}, 1), make(chan struct{})
	a := startAPI(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		select {
		case asked <- struct{}{}:
		default:
		}
		<-done
	}))
	defer close(done)
	dir := t.TempDir()
	c := newChild(t, a.url, childOptions{}, "run", "--project", "--out", "out")
	shell := exec.CommandContext(t.Context(), "sh", append([]string{"-c", `ulimit -S -c "$(ulimit -H -c)" && exec "$0" "$@"`, c.cmd.Path}, c.cmd.Args[1:]...)...)
	shell.Env = append(c.cmd.Env, childEnv+"=", "GOTRACEBACK=crash") // as main starts it
	shell.Dir, shell.Stderr = dir, &c.stderr
	uid := os.Getuid()
	if uid == 0 {
		// In /proc, what cannot be dumped belongs to root.
		uid = nobody
		shell.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		for _, path := range []string{dir, filepath.Dir(dir), filepath.Dir(c.cmd.Path), filepath.Dir(filepath.Dir(c.cmd.Path))} {
			if err := os.Chmod(path, 0o777); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-asked:
	case <-time.After(20 * time.Second):
		t.Errorf("the run asks nothing")
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", shell.Process.Pid))
	if err != nil || !regexp.MustCompile(`Max core file size +0 +0 +bytes`).Match(limits) {
		t.Errorf("%v, limits\n%s\nwant none of a core", err, limits)
	}
	info, err := os.Stat(fmt.Sprintf("/proc/%d/environ", shell.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner != 0 {
		t.Errorf("the environment belongs to user %d, who runs the program as %d, want root", owner, uid)
	}
	if err := shell.Process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	err = shell.Wait()
	status := shell.ProcessState.Sys().(syscall.WaitStatus)
	if !status.Signaled() || status.CoreDump() || showsKey(c.stderr.String()) {
		t.Errorf("%v, want a crash without a core and without the key\n%s", err, &c.stderr)
	}
	if cores, err := filepath.Glob(filepath.Join(dir, "core*")); err != nil || len(cores) > 0 {
		t.Errorf("%v, %q are left", err, cores)
	}
}
