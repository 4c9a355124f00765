package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// keyFile writes a file with these contents and permissions and returns its path.
func keyFile(t *testing.T, contents string, perm fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(contents), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, perm); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConfig_ReadKey_FileBeatsVariable(t *testing.T) {
	path := keyFile(t, "\n  "+canary+"\r\n", 0o600)
	c, err := load(t, "", []string{"LLAMA_CLOUD_API_KEY=another"}, "--api-key-file", path)
	if err != nil {
		t.Fatal(err)
	}
	key, warnings, err := c.ReadKey()
	if err != nil || key.Reveal() != canary || len(warnings) > 0 {
		t.Errorf("ReadKey() = %q, %q, %v; want the canary", key.Reveal(), warnings, err)
	}
}

func TestConfig_ReadKey_WarnsOfOpenPermissions(t *testing.T) {
	for _, perm := range []fs.FileMode{0o640, 0o604} {
		path := keyFile(t, canary, perm)
		c, err := load(t, "", nil, "--api-key-file", path)
		if err != nil {
			t.Fatal(err)
		}
		key, warnings, err := c.ReadKey()
		if err != nil || key.Reveal() != canary {
			t.Fatalf("ReadKey() = %q, %v; want the canary", key.Reveal(), err)
		}
		want := 1
		if runtime.GOOS == "windows" {
			want = 0
		}
		if len(warnings) != want {
			t.Fatalf("permissions %v: warnings %q, want %d", perm, warnings, want)
		}
		if want > 0 && (!strings.Contains(warnings[0], path) || strings.Contains(warnings[0], canary)) {
			t.Errorf("warning %q, want it to name %s and not the key", warnings[0], path)
		}
	}
}

func TestConfig_ReadKey_RefusesBadFiles(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	empty, blank := keyFile(t, "", 0o600), keyFile(t, " \n", 0o600)
	large, lines := keyFile(t, strings.Repeat("k", maxKeyFile+1), 0o600), keyFile(t, canary+"\n"+canary, 0o600)
	for _, tt := range []struct {
		path, want string
		cause      error
	}{
		{missing, "cannot read the API key: open " + missing + ": ", fs.ErrNotExist},
		{empty, "no API key (put the key alone into it)", ErrNoKey},
		{blank, "no API key (put the key alone into it)", ErrNoKey},
		{large, "is larger than 4KiB (check the path and its permissions)", nil},
		{lines, "holds white space or characters other than ASCII (put the key alone into it)", nil},
		{filepath.Dir(lines), "cannot read the API key: ", nil},
	} {
		c, err := load(t, "", []string{"LLAMA_CLOUD_API_KEY=another"}, "--api-key-file", tt.path)
		if err != nil {
			t.Fatal(err)
		}
		key, _, err := c.ReadKey()
		if err == nil || !strings.HasPrefix(err.Error(), "--api-key-file: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ReadKey() = %v, want an error from --api-key-file with %q", err, tt.want)
			continue
		}
		if tt.cause != nil && !errors.Is(err, tt.cause) {
			t.Errorf("ReadKey() = %v, want it to wrap %v", err, tt.cause)
		}
		if key.Reveal() != "" || strings.Contains(err.Error(), canary) {
			t.Errorf("ReadKey() = %q, %v; want no key", key.Reveal(), err)
		}
	}
}

func TestConfig_ReadKey_Variable(t *testing.T) {
	const odd = "LLAMA_CLOUD_API_KEY: the API key holds white space or characters other than ASCII (copy the key anew)"
	for value, want := range map[string]string{
		"":                     "no API key" + inKeysPlace,
		" ":                    "no API key" + inKeysPlace,
		canary + "\r\nX-Evil:": odd,
		canary + "é":           odd,
	} {
		c, err := load(t, "", []string{"LLAMA_CLOUD_API_KEY=" + value})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = c.ReadKey()
		if err == nil || err.Error() != want {
			t.Errorf("ReadKey() with %q = %v, want %s", value, err, want)
		}
		if missing := strings.TrimSpace(value) == ""; errors.Is(err, ErrNoKey) != missing {
			t.Errorf("ReadKey() with %q = %v; errors.Is(err, ErrNoKey) is %v, want %v", value, err, !missing, missing)
		}
	}
}

