package emulator

import (
	"net/http"
	"strconv"
	"time"
)

// Quota is what is left of a limit.
type Quota struct {
	// Limit is how many requests are let through in each Window.
	Limit  int
	Window time.Duration
	// Remaining is how many requests would be let through at once.
	Remaining int
	// Reset is how long the next one would then have to wait: until the window ends, until the oldest request leaves the
	// sliding window, or until the bucket has another token.
	Reset time.Duration
}

// QuotaHeaders is a spelling of the headers that tell a client its quota.
type QuotaHeaders string

// The spellings of QuotaHeaders. The zero value is QuotaNone. Times are in seconds, rounded up, unless they say otherwise.
const (
	QuotaNone QuotaHeaders = ""
	// QuotaIETF is that of draft-ietf-httpapi-ratelimit-headers-08 to -11: RateLimit-Policy: "default";q=20;w=60 and
	// RateLimit: "default";r=3;t=40.
	QuotaIETF QuotaHeaders = "ietf"
	// QuotaIETF07 is that of draft -07: RateLimit-Policy: 20;w=60 and RateLimit: limit=20, remaining=3, reset=40.
	QuotaIETF07 QuotaHeaders = "ietf-07"
	// QuotaIETF06 is that of drafts -05 and -06: RateLimit-Policy: 20;w=60, RateLimit-Limit: 20, RateLimit-Remaining: 3 and
	// RateLimit-Reset: 40.
	QuotaIETF06 QuotaHeaders = "ietf-06"
	// QuotaIETF03 is that of drafts up to -04: RateLimit-Limit: 20, 20;w=60, RateLimit-Remaining: 3 and
	// RateLimit-Reset: 40.
	QuotaIETF03 QuotaHeaders = "ietf-03"
	// QuotaX sends X-RateLimit-Limit, X-RateLimit-Remaining and X-RateLimit-Reset, the latter as seconds from now on.
	QuotaX QuotaHeaders = "x"
	// QuotaXUnix is QuotaX whose reset is a time of day: seconds since 1970.
	QuotaXUnix QuotaHeaders = "x-unix"
	// QuotaXMillis is QuotaX whose reset is a time of day: milliseconds since 1970.
	QuotaXMillis QuotaHeaders = "x-ms"
)

// QuotaSpellings returns all spellings that send headers.
func QuotaSpellings() []QuotaHeaders {
	return []QuotaHeaders{QuotaIETF, QuotaIETF07, QuotaIETF06, QuotaIETF03, QuotaX, QuotaXUnix, QuotaXMillis}
}

// QuotaLie is what is wrong with the headers of a quota. The limit itself is kept as it is.
type QuotaLie string

// The lies of QuotaLie. The zero value is LieNone.
const (
	LieNone QuotaLie = ""
	// LiePlenty says that nothing was used yet, also when a request was throttled.
	LiePlenty QuotaLie = "plenty"
	// LieLow says that a tenth of what is left is.
	LieLow QuotaLie = "low"
	// LieLimitZero says that the limit is 0.
	LieLimitZero QuotaLie = "limit-zero"
	// LieResetPast says that the quota was reset a minute ago.
	LieResetPast QuotaLie = "reset-past"
	// LieResetYear says that the quota is reset in a year.
	LieResetYear QuotaLie = "reset-year"
	// LieGarbage sends words in the place of numbers.
	LieGarbage QuotaLie = "garbage"
)

// QuotaLies returns all lies.
func QuotaLies() []QuotaLie {
	return []QuotaLie{LiePlenty, LieLow, LieLimitZero, LieResetPast, LieResetYear, LieGarbage}
}

func (l QuotaLie) about(q Quota) Quota {
	switch l {
	case LiePlenty:
		q.Remaining = q.Limit
	case LieLow:
		q.Remaining /= 10
	case LieLimitZero:
		q.Limit = 0
	case LieResetPast:
		q.Reset = -time.Minute
	case LieResetYear:
		q.Reset = 365 * 24 * time.Hour
	}
	return q
}

// QuotaHeader returns the headers that tell what is left, which is none for QuotaNone. Their names are canonical.
func (l *Limiter) QuotaHeader(now time.Time) http.Header {
	h := http.Header{}
	if l.QuotaHeaders == QuotaNone {
		return h
	}
	q := l.Lie.about(l.Quota(now))
	limit, window := strconv.Itoa(q.Limit), strconv.FormatInt(ceil(q.Window, time.Second), 10)
	remaining, reset := strconv.Itoa(q.Remaining), l.QuotaHeaders.reset(now, q.Reset)
	if l.Lie == LieGarbage {
		remaining, reset = "many", "soon"
	}
	three := func(prefix, limit string) {
		h.Set(prefix+"Limit", limit)
		h.Set(prefix+"Remaining", remaining)
		h.Set(prefix+"Reset", reset)
	}
	switch policy := limit + ";w=" + window; l.QuotaHeaders {
	case QuotaIETF:
		h.Set("RateLimit-Policy", `"default";q=`+policy)
		h.Set("RateLimit", `"default";r=`+remaining+";t="+reset)
	case QuotaIETF07:
		h.Set("RateLimit-Policy", policy)
		h.Set("RateLimit", "limit="+limit+", remaining="+remaining+", reset="+reset)
	case QuotaIETF06:
		h.Set("RateLimit-Policy", policy)
		three("RateLimit-", limit)
	case QuotaIETF03:
		three("RateLimit-", limit+", "+policy)
	default:
		three("X-RateLimit-", limit)
	}
	return h
}

// reset writes a time from now as the spelling does.
func (s QuotaHeaders) reset(now time.Time, reset time.Duration) string {
	switch s {
	case QuotaXUnix:
		return strconv.FormatInt(now.Add(reset+time.Second-time.Nanosecond).Unix(), 10)
	case QuotaXMillis:
		return strconv.FormatInt(now.Add(reset+time.Millisecond-time.Nanosecond).UnixMilli(), 10)
	}
	return strconv.FormatInt(ceil(reset, time.Second), 10)
}
