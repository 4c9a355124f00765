package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// python returns a command of a Python that has the packages of python/requirements.txt.
func python(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	program(t, "python3")
	venv, err := makeVenv()
	if err != nil {
		t.Fatal(err)
	}
	return program(t, filepath.Join(venv, "bin", "python"), args...)
}

// installPython makes a virtual environment, and installs what pip is asked for.
func installPython(venv string, pip ...string) error {
	if out, err := exec.Command("python3", "-m", "venv", venv).CombinedOutput(); err != nil {
		return fmt.Errorf("python3 -m venv: %w (apt-get install python3-venv)\n%s", err, out)
	}
	c := exec.Command(filepath.Join(venv, "bin", "pip"), append([]string{
		"install", "--quiet", "--no-compile", "--disable-pip-version-check",
	}, pip...)...)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("pip install (is its index reached?): %w\n%s", err, out)
	}
	return nil
}

// makeVenv makes the environment of requirements.txt.
var makeVenv = venvOnce("EXPORTER_TEST_VENV", "requirements.txt")

// venvOnce returns what makes a virtual environment of a file of requirements, once, in the folder that a variable names, or beside the program that is
// tested: both are removed when the tests have ended.
func venvOnce(variable, requirements string) func() (venv string, err error) {
	return sync.OnceValues(func() (string, error) {
		venv := os.Getenv(variable)
		if venv == "" {
			exporter, err := exec.LookPath("exporter")
			if err != nil {
				return "", err
			}
			venv = filepath.Join(filepath.Dir(exporter), strings.ToLower(variable))
		}
		return venv, installPython(venv, "--requirement", filepath.Join("python", requirements))
	})
}
