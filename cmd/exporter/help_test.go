package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
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

// Help is at most as wide as it may be, and no group of flags has more than ten. Only lines to copy are as long as they are.
func TestHelp_EveryCommand_FitsTheWidth(t *testing.T) {
	const most = 10
	for _, c := range allCommands(newRoot(&app{})) {
		for _, width := range []int{widestHelp, 80, narrowestHelp} {
			text := helpText(c, width)
			if width < widestHelp {
				text = strings.Replace(text, c.Example, "", 1)
			}
			for line := range strings.Lines(text) {
				line = strings.TrimSuffix(line, "\n")
				oneWord := len(strings.Fields(line)) <= 2 || strings.Contains(line, c.UseLine())
				if n := len([]rune(line)); n > width && !oneWord {
					t.Errorf("%s, %d columns wide: %d in %q", c.CommandPath(), width, n, line)
				}
			}
		}
		seen := map[string]bool{}
		for _, group := range flagGroups(c) {
			if len(group.flags) > most {
				t.Errorf("%s: %d flags under %q, want %d at most: give ownGroups or keyTitle one more", c.CommandPath(), len(group.flags), group.title, most)
			}
			for _, f := range group.flags {
				seen[f.Name] = true
			}
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if seen[f.Name] == f.Hidden {
				t.Errorf("%s: --%s is shown: %v, hidden: %v", c.CommandPath(), f.Name, seen[f.Name], f.Hidden)
			}
		})
	}
}

func TestReflow_Items_HangAtTheirText(t *testing.T) {
	const text = "One two three four five six\nseven.\n\n  a   first thing that is long\n      and goes on\n  bb  second\nAfter.\n"
	const want = "One two three four\nfive six seven.\n\n  a   first thing\n      that is long\n      and goes on\n  bb  second\nAfter.\n"
	if got := reflow(text, 18); got != want {
		t.Errorf("reflow:\n%s\nwant\n%s", got, want)
	}
}

// Commands show what they make use of.
func TestHelp_Commands_ShowTheirOwnFlagsOnly(t *testing.T) {
	for command, others := range map[string]string{
		"verify": "--sink --checkpoint --rate", "cat": "--sink --checkpoint", "compact": "--sink --checkpoint", "demo": "--directory --base-url",
		"sources": "--concurrency --out", "dataset": "--out --rate", "version": "--config",
	} {
		_, stdout, _ := newCLI(t, "").run(command, "--help")
		for _, flag := range strings.Fields(others) {
			if strings.Contains(stdout, flag+" ") {
				t.Errorf("%s shows %s", command, flag)
			}
		}
	}
}
