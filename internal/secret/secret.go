// Package secret holds what must not be shown, such as an API key.
package secret

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

var (
	// ErrEmpty says that a secret is empty.
	ErrEmpty = errors.New("is empty")
	// ErrCharacter says that a secret cannot be sent in a header.
	ErrCharacter = errors.New("holds white space or characters other than ASCII")
)

// Redacted is what a secret looks like wherever it is printed.
const Redacted = "[redacted]"

// Text is a secret. However it is printed, logged or marshalled, it shows as Redacted. The zero Text is no secret.
type Text struct {
	// reveal is a function because package fmt cannot look into one: it prints unexported fields of other structs by
	// reflection, without asking their methods.
	reveal func() string
}

// Parse accepts a secret as it stands in an environment variable or a file: white space around it is dropped. The rest can be sent
// in a header, or the error is ErrEmpty or ErrCharacter.
func Parse(text string) (Text, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Text{}, ErrEmpty
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return Text{}, ErrCharacter
	}
	return Text{reveal: func() string { return text }}, nil
}

// IsZero tells whether there is no secret.
func (t Text) IsZero() bool { return t.reveal == nil }

// Reveal returns the secret itself; empty where there is none.
func (t Text) Reveal() string {
	if t.IsZero() {
		return ""
	}
	return t.reveal()
}

// Header is a header of requests, of which only the name may be shown.
type Header struct {
	Name  string
	Value Text
}

var (
	// ErrName says that a header has no name that could be sent.
	ErrName = errors.New("there is no name of a header before the colon")
	// ErrValue says that a header has no value that could be sent.
	ErrValue = errors.New("the value is empty, or holds characters other than ASCII")
)

// ParseHeader accepts a header whose value is a secret: white space around the value is dropped. The error is ErrName or ErrValue.
func ParseHeader(name, value string) (Header, error) {
	const symbols = "!#$%&'*+-.^_`|~" // RFC 9110, section 5.6.2
	isToken := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(symbols, r)
	}
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !isToken(r) }) {
		return Header{}, ErrName
	}
	value = strings.TrimSpace(value)
	if value == "" || strings.ContainsFunc(value, func(r rune) bool { return r != '\t' && (r < ' ' || r > '~') }) {
		return Header{}, ErrValue
	}
	return Header{name, Text{reveal: func() string { return value }}}, nil
}

// String implements fmt.Stringer.
func (Text) String() string { return Redacted }

// GoString implements fmt.GoStringer.
func (Text) GoString() string { return Redacted }

// Format implements fmt.Formatter: every verb writes the same.
func (Text) Format(s fmt.State, _ rune) {
	// A fmt.State reports its errors by itself.
	_, _ = io.WriteString(s, Redacted)
}

// LogValue implements slog.LogValuer.
func (Text) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText implements encoding.TextMarshaler.
func (Text) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// leastRedacted is how many bytes of a secret's beginning are taken for the secret. Errors cut what they repeat, and a server may
// do so as well; fewer bytes, of which the first four are the same in every API key, tell nothing.
const leastRedacted = 8

// Redact replaces the secret wherever a text has it, as a server may repeat what it was sent: in upper and lower case, since the
// host name of a redirect is folded, and cut short. Of a secret of several words, such as a scheme and a token, a server may repeat
// one: each that is as long as leastRedacted is replaced, too.
func (t Text) Redact(text string) string {
	if t.IsZero() {
		return text
	}
	whole := t.reveal()
	text = redact(text, whole)
	for _, word := range strings.FieldsFunc(whole, isBetween) {
		if len(word) >= leastRedacted && word != whole {
			text = redact(text, word)
		}
	}
	return text
}

// isBetween tells whether a character separates the words of a secret: cookies have several, and so have schemes with parameters.
func isBetween(r rune) bool { return strings.ContainsRune(" \t;,=\"", r) }

func redact(text, secret string) string {
	var b strings.Builder
	b.Grow(len(text))
	for i := 0; i < len(text); {
		n := commonPrefix(text[i:], secret)
		if n < min(leastRedacted, len(secret)) {
			b.WriteByte(text[i])
			i++
			continue
		}
		b.WriteString(Redacted)
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
