package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"exporter/internal/config"
	"exporter/internal/dataset"
	"exporter/internal/emulator/flags"
	"exporter/internal/export"
	"exporter/internal/human"
	"exporter/internal/inventory"
	"exporter/internal/store/place"
	"exporter/manifest"
	"exporter/pipeline"
)

const (
	// mostCompletions is how many values are offered, and longestCompletion how long they are looked for.
	mostCompletions   = 300
	longestCompletion = 2 * time.Second
)

// completeFunc returns what the word that is typed may be.
type completeFunc = cobra.CompletionFunc

// isCompletion tells whether a shell asks for what a word may be.
func isCompletion(args []string) bool {
	return len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
}

// addCompletions has a command, and those below it, say what the values of their flags and their arguments may be. Files are offered where
// one is meant, directories where a directory is, and nothing where nobody can know.
func (a *app) addCompletions(c *cobra.Command) {
	c.Flags().VisitAll(func(f *pflag.Flag) {
		// A flag has but one: to add another is a bug that tests find.
		_ = c.RegisterFlagCompletionFunc(f.Name, a.valuesOf(c, f))
	})
	c.ValidArgsFunction = a.argumentsOf(c)
	for _, sub := range c.Commands() {
		a.addCompletions(sub)
	}
}

// valuesOf returns what completes the value of a flag.
func (a *app) valuesOf(c *cobra.Command, f *pflag.Flag) completeFunc {
	key, isKey := config.KeyOf(f)
	placeholder, _ := pflag.UnquoteUsage(f)
	switch own := ownValues(c, f.Name); {
	case len(own) > 0:
		return cobra.FixedCompletions(own, cobra.ShellCompDirectiveNoFileComp)
	case isKey && len(key.Choices) > 0:
		return cobra.FixedCompletions(key.Choices, cobra.ShellCompDirectiveNoFileComp)
	case placeholder == "DIR" || placeholder == "FOLDER":
		return directories
	case placeholder == "FILE" || placeholder == "[FILE]":
		return files
	}
	switch f.Name {
	case "file-id":
		if c.Name() == "ls" || c.Name() == "rm" {
			return a.ids(func(ctx context.Context, v *inventory.Inventory, prefix string) ([]inventory.Named, error) {
				return v.FileIDs(ctx, prefix, mostCompletions)
			})
		}
	case jobFlag:
		if isJobFlag(c, f) && c.Flags().Lookup(configFlag) != nil {
			return a.jobs
		}
		if c.Name() == catName || c.Name() == "rm" {
			return a.ids(func(ctx context.Context, v *inventory.Inventory, prefix string) ([]inventory.Named, error) {
				return v.JobIDs(ctx, prefix, mostCompletions)
			})
		}
	case "name":
		if c.Name() == "cat" {
			return a.names
		}
	case "where":
		return columnNames(c)
	}
	return cobra.NoFileCompletions
}

// ownValues returns the values of a flag that takes some of a set, and is no key of the configuration.
func ownValues(c *cobra.Command, flag string) []string {
	switch c.Name() + " " + flag {
	case "run force", "plan force":
		var kinds []string
		for _, k := range export.ForceKinds() {
			kinds = append(kinds, string(k))
		}
		return kinds
	case "run accept-failed":
		return []string{acceptPermanent, acceptNone}
	case "cat origin":
		return []string{string(pipeline.OriginFile), string(pipeline.OriginAttachment), string(pipeline.OriginParse)}
	case "dataset format":
		return dataset.Forms()
	case "dataset kind":
		return []string{string(pipeline.Screenshot), string(pipeline.Figure)}
	case "dataset text":
		return []string{dataset.TextMarkdown, dataset.TextPlain, dataset.TextNone}
	case "dataset split-by":
		return []string{dataset.SplitByFile, dataset.SplitByDirectory, dataset.SplitByUniqueID, dataset.SplitByDisplayName}
	case "dataset dedup":
		return []string{"sha256"}
	case "sources kind":
		var kinds []string
		for _, k := range sourceKinds {
			kinds = append(kinds, k.name)
		}
		return kinds
	}
	if c.Name() == "emulate" {
		return flags.Choices(flag)
	}
	return nil
}

// argumentsOf returns what completes the arguments of a command.
func (a *app) argumentsOf(c *cobra.Command) completeFunc {
	switch strings.TrimPrefix(c.CommandPath(), c.Root().Name()+" ") {
	case "dataset":
		return directories
	case "verify", "compact", "rm", "demo", "view", "report":
		return firstArgument(directories)
	case "ls":
		return a.exportAndIDs
	case "cat":
		return a.asset
	case "config check":
		return firstArgument(files)
	case "man":
		return firstArgument(directories)
	case "files upload":
		return afterFirst(files)
	}
	return cobra.NoFileCompletions
}

