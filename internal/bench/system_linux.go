package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// canSync says that syncFileSystem works, and canSeeCPU that cpuSoFar does.
const canSync, canSeeCPU = true, true

// syncFileSystem writes to the device whatever the file system of dir still has to write.
func syncFileSystem(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = errors.Join(unix.Syncfs(int(f.Fd())), f.Close())
	if err != nil {
		return fmt.Errorf("sync the file system of %s: %w", dir, err)
	}
	return nil
}

// cpuSoFar returns what a running process has computed, by the clock of its CPU time; see clock_getcpuclockid(3).
func cpuSoFar(pid int) (time.Duration, error) {
	const allThreadsCPU = 2
	var at unix.Timespec
	if err := unix.ClockGettime(int32(^pid)<<3|allThreadsCPU, &at); err != nil {
		return 0, fmt.Errorf("read the CPU time of process %d: %w", pid, err)
	}
	return time.Duration(at.Nano()), nil
}

// writtenWhenEnded waits until a process has ended, of which nobody else has taken note, and returns how many bytes it wrote; see proc(5),
// /proc/PID/io.
func writtenWhenEnded(pid int) (int64, error) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("wait for process %d: %w", pid, err)
		}
		break
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		if written, found := bytes.CutPrefix(bytes.TrimSpace(line), []byte("wchar: ")); found {
			return strconv.ParseInt(string(written), 10, 64)
		}
	}
	return 0, fmt.Errorf("/proc/%d/io does not say what was written", pid)
}
