package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"exporter/internal/export"
)

// misused returns the usage error of a command: what is wrong, what may have been meant, and where all is said.
func misused(c *cobra.Command, problem, remedy string) error {
	see := "see " + c.CommandPath() + " --help"
	switch {
	case strings.HasSuffix(remedy, "?"):
		see = remedy + " " + see
	case remedy != "":
		see = remedy + "; " + see
	}
	return usagef("%s (%s)", problem, see)
}

// wrongFlag explains an error of package pflag.
func (a *app) wrongFlag(c *cobra.Command, err error) error {
	if given := c.Flags().Args(); c.HasSubCommands() && len(given) > 0 {
		// What comes behind is for the command that was meant.
		return unknownCommand(c, given[0])
	}
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return a.unknownFlag(c, e)
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		value, _ := pflag.UnquoteUsage(e.GetFlag())
		return misused(c, "--"+e.GetFlag().Name+": its value is missing", "give --"+e.GetFlag().Name+" "+value)
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		name := e.GetFlag().Name
		problem, remedy := "--"+name+": "+strings.TrimPrefix(errors.Unwrap(e).Error(), "--"+name+": "), ""
		if want := wantedValue(e.GetFlag()); want != "" {
			problem, remedy = fmt.Sprintf("--%s: %q is no %s", name, e.GetValue(), want), ""
		}
		return misused(c, problem, remedy)
	}
	if e, ok := errors.AsType[*pflag.InvalidSyntaxError](err); ok {
		return misused(c, fmt.Sprintf("%q is no flag", e.GetSpecifiedFlag()), "a flag is --NAME or --NAME=VALUE")
	}
	return misused(c, err.Error(), "")
}

// wantedValue says what the value of a flag is to be, where package pflag says so in terms of Go; empty elsewhere.
func wantedValue(f *pflag.Flag) string {
	return map[string]string{
		"int": "whole number", "int64": "whole number", "uint64": "whole number", "float64": "number", "bool": "choice: want true or false",
		"duration": "duration, such as 24h",
	}[f.Value.Type()]
}

// unknownFlag says what an unknown flag may have been meant to be.
func (a *app) unknownFlag(c *cobra.Command, e *pflag.NotExistError) error {
	name, problem := e.GetSpecifiedName(), "unknown flag: --"+e.GetSpecifiedName()
	if cluster := e.GetSpecifiedShortnames(); cluster != "" {
		if whole := a.clusterWith(cluster); len(whole) > 1 {
			// One dash is one too few for a name, and letters that belong together are taken for one.
			name, problem = whole, "unknown flag: -"+whole
		} else {
			name = whole
			problem = "unknown flag: -" + name
		}
	}
	if remedy := flagSynonym(c, name); remedy != "" {
		return misused(c, problem, remedy)
	}
	if near := nearestFlags(c, name); len(near) > 0 {
		return misused(c, problem, "did you mean --"+strings.Join(near, " or --")+"?")
	}
	if sub := a.namedBelow(c); sub != nil && (sub.Flags().Lookup(name) != nil || len(name) == 1 && sub.Flags().ShorthandLookup(name) != nil) {
		return misused(c, problem, "flags come behind the command: "+sub.CommandPath()+strings.TrimPrefix(problem, "unknown flag:"))
	}
	switch with := commandsWith(c.Root(), name); {
	case len(with) > 4:
		return misused(c, problem, fmt.Sprintf("it is a flag of %s and %d others", strings.Join(with[:3], ", "), len(with)-3))
	case len(with) > 0:
		return misused(c, problem, "it is a flag of "+strings.Join(with, ", "))
	}
	return misused(c, problem, "")
}

// clusterWith returns the word of the command line, without its dash and its value, of which package pflag did not understand the end: it takes
// the letters behind one dash for flags.
func (a *app) clusterWith(end string) string {
	for _, word := range a.args {
		letters, ok := strings.CutPrefix(word, "-")
		if ok && !strings.HasPrefix(letters, "-") && strings.HasSuffix(letters, end) {
			end = letters
			break
		}
	}
	name, _, _ := strings.Cut(end, "=")
	return name
}

// namedBelow returns the command below one that is named first on the command line, or nil.
func (a *app) namedBelow(c *cobra.Command) *cobra.Command {
	for _, word := range a.args {
		i := slices.IndexFunc(c.Commands(), func(sub *cobra.Command) bool { return sub.Name() == word })
		if i >= 0 {
			return c.Commands()[i]
		}
	}
	return nil
}

