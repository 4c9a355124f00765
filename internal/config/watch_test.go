package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLoad_Metrics_Values(t *testing.T) {
	for value, want := range map[string]string{
		":9464": "127.0.0.1:9464", "9464": "127.0.0.1:9464", "localhost:1": "localhost:1", "0.0.0.0:9464": "0.0.0.0:9464", "[::]:1": "[::]:1",
		"": "", "nine": "", "host": "", "host:": "", "host:99999": "", "http://host:1": "",
	} {
		c, err := load(t, "", nil, "--metrics-listen="+value)
		if bad := want == "" && value != ""; (err != nil) != bad || err == nil && c.Metrics.Listen != want {
			t.Errorf("--metrics-listen=%s: %v, want %q", value, err, want)
		}
	}
	for value, ok := range map[string]bool{"x.prom": true, "d/x.prom": true, "": true, "x.txt": false, "x.prom/": true, "~/x.prom": false} {
		if _, err := load(t, "", nil, "--metrics-file="+value); (err == nil) != ok {
			t.Errorf("--metrics-file=%s: %v", value, err)
		}
	}
}

// The URL of the ping is a secret, wherever it comes from, and whatever is wrong with it.
func TestConfig_Ping_IsASecret(t *testing.T) {
	const token = "token-0123456789"
	file := filepath.Join(t.TempDir(), "ping")
	for _, tt := range []struct {
		content       string
		environ, args []string
		want          string
	}{
		{"", []string{"EXPORTER_PING_URL=https://hc.test/" + token}, nil, "https://hc.test/" + token},
		{"https://hc.test/" + token + "\n", nil, []string{"--ping-url-file", file}, "https://hc.test/" + token},
		{"ftp://" + token, nil, []string{"--ping-url-file", file}, ""},
		{"\n", nil, []string{"--ping-url-file", file}, ""},
		{"", nil, []string{"--ping-url-file", file + ".missing"}, ""},
		{"", nil, []string{"--ping", "hc.test/" + token}, ""},
		{"", nil, []string{"--ping", "https://hc.test/" + token + "\xff"}, ""},
		{"", nil, []string{"--ping", "https://" + token + ":x"}, ""},
		{"https://hc.test", []string{"EXPORTER_PING_URL=https://hc.test/" + token}, []string{"--ping-url-file", file}, ""},
	} {
		if err := os.WriteFile(file, []byte(tt.content), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := load(t, "", tt.environ, tt.args...)
		var got string
		if err == nil {
			u, warnings, readErr := c.ReadPing()
			if got, err = u.Reveal(), readErr; len(warnings) > 0 {
				t.Error(warnings)
			}
			text, jsonErr := json.Marshal(c)
			if said := fmt.Sprintf("%+v %#v %s %v %v", c, c, text, c.Settings(), jsonErr); strings.Contains(said, token) {
				t.Errorf("the configuration shows the URL: %s", said)
			}
		}
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%q %q: got %q, %v; want %q", tt.environ, tt.args, got, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), token) {
			t.Errorf("the error shows the URL: %v", err)
		}
	}
}
