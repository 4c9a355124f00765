package config

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/secret"
	"github.com/spf13/pflag"

	"exporter/internal/testmain"
	"exporter/pipeline"
)

// inKeysPlace ends every message about a misplaced API key.
const inKeysPlace = " (set LLAMA_CLOUD_API_KEY or api.api_key_file)"

// The documentation of Assets says that it converts.
var _ = pipeline.Filters(Assets{})

// load loads a TOML text, an environment and a command line, each of which may be empty.
func load(t *testing.T, text string, environ []string, args ...string) (*Config, error) {
	t.Helper()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	AddFlags(fs, Sections()...)
	if err := fs.Parse(args); err != nil {
		t.Fatalf("parse flags: %v", err)
	}
	o := LoadOptions{Environ: environ, Flags: fs}
	if text != "" {
		o.File = "config.toml"
		o.ReadFile = func(string) ([]byte, error) { return []byte(text), nil }
	}
	return Load(o)
}

// allTexts returns the texts of all keys by path, with the items of lists in order.
func allTexts(c *Config) map[string]string {
	texts := map[string]string{}
	for _, s := range settings(c) {
		texts[s.key().Path()] = strings.Join(s.get(), ",")
	}
	return texts
}

// samples has three values of each key that are canonical and not the default: for the TOML file, the environment and a
// flag.
func samples() map[string][3]string {
	return map[string][3]string{
		"api.base_url":                   {"https://a.test", "https://b.test/x", "http://127.0.0.1:8080"},
		"api.region":                     {"na", "na", "na"}, // whose address is the default
		"api.insecure_http":              {"true", "false", "true"},
		"api.allow_storage_hosts":        {"a,*.b.test", "10.0.0.0/8", "fd00::/8,c"},
		"api.api_key_file":               {"a", "b", "/c d"},
		"api.organization_id":            {"a", "b", "c"},
		"api.project_id":                 {"a", "b", "c"},
		"api.header_timeout":             {"1s", "2s", "3s"},
		"api.idle_timeout":               {"1s", "2s", "3s"},
		"source.directories":             {"a,b", "b,c", "c,d"},
		"source.pipelines":               {"a,b", "b,c", "c"},
		"source.files":                   {"a,b", "b", "c,d"},
		"source.project":                 {"true", "false", "true"},
		"source.indexes":                 {"a,b", "b c", "c,d"},
		"source.parse_job_ids":           {"a,b", "b", "c,d"},
		"source.parse_jobs":              {"true", "false", "true"},
		"source.jobs_since":              {"2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z", "2024-01-03T00:00:00Z"},
		"source.job_status":              {"a", "b", "c"},
		"source.batch_ids":               {"a,b", "b", "c,d"},
		"source.batches":                 {"true", "false", "true"},
		"source.display_name":            {"a", "b, c", "ü"},
		"source.display_name_contains":   {"a", "b", "c"},
		"source.unique_id":               {"a", "b/c", "c"},
		"source.file_id":                 {"a", "b", "c"},
		"source.include":                 {"*.pdf", "a,b?", "[a-z]*"},
		"source.exclude":                 {"*.pdf", "a,b?", "[a-z]*"},
		"source.include_deleted":         {"true", "false", "true"},
		"source.updated_at_on_or_after":  {"2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z", "2024-01-03T00:00:00.5Z"},
		"source.updated_at_on_or_before": {"2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z", "2024-01-03T00:00:00Z"},
		"assets.screenshots":             {"false", "true", "false"},
		"assets.figures":                 {"false", "true", "false"},
		"assets.documents":               {"true", "false", "true"},
		"assets.skip_noise":              {"true", "false", "true"},
		"assets.min_confidence":          {"0.25", "0.5", "1"},
		"assets.categories":              {"a", "b,c", "none"},
		"assets.pages":                   {"1", "0-9,12", "3-4"},
		"limits.rate":                    {"20/m", "50/s", "unlimited"},
		"limits.concurrency":             {"1", "2", "1024"},
		"limits.memory":                  {"1MiB", "2MiB", "3MiB"},
		"limits.max_blob_size":           {"1MiB", "2MiB", "3MiB"},
		"limits.max_pause":               {"1m0s", "2m0s", "3m0s"},
		"limits.max_outage":              {"1m0s", "2m0s", "3m0s"},
		"limits.max_attempts":            {"1", "2", "20"},
		"run.settle":                     {"1h0m0s", "2h0m0s", "3h0m0s"},
		"run.changed":                    {"size", "date", "size"},
		"run.relist":                     {"true", "false", "true"},
		"run.wait":                       {"true", "false", "true"},
		"run.prune_expired":              {"true", "false", "true"},
		"run.compact":                    {"true", "false", "true"},
		"run.part":                       {"0/1", "3/8", "auto"},
		"run.partial_ok":                 {"true", "false", "true"},
		"run.list":                       {"a", "s3://bucket/b", "c"},
		"run.report":                     {"a", "b", "c.md"},
		"output.dir":                     {"a", "b", "c"},
		"output.sink":                    {"archive", "local", "archive"},
		"output.checkpoint":              {"1s", "2s", "3s"},
		"output.scratch":                 {"a", "b", "c"},
		"output.single_writer":           {"true", "false", "true"},
		"output.archive.seal_after":      {"1m0s", "2m0s", "3m0s"},
		"output.archive.compression":     {"none", "zstd", "none"},
		"output.archive.level":           {"default", "better", "best"},
		"output.archive.shard_size":      {"5MiB", "6MiB", "7MiB"},
		"output.archive.frame_size":      {"1MiB", "2MiB", "3MiB"},
		"run.since":                      {"last", "last", "last"},
		"run.limit":                      {"1", "2", "3"},
		"run.sample":                     {"1", "2", "3"},
		"run.files_from":                 {"a", "b", "-"},
		"run.prune":                      {"true", "false", "true"},
		"log.format":                     {"json", "text", "json"},
		"api.ca_cert":                    {"a.pem", "b.pem", "c.pem"},
		"log.level":                      {"warn", "debug", "trace"},
		"log.file":                       {"a.log", "b.log", "c.log"},
		"log.quiet":                      {"true", "false", "true"},
		"log.verbose":                    {"true", "false", "true"},
		"log.no_progress":                {"true", "false", "true"},
		"metrics.file":                   {"a.prom", "b/c.prom", "/d.prom"},
		"metrics.listen":                 {"127.0.0.1:1", "0.0.0.0:9464", "[::1]:0"},
		"ping.url":                       {"https://a.test/x", "http://b.test", "https://c.test/?y=z"},
		"ping.url_file":                  {"a", "b", "c"},
	}
}

