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

// canSync says that syncFileSystem works.
const canSync = true

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

// cpuSoFar returns what a running process has computed; see proc(5), /proc/PID/stat.
func cpuSoFar(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The second field is a name in brackets, which may itself hold spaces and brackets.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const utime, stime, tick = 14 - 3, 15 - 3, time.Second / 100
	if len(fields) <= stime {
		return 0, fmt.Errorf("read /proc/%d/stat: %d fields", pid, len(fields))
	}
	var ticks time.Duration
	for _, field := range [][]byte{fields[utime], fields[stime]} {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read /proc/%d/stat: %w", pid, err)
		}
		ticks += time.Duration(n)
	}
	return ticks * tick, nil
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
