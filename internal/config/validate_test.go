package config

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConfig_ValidateSource_WantsOne(t *testing.T) {
	const want = "nothing to export: give --directory ID, --pipeline ID, --index ID, --file ID, --project, --parse-job ID, --parse-jobs or --batch ID"
	for _, args := range [][]string{nil, {"--file-id=a"}, {"--project=false"}} {
		c, err := load(t, "", nil, args...)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.ValidateSource(); err == nil || err.Error() != want {
			t.Errorf("%q: ValidateSource() = %v, want %s", args, err, want)
		}
	}
	for _, arg := range []string{
		"--directory=a", "--pipeline=a", "--index=a", "--file=a", "--project", "--parse-job=a", "--parse-jobs", "--batch=a",
	} {
		c, err := load(t, "", nil, arg)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.ValidateSource(); err != nil {
			t.Errorf("%s: ValidateSource() = %v, want no error", arg, err)
		}
	}
}

func TestConfig_ValidateSource_NarrowsWhatIsSelected(t *testing.T) {
	for args, want := range map[string]string{
		"--project --batches":              "--batches: batches are those of directories, and none is given (give --directory ID, or --batch ID)",
		"--project --job-status=FAILED":    "--job-status: it narrows the parse jobs of the project, which are not asked for (give --parse-jobs)",
		"--parse-jobs --job-status=DONE":   `--job-status: "DONE" is no status of a parse job (give one of PENDING, RUNNING, COMPLETED, FAILED, CANCELLED)`,
		"--directory=a --batches":          "",
		"--parse-jobs --job-status=FAILED": "",
	} {
		c, err := load(t, "", nil, strings.Fields(args)...)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.ValidateSource(); (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s: ValidateSource() = %v, want %q", args, err, want)
		}
	}
}

func TestLoad_BaseURL_Accepts(t *testing.T) {
	for text, want := range map[string]string{
		"https://API.cloud.llamaindex.ai":   "https://api.cloud.llamaindex.ai",
		"HTTPS://host:8443/llama/":          "https://host:8443/llama",
		"http://localhost:1":                "http://localhost:1",
		"http://127.0.0.2":                  "http://127.0.0.2",
		"http://[::1]:9//":                  "http://[::1]:9",
		"http://[::ffff:127.0.0.1]/a%2fb/c": "http://[::ffff:127.0.0.1]/a%2fb/c",

		"api.test":                              "https://api.test",
		"//API.test/":                           "https://api.test",
		"api.test:8443/llama":                   "https://api.test:8443/llama",
		"[::1]:9":                               "https://[::1]:9",
		"https://api.test/api/v1":               "https://api.test",
		"https://api.test//api/v1//":            "https://api.test",
		"https://api.test/llama/api/v1":         "https://api.test/llama",
		"https://api.test/a%2fb/api/v1":         "https://api.test/a%2fb",
		"http://localhost:1/api/v1/":            "http://localhost:1",
		"https://api/v1":                        "https://api/v1",
		"api/api/v1":                            "https://api",
		"https://api.test/api":                  "https://api.test/api",
		"https://api.test/v1":                   "https://api.test/v1",
		"https://gate.test/api/v1/llama":        "https://gate.test/api/v1/llama",
		"https://gate.test/api/v1/llama/api/v1": "https://gate.test/api/v1/llama",
		"https://gate.test/api/v1/filesystem":   "https://gate.test/api/v1/filesystem",
	} {
		c, err := load(t, "", nil, "--base-url", text)
		if err != nil || c.API.BaseURL.String() != want {
			t.Errorf("%s: got %v, %v; want %s", text, c, err, want)
		}
	}
	if _, err := load(t, "", nil, "--base-url=http://10.0.0.1", "--insecure-http"); err != nil {
		t.Errorf("http with --insecure-http: %v, want no error", err)
	}
}

func TestLoad_BaseURL_RefusesWithoutShowingIt(t *testing.T) {
	const hint = ` (such as "https://api.cloud.llamaindex.ai")`
	for text, want := range map[string]string{
		"":                        "not a URL with a scheme and a host",
		"https:api.test":          "not a URL with a scheme and a host",
		"https:/api.test":         "not a URL with a scheme and a host",
		"/api.test":               "not a URL with a scheme and a host",
		"https://":                "not a URL with a scheme and a host",
		"https:///path":           "not a URL with a scheme and a host",
		"https://:443":            "not a URL with a scheme and a host",
		"https://host:":           "not a URL with a scheme and a host",
		"https://host:0":          "not a URL with a scheme and a host",
		"https://host:65536":      "not a URL with a scheme and a host",
		"https://u:sesame@host:x": "not a URL with a scheme and a host",
		"u:sesame@host":           "the URL must not hold a user name or a password",
		"https://u:sesame@host":   "the URL must not hold a user name or a password",
		"ftp://host":              "the URL's scheme is neither https nor http",
		"https://host?key=sesame": "the URL must not hold a query or a fragment",
		"https://host/?":          "the URL must not hold a query or a fragment",
		"https://host/#sesame":    "the URL must not hold a query or a fragment",
		"https://host/#":          "the URL must not hold a query or a fragment",
		"https://ho st":           "not a URL with a scheme and a host",
	} {
		full := "--base-url: " + want + hint
		if _, err := load(t, "", nil, "--base-url", text); err == nil || err.Error() != full {
			t.Errorf("%q:\n got %v\nwant %s", text, err, full)
		}
	}
}

