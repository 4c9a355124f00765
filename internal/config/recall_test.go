package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// remembered is what an export remembers that was made with a command line.
func remembered(t *testing.T, args ...string) Remembered {
	t.Helper()
	c, err := load(t, "", nil, args...)
	if err != nil {
		t.Fatal(err)
	}
	r := Remembered{}
	for _, settings := range []map[string]string{c.SourceSettings(), c.SinkSettings(), c.AssetSettings()} {
		for path, text := range settings {
			r[path] = text
		}
	}
	return r
}

func TestConfig_Recall_TakesWhatIsNotSaid(t *testing.T) {
	made := []string{
		"--base-url", "https://api.cloud.eu.llamaindex.ai", "--project-id", "p", "--directory", "b,a", "--display-name-contains", "x, y",
		"--sink", "archive", "--compression", "none", "--skip-noise", "--min-confidence", "0.25", "--pages", "0-9",
		"--updated-at-on-or-after", "2024-01-02T00:00:00.5Z", "--rate", "5/s", "--limit", "3", "--since", "last", "--prune",
	}
	for name, tt := range map[string]struct {
		args []string
		// want are the paths that are taken.
		want string
	}{
		"nothing": {nil, "api.base_url api.project_id source.directories source.display_name_contains source.updated_at_on_or_after " +
			"assets.skip_noise assets.min_confidence assets.pages output.sink output.archive.compression"},
		"a filter of assets": {[]string{"--skip-noise=false", "--pages", ""}, "api.base_url api.project_id source.directories " +
			"source.display_name_contains source.updated_at_on_or_after assets.min_confidence output.sink output.archive.compression"},
		"a source":         {[]string{"--directory", "c"}, "api.base_url api.project_id output.sink output.archive.compression"},
		"another API":      {[]string{"--project", "--base-url", "https://b.test"}, "output.sink output.archive.compression"},
		"everything":       {made, ""},
		"an empty source":  {[]string{"--directory", "c", "--base-url", "https://api.cloud.eu.llamaindex.ai", "--project-id", "", "--sink", "archive"}, "output.archive.compression"},
		"the same, anyway": {[]string{"--sink", "archive", "--directory", "a"}, "api.base_url api.project_id output.archive.compression"},
	} {
		c, err := load(t, "", nil, tt.args...)
		if err != nil {
			t.Fatal(err)
		}
		taken, err := c.Recall(remembered(t, made...), "out")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var paths []string
		for _, r := range taken {
			paths = append(paths, r.Path)
		}
		if got := strings.Join(paths, " "); got != tt.want {
			t.Errorf("%s: Recall takes\n%s, want\n%s", name, got, tt.want)
		}
		if c.Limits.Rate.PerSecond != 0 && name != "everything" || c.Run != (Run{Settle: 24 * time.Hour, Changed: ChangedDate}) && name != "everything" {
			t.Errorf("%s: a limit or an action is remembered: %+v %+v", name, c.Limits.Rate, c.Run)
		}
	}
}

