package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// benchKey is an API key that the emulator accepts, as it accepts any.
const benchKey = "llx-bench"

// usage is what a process took.
type usage struct {
	// wall is the time from its start to its end, cpu what it and its children computed, in user mode and in the kernel.
	wall, cpu time.Duration
	// rss is the peak of its resident memory in bytes; 0 where the system does not say. On Linux it is not less than this
	// program's, which it was copied from.
	rss int64
}

// runProcess runs a program to its end, and returns what it took and what it wrote to standard output.
func runProcess(ctx context.Context, command []string) (usage, string, error) {
	u, _, stdout, err := runWatched(ctx, command, func(int) (int64, error) { return 0, nil })
	return u, stdout, err
}

// runCounted runs a program to its end, and returns what it took and how many bytes it wrote; 0 where the system does not say.
func runCounted(ctx context.Context, command []string) (usage, int64, error) {
	u, written, _, err := runWatched(ctx, command, writtenWhenEnded)
	return u, written, err
}

// runWatched runs a program to its end, and calls watch with the number of its process when it has begun.
func runWatched(ctx context.Context, command []string, watch func(pid int) (int64, error)) (usage, int64, string, error) {
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	var stdout, stderr bytes.Buffer
	c.Env, c.Stdout, c.Stderr = childEnvironment(), &stdout, &stderr
	start := time.Now()
	err := c.Start()
	var watched int64
	if err == nil {
		var watching error
		watched, watching = watch(c.Process.Pid)
		err = errors.Join(c.Wait(), watching)
	}
	u := usage{wall: time.Since(start)}
	if err != nil {
		return u, 0, "", fmt.Errorf("run %s: %w\n%s", command[0], err, stderr.Bytes())
	}
	u.cpu = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	u.rss = peakMemory(c.ProcessState)
	return u, watched, stdout.String(), nil
}

// childEnvironment is this program's environment without what would change a contestant: proxies, and settings of
// exporter.
func childEnvironment() []string {
	var environ []string
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(strings.ToUpper(variable), "=")
		if strings.HasPrefix(name, "EXPORTER_") || strings.HasPrefix(name, "LLAMA_") || strings.HasSuffix(name, "_PROXY") {
			continue
		}
		environ = append(environ, variable)
	}
	return append(environ, "LLAMA_CLOUD_API_KEY="+benchKey)
}
