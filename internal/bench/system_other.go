//go:build !linux

package main

import (
	"errors"
	"time"
)

// canSync says that syncFileSystem works, and canSeeCPU that cpuSoFar does.
const canSync, canSeeCPU = false, false

// syncFileSystem fails: only Linux can write out one file system, and wait for it.
func syncFileSystem(string) error { return errors.ErrUnsupported }

// cpuSoFar returns 0: the system does not say.
func cpuSoFar(int) (time.Duration, error) { return 0, nil }

// writtenWhenEnded returns 0: the system does not say.
func writtenWhenEnded(int) (int64, error) { return 0, nil }