// tomlFor returns a document with one key.
func tomlFor(k Key, value string) string {
	switch k.Type {
	case TypeString:
		value = fmt.Sprintf("%q", value)
	case TypeList:
		value = `["` + strings.ReplaceAll(value, ",", `", "`) + `"]`
	}
	return fmt.Sprintf("[%s]\n%s = %s\n", k.Section, k.Name, value)
}

func TestLoad_Precedence_EveryKeyEveryLayer(t *testing.T) {
	const inTOML, inEnv, inFlag = 1, 2, 4
	all := samples()
	for _, k := range Keys() {
		values, ok := all[k.Path()]
		if !ok {
			t.Errorf("%s has no samples", k.Path())
			continue
		}
		for layers := range 8 {
			want := allTexts(Default())
			// What a secret is, no text says.
			shown := func(value string) string {
				if k.Path() == "ping.url" {
					return secret.Redacted
				}
				return value
			}
			var text, from string
			var environ, args []string
			if layers&inTOML != 0 {
				text, want[k.Path()], from = tomlFor(k, values[0]), shown(values[0]), "config.toml:2"
			}
			if layers&inEnv != 0 {
				environ, want[k.Path()], from = []string{k.Env() + "=" + values[1]}, shown(values[1]), k.Env()
			}
			if layers&inFlag != 0 {
				args, want[k.Path()], from = []string{"--" + k.Flag + "=" + values[2]}, shown(values[2]), "--"+k.Flag
			}
			c, err := load(t, text, environ, args...)
			if err != nil {
				t.Errorf("%s, layers %03b: %v", k.Path(), layers, err)
				continue
			}
			if diff := cmp.Diff(want, allTexts(c)); diff != "" {
				t.Errorf("%s, layers %03b (-want +got):\n%s", k.Path(), layers, diff)
			}
			if got := c.origins[k.Path()].text; got != from {
				t.Errorf("%s, layers %03b: origin %q, want %q", k.Path(), layers, got, from)
			}
		}
	}
}

