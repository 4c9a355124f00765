//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// becomeUser gives the process to another user.
func becomeUser(uid int) error { return syscall.Setuid(uid) }

// through has a line of a shell come before the program, in its process, and another user run it unless who is nil.
func (c *child) through(line string, who *syscall.Credential) {
	c.t.Helper()
	shell := exec.CommandContext(c.t.Context(), "sh", append([]string{"-c", line + ` && exec "$0" "$@"`, c.cmd.Path}, c.cmd.Args[1:]...)...)
	shell.Env = c.cmd.Env
	if who != nil {
		shell.SysProcAttr = &syscall.SysProcAttr{Credential: who}
		bin := filepath.Dir(c.cmd.Path)
		for _, dir := range []string{bin, filepath.Dir(bin)} {
			if err := os.Chmod(dir, 0o755); err != nil {
				c.t.Fatal(err)
			}
		}
	}
	c.cmd = shell
}
