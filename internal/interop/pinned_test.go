package interop

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// pinnedPython returns the version of a package that requirements.txt pins.
func pinnedPython(t *testing.T, name string) string {
	t.Helper()
	requirements, err := os.ReadFile(filepath.Join("python", "requirements.txt"))
	if err != nil {
		t.Fatal(err)
	}
	pinned := regexp.MustCompile(`(?m)^` + name + `(?:\[.*\])?==(.+)$`).FindSubmatch(requirements)
	if pinned == nil {
		t.Fatalf("requirements.txt has no %s", name)
	}
	return string(pinned[1])
}

// pinnedNode returns the version of a package that package.json pins.
func pinnedNode(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("tsclient", "package.json"))
	if err != nil {
		t.Fatal(err)
	}
	var wanted struct{ Dependencies, DevDependencies map[string]string }
	if err := json.Unmarshal(text, &wanted); err != nil {
		t.Fatal(err)
	}
	version := wanted.Dependencies[name] + wanted.DevDependencies[name]
	if version == "" {
		t.Fatalf("package.json has no %s", name)
	}
	return version
}