func TestLoad_BaseURL_OddPaths_SaysWhatToDo(t *testing.T) {
	const request = "the URL is that of a request (end it before /api/v1 or /api/v2)"
	for text, want := range map[string]string{
		`"https://api.test"`:                     "the URL has quotes around it (write it without them)",
		"'https://api.test":                      "the URL has quotes around it (write it without them)",
		"https://api.test//llama":                "the URL's path holds // (write one slash)",
		"https://api.test/llama//api/v1/x":       "the URL's path holds // (write one slash)",
		"https://api.test/api/v1/files":          request,
		"api.test/api/v2/parse":                  request,
		"https://api.test/api/v2":                request,
		"https://api.test/api/v1/api/v1":         request,
		"https://api.test/llama/../x":            "the URL's path holds . or .. as a folder (write the path in full)",
		"https://api.test/./":                    "the URL's path holds . or .. as a folder (write the path in full)",
		"https://api.test/llama/%2e%2e/internal": "the URL's path holds . or .. as a folder (write the path in full)",
	} {
		if _, err := load(t, "", nil, "--base-url", text); err == nil || err.Error() != "--base-url: "+want {
			t.Errorf("%q:\n got %v\nwant --base-url: %s", text, err, want)
		}
	}
}

func TestLoad_BaseURL_PlainHTTPOffLoopback(t *testing.T) {
	for _, host := range []string{"localhost.evil.io", "10.0.0.1", "::2"} {
		u := url.URL{Scheme: "http", Host: net.JoinHostPort(host, "80")}
		want := fmt.Sprintf("--base-url: plain http would show the API key to the network between here and %q "+
			"(use https, or give --insecure-http)", host)
		if _, err := load(t, "", nil, "--base-url", u.String()); err == nil || err.Error() != want {
			t.Errorf("%v:\n got %v\nwant %s", &u, err, want)
		}
	}
}

func TestConfig_SourceSettings_AreCanonical(t *testing.T) {
	one, err := load(t, `source.updated_at_on_or_after = "2024-06-13T14:00:00+02:00"`, nil,
		"--directory=b", "--directory=a", "--directory=b", "--base-url=https://API.test/", "--project-id=p")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"api.base_url": "https://api.test", "api.organization_id": "", "api.project_id": "p",
		"source.directories": "a,b", "source.pipelines": "", "source.files": "", "source.project": "false", "source.indexes": "",
		"source.parse_job_ids": "", "source.parse_jobs": "false", "source.batch_ids": "", "source.batches": "false",
		"source.display_name": "", "source.display_name_contains": "", "source.exclude": "", "source.include": "", "source.unique_id": "", "source.file_id": "",
		"source.include_deleted":        "false",
		"source.updated_at_on_or_after": "2024-06-13T12:00:00Z", "source.updated_at_on_or_before": "",
	}
	if diff := cmp.Diff(want, one.SourceSettings()); diff != "" {
		t.Errorf("SourceSettings (-want +got):\n%s", diff)
	}
	environ := []string{"EXPORTER_SOURCE_DIRECTORIES=a, b"}
	two, err := load(t, `source.updated_at_on_or_after = "2024-06-13T12:00:00Z"`, environ,
		"--base-url=https://api.test", "--project-id=p", "--skip-noise", "--rate=1/s", "--sink=archive")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, two.SourceSettings()); diff != "" {
		t.Errorf("SourceSettings of the same source (-want +got):\n%s", diff)
	}
	if got := allTexts(one)["source.directories"]; got != "b,a,b" {
		t.Errorf("SourceSettings left directories as %s, want b,a,b", got)
	}
}

func TestConfig_SinkSettings_CompressionOfArchivesOnly(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want map[string]string
	}{
		{[]string{"--compression=none"}, map[string]string{"output.sink": "local"}},
		{[]string{"--sink=archive", "--level=best"}, map[string]string{
			"output.sink": "archive", "output.archive.compression": "zstd",
		}},
	} {
		c, err := load(t, "", nil, tt.args...)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, c.SinkSettings()); diff != "" {
			t.Errorf("%q: SinkSettings (-want +got):\n%s", tt.args, diff)
		}
	}
}
