package wire

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"exporter/internal/store/bucket"
)

const (
	// MaxMessage is the most bytes of a message of others that are shown, MaxErrorBody the most that are read.
	MaxMessage, MaxErrorBody = 300, 64 << 10
	// maxRetryAfter bounds what a store may ask for.
	maxRetryAfter = time.Hour
)

// said is an error in the words of the store.
type said struct {
	text string
	is   error
}

func (e *said) Error() string { return e.text }
func (e *said) Unwrap() error { return e.is }

// Refused is the error of an answer that is no success: with the code and the message of the store, without what is secret, and with what
// that is in the words of bucket.Client.
func (a *Answer) Refused(code, message string, secrets []string, is error) *bucket.Error {
	for _, s := range secrets {
		if s != "" {
			message = strings.ReplaceAll(message, s, "[redacted]")
		}
	}
	e := a.Fail(nil)
	e.Code = Plain(code)
	text := strings.TrimSpace(fmt.Sprintf("%d %s", a.StatusCode, e.Code))
	if message != "" {
		text += ": " + Plain(message)
	}
	e.Err = &said{text, is}
	e.Temporary = isTemporary(a.StatusCode)
	e.RetryAfter = retryAfter(a.Header.Get("Retry-After"))
	return e
}

// isTemporary tells whether the same may succeed soon.
func isTemporary(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout:
		return true
	}
	return false
}

// IsUnsure tells whether nobody knows what became of a create that was answered so.
func IsUnsure(status int) bool {
	return status >= 500 && status != http.StatusNotImplemented || status == http.StatusRequestTimeout
}

// retryAfter is how long the store wants to be left alone.
func retryAfter(text string) time.Duration {
	text = strings.TrimSpace(text)
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil {
		at, err := http.ParseTime(text)
		if err != nil {
			return 0
		}
		seconds = time.Until(at).Seconds()
	}
	return time.Duration(min(max(seconds, 0), maxRetryAfter.Seconds()) * float64(time.Second))
}

// Plain makes a text of others fit for a line.
func Plain(text string) string {
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))), " ")
	if len(text) <= MaxMessage {
		return text
	}
	return strings.ToValidUTF8(text[:MaxMessage], "") + "…"
}
