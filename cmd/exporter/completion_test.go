package main

import (
	"slices"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"exporter/internal/config"
)

// Every flag of every command says what its value may be, and offers files only where a file is meant.
func TestCompletion_EveryFlag_OffersWhatIsMeant(t *testing.T) {
	t.Parallel()
	a := &app{}
	root := newRoot(a)
	a.addCompletions(root)
	values := 0
	for _, c := range allCommands(root) {
		c.SetContext(t.Context())
		if c.Name() == "help" || c.Parent() != nil && c.Parent().Name() == "completion" {
			continue
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			complete, ok := c.GetFlagCompletionFunc(f.Name)
			if !ok {
				t.Errorf("%s --%s completes nothing", c.CommandPath(), f.Name)
				return
			}
			placeholder, _ := pflag.UnquoteUsage(f)
			want := cobra.ShellCompDirectiveNoFileComp
			switch placeholder {
			case "FILE":
				want = cobra.ShellCompDirectiveDefault
			case "DIR", "FOLDER":
				want = cobra.ShellCompDirectiveFilterDirs
			}
			found, directive := complete(c, nil, "")
			values += len(found)
			if directive&^(cobra.ShellCompDirectiveKeepOrder|cobra.ShellCompDirectiveNoSpace) != want {
				t.Errorf("%s --%s (%s): directive %d, want %d", c.CommandPath(), f.Name, placeholder, directive, want)
			}
			if key, isKey := config.KeyOf(f); isKey && !slices.Equal(found, key.Choices) {
				t.Errorf("%s --%s offers %q, want %q", c.CommandPath(), f.Name, found, key.Choices)
			}
		})
		if c.ValidArgsFunction == nil {
			t.Errorf("%s has no completion of arguments", c.CommandPath())
		}
	}
	if values < 200 {
		t.Errorf("%d values are offered", values)
	}
}
