package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestKeys_Table_IsWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Keys() {
		for _, name := range []string{k.Path(), "--" + k.Flag, k.Env()} {
			if seen[name] {
				t.Errorf("%s occurs twice", name)
			}
			seen[name] = true
		}
		if isKeyName(k.Name) || isKeyName(k.Flag) {
			t.Errorf("%s is refused as an API key's name", k.Path())
		}
		if !slices.Contains(Sections(), k.Section) || k.Name == "" || k.Flag == "" || k.Help == "" {
			t.Errorf("%+v is incomplete", k)
		}
		if strings.ContainsAny(k.Usage(), "`\n") {
			t.Errorf("the usage of %s has a character that help gives a meaning: %q", k.Path(), k.Usage())
		}
		if (k.Placeholder == "") != (k.Type == TypeBool) {
			t.Errorf("%s has the placeholder %q and is a %s", k.Path(), k.Placeholder, k.Type)
		}
	}
}

func TestKeys_Table_NamesThatUsersKnow(t *testing.T) {
	var got []string
	for _, k := range Keys() {
		got = append(got, k.Path()+" --"+k.Flag+" "+k.Env()+" "+k.Default)
	}
	for _, want := range []string{
		"api.base_url --base-url EXPORTER_API_BASE_URL https://api.cloud.llamaindex.ai",
		"api.project_id --project-id EXPORTER_API_PROJECT_ID ",
		"source.directories --directory EXPORTER_SOURCE_DIRECTORIES ",
		"source.project --project EXPORTER_SOURCE_PROJECT false",
		"limits.rate --rate EXPORTER_LIMITS_RATE auto",
		"output.dir --out EXPORTER_OUTPUT_DIR export",
		"output.archive.level --level EXPORTER_OUTPUT_ARCHIVE_LEVEL fastest",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("the table lacks %q:\n%s", want, strings.Join(got, "\n"))
		}
	}
}

func TestClosest_Names(t *testing.T) {
	known := []string{"limits.rate", "limits.memory", "api.project_id", "source.file_id", "api.file_id"}
	for _, tt := range []struct{ name, tail, want string }{
		{"limits.rat", ".rat", "limits.rate"},
		{"limit.memori", ".memori", "limits.memory"},
		{"output.memory", ".memory", "limits.memory"},
		{"ap.file_id", ".file_id", "api.file_id"},
		{"x.file_id", ".file_id", ""},
		{"zzz", ".zzz", ""},
		{"", ".", ""},
		{strings.Repeat("limits.rate", 10), ".rate", ""},
	} {
		if got := closest(tt.name, tt.tail, known); got != tt.want {
			t.Errorf("closest(%q) = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestPrintable_Names(t *testing.T) {
	for name, want := range map[string]string{
		`C:\dir\my config.toml`: `C:\dir\my config.toml`, "ünï.toml": "ünï.toml",
		"": `""`, "a\nb": `"a\nb"`, "\x1b[2J": `"\x1b[2J"`, "a\xff": `"a\xff"`,
	} {
		if got := printable(name); got != want {
			t.Errorf("printable(%q) = %s, want %s", name, got, want)
		}
	}
}

// Whatever is offered as a value of a key is one.
func TestKeys_Choices_AreValues(t *testing.T) {
	some := 0
	for _, k := range Keys() {
		for _, choice := range k.Choices {
			some++
			fs := pflag.NewFlagSet("", pflag.ContinueOnError)
			AddFlags(fs, Sections()...)
			if err := fs.Parse([]string{"--" + k.Flag + "=" + choice}); err != nil {
				t.Fatal(err)
			}
			if _, err := Load(LoadOptions{Flags: fs}); err != nil {
				t.Errorf("%s=%s: %v", k.Path(), choice, err)
			}
		}
	}
	if some < 50 {
		t.Errorf("%d choices", some)
	}
}
