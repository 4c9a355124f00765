package config

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

func TestAddFlags_Sections_OnlyTheirs(t *testing.T) {
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	AddFlags(fs, SectionAPI, SectionLimits)
	var want, got []string
	for _, k := range Keys() {
		if k.Section == SectionAPI || k.Section == SectionLimits {
			want = append(want, k.Flag)
		}
	}
	fs.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			got = append(got, f.Name)
		}
	})
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("flags (-want +got):\n%s", diff)
	}
}

func TestAddFlags_Usage_ShowsDefaultsAndAllowed(t *testing.T) {
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	AddFlags(fs, Sections()...)
	usage := strings.Join(strings.Fields(fs.FlagUsages()), " ")
	for _, want := range []string{
		`--rate RATE highest rate of requests; auto finds the limit of the API, and stays just under it ` +
			`(a decimal number in /s, /m or /h, such as "20/m", from 1/h to 1000000/s; or "auto" or "unlimited") (default auto)`,
		`--level NAME how hard zstd tries (fastest, default, better or best) (default fastest)`,
		`--concurrency N blobs in flight at once (from 1 to 1024) (default 32)`,
		`--directory ID export the files of this directory, given by its id or its name; may be repeated --`,
		`--screenshots list page screenshots; --screenshots=false leaves them out (default true)`,
		`--skip-noise leave out figures with is_likely_noise --`,
		`--out DIR the export: a directory, or s3://BUCKET/PREFIX (default export)`,
	} {
		if !strings.Contains(usage, want) {
			t.Errorf("the usage lacks %q:\n%s", want, fs.FlagUsages())
		}
	}
	if strings.Contains(usage, "--api-key ") || strings.Contains(usage, "--token") {
		t.Errorf("the usage shows flags for an API key:\n%s", fs.FlagUsages())
	}
}

func TestLoad_Flags_ListsRepeat(t *testing.T) {
	c, err := load(t, "", nil,
		"--directory", "a", "--directory=b, c", "--project", "--screenshots=false", "--rate=1/s", "--rate=2/s")
	if err != nil {
		t.Fatal(err)
	}
	texts := allTexts(c)
	for path, want := range map[string]string{
		"source.directories": "a,b,c", "source.project": "true", "assets.screenshots": "false", "limits.rate": "2/s",
	} {
		if texts[path] != want {
			t.Errorf("%s = %q, want %q", path, texts[path], want)
		}
	}
}

func TestLoad_Flags_Errors(t *testing.T) {
	const key = "an API key does not belong on the command line, which the process list shows" + inKeysPlace
	for arg, want := range map[string]string{
		"--rate=fast":       `--rate: "fast" is not a rate (a decimal number in /s, /m or /h, such as "20/m", from 1/h to 1000000/s; or "auto" or "unlimited")`,
		"--directory=":      `--directory: not a valid id: it is empty`,
		"--directory=../x":  `--directory: not a valid id: "../x" (letters, digits, '.', '_' and '-' are allowed)`,
		"--figures=perhaps": `--figures: "perhaps" is neither true nor false (true or false)`,
		"--sink=s3":         `--sink: "s3" is not a choice (local or archive)`,
		"--shard-size=1MiB": `--shard-size: ` +
			`shard_size 1MiB is less than frame_size 4MiB (raise shard_size or lower frame_size)`,
		"--base-url=http://10.0.0.1": `--base-url: plain http would show the API key to the network between here and ` +
			`"10.0.0.1" (use https, or give --insecure-http)`,
		"--organization-id=" + canary:     `--organization-id: this looks like an API key, which does not belong here` + inKeysPlace,
		"--api-key=" + canary:             "--api-key: " + key,
		"--apikey=" + canary:              "--apikey: " + key,
		"--api-token=" + canary:           "--api-token: " + key,
		"--key=" + canary:                 "--key: " + key,
		"--token=" + canary:               "--token: " + key,
		"--llama-cloud-api-key=" + canary: "--llama-cloud-api-key: " + key,
	} {
		_, err := load(t, "", nil, arg)
		if _, ok := errors.AsType[*Error](err); !ok || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", arg, err, want)
		}
	}
}

// A value that pflag itself refuses is printed by it; so none may be refused while flags are parsed.
func TestAddFlags_Parse_RefusesNoValue(t *testing.T) {
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	fs.SetOutput(io.Discard)
	AddFlags(fs, Sections()...)
	fs.VisitAll(func(f *pflag.Flag) {
		if err := fs.Parse([]string{"--" + f.Name + "=" + canary}); err != nil {
			t.Errorf("--%s: %v, want no error from pflag", f.Name, err)
		}
		if got := f.Value.String(); f.Hidden && got != "" {
			t.Errorf("--%s keeps %q, want nothing", f.Name, got)
		}
	})
}

func TestLoad_Flags_IgnoresThoseOfOthers(t *testing.T) {
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	rate := fs.String("rate", "", "not ours")
	if err := fs.Parse([]string{"--rate=whatever"}); err != nil {
		t.Fatal(err)
	}
	c, err := Load(LoadOptions{Flags: fs})
	if err != nil || !c.Limits.Rate.Auto || *rate != "whatever" {
		t.Errorf("Load = %v, %v; want the default rate", c, err)
	}
}
