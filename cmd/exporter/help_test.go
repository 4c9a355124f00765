package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every command has help, which is printed once, to standard output, and is no error.
func TestCommands_Help(t *testing.T) {
	var paths [][]string
	var walk func(c *cobra.Command, path []string)
	walk = func(c *cobra.Command, path []string) {
		paths = append(paths, path)
		for _, sub := range c.Commands() {
			walk(sub, append(path[:len(path):len(path)], sub.Name()))
		}
	}
	root := newRoot(&app{})
	root.InitDefaultCompletionCmd()
	walk(root, nil)
	if len(paths) < 15 {
		t.Fatalf("%d commands: %q", len(paths), paths)
	}
	for _, path := range paths {
		for _, flag := range []string{"-h", "--help"} {
			code, stdout, stderr := newCLI(t, "").run(append(path[:len(path):len(path)], flag)...)
			if code != 0 || strings.Count(stdout, "\nUsage:\n") != 1 || stderr != "" {
				t.Errorf("%q %s: exit %d, %q, %q; want 0 and the usage once", path, flag, code, stdout, stderr)
			}
		}
	}
}
