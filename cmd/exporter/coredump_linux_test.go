package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"
)

// A run that crashes leaves no core, whatever the shell and GOTRACEBACK allow, and others of the same user cannot read its memory.
func TestRun_Crash_LeavesNoCore(t *testing.T) {
	t.Parallel()
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
	c.cmd.Env = append(c.cmd.Env, childEnv+"=", "GOTRACEBACK=crash") // as main starts it
	var who *syscall.Credential
	if os.Getuid() == 0 {
		// In /proc, what cannot be dumped belongs to root.
		who = &syscall.Credential{Uid: nobody, Gid: nobody}
		if err := errors.Join(os.Chmod(dir, 0o777), os.Chmod(filepath.Dir(dir), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	c.through(`ulimit -S -c "$(ulimit -H -c)"`, who)
	c.cmd.Dir = dir
	c.start()
	select {
	case <-asked:
	case <-time.After(20 * time.Second):
		t.Errorf("the run asks nothing")
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", c.cmd.Process.Pid))
	if err != nil || !regexp.MustCompile(`Max core file size +0 +0 +bytes`).Match(limits) {
		t.Errorf("%v, limits\n%s\nwant none of a core", err, limits)
	}
	info, err := os.Stat(fmt.Sprintf("/proc/%d/environ", c.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner != 0 {
		t.Errorf("the environment belongs to user %d, want root", owner)
	}
	if err := c.cmd.Process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	err = c.cmd.Wait()
	status := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !status.Signaled() || status.CoreDump() || showsKey(c.stderr.String()) {
		t.Errorf("%v, want a crash without a core and without the key\n%s", err, &c.stderr)
	}
	if cores, err := filepath.Glob(filepath.Join(dir, "core*")); err != nil || len(cores) > 0 {
		t.Errorf("%v, %q are left", err, cores)
	}
}
