package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// RetryAfterStyle says how an answer to a throttled request tells when to come back.
type RetryAfterStyle string

// The styles of RetryAfterStyle. The zero value is RetryAfterNone.
const (
	RetryAfterNone RetryAfterStyle = ""
	// RetryAfterSeconds sends Retry-After in whole seconds, rounded up.
	RetryAfterSeconds RetryAfterStyle = "seconds"
	// RetryAfterDate sends Retry-After as an HTTP date, rounded up to the next second.
	RetryAfterDate RetryAfterStyle = "date"
	// RetryAfterMillis sends Retry-After-Ms, rounded up to the next millisecond.
	RetryAfterMillis RetryAfterStyle = "ms"
)

// RetryAfterStyles returns all styles that send a header.
func RetryAfterStyles() []RetryAfterStyle {
	return []RetryAfterStyle{RetryAfterSeconds, RetryAfterDate, RetryAfterMillis}
}

func (s RetryAfterStyle) known() bool {
	return s == RetryAfterNone || slices.Contains(RetryAfterStyles(), s)
}

// header returns the header, by name and value, that tells a client to wait; both are empty where none does.
func (s RetryAfterStyle) header(now time.Time, wait time.Duration) (name, value string) {
	switch s {
	case RetryAfterSeconds:
		return "Retry-After", strconv.FormatInt(ceil(wait, time.Second), 10)
	case RetryAfterDate:
		at := now.Add(wait + time.Second - time.Nanosecond).Truncate(time.Second)
		return "Retry-After", at.UTC().Format(http.TimeFormat)
	case RetryAfterMillis:
		return "Retry-After-Ms", strconv.FormatInt(ceil(wait, time.Millisecond), 10)
	}
	return "", ""
}

// toWait returns the reply with the header of that style.
func (r reply) toWait(s RetryAfterStyle, now time.Time, wait time.Duration) reply {
	if name, value := s.header(now, wait); name != "" {
		return r.with(name, value)
	}
	return r
}

// ceil returns how many units d is, rounded up.
func ceil(d, unit time.Duration) int64 {
	n := int64(d / unit)
	if d%unit > 0 {
		n++
	}
	return n
}
