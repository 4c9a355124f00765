package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"exporter/internal/config"
)

// catName is the command in which --job is a parse job.
const catName = "cat"

// configFlag and jobFlag choose a configuration. A command that has the first one loads one.
const (
	configFlag = "config"
	jobFlag    = "job"
)

// withConfig adds the flags that choose a configuration and those of the sections, and returns a function that loads it.
func (a *app) withConfig(c *cobra.Command, sections ...config.Section) func() (*config.Config, error) {
	c.Flags().String(configFlag, "", "TOML `FILE`; else EXPORTER_CONFIG, else none")
	if c.Name() != catName {
		c.Flags().String(jobFlag, "", "the job of that `NAME` in the file; else EXPORTER_JOB, else none")
	}
	config.AddFlags(c.Flags(), sections...)
	return func() (*config.Config, error) {
		cfg, err := a.loadConfig(c, "")
		if err == nil {
			err = missingJob(c, cfg)
		}
		return cfg, err
	}
}

// loadConfig loads the configuration of a command; a job may be named in place of that of --job.
func (a *app) loadConfig(c *cobra.Command, job string) (*config.Config, error) {
	o := config.LoadOptions{
		Environ: a.environ, Flags: c.Flags(), Own: a.ownKeys(c.Root()), Job: job, ReadFile: a.readConfig, Open: a.openInput,
		LogFormat: func(format config.LogFormat) { a.logFormat = format },
	}
	o.File = c.Flags().Lookup(configFlag).Value.String()
	if f := c.Flags().Lookup(jobFlag); job == "" && isJobFlag(c, f) {
		o.Job = f.Value.String()
	}
	return config.Load(o)
}

// isJobFlag tells whether a flag of a command chooses a job of the configuration. In cat it is a parse job, and EXPORTER_JOB chooses.
func isJobFlag(c *cobra.Command, f *pflag.Flag) bool {
	return f != nil && f.Name == jobFlag && c.Name() != catName
}

// configFile is what reading a file gave.
type configFile struct {
	text []byte
	err  error
}

// readConfig reads a file once.
func (a *app) readConfig(path string) ([]byte, error) {
	f, known := a.files[path]
	if !known {
		f.text, f.err = a.readInput(path)
		if a.files == nil {
			a.files = map[string]configFile{}
		}
		a.files[path] = f
	}
	return f.text, f.err
}

// ownFlags returns the flags of a command that are keys of its own section: all but those of the configuration's sections, those that choose
// a configuration, and those that only a person gives.
func ownFlags(c *cobra.Command) []*pflag.Flag {
	if c.Flags().Lookup(configFlag) == nil {
		return nil
	}
	var own []*pflag.Flag
	c.Flags().VisitAll(func(f *pflag.Flag) {
		_, isKey := config.KeyOf(f)
		isChoice := f.Name == configFlag || f.Name == allJobsFlag || isJobFlag(c, f)
		if !isKey && !isChoice && !f.Hidden && f.Name != "help" && !slices.Contains(config.FlagsOnly(), f.Name) {
			own = append(own, f)
		}
	})
	return own
}

// ownKeys returns the keys of all commands that load a configuration, and how their values are checked: by flags that nothing else uses.
func (a *app) ownKeys(root *cobra.Command) []config.Own {
	spare := sync.OnceValue(func() map[string]*pflag.Flag {
		flags := map[string]*pflag.Flag{}
		for _, c := range allCommands(newRoot(&app{})) {
			for _, f := range ownFlags(c) {
				flags[ownKey(c, f).Path()] = f
			}
		}
		return flags
	})
	var keys []config.Own
	for _, c := range allCommands(root) {
		for _, f := range ownFlags(c) {
			k := ownKey(c, f)
			keys = append(keys, config.Own{Key: k, Check: func(text string) error {
				f := spare()[k.Path()]
				err := f.Value.Set(text)
				if want := wantedValue(f); err != nil && want != "" {
					return fmt.Errorf("%q is no %s", text, want)
				}
				return err
			}})
		}
	}
	return keys
}

// ownKey returns the key that a flag of a command is. Its section is called as the command is.
func ownKey(c *cobra.Command, f *pflag.Flag) config.Key {
	section := strings.ReplaceAll(strings.TrimPrefix(c.CommandPath(), c.Root().Name()+" "), " ", ".")
	value, usage := pflag.UnquoteUsage(f)
	k := config.Key{
		Section: config.Section(section), Name: strings.ReplaceAll(f.Name, "-", "_"), Flag: f.Name, Type: config.TypeString,
		Placeholder: strings.ToUpper(value), Default: f.DefValue, Help: usage,
	}
	switch f.Value.Type() {
	case "bool":
		k.Type, k.Placeholder, k.Allowed = config.TypeBool, "", "true or false"
	case "int":
		k.Type = config.TypeInteger
	case "float64":
		k.Type = config.TypeNumber
	case "stringSlice", "stringArray":
		k.Type, k.Default = config.TypeList, strings.Trim(f.DefValue, "[]")
	}
	return k
}

// settleOwn gives the flags of a command's own keys what file and environment say, unless they were given. What is wrong with those is told
// when the configuration is loaded.
func (a *app) settleOwn(c *cobra.Command) {
	flags := ownFlags(c)
	if len(flags) == 0 {
		return
	}
	cfg, err := a.loadConfig(c, "")
	if err != nil {
		return
	}
	for _, f := range flags {
		texts, given := cfg.Own(ownKey(c, f).Path())
		if f.Changed || !given {
			continue
		}
		f.Changed = true
		if list, ok := f.Value.(pflag.SliceValue); ok {
			err = list.Replace(texts)
		} else {
			err = f.Value.Set(texts[0])
		}
		if err != nil {
			panic(fmt.Sprintf("a value that was checked: --%s: %v", f.Name, err))
		}
	}
}
