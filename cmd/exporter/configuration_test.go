package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"exporter/internal/config"
)

// The committed example and the page about it, relative to this folder.
const (
	exampleFile       = "../../config.example.toml"
	configurationPage = "../../docs/configuration.md"
)

var update = flag.Bool("update", false, "write config.example.toml and the tables of docs/configuration.md anew")

// allKeys returns the keys of the configuration and then those of commands.
func allKeys() []config.Key {
	a := &app{}
	return config.AllKeys(a.ownKeys(newRoot(a)))
}

// example returns what config.example.toml is to hold.
func example() string {
	var b strings.Builder
	b.WriteString(`# Every key of exporter, with its default. Keys that are left out keep it.
#
# Flags beat the environment, the environment beats this file: the names of both are above each key. In the
# environment, the items of a list are separated by commas; a flag for a list may be repeated. No file is read unless
# --config FILE or EXPORTER_CONFIG=FILE names it. "exporter config check FILE" says what is wrong with one.
#
# The API key is not among these keys, because files like this one get shared. It is read from the file that api_key_file
# names; else from LLAMA_CLOUD_API_KEY; else from LLAMA_PARSE_API_KEY; else from the file llama_cloud_api_key in
# $CREDENTIALS_DIRECTORY, where systemd puts it. LLAMA_CLOUD_BASE_URL counts as EXPORTER_API_BASE_URL, which beats it.
# LLAMA_CLOUD_CUSTOM_HEADERS has more headers for the API, one in each line: "Name: value".
#
# A file may have jobs: what is in [job.NAME.source], [job.NAME.output] and so on counts for "exporter run --job NAME", before what
# is in the sections below. docs/configuration.md says more.
`)
	var section config.Section
	for _, k := range allKeys() {
		if k.Section != section {
			section = k.Section
			fmt.Fprintf(&b, "\n[%s]\n", section)
		}
		fmt.Fprintf(&b, "\n# %s\n# --%s, %s\n%s = %s\n", k.Usage(), k.Flag, k.Env(), k.Name, exampleValue(k))
	}
	return b.String()
}

// exampleValue returns the default of a key as TOML has it.
func exampleValue(k config.Key) string {
	switch {
	case k.Type == config.TypeString:
		return fmt.Sprintf("%q", k.Default)
	case k.Type == config.TypeList && k.Default != "":
		return `["` + strings.ReplaceAll(k.Default, ",", `", "`) + `"]`
	case k.Type == config.TypeList:
		return "[]"
	case k.Type == config.TypeNumber:
		return k.Default + ".0"
	}
	return k.Default
}

// checkWritten compares a file with what it is to hold, or writes it.
func checkWritten(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		const remedy = "write it anew with: go test ./cmd/exporter -run Configuration_ -update"
		t.Errorf("%s is not what the code says; %s (-want +got):\n%s", path, remedy, diff)
	}
}

func TestConfiguration_Example_IsTheTable(t *testing.T) { checkWritten(t, exampleFile, example()) }

func TestConfiguration_Example_LoadsAsTheDefaults(t *testing.T) {
	t.Parallel()
	a := &app{}
	o := config.LoadOptions{Own: a.ownKeys(newRoot(a))}
	defaults, err := config.Load(o)
	if err != nil {
		t.Fatal(err)
	}
	o.File = exampleFile
	c, err := config.Load(o)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, v := range defaults.Values() {
		want[v.Path()] = v.TOML()
	}
	got := map[string]string{}
	for _, v := range c.Values() {
		if v.Origin == "" {
			t.Errorf("the example lacks %s", v.Path())
		}
		if _, known := want[v.Path()]; known {
			got[v.Path()] = v.TOML()
		} else if value := v.TOML(); value != strings.TrimSuffix(exampleValue(v.Key), ".0") && value != exampleValue(v.Key) {
			t.Errorf("%s is %s, want its default %s", v.Path(), value, exampleValue(v.Key))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the example differs from the defaults (-defaults +example):\n%s", diff)
	}
	if n := len(c.Values()); n != len(allKeys()) {
		t.Errorf("%d values, want %d", n, len(allKeys()))
	}
}

// tables returns the tables of docs/configuration.md.
func tables() string {
	var b strings.Builder
	b.WriteString("\n| variable | what it is |\n| --- | --- |\n")
	for _, v := range config.Variables() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", v.Name, strings.ReplaceAll(v.Help, "*", "`*`"))
	}
	var section config.Section
	for _, k := range allKeys() {
		if k.Section != section {
			section = k.Section
			fmt.Fprintf(&b, "\n### `[%s]`\n\n| key | flag | variable | default | what it is |\n| --- | --- | --- | --- | --- |\n", section)
		}
		value := ""
		if k.Default != "" {
			value = "`" + exampleValue(k) + "`"
		}
		fmt.Fprintf(&b, "| `%s` | `--%s` | `%s` | %s | %s |\n", k.Name, k.Flag, k.Env(), value, strings.NewReplacer("|", `\|`, "*", `\*`).Replace(k.Usage()))
	}
	return b.String()
}

