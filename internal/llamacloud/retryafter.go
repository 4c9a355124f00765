package llamacloud

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// parseRetryAfter returns how long an answer asks to wait. ok is false when it does not say so, or says nothing that can
// be used: garbage, a date in the past, no time at all or less; then the ordinary backoff has to do.
//
// Retry-After-Ms, in milliseconds, goes before Retry-After, in seconds or as an HTTP date (RFC 9110, section 10.2.3).
// Fractions are accepted. A date is measured from the answer's own Date where it has one, so that this machine's clock
// does not matter, and from now otherwise.
func parseRetryAfter(h http.Header, now time.Time) (wait time.Duration, ok bool) {
	if d, ok := parseDelay(h.Get("Retry-After-Ms"), time.Millisecond); ok {
		return d, d > 0
	}
	value := h.Get("Retry-After")
	if d, ok := parseDelay(value, time.Second); ok {
		return d, d > 0
	}
	until, err := http.ParseTime(strings.TrimSpace(value))
	if err != nil {
		return 0, false
	}
	if sent, err := http.ParseTime(h.Get("Date")); err == nil {
		now = sent
	}
	d := until.Sub(now)
	return max(0, d), d > 0
}

// parseDelay reads a decimal number of units, without sign or exponent. What no Duration can hold becomes the longest.
func parseDelay(text string, unit time.Duration) (time.Duration, bool) {
	text = strings.TrimSpace(text)
	if text == "" || strings.Trim(text, "0123456789.") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(n, 1) {
		return 0, false
	}
	if d := n * float64(unit); d < math.MaxInt64 {
		return time.Duration(d), true
	}
	return math.MaxInt64, true
}
