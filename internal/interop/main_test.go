package interop

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	// Those that are parallel wait most of the time, for schedulers.
	if f := flag.Lookup("test.parallel"); f != nil {
		f.Value.Set("8")
	}
	// Who names folders for the packages of Python runs all tests: the packages are fetched while the first tests run. Those that need them wait.
	for variable, make := range map[string]func() (string, error){"EXPORTER_TEST_VENV": makeVenv, "EXPORTER_TEST_ENGINES": makeEngines} {
		if os.Getenv(variable) != "" {
			go make()
		}
	}
	code, err := withExporter(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// withExporter builds the program and calls run with its folder in front of PATH.
func withExporter(run func() int) (code int, err error) {
	dir, err := os.MkdirTemp("", "exporter-interop-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "exporter")
	build := exec.Command("go", "build", "-C", filepath.Join("..", ".."), "-trimpath", "-o", binary, "./cmd/exporter")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build exporter: %w\n%s", err, out)
	}
	if err := os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH")); err != nil {
		return 0, err
	}
	return run(), nil
}

// program returns a command of an outside program. It fails the test if the program is not installed.
func program(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		packages := map[string]string{"node": "nodejs", "sh": "dash", "bsdtar": "libarchive-tools", "unshare": "util-linux",
			"promtool": "prometheus", "munged": "munge", "sbatch": "slurm-client", "chromedriver": "chromium-driver"}
		pkg, ok := packages[name]
		if !ok {
			pkg = name
		}
		t.Fatalf("%v: apt-get install %s", err, pkg)
	}
	return exec.CommandContext(t.Context(), name, args...)
}

// output runs a command that must succeed, and without a warning where nobody takes those. It returns what it printed to standard
// output.
func output(t *testing.T, c *exec.Cmd) []byte {
	t.Helper()
	var stderr bytes.Buffer
	if c.Stderr == nil {
		c.Stderr = &stderr
	}
	out, err := c.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%s: %v\n%s", strings.Join(c.Args, " "), err, stderr.Bytes())
	}
	return out
}