func TestLoad_BaseURL_Precedence(t *testing.T) {
	const text = "[api]\nbase_url = 'https://toml.test'"
	shared, own := "LLAMA_CLOUD_BASE_URL=https://shared.test", "EXPORTER_API_BASE_URL=https://own.test"
	for _, tt := range []struct {
		environ, args []string
		want          string
	}{
		{nil, nil, "https://toml.test"},
		{[]string{shared}, nil, "https://shared.test"},
		{[]string{own, shared}, nil, "https://own.test"},
		{[]string{shared, own}, []string{"--base-url", "https://flag.test/"}, "https://flag.test"},
	} {
		c, err := load(t, text, tt.environ, tt.args...)
		if err != nil || c.API.BaseURL.String() != tt.want {
			t.Errorf("environment %q, flags %q: got %v, %v; want %s", tt.environ, tt.args, c, err, tt.want)
		}
	}
}

func TestLoad_Environ_EmptyCountsAsNotSet(t *testing.T) {
	environ := []string{
		"EXPORTER_LIMITS_RATE=1/s", "EXPORTER_LIMITS_RATE=", "LLAMA_CLOUD_BASE_URL=", "EXPORTER_CONFIG=", "odd",
	}
	c, err := load(t, "", environ)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(allTexts(Default()), allTexts(c)); diff != "" {
		t.Errorf("the defaults are changed (-want +got):\n%s", diff)
	}
}

