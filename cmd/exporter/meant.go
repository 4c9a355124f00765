package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"exporter/internal/spell"
)

// mostMeant is how many names are offered for one that begins as they do.
const mostMeant = 3

// flagSynonyms are flags of other programs, with the flag of ours that does so; or with what to do, where a command has that flag.
func flagSynonyms() []struct{ names, flag, remedy string } {
	return []struct{ names, flag, remedy string }{
		{"o output output-dir dest destination target dir folder path", "out", ""},
		{"jobs j", "concurrency", "a job of the configuration is --job NAME, and --all-jobs are all of them; how many blobs are fetched at once is --concurrency"},
		{"workers threads parallel", "concurrency", ""},
		{"url endpoint host api-url server", "base-url", ""},
		{"rps qps rate-limit limit-rate throttle", "rate", ""},
		{"max-memory memory-limit max-mem mem ram", "memory", ""},
		{"debug", "verbose", ""},
		{"silent", "quiet", ""},
		{"delete remove", "prune", ""},
		{"timeout", "header-timeout", "did you mean --header-timeout or --idle-timeout?"},
		{"retries retry", "max-attempts", ""},
		{"dir-id directory-id folder-id", "directory", ""},
		{"format", "sink", "how blobs are stored is --sink, and the form of the log --log-format"},
		{"exclude-noise no-noise without-noise", "skip-noise", ""},
		{"exclude-noise skip-noise without-noise", "no-noise", ""},
		{"filter query select", "where", ""},
		{"filter query select where", "include", "files are chosen by --include and --exclude, pictures by --pages, --category, --min-confidence and --skip-noise"},
		{"filter query select where", "display-name-contains", ""},
		{"ping-url healthcheck healthchecks", "ping", "did you mean --ping URL, or --ping-url-file FILE?"},
		{"resume continue r", "out", "a run goes on by itself"},
		{"overwrite", "refetch", ""},
		{"c conf", "config", ""},
		{"version", "config", "did you mean exporter version?"},
		{"V", "verbose", "the version is exporter --version, and --verbose is -v"},
		{"V", "config", "did you mean exporter version?"},
		{"cacert cafile ca ca-file k insecure no-check-certificate", "ca-cert", "a certificate that this machine does not know is given by --ca-cert FILE"},
	}
}

// flagSynonym returns what to do where other programs have a flag that this one calls something else, or does by itself; empty elsewhere.
func flagSynonym(c *cobra.Command, name string) string {
	if kind, ok := strings.CutPrefix(name, "no-"); ok {
		if f := c.Flags().Lookup(kind); f != nil && f.NoOptDefVal == "true" {
			return "did you mean --" + kind + "=false?"
		}
	}
	if name == "dry-run" || name == "n" {
		return dryRun(c)
	}
	for _, s := range flagSynonyms() {
		if f := c.Flags().Lookup(s.flag); f == nil || f.Hidden || !slices.Contains(strings.Fields(s.names), name) {
			continue
		}
		if s.remedy == "" {
			return "did you mean --" + s.flag + "?"
		}
		return s.remedy
	}
	return ""
}

// dryRun says what to do about a dry run of a command that has none; it may be empty.
func dryRun(c *cobra.Command) string {
	switch path := strings.TrimPrefix(c.CommandPath(), c.Root().Name()+" "); {
	case path == "plan":
		return "plan is the dry run of exporter run: leave it out"
	case c.Flags().Lookup("yes") != nil:
		return "it asks before it changes something, unless --yes is given"
	case slices.Contains([]string{"ls", "verify", "cat", "sources", "files ls", "files get", "config check", "config show"}, path):
		return "it changes nothing: leave it out"
	case path == "rm":
		return "exporter ls EXPORT ID says what would be removed"
	}
	return ""
}

// nearestFlags returns the flags of a command that a name was most likely meant to be: those few that begin with it or it with them, or the one that
// is spelt alike.
func nearestFlags(c *cobra.Command, name string) []string {
	var names, longer, shorter []string
	name = strings.ReplaceAll(name, "_", "-")
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		names = append(names, f.Name)
		if len(name) > 2 && strings.HasPrefix(f.Name, name) {
			longer = append(longer, f.Name)
		}
		if strings.HasPrefix(name, f.Name+"-") {
			shorter = append(shorter, f.Name)
		}
	})
	near := spell.Closest(name, names)
	switch {
	case slices.Contains(names, name):
		return []string{name}
	case len(longer) > 0 && len(longer) <= mostMeant:
		return longer
	case len(shorter) == 1:
		return shorter
	case near != "":
		return []string{near}
	}
	return nil
}

// commandSynonyms are commands of other programs, with the command of ours that does so.
func commandSynonyms() map[string]string {
	return map[string]string{
		"export": "run", "sync": "run", "download": "run", "fetch": "run", "pull": "run", "resume": "run", "start": "run", "dry-run": "plan",
		"check": "verify", "validate": "verify", "fsck": "verify", "delete": "rm", "remove": "rm", "status": "ls", "list": "ls", "show": "cat",
		"get": "cat", "gc": "compact", "prune": "compact", "projects": "sources", "directories": "sources", "serve": "emulate", "parquet": "dataset",
	}
}

// unknownCommand says what an unknown command may have been meant to be.
func unknownCommand(c *cobra.Command, name string) error {
	problem := fmt.Sprintf("unknown command %q", name)
	if c.HasParent() {
		problem += " of " + c.CommandPath()
	}
	var near []string
	for _, meant := range nearestCommands(c, strings.ToLower(name)) {
		near = append(near, c.CommandPath()+" "+meant)
	}
	if len(near) > 0 {
		return misused(c, problem, "did you mean "+strings.Join(near, " or ")+"?")
	}
	return misused(c, problem, "")
}

// nearestCommands returns the commands below one that a name was most likely meant to be: a few that begin with it, or one.
func nearestCommands(c *cobra.Command, name string) []string {
	var names, beginning []string
	for _, sub := range c.Commands() {
		if !sub.IsAvailableCommand() && sub.Name() != "help" {
			continue
		}
		names = append(names, sub.Name())
		if len(name) > 1 && strings.HasPrefix(sub.Name(), name) {
			beginning = append(beginning, sub.Name())
		}
	}
	synonym, near := commandSynonyms()[name], spell.Closest(name, names)
	switch {
	case slices.Contains(names, name):
		return []string{name}
	case slices.Contains(names, synonym):
		return []string{synonym}
	case len(beginning) > 0 && len(beginning) <= mostMeant:
		return beginning
	case near != "":
		return []string{near}
	}
	return nil
}
