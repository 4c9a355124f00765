package config

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted stands for a Secret wherever it is printed.
const redacted = "[redacted]"

// Secret holds an API key. However it is printed, logged or marshalled, it shows nothing but "[redacted]".
type Secret struct {
	// reveal is a function because package fmt cannot look into one: it prints unexported fields of other structs by
	// reflection, without asking their methods.
	reveal func() string
}

func newSecret(text string) Secret { return Secret{reveal: func() string { return text }} }

// Reveal returns the secret itself; empty for the zero Secret.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// String implements fmt.Stringer.
func (Secret) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return redacted }

// Format implements fmt.Formatter: every verb prints the same.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
