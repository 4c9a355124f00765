package flags

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"exporter/internal/config"
	"exporter/internal/emulator"
)

// limitFlags are the flags of a limit. Their names begin with prefix.
type limitFlags struct {
	prefix                 string
	rate, kind, retryAfter string
}

func (l *limitFlags) addFlags(fs *pflag.FlagSet, prefix string) {
	by, of := "", ""
	if l.prefix = prefix; prefix != "" {
		by, of = " by the storage origin", " of the storage origin"
	}
	fs.StringVar(&l.rate, prefix+"rate", "unlimited", "most requests let through"+by+", as in 20/m, 100/s or 1000/h")
	fs.StringVar(&l.kind, prefix+"limit-kind", string(emulator.FixedWindow),
		"`KIND` of the limit that --"+prefix+"rate sets: fixed, aligned or sliding windows, or a bucket of tokens")
	fs.StringVar(&l.retryAfter, prefix+"retry-after", "",
		"`STYLE` of the header of throttled answers"+of+" (seconds, date or ms); none where it is empty")
}

// limit returns nil where the rate is unlimited.
func (l *limitFlags) limit(fs *pflag.FlagSet) (*emulator.RateLimit, error) {
	limit := &emulator.RateLimit{Kind: emulator.LimitKind(l.kind), RetryAfter: emulator.RetryAfterStyle(l.retryAfter)}
	switch {
	case l.retryAfter != "" && !slices.Contains(emulator.RetryAfterStyles(), limit.RetryAfter):
		return nil, fmt.Errorf("--%sretry-after %q: want %s", l.prefix, l.retryAfter, choice(emulator.RetryAfterStyles()))
	case !slices.Contains(emulator.LimitKinds(), limit.Kind):
		return nil, fmt.Errorf("--%slimit-kind %q: want %s", l.prefix, l.kind, choice(emulator.LimitKinds()))
	case l.rate == "unlimited":
		return nil, needs(fs, "--"+l.prefix+"rate", l.prefix+"limit-kind")
	}
	var err error
	if limit.Requests, limit.Window, err = requestsIn("--"+l.prefix+"rate", l.rate); err != nil {
		return nil, err
	}
	if most := emulator.MostRequests(limit.Kind, limit.Window); int64(limit.Requests) > most {
		return nil, fmt.Errorf("--%srate %s: --%slimit-kind %s takes at most %d in %v",
			l.prefix, l.rate, l.prefix, l.kind, most, limit.Window)
	}
	return limit, nil
}

// alignToClock lets the windows of an aligned limit begin with the second, the minute or the hour of the clock; the limit may be
// nil.
func alignToClock(l *emulator.RateLimit, now time.Time) {
	if l != nil && l.Kind == emulator.AlignedWindow {
		l.Age = now.Sub(now.Truncate(l.Window))
	}
}

// requestsIn turns the rate that a flag gives into a window: the unit that it names, or, where it names no whole number of
// requests, the shortest other one in which the number is whole.
func requestsIn(flag, text string) (requests int, window time.Duration, err error) {
	rate, err := config.ParseRate(text)
	switch {
	case err != nil:
		return 0, 0, fmt.Errorf("%s: %w: want one such as 20/m, 100/s or 1000/h, %s", flag, err, config.RateRange())
	case rate.PerSecond == 0:
		return 0, 0, fmt.Errorf("%s %s: want a number, such as 20/m, 100/s or 1000/h", flag, text)
	}
	named, unit, err := config.ParseRequests(text)
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", flag, err)
	}
	for _, window := range []time.Duration{unit, time.Second, time.Minute, time.Hour} {
		if n := named * window.Seconds() / unit.Seconds(); n >= 1 && math.Abs(n-math.Round(n)) < 1e-6 {
			return int(math.Round(n)), window, nil
		}
	}
	return 0, 0, fmt.Errorf("%s %s: want a whole number of requests in a second, a minute or an hour", flag, text)
}

// choice lists what a flag takes.
func choice[S ~string](values []S) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	last := len(texts) - 1
	return strings.Join(texts[:last], ", ") + " or " + texts[last]
}

// quotaFlags are what else the API's limit is made of.
type quotaFlags struct {
	used         int
	age          time.Duration
	rival        string
	headers, lie string
}

// noHeaders is what --quota-headers calls the spelling that sends none.
const noHeaders = "none"

func (q *quotaFlags) addFlags(fs *pflag.FlagSet) {
	fs.IntVar(&q.used, "quota-used", 0, "`NUMBER` of the requests of --rate that are used up when the emulator starts")
	fs.DurationVar(&q.age, "quota-age", 0, "how long before the start the first of them was used, the others evenly since; "+
		"aligned windows began then, or, without this flag, with the second, minute or hour of the clock")
	fs.StringVar(&q.rival, "rival", "", "`RATE` of another client of the same limit, as in 30/s, which goes on when it is throttled")
	fs.StringVar(&q.headers, "quota-headers", noHeaders,
		"`SPELLING` of the headers of all answers that tell what is left: none, "+choice(emulator.QuotaSpellings()))
	fs.StringVar(&q.lie, "quota-lie", "", "`LIE` that these headers tell: "+choice(emulator.QuotaLies()))
}

// complete adds the flags to the limit, which may be nil.
func (q *quotaFlags) complete(fs *pflag.FlagSet, l *emulator.RateLimit) (err error) {
	switch {
	case l == nil && q.headers != noHeaders:
		return needs(fs, "--rate", "quota-headers")
	case l == nil:
		return needs(fs, "--rate", "quota-used", "quota-age", "rival", "quota-lie")
	case q.headers != noHeaders:
		l.QuotaHeaders = emulator.QuotaHeaders(q.headers)
	}
	l.Used, l.Age, l.Lie = q.used, q.age, emulator.QuotaLie(q.lie)
	switch {
	case q.used < 0 || q.used > l.Requests:
		return fmt.Errorf("--quota-used %d: want a number from 0 to %d, which is all of --rate", q.used, l.Requests)
	case q.age < 0 || q.age >= l.Window:
		return fmt.Errorf("--quota-age %v: want a time from 0s to less than %v, which is the window of --rate", q.age, l.Window)
	case fs.Changed("quota-age") && q.used == 0 && l.Kind != emulator.AlignedWindow:
		return fmt.Errorf("--quota-age: needs --quota-used or --limit-kind aligned")
	case q.headers != noHeaders && !slices.Contains(emulator.QuotaSpellings(), l.QuotaHeaders):
		return fmt.Errorf("--quota-headers %q: want none, %s", q.headers, choice(emulator.QuotaSpellings()))
	case q.lie != "" && !slices.Contains(emulator.QuotaLies(), l.Lie):
		return fmt.Errorf("--quota-lie %q: want %s", q.lie, choice(emulator.QuotaLies()))
	case q.lie != "" && q.headers == noHeaders:
		return fmt.Errorf("--quota-lie: needs --quota-headers")
	}
	if q.rival != "" {
		l.Rival.Requests, l.Rival.Window, err = requestsIn("--rival", q.rival)
	}
	return err
}

// needs returns an error where one of the flags is given without the one that it needs.
func needs(fs *pflag.FlagSet, needed string, flags ...string) error {
	for _, f := range flags {
		if fs.Changed(f) {
			return fmt.Errorf("--%s: needs %s", f, needed)
		}
	}
	return nil
}
