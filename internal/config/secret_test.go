package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"exporter/internal/secret"
)

const canary = "llx-canary0123456789"

func TestConfig_Print_NeverShowsTheKey(t *testing.T) {
	c, err := Load(LoadOptions{Environ: []string{"LLAMA_CLOUD_API_KEY=" + canary}})
	if err != nil {
		t.Fatal(err)
	}
	key, _, err := c.ReadKey()
	if err != nil || key.Reveal() != canary {
		t.Fatalf("ReadKey() = %q, %v; want the canary", key.Reveal(), err)
	}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&out, verb, c)
		fmt.Fprintf(&out, verb, *c)
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("config", "config", c, "value", *c, "key", key)
	}
	fmt.Fprint(&out, c.SourceSettings(), c.SinkSettings())
	hexCanary := fmt.Sprintf("%x", canary)
	if got := out.String(); strings.Contains(got, canary) || strings.Contains(got, hexCanary) {
		t.Errorf("the key is shown: %s", got)
	}
}

func TestRedactKeys(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "",
		`unknown command "` + canary + `"`:    `unknown command "[redacted]"`,
		canary + "," + canary:                 "[redacted],[redacted]",
		"llx-short, LLX-0123456789, my-llx-é": "llx-short, LLX-0123456789, my-llx-é",
		"llx-é " + canary:                     "llx-é [redacted]",
	} {
		if got := RedactKeys(text); got != want || holdsKey(text) != strings.Contains(want, secret.Redacted) {
			t.Errorf("RedactKeys(%q) = %q, and it holds a key: %v; want %q", text, got, holdsKey(text), want)
		}
	}
}
