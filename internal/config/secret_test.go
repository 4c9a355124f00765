package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const canary = "llx-canary0123456789"

func TestSecret_Print_Redacts(t *testing.T) {
	secret := newSecret(canary)
	if got := secret.Reveal(); got != canary {
		t.Fatalf("Reveal() = %q, want %q", got, canary)
	}
	for _, v := range []any{secret, &secret, []Secret{secret}, struct{ S Secret }{secret}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			got := fmt.Sprintf(verb, v)
			if !strings.Contains(got, redacted) || strings.Contains(got, "canary") {
				t.Errorf("Sprintf(%q, %T) = %q, want it redacted", verb, v, got)
			}
		}
		text, err := json.Marshal(v)
		if err != nil || !bytes.Contains(text, []byte(redacted)) {
			t.Errorf("json.Marshal(%T) = %s, %v; want it redacted", v, text, err)
		}
	}
	for _, got := range []string{secret.String(), secret.GoString(), secret.LogValue().String()} {
		if got != redacted {
			t.Errorf("got %q, want %q", got, redacted)
		}
	}
}

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
		if got := RedactKeys(text); got != want || holdsKey(text) != strings.Contains(want, redacted) {
			t.Errorf("RedactKeys(%q) = %q, and it holds a key: %v; want %q", text, got, holdsKey(text), want)
		}
	}
}
