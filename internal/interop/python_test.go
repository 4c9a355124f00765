package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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

// makeVenv makes a virtual environment, once, beside the program that is tested: both are removed when the tests have ended.
var makeVenv = sync.OnceValues(func() (venv string, err error) {
	venv = os.Getenv("EXPORTER_TEST_VENV")
	if venv == "" {
		exporter, err := exec.LookPath("exporter")
		if err != nil {
			return "", err
		}
		venv = filepath.Join(filepath.Dir(exporter), "venv")
	}
	return venv, installPython(venv, "--requirement", filepath.Join("python", "requirements.txt"))
})
