package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// bench is what the measurements share.
type bench struct {
	settings
	// self is this program's file, which runs as another process where a loop in Go is measured.
	self string
	// temp holds the exporter and lists of what to fetch.
	temp string
	// roomy is where the measurements write that compare nothing: in memory if there is such a directory.
	roomy string
	// made are the directories to remove.
	made     []string
	out, log io.Writer
}

// newBench makes the directories and builds the exporter.
func newBench(ctx context.Context, s settings, out, log io.Writer) (b *bench, err error) {
	b = &bench{settings: s, out: out, log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if b.self, err = os.Executable(); err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	if b.temp, err = b.makeDirectory(""); err != nil {
		return nil, err
	}
	for _, dir := range []*string{&b.tmpfs, &b.disk} {
		if *dir == "" {
			continue
		}
		if *dir, err = b.makeDirectory(*dir); err != nil {
			return nil, err
		}
	}
	if b.roomy = b.tmpfs; b.roomy == "" {
		b.roomy = b.disk
	}
	for _, given := range []*string{&b.exporter, &b.than, &b.node} {
		if *given == "" {
			continue
		}
		if *given, err = filepath.Abs(*given); err != nil {
			return nil, fmt.Errorf("find %s: %w", *given, err)
		}
	}
	if b.exporter == "" {
		return b, b.build(ctx)
	}
	return b, nil
}

// makeDirectory makes a directory of its own in parent, or among the system's temporary files.
func (b *bench) makeDirectory(parent string) (string, error) {
	dir, err := os.MkdirTemp(parent, "exporter-bench-")
	if err == nil {
		b.made = append(b.made, dir)
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return "", fmt.Errorf("make a directory: %w", err)
	}
	return dir, nil
}

// build builds the exporter as it is released.
func (b *bench) build(ctx context.Context) error {
	b.exporter = filepath.Join(b.temp, "exporter")
	if runtime.GOOS == "windows" {
		b.exporter += ".exe"
	}
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", b.exporter, "exporter/cmd/exporter")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("build the exporter: %w\n%s", err, said)
	}
	return nil
}

func (b *bench) close() error {
	var errs []error
	for _, dir := range b.made {
		errs = append(errs, os.RemoveAll(dir))
	}
	return errors.Join(errs...)
}

// scaled returns n by the factor of -scale, and 100 at least.
func (b *bench) scaled(n int) int {
	return max(100, int(math.Round(float64(n)*b.scale/100))*100)
}

// few is scaled for what is large: it may become one.
func (b *bench) few(n int) int { return max(1, int(math.Round(float64(n)*b.scale))) }

// progress tells the one who waits.
func (b *bench) progress(format string, args ...any) { fmt.Fprintf(b.log, format+"\n", args...) }
