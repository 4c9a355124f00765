package config

import (
	"errors"
	"strings"
)

// ErrNoKey is wrapped by what ReadKey returns when nobody gave an API key.
var ErrNoKey = errors.New("no API key")

// keyRemedy says where an API key belongs.
const keyRemedy = "set LLAMA_CLOUD_API_KEY or api.api_key_file"

// Error is anything wrong with the configuration. It never shows an API key.
type Error struct {
	// Origin is where the value came from, such as "config.toml:12", "--rate" or "EXPORTER_LIMITS_RATE"; empty where it
	// came from no single place.
	Origin string
	// Key is the path of the key, such as "limits.rate"; empty where Origin names the key already.
	Key string
	// Problem says what is wrong, Remedy what to do or what is allowed. Remedy may be empty.
	Problem, Remedy string
	// Err is the cause, for errors.Is; it may be nil.
	Err error
}

// Error returns "origin: key: problem (remedy)", on one line and without the parts that are empty.
func (e *Error) Error() string {
	var b strings.Builder
	for _, part := range []string{e.Origin, e.Key} {
		if part != "" {
			b.WriteString(part + ": ")
		}
	}
	b.WriteString(e.Problem)
	if e.Remedy != "" {
		b.WriteString(" (" + e.Remedy + ")")
	}
	return RedactKeys(b.String())
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// origin is where a value came from.
type origin struct {
	text string
	// namesKey is true where the text names the key already, as a flag and a variable do.
	namesKey bool
}

// fail returns the Error for a value of the key with this path.
func (o origin) fail(path, problem, remedy string) *Error {
	e := &Error{Origin: o.text, Key: path, Problem: problem, Remedy: remedy}
	if o.namesKey {
		e.Key = ""
	}
	return e
}

// hinted is an error of a parser that knows better than the field what to do about it. The remedy may be empty, where
// the error itself says all.
type hinted struct {
	error
	remedy string
}

func (h *hinted) Unwrap() error { return h.error }
