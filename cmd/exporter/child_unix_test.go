//go:build unix

package main

import "syscall"

// becomeUser gives the process to another user.
func becomeUser(uid int) error { return syscall.Setuid(uid) }
