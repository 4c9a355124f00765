package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// program is the program as it was built for a platform.
type program struct {
	// platform is GOOS/GOARCH.
	platform, goos, goarch string
	// file is where it is.
	file string
}

// exe returns the name of its file where it is installed.
func (p program) exe() string {
	if p.goos == "windows" {
		return "exporter.exe"
	}
	return "exporter"
}

func hostPlatform() string { return runtime.GOOS + "/" + runtime.GOARCH }

// build builds the program for a platform, without symbols. A version that is given is put into it.
func (r *release) build(given, platform string) (program, error) {
	goos, goarch, ok := strings.Cut(platform, "/")
	if !ok {
		return program{}, fmt.Errorf("%q is no platform such as linux/amd64", platform)
	}
	p := program{platform: platform, goos: goos, goarch: goarch}
	p.file = filepath.Join(r.work, goos+"-"+goarch, p.exe())
	flags, stamp := "-s -w", "auto"
	if given != "" {
		v, err := parseVersion(given)
		if err != nil {
			return program{}, err
		}
		module, err := r.goCommand("list", "-m").Output()
		if err != nil {
			return program{}, fmt.Errorf("go list -m: %w", err)
		}
		// What the history says would be another version, and a folder without one could not make the same bytes.
		stamp = "false"
		flags += " -X " + strings.TrimSpace(string(module)) + "/internal/export.version=" + string(v)
	}
	c := r.goCommand("build", "-trimpath", "-buildvcs="+stamp, "-ldflags="+flags, "-o", p.file, "./cmd/exporter")
	c.Env = append(c.Env, "GOOS="+goos, "GOARCH="+goarch)
	if out, err := c.CombinedOutput(); err != nil {
		return program{}, fmt.Errorf("go build for %s: %w\n%s", platform, err, out)
	}
	return p, nil
}

// goCommand returns a command of Go in the folder of the sources, which does without C, and with nothing that this machine's settings add.
func (r *release) goCommand(args ...string) *exec.Cmd {
	c := exec.Command("go", args...)
	c.Dir = r.root
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOAMD64=v1", "GOARM64=v8.0")
	return c
}

// output runs the program, which must be that of this platform.
func (r *release) output(p program, args ...string) ([]byte, error) {
	c := exec.Command(p.file, args...)
	c.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", r.date.Unix()))
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("exporter %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}

// version asks the program for its version.
func (p program) version() (version, error) {
	out, err := exec.Command(p.file, "version").Output()
	if err != nil {
		return "", fmt.Errorf("exporter version: %w", err)
	}
	fields := strings.Fields(string(out))
	if len(fields) < 2 {
		return "", fmt.Errorf("exporter version: %q", out)
	}
	return parseVersion(fields[1])
}
