//go:build newest

package interop

import (
	"encoding/json"
	"strings"
	"testing"
)

// The official clients that these tests drive are the newest ones. It asks the registries.
func TestNewest_OfficialClients_ArePinned(t *testing.T) {
	var report struct {
		Install []struct{ Metadata struct{ Version string } }
	}
	out := output(t, program(t, "python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--dry-run",
		"--ignore-installed", "--no-deps", "--report", "-", "llama-cloud"))
	if err := json.Unmarshal(out, &report); err != nil || len(report.Install) != 1 {
		t.Fatalf("pip printed %q: %v", out, err)
	}
	const npm = "@llamaindex/llama-cloud"
	for _, c := range []struct{ name, pinned, newest string }{
		{"llama-cloud of PyPI", pinnedPython(t, "llama-cloud"), report.Install[0].Metadata.Version},
		{npm + " of npm", pinnedNode(t, npm), strings.TrimSpace(string(output(t, program(t, "npm", "view", npm, "version"))))},
	} {
		if c.pinned != c.newest {
			t.Errorf("%s: %s is pinned, %s is the newest", c.name, c.pinned, c.newest)
		}
	}
}