func TestLoad_Environ_Errors(t *testing.T) {
	const (
		meant    = "unknown variable (did you mean "
		rates    = ` (a decimal number in /s, /m or /h, such as "20/m", from 1/h to 1000000/s; or "auto" or "unlimited")`
		notThere = "the API key is not read from this variable" + inKeysPlace
		notHere  = "this looks like an API key, which does not belong here" + inKeysPlace
	)
	for entry, want := range map[string]string{
		"EXPORTER_LIMITS_RTE=x":               `EXPORTER_LIMITS_RTE: ` + meant + `EXPORTER_LIMITS_RATE?)`,
		"EXPORTER_RATE=":                      `EXPORTER_RATE: ` + meant + `EXPORTER_LIMITS_RATE?)`,
		"EXPORTER_API_KEY_FILE=x":             `EXPORTER_API_KEY_FILE: ` + meant + `EXPORTER_API_API_KEY_FILE?)`,
		"EXPORTER_LIMIT_RATE=x":               `EXPORTER_LIMIT_RATE: ` + meant + `EXPORTER_LIMITS_RATE?)`,
		"EXPORTER_CONFIGS=x":                  `EXPORTER_CONFIGS: ` + meant + `EXPORTER_CONFIG?)`,
		"EXPORTER_DIRECTORIES=x":              `EXPORTER_DIRECTORIES: ` + meant + `EXPORTER_SOURCE_DIRECTORIES?)`,
		"EXPORTER_BASE_URL=x":                 `EXPORTER_BASE_URL: ` + meant + `EXPORTER_API_BASE_URL?)`,
		"EXPORTER_OUT=x":                      `EXPORTER_OUT: ` + meant + `EXPORTER_OUTPUT_DIR?)`,
		"EXPORTER_OUTPUT_D\nR=x":              `"EXPORTER_OUTPUT_D\nR": ` + meant + `EXPORTER_OUTPUT_DIR?)`,
		"EXPORTER_RUN_ACCEPT_FAILED=x":        `EXPORTER_RUN_ACCEPT_FAILED: --accept-failed is a flag only, which a person gives (give it on the command line, once)`,
		"EXPORTER_RUN_ACCEPT_FAILLED=x":       `EXPORTER_RUN_ACCEPT_FAILLED: unknown variable (did you mean --accept-failed? It is a flag only: give it on the command line, once)`,
		"EXPORTER_RUN_FORCE=x":                `EXPORTER_RUN_FORCE: --force is a flag only, which a person gives (give it on the command line, once)`,
		"EXPORTER_DRY_RUN=x":                  `EXPORTER_DRY_RUN: there is no dry run (exporter plan says what a run would do)`,
		"EXPORTER_API_KEY=secret":             `EXPORTER_API_KEY: ` + notThere,
		"EXPORTER_API_API_KEY=secret":         `EXPORTER_API_API_KEY: ` + notThere,
		"EXPORTER_TOKEN=secret":               `EXPORTER_TOKEN: ` + notThere,
		"EXPORTER_SOURCE_UNIQUE_ID=" + canary: `EXPORTER_SOURCE_UNIQUE_ID: ` + notHere,
		"EXPORTER_LIMITS_RATE=fast":           `EXPORTER_LIMITS_RATE: "fast" is not a rate` + rates,
		"EXPORTER_LIMITS_CONCURRENCY=1.5":     `EXPORTER_LIMITS_CONCURRENCY: "1.5" is not a whole number (from 1 to 1024)`,
		"EXPORTER_LIMITS_CONCURRENCY=1e":      `EXPORTER_LIMITS_CONCURRENCY: "1e" is not a whole number (from 1 to 1024)`,
		"EXPORTER_ASSETS_MIN_CONFIDENCE=low":  `EXPORTER_ASSETS_MIN_CONFIDENCE: "low" is not a number (from 0 to 1)`,
		"EXPORTER_OUTPUT_DIR=a\xff":           `EXPORTER_OUTPUT_DIR: "a\xff" is not valid UTF-8`,
		"LLAMA_CLOUD_BASE_URL=ftp://x": `LLAMA_CLOUD_BASE_URL: the URL's scheme is neither https nor http ` +
			`(such as "https://api.cloud.llamaindex.ai")`,
		"EXPORTER_SOURCE_DIRECTORIES=a,,b": `EXPORTER_SOURCE_DIRECTORIES: not a valid id: it is empty`,
		"EXPORTER_SOURCE_DIRECTORIES=a, b/c": `EXPORTER_SOURCE_DIRECTORIES: not a valid id: "b/c" ` +
			`(letters, digits, '.', '_' and '-' are allowed)`,
		"EXPORTER_SOURCE_PROJECT=maybe": `EXPORTER_SOURCE_PROJECT: "maybe" is neither true nor false (true or false)`,
	} {
		if _, err := load(t, "", []string{entry}); err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", entry, err, want)
		}
	}
}

func TestLoad_BadID_WrapsItsCause(t *testing.T) {
	if _, err := load(t, "", nil, "--file=a/b"); !errors.Is(err, pipeline.ErrBadID) {
		t.Errorf("Load: %v, want it to wrap %v", err, pipeline.ErrBadID)
	}
}

func TestLoad_Environ_ExemptsTestsAndOthers(t *testing.T) {
	environ := []string{"EXPORTER_TEST_KILL_AT=seal", "EXPORTERS_RATE=x", "HOME=/", "exporter_rate=x"}
	if _, err := load(t, "", environ); err != nil {
		t.Errorf("Load: %v, want no error", err)
	}
}

// What Kubernetes sets for a Service is not ours, also where the Service has a name of which a key of ours is a part.
func TestLoad_Environ_PassesOverServices(t *testing.T) {
	testmain.Long(t)
	suffixes := []string{
		"SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "SERVICE_PORT_METRICS", "PORT", "PORT_8080_TCP", "PORT_8080_TCP_PROTO",
		"PORT_8080_TCP_PORT", "PORT_8080_TCP_ADDR", "PORT_53_UDP_ADDR",
	}
	services := []string{"EXPORTER", "EXPORTER_NODE", "EXPORTER_TEST", "EXPORTER_V2", fileVariable}
	for _, k := range Keys() {
		services = append(services, k.Env(), "EXPORTER_"+strings.ToUpper(strings.ReplaceAll(string(k.Section), ".", "_")),
			"EXPORTER_"+strings.ToUpper(strings.ReplaceAll(k.Flag, "-", "_")))
	}
	for _, service := range services {
		for _, suffix := range suffixes {
			if _, err := load(t, "", []string{service + "_" + suffix + "=x"}); err != nil {
				t.Errorf("Load: %v, want no error", err)
			}
		}
	}
	for _, name := range []string{"FOO", "HOST", "OTLP_ENDPOINT", "A\nB", "INTERVAL", strings.Repeat("LIMITS_RATE", 9)} {
		if _, err := load(t, "", []string{"EXPORTER_" + name + "=x"}); err != nil {
			t.Errorf("Load: %v, want no error", err)
		}
	}
}