// What comes first counts, and what is empty is not there.
func TestConfig_ReadKey_Order(t *testing.T) {
	credentials := t.TempDir()
	// systemd lets one user read it by an access control list, and then the mode says that the group may.
	if err := os.WriteFile(filepath.Join(credentials, "llama_cloud_api_key"), []byte("of-systemd\n"), 0o440); err != nil {
		t.Fatal(err)
	}
	file, blank := keyFile(t, "of-the-file", 0o600), t.TempDir()
	if err := os.WriteFile(filepath.Join(blank, "llama_cloud_api_key"), []byte("\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ file, cloud, parse, credentials, want string }{
		{file, "of-cloud", "of-parse", credentials, "of-the-file"},
		{"", "of-cloud", "of-parse", credentials, "of-cloud"},
		{"", " \n", "of-parse", credentials, "of-parse"},
		{"", "", "", credentials, "of-systemd"},
		{"", "", "", t.TempDir(), ""},
		{"", "", "", filepath.Join(credentials, "missing"), ""},
		{"", "", "", blank, ""},
		{"", "", "", "", ""},
	} {
		c, err := load(t, "", []string{
			"LLAMA_CLOUD_API_KEY=" + tt.cloud, "LLAMA_PARSE_API_KEY=" + tt.parse, "CREDENTIALS_DIRECTORY=" + tt.credentials,
		}, "--api-key-file", tt.file)
		if err != nil {
			t.Fatal(err)
		}
		key, warnings, err := c.ReadKey()
		if key.Reveal() != tt.want || (err != nil) != (tt.want == "") || err != nil && !errors.Is(err, ErrNoKey) || len(warnings) > 0 {
			t.Errorf("%+v: ReadKey() = %q, %q, %v", tt, key.Reveal(), warnings, err)
		}
	}
}

// A key that was copied with what surrounds it is refused wherever it stands, and nothing of it is shown.
func TestConfig_ReadKey_RefusesWhatSurroundsIt(t *testing.T) {
	const quotes, bearer = "the API key has quotes around it", `the API key has "Bearer " before it, which is not part of it`
	for text, want := range map[string]string{
		`"` + canary + `"`: quotes, "'" + canary + "'": quotes, canary + `"`: quotes, "“" + canary + "”": quotes, `"`: quotes,
		`"Bearer ` + canary + `"`: quotes, "Bearer " + canary: bearer, " bearer  " + canary: bearer, "BEARER " + canary + `"`: quotes,
	} {
		credentials := t.TempDir()
		if err := os.WriteFile(filepath.Join(credentials, "llama_cloud_api_key"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		file := keyFile(t, text, 0o600)
		for _, tt := range []struct{ variable, flag, want string }{
			{"LLAMA_CLOUD_API_KEY=" + text, "", "LLAMA_CLOUD_API_KEY: " + want + " (copy the key anew)"},
			{"LLAMA_PARSE_API_KEY=" + text, "", "LLAMA_PARSE_API_KEY: " + want + " (copy the key anew)"},
			{"", file, fmt.Sprintf("--api-key-file: the file %q: %s (put the key alone into it)", file, want)},
			{"CREDENTIALS_DIRECTORY=" + credentials, "", fmt.Sprintf("CREDENTIALS_DIRECTORY: the file %q: %s (put the key alone into it)",
				filepath.Join(credentials, "llama_cloud_api_key"), want)},
		} {
			c, err := load(t, "", []string{tt.variable}, "--api-key-file", tt.flag)
			if err != nil {
				t.Fatal(err)
			}
			key, _, err := c.ReadKey()
			if err == nil || err.Error() != tt.want || !key.IsZero() {
				t.Errorf("%q:\n got %v\nwant %s", text, err, tt.want)
			}
		}
	}
}

func TestConfig_ReadKey_WithoutOrigin(t *testing.T) {
	c := Default()
	c.API.KeyFile = keyFile(t, "", 0o600)
	want := fmt.Sprintf("api.api_key_file: the file %q: no API key (put the key alone into it)", c.API.KeyFile)
	if _, _, err := c.ReadKey(); err == nil || err.Error() != want {
		t.Errorf("ReadKey() = %v, want %s", err, want)
	}
}
