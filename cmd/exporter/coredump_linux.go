package main

import (
	"errors"

	"golang.org/x/sys/unix"
)

// forbidCoreDumps keeps the memory of this process, and the API key in it, out of core dumps. The limit alone does not bind a
// program that /proc/sys/kernel/core_pattern pipes dumps to. What is not dumpable is piped nowhere, and belongs to root in
// /proc: other processes of the same user cannot read its environment or memory, nor attach a debugger. This process can still
// read what is its own, and a debugger can start it.
func forbidCoreDumps() error {
	return errors.Join(unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}), unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0))
}
