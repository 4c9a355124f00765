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
