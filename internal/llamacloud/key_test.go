package llamacloud

import (
	"fmt"
	"strings"
	"testing"
)

func TestNewKey_TrimsLineEnds(t *testing.T) {
	key, err := NewKey("\r\n" + canary + "\r\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := key.reveal(); got != canary {
		t.Errorf("key is %q, want %q", got, canary)
	}
}

func TestNewKey_RefusesWhatIsNoKey(t *testing.T) {
	for _, text := range []string{
		"", "\n", "secret part", "secret\tpart", "secret\npart", " secret", "sécret", "secret\x00", "secret\x7f",
	} {
		_, err := NewKey(text)
		if err == nil {
			t.Errorf("NewKey(%q) accepts it", text)
		} else if strings.Contains(err.Error(), "cret") {
			t.Errorf("NewKey(%q) repeats the key: %v", text, err)
		}
	}
}

func TestKey_ShowsNowhere(t *testing.T) {
	key := canaryKey(t)
	type holder struct {
		Exported Key
		hidden   Key
	}
	client, err := New(Options{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{
		key, &key, []Key{key}, map[string]Key{"k": key},
		holder{key, key}, &holder{key, key}, Options{Key: key}, client,
	} {
		checkNoKey(t, v)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, key); got != redacted {
			t.Errorf("%s prints %q, want %q", verb, got, redacted)
		}
	}
	if text, err := key.MarshalText(); err != nil || string(text) != redacted {
		t.Errorf("MarshalText gives %q, %v", text, err)
	}
	if key.String() != redacted || key.GoString() != redacted || key.LogValue().String() != redacted {
		t.Error("the key is not redacted")
	}
}

func TestKey_Redact(t *testing.T) {
	key := canaryKey(t)
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
		if got := key.redact(text); got != want {
			t.Errorf("redact(%q) = %q, want %q", text, got, want)
		}
	}
	short, err := NewKey("k4")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := short.redact("k K4 k4"), "k [redacted] [redacted]"; got != want {
		t.Errorf("a short key: got %q, want %q", got, want)
	}
	if got := (Key{}).redact(canary); got != canary {
		t.Errorf("no key: got %q, want %q", got, canary)
	}
}

// Wherever a text repeats the key, and wherever it is cut, nothing of the key is left but what any key begins with.
func FuzzKey_Redact(f *testing.F) {
	f.Add("Bearer ", "\r\n", 100)
	f.Add("", "", len(canary)-3)
	f.Add(canary[:5], canary, 30)
	f.Add("\x00é"+canary[:len(canary)-1], "[redacted]", 1<<20)
	key := canaryKey(f)
	f.Fuzz(func(t *testing.T, before, after string, length int) {
		text := before + canary + after
		text = text[:min(len(text), max(0, length))]
		got := strings.ToLower(key.redact(text))
		if strings.Contains(got, canary[:leastRedacted]) {
			t.Fatalf("redact(%q) = %q", text, got)
		}
		if quoted := fmt.Sprintf("begins with %.32q", text); strings.Contains(key.redact(quoted), canary[:leastRedacted]) {
			t.Fatalf("redact(%q) = %q", quoted, key.redact(quoted))
		}
		if plain := strings.ReplaceAll(strings.ToLower(before), canary[:4], ""); !strings.Contains(plain, canary[:leastRedacted]) {
			if got := key.redact(plain); got != plain {
				t.Fatalf("redact(%q) = %q, want it as it is", plain, got)
			}
		}
	})
}
