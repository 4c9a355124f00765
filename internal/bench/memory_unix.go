//go:build unix

package main

import (
	"os"
	"runtime"
	"syscall"
)

// peakMemory returns the peak of a process's resident memory in bytes.
func peakMemory(state *os.ProcessState) int64 {
	rusage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	// Its type is int32 on some platforms.
	peak := int64(rusage.Maxrss)
	if runtime.GOOS == "darwin" {
		return peak
	}
	return peak << 10
}
