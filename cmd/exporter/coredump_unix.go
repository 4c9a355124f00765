//go:build unix && !linux

package main

import "golang.org/x/sys/unix"

// forbidCoreDumps keeps the memory of this process, and the API key in it, out of core dumps.
func forbidCoreDumps() error { return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) }
