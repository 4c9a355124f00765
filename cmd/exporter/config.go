package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/export"
	"exporter/internal/proxy"
)

func newConfigCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "A configuration: check a file, show what holds",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newConfigCheckCommand(a), newConfigShowCommand(a))
	return c
}

func newConfigCheckCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "check FILE",
		Short: "Say all that is wrong with a TOML file",
		Long: `check reads a TOML file by itself, without environment and flags, and says all that is wrong with it, with lines: keys and sections that
there are not, values that are not allowed, keys that contradict each other, jobs that export to the same directory or write the same report. It asks the API for
nothing. The exit code is 64 where something is wrong.`,
		Example: "  exporter config check exporter.toml",
		Args:    cobra.ExactArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		problems := config.Check(config.LoadOptions{File: args[0], Own: a.ownKeys(c.Root()), ReadFile: a.readConfig})
		if len(problems) > 0 {
			return &export.UsageError{Err: config.Problems(problems)}
		}
		cfg, err := config.Load(config.LoadOptions{File: args[0], Own: a.ownKeys(c.Root()), ReadFile: a.readConfig})
		if err != nil {
			return err
		}
		jobs := ""
		if names := cfg.Jobs(); len(names) > 0 {
			jobs = ", with the jobs " + strings.Join(names, ", ")
		}
		_, err = fmt.Fprintf(printableWriter{a.stdout}, "%s is in order%s\n", args[0], jobs)
		return err
	}
	return c
}

func newConfigShowCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "show",
		Short: "Show what holds for each key, and where it comes from",
		Long: `show prints the configuration that a command with the same flags, file and environment would have, as a TOML file: each key with its value,
and behind it the line, the variable or the flag that it comes from. It takes the flags of run. Keys that belong to one command are shown
where they are given. Secrets are not shown, but where the API key comes from is. It asks the API for nothing.`,
		Example: `  exporter config show --config exporter.toml --job invoices
  exporter config show --given
  exporter config show --json`,
		Args: cobra.NoArgs,
	}
	load := a.withConfig(c, config.Sections()...)
	asJSON := c.Flags().Bool("json", false, "print JSON, a line for each key")
	given := c.Flags().Bool("given", false, "only what is not the default")
	c.RunE = func(*cobra.Command, []string) error {
		cfg, err := load()
		if err != nil {
			return err
		}
		values := cfg.Values()
		shown := values[:0]
		for _, v := range values {
			if !*given || v.Origin != "" {
				shown = append(shown, v)
			}
		}
		if *asJSON {
			return printValuesJSON(a, shown)
		}
		return printValues(a, cfg, shown)
	}
	return c
}

// printValues prints values as a TOML file.
func printValues(a *app, cfg *config.Config, values []config.Value) error {
	var b strings.Builder
	for _, line := range cfg.Secrets() {
		b.WriteString("# " + line + "\n")
	}
	if via, err := cfg.ReadProxies(); err != nil {
		fmt.Fprintf(&b, "# proxy: %v\n", err)
	} else if p := via.For(cfg.API.BaseURL); p != nil {
		fmt.Fprintf(&b, "# proxy: %s\n", proxy.Name(p))
	}
	if job := cfg.Job(); job != "" {
		fmt.Fprintf(&b, "# job: %s\n", job)
	} else if jobs := cfg.Jobs(); len(jobs) > 0 {
		fmt.Fprintf(&b, "# jobs, of which none was chosen: %s\n", strings.Join(jobs, ", "))
	}
	width := 0
	for _, v := range values {
		width = max(width, min(len(v.Name+v.TOML()), 48))
	}
	var section config.Section
	for _, v := range values {
		if v.Section != section {
			section = v.Section
			fmt.Fprintf(&b, "\n[%s]\n", section)
		}
		origin := v.Origin
		if origin == "" {
			origin = "default"
		}
		line := v.Name + " = " + v.TOML()
		if v.Secret && v.Texts[0] != "" {
			// What is not shown is nothing to set.
			line = "# " + line
		}
		fmt.Fprintf(&b, "%-*s  # %s\n", width+len(" = "), line, origin)
	}
	_, err := printableWriter{a.stdout}.Write([]byte(strings.TrimPrefix(b.String(), "\n")))
	return err
}

// shownValue is a line of config show --json.
type shownValue struct {
	Key      string `json:"key"`
	Value    any    `json:"value"`
	Origin   string `json:"origin"`
	Flag     string `json:"flag"`
	Variable string `json:"variable"`
}

func printValuesJSON(a *app, values []config.Value) error {
	for _, v := range values {
		line := shownValue{v.Path(), v.Any(), v.Origin, "--" + v.Flag, v.Env()}
		if line.Origin == "" {
			line.Origin = "default"
		}
		if err := json.NewEncoder(printableWriter{a.stdout}).Encode(line); err != nil {
			return err
		}
	}
	return nil
}