func directories(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

func files(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

// firstArgument completes the first argument alone.
func firstArgument(complete completeFunc) completeFunc {
	return func(c *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(c, args, word)
	}
}

// afterFirst completes all arguments but the first.
func afterFirst(complete completeFunc) completeFunc {
	return func(c *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(c, args, word)
	}
}

// look calls a function with the inventory of the export that a command line names. What goes wrong is nothing that a shell could show.
func (a *app) look(c *cobra.Command, args []string, do func(context.Context, *inventory.Inventory) error) {
	dir := ""
	if out := c.Flags().Lookup("out"); (c.Name() == "ls" || c.Name() == "rm") && (out == nil || !out.Changed) {
		dir = first(args)
	}
	if dir == "" && c.Flags().Lookup("out") != nil && c.Flags().Lookup(configFlag) != nil {
		cfg, err := a.loadConfig(c, "")
		if err != nil {
			return
		}
		dir = cfg.Output.Dir
	}
	if dir == "" || place.IsBucket(dir) {
		// Nobody waits for a bucket while typing.
		return
	}
	ctx, cancel := context.WithTimeout(c.Context(), longestCompletion)
	defer cancel()
	_ = export.Look(ctx, dir, nil, func(v *inventory.Inventory) error { return do(ctx, v) })
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// ids completes ids that are found in the export.
func (a *app) ids(find func(context.Context, *inventory.Inventory, string) ([]inventory.Named, error)) completeFunc {
	return func(c *cobra.Command, args []string, word string) (found []cobra.Completion, _ cobra.ShellCompDirective) {
		a.look(c, args, func(ctx context.Context, v *inventory.Inventory) error {
			named, err := find(ctx, v, word)
			for _, n := range named {
				// What is no id cannot be asked for, and may control a terminal.
				if _, bad := pipeline.ParseID(n.ID); bad == nil {
					found = append(found, completion(n.ID, n.Name))
				}
			}
			return err
		})
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// completion returns a value with what it is. Names are those of others: what controls a terminal is shown as an escape.
func completion(value, what string) cobra.Completion {
	return cobra.CompletionWithDesc(value, human.Printable(what))
}

// exportAndIDs completes the arguments of ls.
func (a *app) exportAndIDs(c *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 && !c.Flags().Changed("out") {
		return directories(c, args, word)
	}
	return a.fileIDs(c, args, word)
}

func (a *app) fileIDs(c *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return a.ids(func(ctx context.Context, v *inventory.Inventory, prefix string) ([]inventory.Named, error) {
		return v.FileIDs(ctx, prefix, mostCompletions)
	})(c, args, word)
}

// asset completes the arguments of cat: the id of a file, a page, and the name of a figure. With --job, there is no id.
func (a *app) asset(c *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	given := len(args)
	if c.Flags().Changed("job") {
		given++
	}
	switch given {
	case 0:
		return a.fileIDs(c, args, word)
	case 1:
		return a.pages(c, args, word)
	case 2:
		return a.names(c, args, word)
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// pages completes a page of what cat shows.
func (a *app) pages(c *cobra.Command, args []string, word string) (found []cobra.Completion, _ cobra.ShellCompDirective) {
	counts := map[int32]int{}
	a.eachAsset(c, args, func(asset *inventory.Asset) bool {
		if page := asset.Key.PageIndex; page >= 0 && strings.HasPrefix(strconv.Itoa(int(page)), word) {
			counts[page]++
		}
		return len(counts) <= mostCompletions
	})
	for _, page := range slices.Sorted(maps.Keys(counts)) {
		found = append(found, completion(strconv.Itoa(int(page)), fmt.Sprintf("pictures: %d", counts[page])))
	}
	return found, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// jobs completes the name of a job of the file that --config or EXPORTER_CONFIG names.
func (a *app) jobs(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	// The job that is typed is none yet.
	typed := c.Flags().Lookup(jobFlag)
	before := typed.Value.String()
	defer func() { _ = typed.Value.Set(before) }()
	if err := typed.Value.Set(""); err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	cfg, err := a.loadConfig(c, "")
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return cfg.Jobs(), cobra.ShellCompDirectiveNoFileComp
}

// names completes the name of an asset that cat shows, on the page that is given.
func (a *app) names(c *cobra.Command, args []string, word string) (found []cobra.Completion, _ cobra.ShellCompDirective) {
	page := ""
	if at := 1; c.Flags().Changed("job") {
		page = first(args)
	} else if len(args) > at {
		page = args[at]
	}
	a.eachAsset(c, args, func(asset *inventory.Asset) bool {
		name := asset.Key.UpstreamName
		if name == "" {
			name = asset.Key.FigureName
		}
		if name != "" && name == human.Printable(name) && strings.HasPrefix(name, word) && (page == "" || page == strconv.Itoa(int(asset.Key.PageIndex))) {
			found = append(found, completion(name, fmt.Sprintf("%s of page %d", asset.Key.Kind, asset.Key.PageIndex)))
		}
		return len(found) < mostCompletions
	})
	return found, cobra.ShellCompDirectiveNoFileComp
}

// eachAsset calls a function with the stored assets of what cat is to show, until it returns false.
func (a *app) eachAsset(c *cobra.Command, args []string, do func(*inventory.Asset) bool) {
	id := c.Flags().Lookup("job").Value.String()
	origin := c.Flags().Lookup("origin").Value.String()
	if id != "" {
		origin = string(pipeline.OriginParse)
	} else {
		id = first(args)
	}
	a.look(c, args, func(ctx context.Context, v *inventory.Inventory) error {
		return v.AssetsOf(ctx, id, func(asset *inventory.Asset) bool { return string(asset.Key.Origin) != origin || do(asset) })
	})
}

// columnNames completes the column at the beginning of a condition.
func columnNames(c *cobra.Command) completeFunc {
	var names []string
	if c.Name() == "dataset" {
		for _, column := range dataset.Columns() {
			names = append(names, column.Name)
		}
	} else {
		for _, column := range slices.Concat(manifest.AssetColumns(), manifest.FileColumns()) {
			names = append(names, column.Name)
		}
	}
	slices.Sort(names)
	return cobra.FixedCompletions(slices.Compact(names), cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace)
}
