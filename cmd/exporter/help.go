package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"exporter/internal/config"
)

// Help is as wide as the terminal, but neither wider nor narrower than can be read; where there is none, it is as wide as it may be.
const (
	widestHelp    = 100
	narrowestHelp = 40
)

// helpWidth returns how wide help is on w.
func helpWidth(w io.Writer) int {
	if f, ok := fileOf(w); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return min(max(width, narrowestHelp), widestHelp)
		}
	}
	return widestHelp
}

// helpText returns the help of a command.
func helpText(c *cobra.Command, width int) string {
	var b strings.Builder
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	b.WriteString(reflow(text, width) + "\nUsage:\n")
	if c.HasAvailableSubCommands() {
		b.WriteString("  " + c.CommandPath() + " COMMAND [flags]\n")
	} else {
		b.WriteString("  " + c.UseLine() + "\n")
	}
	if c.HasExample() {
		b.WriteString("\nExamples:\n" + breakCommands(c.Example, width))
	}
	if c.HasAvailableSubCommands() {
		b.WriteString("\nAvailable Commands:\n")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" {
				b.WriteString(hang(fmt.Sprintf("  %-*s  ", sub.NamePadding(), sub.Name()), sub.Short, width))
			}
		}
	}
	for _, group := range flagGroups(c) {
		b.WriteString("\n" + group.title + ":\n" + group.usages(width))
	}
	if c.HasAvailableSubCommands() {
		b.WriteString("\n" + hang("", fmt.Sprintf("%q says more about a command.", c.CommandPath()+" COMMAND --help"), width))
	}
	return b.String()
}

// newHelpCommand prints the help of a command that is named.
func newHelpCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "help [COMMAND]...",
		Short:   "Print the help of a command",
		Example: "  exporter help run\n  exporter help files ls",
		Args:    cobra.ArbitraryArgs,
	}
	c.RunE = func(_ *cobra.Command, args []string) error {
		of := c.Root()
		for _, name := range args {
			i := slices.IndexFunc(of.Commands(), func(sub *cobra.Command) bool { return sub.Name() == name })
			if i < 0 {
				return unknownCommand(of, name)
			}
			of = of.Commands()[i]
		}
		of.InitDefaultHelpFlag()
		return of.Help()
	}
	return c
}

// flagGroup is some of the flags of a command, under a title.
type flagGroup struct {
	title string
	flags []*pflag.Flag
}

// flagGroups returns the flags of a command that are shown: first its own ones, then those of the configuration, in the order of the
// configuration.
func flagGroups(c *cobra.Command) []flagGroup {
	var groups []flagGroup
	add := func(title string, f *pflag.Flag) {
		i := slices.IndexFunc(groups, func(g flagGroup) bool { return g.title == title })
		if i < 0 {
			groups, i = append(groups, flagGroup{title: title}), len(groups)
		}
		groups[i].flags = append(groups[i].flags, f)
	}
	keys := map[string]*pflag.Flag{}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		switch _, isKey := config.KeyOf(f); {
		case f.Hidden:
		case isKey:
			keys[f.Name] = f
		default:
			add(ownTitle(c, f.Name), f)
		}
	})
	slices.SortStableFunc(groups, func(a, b flagGroup) int { return cmp.Compare(ownOrder(c, a.title), ownOrder(c, b.title)) })
	for _, k := range config.Keys() {
		if f := keys[k.Flag]; f != nil {
			add(keyTitle(k), f)
		}
	}
	return groups
}

