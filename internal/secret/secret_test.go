package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const canary = "llx-canary-5f1d7a"

func mustParse(t testing.TB, text string) Text {
	t.Helper()
	secret, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func TestParse(t *testing.T) {
	for text, want := range map[string]error{
		canary: nil, "\r\n " + canary + "\t\r\n": nil, "": ErrEmpty, " \n": ErrEmpty, "secret part": ErrCharacter,
		"secret\tpart": ErrCharacter, "secret\npart": ErrCharacter, "sécret": ErrCharacter, "secret\x00": ErrCharacter,
		"secret\x7f": ErrCharacter,
	} {
		secret, err := Parse(text)
		if !errors.Is(err, want) || err == nil && secret.Reveal() != canary || err != nil && !secret.IsZero() {
			t.Errorf("Parse(%q) = %q, %v; want %v", text, secret.Reveal(), err, want)
		}
	}
}

func TestText_ShowsNowhere(t *testing.T) {
	secret := mustParse(t, canary)
	type holder struct {
		Exported Text
		hidden   Text
	}
	for _, v := range []any{
		secret, &secret, []Text{secret}, map[string]Text{"k": secret}, holder{secret, secret}, &holder{secret, secret},
	} {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb, v)
		}
		encoded, err := json.Marshal(v)
		if err != nil || !bytes.Contains(encoded, []byte(Redacted)) {
			t.Errorf("json.Marshal(%T) = %s, %v; want it redacted", v, encoded, err)
		}
		out.Write(encoded)
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(h).Info("m", "v", v)
		}
		if got := out.String(); strings.Contains(got, canary) || strings.Contains(got, fmt.Sprintf("%x", canary)) {
			t.Errorf("%T shows in %s", v, got)
		}
	}
	for _, got := range []string{fmt.Sprintf("%x", secret), secret.String(), secret.GoString(), secret.LogValue().String()} {
		if got != Redacted {
			t.Errorf("got %q, want %q", got, Redacted)
		}
	}
}

func TestText_Redact(t *testing.T) {
	secret := mustParse(t, canary)
	for text, want := range map[string]string{
		"":                                      "",
		"Bearer " + canary + "!":                "Bearer [redacted]!",
		canary + canary + " " + canary:          "[redacted][redacted] [redacted]",
		"lookup " + strings.ToUpper(canary):     "lookup [redacted]",
		"cut " + canary[:len(canary)-1]:         "cut [redacted]",
		"cut " + canary[:leastRedacted]:         "cut [redacted]",
		"cut " + canary[:leastRedacted-1]:       "cut " + canary[:leastRedacted-1],
		canary[:9] + canary + canary[:9]:        "[redacted][redacted][redacted]",
		canary[:leastRedacted] + "\" and é\xff": "[redacted]\" and é\xff",
		"llx-another":                           "llx-another",
	} {
		if got := secret.Redact(text); got != want {
			t.Errorf("Redact(%q) = %q, want %q", text, got, want)
		}
	}
	if got, want := mustParse(t, "k4").Redact("k K4 k4"), "k [redacted] [redacted]"; got != want {
		t.Errorf("a short key: got %q, want %q", got, want)
	}
	if got := (Text{}).Redact(canary); got != canary {
		t.Errorf("no key: got %q, want %q", got, canary)
	}
}

func TestParseHeader(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		want        error
	}{
		{"X-Tenant", " two words\t", nil}, {"a!#$%&'*+-.^_`|~9", "1", nil}, {"X", "a\tb", nil},
		{"", "x", ErrName}, {"X Y", "x", ErrName}, {"X:", "x", ErrName}, {"É", "x", ErrName}, {"X\r\nY", "x", ErrName},
		{"X", "", ErrValue}, {"X", " \r\n", ErrValue}, {"X", "a\r\nY: b", ErrValue}, {"X", "é", ErrValue}, {"X", "\x00", ErrValue},
		{"X", "\x7f", ErrValue},
	} {
		h, err := ParseHeader(tt.name, tt.value)
		if !errors.Is(err, tt.want) || err == nil && (h.Name != tt.name || h.Value.Reveal() != strings.TrimSpace(tt.value)) {
			t.Errorf("ParseHeader(%q, %q) = %q: %q, %v; want %v", tt.name, tt.value, h.Name, h.Value.Reveal(), err, tt.want)
		}
	}
}

// Of a header with a scheme, or of a cookie, a server may repeat the part that is the secret.
func TestText_Redact_Words(t *testing.T) {
	for value, want := range map[string]string{
		"Basic dXNlcjpodW50ZXIy":      "token [redacted] of Basic",
		"id=7; sid=dXNlcjpodW50ZXIy;": "token [redacted] of Basic",
		"a=\"dXNlcjpodW50ZXIy\"":      "token [redacted] of Basic",
		"short b4":                    "token dXNlcjpodW50ZXIy of Basic",
	} {
		h, err := ParseHeader("X", value)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.Value.Redact("token dXNlcjpodW50ZXIy of Basic"); got != want {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
		if got := h.Value.Redact("<" + value + ">"); strings.Contains(got, value[:6]) {
			t.Errorf("%q: got %q", value, got)
		}
	}
}

// Wherever a text repeats the key, and wherever it is cut, nothing of the key is left but what any key begins with.
func FuzzText_Redact(f *testing.F) {
	f.Add("Bearer ", "\r\n", 100)
	f.Add("", "", len(canary)-3)
	f.Add(canary[:5], canary, 30)
	f.Add("\x00é"+canary[:len(canary)-1], "[redacted]", 1<<20)
	secret := mustParse(f, canary)
	f.Fuzz(func(t *testing.T, before, after string, length int) {
		text := before + canary + after
		text = text[:min(len(text), max(0, length))]
		got := strings.ToLower(secret.Redact(text))
		if strings.Contains(got, canary[:leastRedacted]) {
			t.Fatalf("Redact(%q) = %q", text, got)
		}
		if quoted := fmt.Sprintf("begins with %.32q", text); strings.Contains(secret.Redact(quoted), canary[:leastRedacted]) {
			t.Fatalf("Redact(%q) = %q", quoted, secret.Redact(quoted))
		}
		if plain := strings.ReplaceAll(strings.ToLower(before), canary[:4], ""); !strings.Contains(plain, canary[:leastRedacted]) {
			if got := secret.Redact(plain); got != plain {
				t.Fatalf("Redact(%q) = %q, want it as it is", plain, got)
			}
		}
	})
}
