package llamacloud

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// delay is what a throttled answer says about when to come back.
type delay struct {
	// wait is 0 where it does not say.
	wait time.Duration
	// unit is what wait was rounded to; 0 where nobody rounded.
	unit time.Duration
}

// parseRetryAfter returns how long an answer asks to wait: nothing when it does not say so, or says nothing that can be
// used: garbage, a date in the past, no time at all or less; then the ordinary backoff has to do.
//
// Retry-After-Ms, in milliseconds, goes before Retry-After, in seconds or as an HTTP date (RFC 9110, section 10.2.3).
// Fractions are accepted. A date is measured from the answer's own Date where it has one, so that this machine's clock
// does not matter, and from now otherwise.
func parseRetryAfter(h http.Header, now time.Time) delay {
	if d, ok := parseDelay(h.Get("Retry-After-Ms"), time.Millisecond); ok {
		return d
	}
	value := h.Get("Retry-After")
	if d, ok := parseDelay(value, time.Second); ok {
		return d
	}
	if value == "" {
		return delay{}
	}
	until, err := http.ParseTime(strings.TrimSpace(value))
	if err != nil {
		return delay{}
	}
	if sent, err := http.ParseTime(h.Get("Date")); err == nil {
		now = sent
	}
	// Both dates are whole seconds, one of them rounded up and the other down.
	return delay{wait: max(0, until.Sub(now)), unit: 2 * time.Second}
}

// parseDelay reads a decimal number of units, without sign or exponent. What no Duration can hold becomes the longest.
func parseDelay(text string, unit time.Duration) (d delay, ok bool) {
	text = strings.TrimSpace(text)
	if text == "" || strings.Trim(text, "0123456789.") != "" {
		return delay{}, false
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(n, 1) {
		return delay{}, false
	}
	if d := n * float64(unit); d < math.MaxInt64 {
		return delay{time.Duration(d), unit}, true
	}
	return delay{math.MaxInt64, unit}, true
}