func TestConfiguration_Page_HasAllKeysAndVariables(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- The tables are made from the code. -->\n", "<!-- The tables end here. -->\n"
	text, err := os.ReadFile(configurationPage)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no %q and %q", configurationPage, begin, end)
	}
	checkWritten(t, configurationPage, before+begin+tables()+"\n"+end+after)
}

// Every flag of every command that loads a configuration is a key and a variable, but for those that choose a configuration, and for the few
// that only a person gives.
func TestConfiguration_Flags_AreKeysAndVariables(t *testing.T) {
	t.Parallel()
	persons := []string{"force", "refetch", "repair", "accept-failed", "yes"}
	chosen := []string{"config", "job", "all-jobs", "help"}
	if diff := cmp.Diff(persons, config.FlagsOnly()); diff != "" {
		t.Errorf("flags that only a person gives (-want +got):\n%s", diff)
	}
	commands, tried := 0, 0
	for _, c := range allCommands(newRoot(&app{})) {
		if c.Flags().Lookup("config") == nil {
			continue
		}
		commands++
		var flags []*pflag.Flag
		c.Flags().VisitAll(func(f *pflag.Flag) {
			_, isKey := config.KeyOf(f)
			isParseJob := f.Name == "job" && c.Name() == "cat"
			if !isKey && !f.Hidden && !slices.Contains(persons, f.Name) && (isParseJob || !slices.Contains(chosen, f.Name)) {
				flags = append(flags, f)
			}
		})
		tried += len(flags)
		for _, layer := range []string{"variable", "file"} {
			settled := settledFlags(t, c, flags, layer)
			for _, f := range flags {
				_, want := sampleOf(f)
				if got := settled.Lookup(f.Name); !got.Changed || got.Value.String() != want {
					t.Errorf("%s: --%s set by a %s is %q, want %q", c.CommandPath(), f.Name, layer, got.Value, want)
				}
			}
		}
	}
	if commands < 15 || tried < 50 {
		t.Errorf("%d commands with %d flags of their own were tried, want more", commands, tried)
	}
}

// sampleOf returns a value for a flag as a TOML file has it, and what the flag is then.
func sampleOf(f *pflag.Flag) (literal, value string) {
	switch f.Value.Type() {
	case "bool":
		return "true", "true"
	case "int":
		return "7", "7"
	case "float64":
		return "0.5", "0.5"
	case "duration":
		return `"2h"`, "2h0m0s"
	case "stringSlice", "stringArray":
		return `["x"]`, "[x]"
	}
	return `"x"`, "x"
}

// settledFlags returns the flags of a command when a layer gives values for some.
func settledFlags(t *testing.T, c *cobra.Command, flags []*pflag.Flag, layer string) *pflag.FlagSet {
	t.Helper()
	section := strings.ReplaceAll(strings.TrimPrefix(c.CommandPath(), "exporter "), " ", ".")
	a := &app{environ: []string{"EXPORTER_CONFIG=f.toml"}}
	text := "[" + section + "]\n"
	for _, f := range flags {
		literal, _ := sampleOf(f)
		name := strings.ReplaceAll(f.Name, "-", "_")
		if layer == "file" {
			text += name + " = " + literal + "\n"
			continue
		}
		variable := "EXPORTER_" + strings.ToUpper(strings.ReplaceAll(section, ".", "_")+"_"+name)
		a.environ = append(a.environ, variable+"="+strings.Trim(literal, `[]"`))
	}
	a.files = map[string]configFile{"f.toml": {text: []byte(text)}}
	command, _, err := newRoot(a).Find(strings.Fields(c.CommandPath())[1:])
	if err != nil {
		t.Fatal(err)
	}
	a.settleOwn(command)
	return command.Flags()
}
