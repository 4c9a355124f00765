package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// node returns a command that runs a script of tsclient with the packages that it needs.
func node(t *testing.T, script string, args ...string) *exec.Cmd {
	t.Helper()
	c := program(t, "node", append([]string{script}, args...)...)
	c.Dir = nodePackages(t)
	return c
}

// nodePackages returns a folder that holds the scripts of tsclient and the packages that they need.
func nodePackages(t *testing.T) string {
	t.Helper()
	program(t, "npm")
	dir, err := installNode()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// installNode copies tsclient beside the program that is tested, once, and installs packages there: all is removed when the tests
// have ended.
var installNode = sync.OnceValues(func() (dir string, err error) {
	exporter, err := exec.LookPath("exporter")
	if err != nil {
		return "", err
	}
	dir = filepath.Join(filepath.Dir(exporter), "tsclient")
	if err := os.CopyFS(dir, os.DirFS("tsclient")); err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err == nil {
		return dir, nil
	}
	npm := exec.Command("npm", "ci", "--no-audit", "--no-fund")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci in a copy of tsclient (is its registry reached?): %w\n%s", err, out)
	}
	return dir, nil
})