// ownGroups are the titles of a command's own flags, where it has many. Others are under plainTitle.
func ownGroups(c *cobra.Command) []struct{ title, names string } {
	switch strings.TrimPrefix(c.CommandPath(), c.Root().Name()+" ") {
	case "files ls":
		return []struct{ title, names string }{
			{"Which files", "display-name display-name-contains unique-id file-id include-deleted updated-at-on-or-after updated-at-on-or-before"},
		}
	case "ls":
		return []struct{ title, names string }{
			{"What to list", "failed skipped missing-pages where file-id tree summary"},
		}
	case "dataset":
		return []struct{ title, names string }{
			{"Which pictures", "kind where no-noise min-size min-confidence any-format dedup sample"},
			{"What comes with a picture", "columns text phash near decode cache"},
			{"Splits and shards", "split seed split-by split-file shard-size"},
		}
	case "emulate":
		return []struct{ title, names string }{
			{"Computed files", "synthetic-files synthetic-assets synthetic-size synthetic-metadata synthetic-asset-metadata synthetic-ids"},
			{"Attachments, jobs and dates", "synthetic-attachments synthetic-documents synthetic-jobs synthetic-job-images " +
				"synthetic-job-pages synthetic-page-text synthetic-expires synthetic-index synthetic-batch"},
			{"Time and pages", "latency pictures-after pictures-after-listings refuse-large-pages"},
			{"Limit of the rate", "rate limit-kind retry-after quota-used quota-age quota-headers quota-lie rival"},
			{"Faults", "throttle-share throttle-status throttle-retry-after faults fault-routes fault-rate fault-times fault-retry-after"},
			{"Storage", "storage storage-listen link-life storage-rate storage-limit-kind storage-retry-after storage-status storage-latency"},
		}
	}
	return nil
}

const plainTitle = "Flags"

func ownTitle(c *cobra.Command, name string) string {
	for _, g := range ownGroups(c) {
		if slices.Contains(strings.Fields(g.names), name) {
			return g.title
		}
	}
	return plainTitle
}

// ownOrder returns the place of a title of ownGroups; plainTitle comes before them.
func ownOrder(c *cobra.Command, title string) int {
	for i, g := range ownGroups(c) {
		if g.title == title {
			return i
		}
	}
	return -1
}

// keyTitle returns the title above the flag of a key.
func keyTitle(k config.Key) string {
	switch k.Section {
	case config.SectionAPI:
		return "The API"
	case config.SectionSource:
		if k.Selects() {
			return "What to export"
		}
		if k.Name == "jobs_since" || k.Name == "job_status" {
			return "Which parse jobs of it"
		}
		return "Which files of it"
	case config.SectionAssets:
		return "Which pictures"
	case config.SectionOutput, config.SectionArchive:
		return "Where to"
	case config.SectionRun:
		if slices.Contains([]string{"limit", "sample", "files_from"}, k.Name) {
			return "Some files, for a trial"
		}
		if slices.Contains([]string{"part", "partial_ok", "list"}, k.Name) {
			return "One of many tasks"
		}
		return "What a run does"
	case config.SectionMetrics, config.SectionPing:
		return "Whom a run tells how it goes"
	}
	return strings.ToUpper(string(k.Section[:1])) + string(k.Section[1:])
}

// usages returns a line, or some, for each flag.
func (g flagGroup) usages(width int) string {
	const widestName = 32
	names, texts, column := make([]string, len(g.flags)), make([]string, len(g.flags)), 0
	for i, f := range g.flags {
		names[i], texts[i] = flagUsage(f)
		if n := len(names[i]); n <= widestName {
			column = max(column, n)
		}
	}
	var b strings.Builder
	for i, name := range names {
		switch {
		case width < 2*widestName:
			b.WriteString(name + "\n" + hang("        ", texts[i], width))
		case len(name) > column:
			b.WriteString(name + "\n" + hang(strings.Repeat(" ", column+2), texts[i], width))
		default:
			b.WriteString(hang(fmt.Sprintf("%-*s  ", column, name), texts[i], width))
		}
	}
	return b.String()
}

// flagUsage returns a flag with its value, and what it is for.
func flagUsage(f *pflag.Flag) (name, text string) {
	name = "      --" + f.Name
	if f.Shorthand != "" {
		name = "  -" + f.Shorthand + ", --" + f.Name
	}
	value, text := pflag.UnquoteUsage(f)
	if common, ok := map[string]string{
		"string": "TEXT", "strings": "LIST", "int": "NUMBER", "uint": "NUMBER", "float": "NUMBER", "duration": "DURATION",
	}[value]; ok {
		value = common
	}
	switch {
	case f.NoOptDefVal != "" && value != "" && f.NoOptDefVal != "true":
		name += "[=" + value + "]"
	case value != "":
		name += " " + value
	}
	if !slices.Contains([]string{"", "0", "false", "[]", "0s", "<nil>"}, f.DefValue) && f.Value.String() != "" {
		text += " (default " + strings.Trim(f.DefValue, "[]") + ")"
	}
	return name, text
}
