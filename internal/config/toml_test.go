package config

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"
)

func TestLoad_TOML_Errors(t *testing.T) {
	const sections = "api, source, assets, limits, output, output.archive, run, log, metrics, ping"
	const sizes = `(such as "64KB", "256MiB" or "1GiB")`
	const durations = `(such as "5s", "1m30s" or "15m")`
	const rates = `(a decimal number in /s, /m or /h, such as "20/m", from 1/h to 1000000/s; or "auto" or "unlimited")`
	const times = `(RFC 3339, such as "2024-06-13T12:00:00Z")`
	const notList = `wrong type: want list of strings, got `
	const shared = "an API key does not belong in the TOML file, which gets shared" + inKeysPlace
	const notHere = "this looks like an API key, which does not belong here" + inKeysPlace
	for _, tt := range []struct{ text, want string }{
		// Unknown keys and sections.
		{"\n  [limits]\n\trte = 1", `3:2: limits.rte: unknown key (did you mean limits.rate?)`},
		{"[output]\nrate = '1/s'", `2:1: output.rate: unknown key (did you mean limits.rate?)`},
		{"rate = '1/s'", `1:1: rate: unknown key (did you mean limits.rate?)`},
		{"[limits]\nwhatever = 1", `2:1: limits.whatever: unknown key (config.example.toml has all keys)`},
		{"limits . rte = 1", `1:1: limits.rte: unknown key (did you mean limits.rate?)`},
		{"'limits.rate' = '1/s'", `1:1: "limits.rate": unknown key (did you mean limits.rate?)`},
		{"\"a\\nb\" = 1", `1:1: "a\nb": unknown key (config.example.toml has all keys)`},
		{"[limit]\nrate = '1/s'", `1:2: limit: unknown section (did you mean [limits]?)`},
		{"[archive]", `1:2: archive: unknown section (did you mean [output.archive]?)`},
		{"[limits.rate]", `1:2: limits.rate: unknown section (the sections are ` + sections + `)`},
		{"[[limits]]", `1:3: limits: a section cannot be repeated (write it in single brackets, once)`},
		{"limits = { rate = '1/s',\n rte = 2 }", `2:2: limits.rte: unknown key (did you mean limits.rate?)`},
		{"output = { archive = { lvl = 1 } }",
			`1:24: output.archive.lvl: unknown key (did you mean output.archive.level?)`},
		{"other = { rate = '1/s' }", `1:1: other: unknown section (the sections are ` + sections + `)`},

		// Wrong types.
		{"limits = 3", `1:1: limits: wrong type: want table, got integer (write it as a section in brackets)`},
		{"[limits]\nrate = 20", `2: limits.rate: wrong type: want string, got integer ` + rates},
		{"[limits]\nrate = {}", `2: limits.rate: wrong type: want string, got table ` + rates},
		{"[limits]\nconcurrency = '4'", `2: limits.concurrency: wrong type: want integer, got string (from 1 to 1024)`},
		{"[limits]\nconcurrency = 4.0", `2: limits.concurrency: wrong type: want integer, got float (from 1 to 1024)`},
		{"[assets]\nskip_noise = 1", `2: assets.skip_noise: wrong type: want boolean, got integer (true or false)`},
		{"[assets]\nmin_confidence = true",
			`2: assets.min_confidence: wrong type: want number, got boolean (from 0 to 1)`},
		{"[api]\nproject_id = 5", `2: api.project_id: wrong type: want string, got integer (write it in quotes)`},
		{"[source]\ndirectories = 'a'", `2: source.directories: ` + notList + `string (write it as ["ID"])`},
		{"[source]\nfiles = ['a',\n'b',\n3]", `4: source.files: ` + notList + `integer (write it as ["ID"])`},
		{"[source]\nfiles = [['a']]", `2: source.files: ` + notList + `list (write it as ["ID"])`},
		{"[source]\nupdated_at_on_or_after = 2024-06-13",
			`2: source.updated_at_on_or_after: wrong type: want string, ` +
				`got date or time ` + times},

		// Bad values.
		{"[limits]\n\nrate = 'fast'", `3: limits.rate: "fast" is not a rate ` + rates},
		{"[limits]\nconcurrency = 0", `2: limits.concurrency: "0" is out of range (from 1 to 1024)`},
		{"[limits]\nconcurrency = 0x401", `2: limits.concurrency: "1025" is out of range (from 1 to 1024)`},
		{"[limits]\nmax_attempts = 21", `2: limits.max_attempts: "21" is out of range (from 1 to 20)`},
		{"[limits]\nmax_blob_size = '256M'", `2: limits.max_blob_size: "256M" is not a size ` + sizes},
		{"[limits]\nmax_blob_size = '0'", `2: limits.max_blob_size: the size is zero ` + sizes},
		{"[limits]\nmemory = '0'", `2: limits.memory: the size is zero (such as "64KB", "256MiB" or "1GiB"; or "auto")`},
		{"[limits]\nmax_pause = '15'", `2: limits.max_pause: "15" is not a duration ` + durations},
		{"[limits]\nmax_pause = '-1s'", `2: limits.max_pause: the duration "-1s" is not positive ` + durations},
		{"[assets]\nmin_confidence = 1.01", `2: assets.min_confidence: "1.01" is out of range (from 0 to 1)`},
		{"[assets]\nmin_confidence = nan", `2: assets.min_confidence: "nan" is out of range (from 0 to 1)`},
		{"[assets]\nmin_confidence = -inf", `2: assets.min_confidence: "-inf" is out of range (from 0 to 1)`},
		{"[assets]\npages = '9-0'", `2: assets.pages: pages "9-0": the range "9-0" ends before it begins`},
		{"[output]\nsink = 's3'", `2: output.sink: "s3" is not a choice (local or archive)`},
		{"[output]\ndir = ''", `2: output.dir: the path is empty`},
		{"[output]\ndir = '~/x'", `2: output.dir: "~/x": only a shell knows what ~ means; write the path in full`},
		{"[output]\ndir = \"a\\u0000\"", `2: output.dir: the path holds a NUL byte`},
		{"[output.archive]\ncompression = 'gzip'",
			`2: output.archive.compression: "gzip" is not a choice (zstd or none)`},
		{"[output.archive]\nlevel = '3'",
			`2: output.archive.level: "3" is not a choice (fastest, default, better or best)`},
		{"[source]\nfile_id = '..'", `2: source.file_id: not a valid id: ".."`},
		{"[source]\ndirectories = [\n'a',\n'b/c',\n]", `4: source.directories: not a valid id: "b/c" ` +
			`(letters, digits, '.', '_' and '-' are allowed)`},
		{"[source]\nupdated_at_on_or_after = '2024-06-13'",
			`2: source.updated_at_on_or_after: "2024-06-13" has no time of day ` +
				`(write "2024-06-13T00:00:00Z")`},
		{"[source]\nupdated_at_on_or_after = 'today'",
			`2: source.updated_at_on_or_after: "today" is not a timestamp ` + times},
		{"[source]\nupdated_at_on_or_after = '0001-01-01T00:00:00Z'",
			`2: source.updated_at_on_or_after: the timestamp ` +
				`"0001-01-01T00:00:00Z" is not in the years 1970 to 9999 ` + times},
		{"[limits]\nrate = '" + strings.Repeat("é", 60) + "'",
			`2: limits.rate: "` + strings.Repeat("é", 40) + `"… is not a rate ` + rates},

		// Keys that concern each other.
		{"[output.archive]\nframe_size = '2GiB'",
			`2: output.archive.frame_size: shard_size 1GiB is less than frame_size 2GiB ` +
				`(raise shard_size or lower frame_size)`},
		{"[output.archive]\nframe_size = '2MiB'\nshard_size = '1MiB'",
			`3: output.archive.shard_size: shard_size 1MiB is less ` +
				`than frame_size 2MiB (raise shard_size or lower frame_size)`},
		{"[assets]\nscreenshots = false\nfigures = false",
			`3: assets.figures: neither screenshots nor figures are wanted ` +
				`(leave one of them on, or give --documents)`},
		{"source.updated_at_on_or_after = '2024-01-02T00:00:00Z'\nsource.updated_at_on_or_before = '2024-01-02T00:30:00+01:00'",
			`1: source.updated_at_on_or_after: updated_at_on_or_after is later than updated_at_on_or_before (exchange them)`},
		{"[api]\nbase_url = 'http://api.test/x'",
			`2: api.base_url: plain http would show the API key to the network between here ` +
				`and "api.test" (use https, or give --insecure-http)`},

		// API keys.
		{"[api]\napi_key = '" + canary + "'", `2: api.api_key: ` + shared},
		{"[api]\nkey = ['" + canary + "']", `2: api.key: ` + shared},
		{"Token = '" + canary + "'", `1: Token: ` + shared},
		{"api = { api-key = '" + canary + "' }", `1: api.api-key: ` + shared},
		{"[token]\nvalue = '" + canary + "'", `1: token: ` + shared},
		{"[api]\napi_key_file = '" + canary + "'", `2: api.api_key_file: ` + notHere},
		{"[source]\nfiles = ['a',\n'Bearer " + canary + "']", `3: source.files: ` + notHere},

		// Not TOML.
		{"[limits]\nrate = 1\nrate = 2", `3:1: key rate is already defined`},
		{"[limits]\nrate = fast", `2:8: expected keyword "false"`},
		{"[api]\napi_key = " + canary, `2:11: unexpected character U+006C 'l' at start of value`},
		{"[api]\n" + canary, `2:20: expected '=' after key`},
	} {
		_, err := load(t, tt.text, nil)
		if want := "config.toml:" + tt.want; err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", tt.text, err, want)
		}
		if _, ok := errors.AsType[*Error](err); !ok {
			t.Errorf("%q: the error is a %T, want an *Error", tt.text, err)
		}
	}
}