// One slip in the name of a key is noticed: a letter that is missing, doubled or another one, and two that have changed places.
func TestLoad_Environ_NoticesSlips(t *testing.T) {
	testmain.Long(t)
	names := map[string]bool{}
	for _, k := range Keys() {
		names[k.Env()] = true
	}
	for name := range names {
		rest := strings.TrimPrefix(name, envPrefix)
		if len(rest) < 10 {
			continue // in shorter ones, two letters are more than a slip
		}
		for i := range len(rest) - 1 {
			for _, slip := range []string{
				rest[:i] + rest[i+1:], rest[:i] + rest[i:i+1] + rest[i:], rest[:i] + "X" + rest[i+1:],
				rest[:i] + rest[i+1:i+2] + rest[i:i+1] + rest[i+2:],
			} {
				if slip == rest || names[envPrefix+slip] {
					continue
				}
				if _, err := load(t, "", []string{envPrefix + slip + "=x"}); err == nil {
					t.Errorf("%s%s: no error, want a suggestion", envPrefix, slip)
				}
			}
		}
	}
}

func TestLoad_File_NamedByOptionThenVariable(t *testing.T) {
	var read []string
	o := LoadOptions{
		Environ:  []string{"EXPORTER_CONFIG=variable.toml"},
		ReadFile: func(path string) ([]byte, error) { read = append(read, path); return nil, nil },
	}
	for _, file := range []string{"option.toml", ""} {
		o.File = file
		if _, err := Load(o); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"option.toml", "variable.toml"}; !slices.Equal(read, want) {
		t.Errorf("read %q, want %q", read, want)
	}
}

func TestLoad_File_MissingIsAnError(t *testing.T) {
	for _, tt := range []struct {
		o    LoadOptions
		want string
	}{
		{LoadOptions{File: "no/such.toml"}, "--config"},
		{LoadOptions{Environ: []string{"EXPORTER_CONFIG=no/such.toml"}}, "EXPORTER_CONFIG"},
	} {
		_, err := Load(tt.o)
		e, ok := errors.AsType[*Error](err)
		if !ok || !errors.Is(err, fs.ErrNotExist) || e.Origin != tt.want || !strings.Contains(e.Problem, "no/such.toml") {
			t.Errorf("Load: %v, want an *Error from %s that names the file and wraps fs.ErrNotExist", err, tt.want)
		}
	}
}

// -v and -q say what is logged, and so does a level. What says more counts, and -vv says most.
func TestLog_Threshold_ByFlags(t *testing.T) {
	for args, want := range map[string]LogLevel{
		"": LevelInfo, "-v": LevelDebug, "-vv": LevelTrace, "-v -v": LevelTrace, "-q": LevelWarn, "--log-level warn": LevelWarn,
		"--log-level trace": LevelTrace, "--log-level trace -v": LevelTrace, "--log-level error -v": LevelDebug, "--log-level error -q": LevelError,
		"--log-level debug -q": LevelDebug, "--log-level info -vv": LevelDebug, "-vv --verbose=false": LevelInfo,
	} {
		c, err := load(t, "", nil, strings.Fields(args)...)
		if err != nil {
			t.Errorf("%s: %v", args, err)
			continue
		}
		if got := c.Log.Threshold(); got != want || c.Log.ShowsProgress() == strings.Contains(args, "-q") {
			t.Errorf("%s: threshold %s, progress %v, want %s", args, got, c.Log.ShowsProgress(), want)
		}
	}
	if _, err := load(t, "log.quiet = true", nil, "-v"); err == nil || err.Error() != "config.toml:1: log.quiet: nothing is verbose and quiet at once (leave one of them out)" {
		t.Errorf("-v with log.quiet: %v", err)
	}
}
