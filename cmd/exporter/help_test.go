package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Every command has help, which is printed once, to standard output, and is no error.
func TestCommands_Help(t *testing.T) {
	t.Parallel()
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

// Help is at most as wide as it may be, and no group of flags has more than ten. Only a word may be wider.
func TestHelp_EveryCommand_FitsTheWidth(t *testing.T) {
	t.Parallel()
	const most = 10
	for _, c := range allCommands(newRoot(&app{})) {
		// It is one of the flags, and there when the command is carried out.
		c.InitDefaultHelpFlag()
		for _, width := range []int{widestHelp, 80, narrowestHelp} {
			text := helpText(c, width)
			for line := range strings.Lines(text) {
				line = strings.TrimSuffix(line, "\n")
				words := len(strings.Fields(line))
				if strings.HasPrefix(strings.TrimSpace(line), `"`) {
					// What a shell takes for a word is one.
					words = len(shellWords(line))
				}
				oneWord := words <= 2 || strings.Contains(line, c.UseLine())
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
	t.Parallel()
	const text = "One two three four five six\nseven.\n\n  a   first thing that is long\n      and goes on\n  bb  second\nAfter.\n"
	const want = "One two three four\nfive six seven.\n\n  a   first thing\n      that is long\n      and goes on\n  bb  second\nAfter.\n"
	if got := reflow(text, 18); got != want {
		t.Errorf("reflow:\n%s\nwant\n%s", got, want)
	}
}

// Commands show what they make use of.
func TestHelp_Commands_ShowTheirOwnFlagsOnly(t *testing.T) {
	t.Parallel()
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

// Command lines that are broken are the same ones, once a shell has put them together.
func TestBreakCommands_Lines_StayTheSame(t *testing.T) {
	t.Parallel()
	const text = "  exporter run --project --sink archive\n  exporter ls out --where \"kind = 'figure' and width > 3\" --json\n"
	const want = "  exporter run --project \\\n      --sink archive\n  exporter ls out --where \\\n      \"kind = 'figure' and width > 3\" \\\n      --json\n"
	if got := breakCommands(text, 30); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	for _, c := range allCommands(newRoot(&app{})) {
		for _, width := range []int{widestHelp, narrowestHelp, 1} {
			if got := strings.ReplaceAll(breakCommands(c.Example, width), " \\\n      ", " "); strings.TrimSpace(got) != strings.TrimSpace(c.Example) {
				t.Errorf("%s, %d columns: got\n%swant\n%s", c.CommandPath(), width, got, c.Example)
			}
		}
	}
}