func TestLoad_TOML_AllNotations(t *testing.T) {
	const text = `
limits.concurrency = 0x1_0
api = { project_id = "p", idle_timeout = '''1m''' }

[assets]
min_confidence = 1

[output]
archive.shard_size = "8 mib"

[source]
directories = [ # two of them
  "a",
  'b',
]
files = []
updated_at_on_or_before = "2024-06-13T14:00:00+02:00"
`
	c, err := load(t, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := allTexts(Default())
	maps.Copy(want, map[string]string{
		"limits.concurrency": "16", "api.project_id": "p", "api.idle_timeout": "1m0s", "assets.min_confidence": "1",
		"output.archive.shard_size": "8MiB", "source.directories": "a,b",
		"source.updated_at_on_or_before": "2024-06-13T12:00:00Z",
	})
	if diff := cmp.Diff(want, allTexts(c)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLoad_TOML_EmptyListReplacesNothingElse(t *testing.T) {
	c, err := load(t, "[source]\ndirectories = ['a']", nil, "--file", "f", "--file=g,h")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(c.Source.Directories), 1; got != want {
		t.Errorf("%d directories, want %d", got, want)
	}
	if got := allTexts(c)["source.files"]; got != "f,g,h" {
		t.Errorf("files %q, want f,g,h", got)
	}
}

func TestLoad_TOML_BadValueIsRefusedUnderAGoodFlag(t *testing.T) {
	_, err := load(t, "[limits]\nrate = 'fast'", nil, "--rate=1/s")
	if e, ok := errors.AsType[*Error](err); !ok || e.Key != "limits.rate" || e.Origin != "config.toml:2" {
		t.Errorf("Load: %v, want an error about line 2", err)
	}
}

// renderTOML writes a Config as a document.
func renderTOML(t *testing.T, c *Config) []byte {
	t.Helper()
	document := map[string]map[string]any{}
	for _, s := range settings(c) {
		k := s.key()
		var value any = s.get()
		var err error
		switch k.Type {
		case TypeString:
			value = s.get()[0]
			if s.isSecret {
				value = c.Ping.URL.Reveal()
			}
		case TypeBool:
			value, err = strconv.ParseBool(s.get()[0])
		case TypeInteger:
			value, err = strconv.Atoi(s.get()[0])
		case TypeNumber:
			value, err = strconv.ParseFloat(s.get()[0], 64)
		}
		if err != nil {
			t.Fatalf("%s: %v", k.Path(), err)
		}
		section := string(k.Section)
		if document[section] == nil {
			document[section] = map[string]any{}
		}
		document[section][k.Name] = value
	}
	document["output"]["archive"] = document["output.archive"]
	delete(document, "output.archive")
	text, err := toml.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func FuzzLoadTOML(f *testing.F) {
	for path, values := range samples() {
		i := slices.IndexFunc(Keys(), func(k Key) bool { return k.Path() == path })
		for _, value := range values {
			f.Add([]byte(tomlFor(Keys()[i], value)))
		}
	}
	for _, seed := range []string{
		"", "[limits]\nrate = 'fast'", "[api]\napi_key = 'x'", "api = { base_url = 'https://x.test:1/%2f' }", "[[limits]]",
		"source.files = ['a', # b\n 'c']", "[output.archive]\nshard_size = '1B'", "a.b.c = [[{}]]", "[output]\ndir = \"\\u007f\"",
		"\"\\n\" = 1", "[source]\nupdated_at_on_or_after = '9999-12-31T23:59:59-23:59'", "x = 1979-05-27T07:32:00Z",
	} {
		f.Add([]byte(seed))
	}
	f.Add([]byte("[job.a.limits]\nrate = \"1/s\"\n[job.b]\noutput = {dir = \"b\"}\nlimits.memory = \"1MiB\"\n[job]\nc.run.limit = 1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		loadText := func(text []byte) (*Config, error) {
			return Load(LoadOptions{File: "config.toml", ReadFile: func(string) ([]byte, error) { return text, nil }})
		}
		c, err := loadText(text)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok || strings.ContainsAny(err.Error(), "\n\r\x1b") {
				t.Fatalf("Load: %T %q, want an *Error of one line", err, err)
			}
			return
		}
		if err := c.validate(); err != nil {
			t.Fatalf("an accepted config does not validate: %v", err)
		}
		rendered := renderTOML(t, c)
		again, err := loadText(rendered)
		if err != nil {
			t.Fatalf("an accepted config is refused when it is written again: %v\n%s", err, rendered)
		}
		if diff := cmp.Diff(allTexts(c), allTexts(again)); diff != "" {
			t.Fatalf("an accepted config changes when it is written again (-first +again):\n%s", diff)
		}
	})
}
