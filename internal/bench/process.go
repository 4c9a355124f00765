package main

import (
	"bytes"
	"context"
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
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	var stdout, stderr bytes.Buffer
	c.Env, c.Stdout, c.Stderr = childEnvironment(), &stdout, &stderr
	start := time.Now()
	err := c.Run()
	u := usage{wall: time.Since(start)}
	if err != nil {
		return u, "", fmt.Errorf("run %s: %w\n%s", command[0], err, stderr.Bytes())
	}
	u.cpu = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	u.rss = peakMemory(c.ProcessState)
	return u, stdout.String(), nil
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