func TestConfig_Recall_GivesTheSameSettings(t *testing.T) {
	made := []string{"--pipeline", "p", "--file", "f,g", "--include-deleted", "--figures=false", "--sink", "archive", "--unique-id", "a,b"}
	want := remembered(t, made...)
	c, err := load(t, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Recall(want, "out"); err != nil {
		t.Fatal(err)
	}
	got := Remembered{}
	for _, settings := range []map[string]string{c.SourceSettings(), c.SinkSettings(), c.AssetSettings()} {
		for path, text := range settings {
			got[path] = text
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what is recalled differs (-want +got):\n%s", diff)
	}
}

// Others may be able to write to an export. It must not lead the API key away, nor anything else.
func TestConfig_Recall_BelievesNoMoreThanItMust(t *testing.T) {
	for url, trusted := range map[string]bool{
		"https://api.cloud.llamaindex.ai":        true,
		"https://api.cloud.eu.llamaindex.ai:443": true,
		"http://127.0.0.1:8080":                  true,
		"http://localhost:1/prefix":              true,
		"http://[::1]:8080":                      true,
		"https://evil.test":                      false,
		"https://api.cloud.llamaindex.ai:8443":   false,
		"https://api.cloud.llamaindex.ai.test":   false,
		"https://10.0.0.7":                       false,
		"https://127.0.0.1.test":                 false,
		"http://api.cloud.llamaindex.ai":         false,
		"ftp://127.0.0.1":                        false,
	} {
		c := Default()
		_, err := c.Recall(Remembered{"api.base_url": url, "source.project": "true"}, "out")
		if (err == nil) != trusted {
			t.Errorf("Recall with the API at %s: %v, want trusted: %t", url, err, trusted)
		}
	}
	c := Default()
	_, err := c.Recall(Remembered{"api.base_url": "https://evil.test", "source.project": "true"}, "out")
	const want = `the export in "out": it was made with the API at "https://evil.test", which is neither an official one nor on this ` +
		`machine, and no export is to say where the API key goes (if it is meant, give --base-url https://evil.test)`
	if err == nil || err.Error() != want {
		t.Errorf("Recall: %v\nwant %s", err, want)
	}
	c = Default()
	before := allTexts(c)
	_, err = c.Recall(Remembered{
		"api.api_key_file": "/etc/passwd", "api.insecure_http": "true", "api.allow_storage_hosts": "0.0.0.0/0", "output.dir": "/",
		"limits.rate": "unlimited", "run.prune": "true",
	}, "out")
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(before, allTexts(c)); diff != "" {
		t.Errorf("the export has changed what is not its business (-before +after):\n%s", diff)
	}
	for path, text := range map[string]string{"source.directories": "../..", "output.sink": "s3", "source.project": "perhaps", "demo": "sample"} {
		if _, err := Default().Recall(Remembered{path: text}, "out"); err == nil || !strings.Contains(err.Error(), `the export in "out": `) {
			t.Errorf("Recall of %s %q: %v, want an error that names the export", path, text, err)
		}
	}
}

func TestNarrower(t *testing.T) {
	many := "a,b,c,d,e"
	for _, tt := range []struct{ key, before, now, want string }{
		{"source.directories", "a", "a,b", ""},
		{"source.directories", "", "a", ""},
		{"source.directories", "a,b", "b,c", `source.directories lacks "a"`},
		{"source.directories", many, "", `source.directories lacks "a", "b", "c" and 2 more`},
		{"source.project", "false", "true", ""},
		{"source.project", "true", "false", `source.project is "false", not "true"`},
		{"source.display_name", "a", "", ""},
		{"source.display_name", "", "a", `source.display_name is "a", not ""`},
		{"source.display_name_contains", "a", "b", `source.display_name_contains is "b", not "a"`},
		{"source.include_deleted", "false", "true", ""},
		{"source.include_deleted", "true", "false", `source.include_deleted is "false", not "true"`},
		{"source.updated_at_on_or_after", "2024-01-02T00:00:00Z", "2024-01-01T00:00:00Z", ""},
		{"source.updated_at_on_or_after", "2024-01-02T00:00:00Z", "", ""},
		{"source.updated_at_on_or_after", "", "2024-01-02T00:00:00Z", `source.updated_at_on_or_after is "2024-01-02T00:00:00Z", not ""`},
		{"source.updated_at_on_or_before", "2024-01-02T00:00:00Z", "2024-01-03T00:00:00Z", ""},
		{"source.updated_at_on_or_before", "2024-01-03T00:00:00Z", "2024-01-02T00:00:00.5Z",
			`source.updated_at_on_or_before is "2024-01-02T00:00:00.5Z", not "2024-01-03T00:00:00Z"`},
		{"api.base_url", "https://a.test", "https://b.test", `api.base_url is "https://b.test", not "https://a.test"`},
		{"api.project_id", "", "p", `api.project_id is "p", not ""`},
		{"output.sink", "local", "archive", `output.sink is "archive", not "local"`},
		{"demo", "sample", "", `demo is "", not "sample"`},
	} {
		got := strings.Join(Narrower(map[string]string{tt.key: tt.before}, map[string]string{tt.key: tt.now}), "; ")
		if got != tt.want {
			t.Errorf("%s from %q to %q: %q, want %q", tt.key, tt.before, tt.now, got, tt.want)
		}
	}
	// A setting that an earlier version did not have was as it is by default.
	if got := Narrower(nil, Default().SourceSettings()); len(got) > 0 {
		t.Errorf("the defaults differ from nothing: %q", got)
	}
}

func TestLoad_Out_IsAPlace(t *testing.T) {
	for text, want := range map[string]string{
		"s3://bucket/prefix": "", "./s3://bucket": "", "export": "",
		"ftp://host/x": `--out: "ftp://host/x" is an address, not a directory (name a directory, or a bucket as s3://BUCKET/PREFIX; ` +
			`a directory that is called so is ./"ftp://host/x")`,
		"~/export": `--out: "~/export": only a shell knows what ~ means; write the path in full`,
	} {
		_, err := load(t, "", nil, "--out", text)
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("--out %s: %v, want %q", text, err, want)
		}
	}
}
