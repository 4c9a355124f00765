package kubernetes

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	code, err := withPrograms(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// withPrograms compiles what go.mod names as tools and calls run with their folder in front of PATH: one that is removed in the end, or the one that
// EXPORTER_TEST_KUBERNETES names and that stays. etcd is called server.
func withPrograms(run func() int) (code int, err error) {
	dir := os.Getenv("EXPORTER_TEST_KUBERNETES")
	if dir == "" {
		if dir, err = os.MkdirTemp("", "exporter-kubernetes-"); err != nil {
			return 0, err
		}
		defer os.RemoveAll(dir)
	}
	version, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes").Output()
	if err != nil {
		return 0, fmt.Errorf("go list -m: %w", err)
	}
	// Without this the programs of Kubernetes say that they have no version.
	flags := "-s -w -X k8s.io/component-base/version.gitVersion=" + strings.TrimSpace(string(version))
	build := exec.Command("go", "build", "-ldflags", flags, "-o", dir+string(os.PathSeparator), "tool")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%v: %w\n%s", build, err, out)
	}
	if err := os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH")); err != nil {
		return 0, err
	}
	return run(), nil
}
