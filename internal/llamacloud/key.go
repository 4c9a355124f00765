package llamacloud

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// redacted is what a key looks like everywhere but in the Authorization header.
const redacted = "[redacted]"

// Key is an API key. However it is printed, logged or marshalled, it shows as "[redacted]"; only requests to the
// configured origin carry it. The zero Key is no key.
type Key struct {
	// reveal is a function so that even a dump of unexported fields, which bypasses the methods below, shows an address.
	reveal func() string
}

// NewKey accepts a key as it stands in an environment variable or a file: line ends around it are trimmed. A key that is
// empty, or that has white space or bytes other than printable ASCII in it, is refused; the error does not repeat it.
func NewKey(text string) (Key, error) {
	text = strings.Trim(text, "\r\n")
	if text == "" {
		return Key{}, errors.New("the API key is empty: set LLAMA_CLOUD_API_KEY or name a key file")
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return Key{}, fmt.Errorf("the API key has a blank, a control character or a non-ASCII character at byte %d: "+
				"copy it again", i)
		}
	}
	return Key{reveal: func() string { return text }}, nil
}

// IsZero tells whether there is no key.
func (k Key) IsZero() bool { return k.reveal == nil }

// String returns "[redacted]".
func (Key) String() string { return redacted }

// GoString returns "[redacted]".
func (Key) GoString() string { return redacted }

// Format writes "[redacted]" for every verb.
func (Key) Format(s fmt.State, _ rune) {
	// A fmt.State reports its errors by itself.
	_, _ = io.WriteString(s, redacted)
}

// LogValue returns "[redacted]".
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]".
func (Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns "[redacted]" as a JSON string.
func (Key) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// leastRedacted is how many bytes of a key's beginning are taken for the key. Errors cut what they repeat, and a server may
// do so as well; fewer bytes, of which the first four are the same in every key, tell nothing.
const leastRedacted = 8

// redact replaces the key wherever a text has it, as a server may repeat what it was sent: in upper and lower case, since the
// host name of a redirect is folded, and cut short.
func (k Key) redact(text string) string {
	if k.IsZero() {
		return text
	}
	key := k.reveal()
	var b strings.Builder
	for i := 0; i < len(text); {
		n := commonPrefix(text[i:], key)
		if n < min(leastRedacted, len(key)) {
			b.WriteByte(text[i])
			i++
			continue
		}
		b.WriteString(redacted)
		i += n
	}
	return b.String()
}

// commonPrefix returns how many bytes two texts have in common at their beginning, where upper and lower case of ASCII are
// the same.
func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && lower(a[n]) == lower(b[n]) {
		n++
	}
	return n
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