// commandsWith returns the commands, but for the root, that have a flag of this name and make use of it.
func commandsWith(root *cobra.Command, name string) []string {
	var with []string
	for _, c := range allCommands(root) {
		isShown := c.HasParent() && c.Name() != "show"
		if f := c.Flags().Lookup(name); isShown && f != nil && !f.Hidden && name != "help" {
			with = append(with, c.CommandPath())
		}
	}
	return with
}

// allCommands returns a command and those below it.
func allCommands(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		all = append(all, allCommands(sub)...)
	}
	return all
}

// asUsage makes wrong arguments of a command, and of those below it, usage errors that say what was meant.
func (a *app) asUsage(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := a.strayBool(c, args); err != nil {
				return err
			}
			a.settleOwn(c)
			if err := check(c, args); err != nil {
				return a.wrongArguments(c, args, err)
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		a.asUsage(sub)
	}
}

// strayBool refuses an argument that was meant to be the value of the flag before it: one that is true or false takes it with "=" only.
func (a *app) strayBool(c *cobra.Command, args []string) error {
	for i := range len(a.args) - 1 {
		name, value := a.args[i], a.args[i+1]
		f := givenFlag(c, name)
		isBool := strings.EqualFold(value, "true") || strings.EqualFold(value, "false")
		if f != nil && f.NoOptDefVal == "true" && isBool && slices.Contains(args, value) {
			return misused(c, fmt.Sprintf("%q is no argument of its own", value), fmt.Sprintf("write --%s=%s", f.Name, strings.ToLower(value)))
		}
	}
	return nil
}

// givenFlag returns the flag that a word is, without a value, or nil.
func givenFlag(c *cobra.Command, word string) *pflag.Flag {
	if name, ok := strings.CutPrefix(word, "--"); ok {
		return c.Flags().Lookup(name)
	}
	if letter, ok := strings.CutPrefix(word, "-"); ok && len(letter) == 1 {
		return c.Flags().ShorthandLookup(letter)
	}
	return nil
}

// wrongArguments explains arguments that a command does not take; err is what it says of them itself.
func (a *app) wrongArguments(c *cobra.Command, args []string, err error) error {
	if export.Is[*export.UsageError](err) {
		return err
	}
	names := strings.Fields(c.Use)[1:]
	switch {
	case c.HasSubCommands():
		return unknownCommand(c, args[0])
	case len(names) > 0:
		given := "none is given"
		if len(args) > 0 {
			given = fmt.Sprintf("%d are given", len(args))
		}
		if len(args) == 1 {
			given = "1 is given"
		}
		return misused(c, fmt.Sprintf("want the arguments %s, and %s", strings.Join(names, " "), given), "")
	}
	problem := fmt.Sprintf("%s takes no arguments, and %q is one", c.CommandPath(), args[0])
	return misused(c, problem, a.meantBy(c, args[0]))
}

// meantBy says what an argument may have been meant to be of a command that takes none.
func (a *app) meantBy(c *cobra.Command, arg string) string {
	first, size := utf8.DecodeRuneInString(arg)
	name, value, isPair := strings.Cut(arg, "=")
	flag := c.Flags().Lookup(name)
	switch {
	case first == '–' || first == '—':
		return "it begins with the dash of a word processor: write --" + strings.TrimLeft(arg[size:], "–—-")
	case slices.Contains(export.ForceKinds(), export.ForceKind(arg)) && slices.ContainsFunc(a.args, func(word string) bool { return strings.HasPrefix(word, "--force=") }):
		return "several kinds are separated by commas: --force=KIND," + arg
	case flag != nil && isPair:
		return fmt.Sprintf("did you mean --%s=%s?", name, value)
	case flag != nil && flag.Name != "help":
		return "did you mean --" + name + "?"
	case c.Root() != nil && isCommand(c.Root(), arg):
		return "one command at a time"
	}
	if i := slices.Index(a.args, arg); i > 1 {
		if f := givenFlag(c, a.args[i-2]); f != nil && f.NoOptDefVal == "" && !strings.HasPrefix(a.args[i-1], "-") {
			return fmt.Sprintf("a value with spaces is written in quotes: --%s %q", f.Name, a.args[i-1]+" "+arg)
		}
	}
	switch {
	case c.Flags().Lookup("out") != nil && c.Flags().Lookup("directory") != nil:
		return fmt.Sprintf("the export is --out %s, a directory of LlamaCloud --directory %s", arg, arg)
	case c.Flags().Lookup("out") != nil:
		return "the export is --out " + arg
	}
	return ""
}

func isCommand(root *cobra.Command, name string) bool {
	return slices.ContainsFunc(root.Commands(), func(c *cobra.Command) bool { return c.Name() == name })
}
