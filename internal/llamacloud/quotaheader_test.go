package llamacloud

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/emulator"
	"exporter/internal/llamacloud/governor"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

func TestParseQuota(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_500)
	tests := []struct {
		name   string
		header http.Header
		want   *governor.Quota
		wrong  bool
	}{
		{"none", http.Header{"X-Request-Id": {"1"}}, nil, false},
		{"ietf", http.Header{"Ratelimit-Policy": {`"default";q=20;w=60`}, "Ratelimit": {`"default";r=3;t=40`}},
			&governor.Quota{Limit: 20, Remaining: 3, Reset: 40, Window: 60}, false},
		{"ietf, the least of several", http.Header{
			"Ratelimit-Policy": {`"hour, all";q=1000;w=3600, "burst";q=100;w=60`}, "Ratelimit": {`"hour, all";r=900;t=1800`, `"burst" ; r=7 ; t=12`},
		}, &governor.Quota{Limit: 100, Remaining: 7, Reset: 12, Window: 60}, false},
		{"ietf without a policy", http.Header{"Ratelimit": {`"default";r=3;t=40`}},
			&governor.Quota{Limit: 3, Remaining: 3, Reset: 40}, false},
		{"ietf without a reset", http.Header{"Ratelimit": {`"default";r=3`}}, nil, false},
		{"ietf-07", http.Header{"Ratelimit-Policy": {"20;w=60"}, "Ratelimit": {"limit=20, remaining=3, reset=40"}},
			&governor.Quota{Limit: 20, Remaining: 3, Reset: 40, Window: 60}, false},
		{"ietf-06", http.Header{
			"Ratelimit-Policy": {"20;w=60"}, "Ratelimit-Limit": {"20"}, "Ratelimit-Remaining": {"3"}, "Ratelimit-Reset": {"40"},
		}, &governor.Quota{Limit: 20, Remaining: 3, Reset: 40, Window: 60}, false},
		{"ietf-03", http.Header{"Ratelimit-Limit": {"20, 20;w=60"}, "Ratelimit-Remaining": {"3"}, "Ratelimit-Reset": {"40"}},
			&governor.Quota{Limit: 20, Remaining: 3, Reset: 40, Window: 60}, false},
		{"x", http.Header{"X-Ratelimit-Limit": {"20"}, "X-Ratelimit-Remaining": {"3"}, "X-Ratelimit-Reset": {"40"}},
			&governor.Quota{Limit: 20, Remaining: 3, Reset: 40}, false},
		{"x, seconds of the day", http.Header{
			"X-Ratelimit-Limit": {"20"}, "X-Ratelimit-Remaining": {"3"}, "X-Ratelimit-Reset": {"1700000040"},
		}, &governor.Quota{Limit: 20, Remaining: 3, Reset: 39.5}, false},
		{"x, milliseconds of the day", http.Header{
			"X-Ratelimit-Limit": {"20"}, "X-Ratelimit-Remaining": {"3"}, "X-Ratelimit-Reset": {"1700000040500"},
		}, &governor.Quota{Limit: 20, Remaining: 3, Reset: 40}, false},
		{"ietf-03, several windows", http.Header{
			"Ratelimit-Limit":     {"10, 10;w=1, 50;w=60, 1000;w=3600, 5000;w=160000"},
			"Ratelimit-Remaining": {"3"}, "Ratelimit-Reset": {"1"},
		}, &governor.Quota{Limit: 10, Remaining: 3, Reset: 1, Window: 1}, false},
		{"ietf-07, several windows", http.Header{
			"Ratelimit-Policy": {"10;w=1, 50;w=60"}, "Ratelimit": {"limit=50, remaining=3, reset=40"},
		}, &governor.Quota{Limit: 50, Remaining: 3, Reset: 40, Window: 60}, false},
		{"ietf-07, the window of another limit", http.Header{
			"Ratelimit-Policy": {"10;w=1"}, "Ratelimit": {"limit=50, remaining=3, reset=40"},
		}, &governor.Quota{Limit: 50, Remaining: 3, Reset: 40}, false},
		{"ietf, the least has no reset", http.Header{
			"Ratelimit-Policy": {`"burst";q=10;w=1, "day";q=1000;w=86400`}, "Ratelimit": {`"burst";r=5;t=1, "day";r=3`},
		}, nil, false},
		{"a window without end", http.Header{"Ratelimit-Policy": {`"a";q=1;w=1e308`}, "Ratelimit": {`"a";r=1;t=1`}}, nil, true},
		{"a limit of 0", http.Header{"Ratelimit-Limit": {"0"}, "Ratelimit-Remaining": {"0"}, "Ratelimit-Reset": {"1"}}, nil, true},
		{"words", http.Header{"Ratelimit-Limit": {"20"}, "Ratelimit-Remaining": {"many"}, "Ratelimit-Reset": {"soon"}}, nil, true},
		{"no number", http.Header{"Ratelimit": {`"default";r=NaN;t=1`}}, nil, true},
		{"less than nothing", http.Header{"Ratelimit": {`"default";r=-1;t=1`}}, nil, true},
		{"in the past", http.Header{"Ratelimit": {`"default";r=1;t=-60`}}, nil, true},
		{"in a year", http.Header{"Ratelimit": {`"default";r=1;t=31536000`}}, nil, true},
	}
	for _, test := range tests {
		got, err := parseQuota(test.header, now, 15*time.Minute)
		if diff := cmp.Diff(test.want, got); diff != "" || (err != nil) != test.wrong {
			t.Errorf("%s: %v; want an error: %v\n%s", test.name, err, test.wrong, diff)
		}
	}
}

// A reset that is a time of day is one of the clock of whoever answered. What makes no sense is logged once.
func TestClient_Quota_ClockAndLog(t *testing.T) {
	var logged []string
	a := newAPI(t, nil, func(o *Options) { o.Log = func(message string) { logged = append(logged, message) } })
	clock := time.Now().Add(3 * time.Hour).Truncate(time.Second)
	for _, host := range []string{"127.0.0.1", "127.0.0.1:81"} {
		reset := strconv.FormatInt(clock.Unix()+40, 10)
		answer := &answer{call: &call{client: a.client}, host: &url.URL{Scheme: "http", Host: host}, header: http.Header{
			"Date":              {clock.UTC().Format(http.TimeFormat)},
			"X-Ratelimit-Limit": {"20"}, "X-Ratelimit-Remaining": {"3"}, "X-Ratelimit-Reset": {reset},
		}}
		if q := a.client.quota(answer); q == nil || q.Reset != 40 {
			t.Errorf("%s: got %+v, want a reset in 40 s", host, q)
		}
		answer.header.Set("X-Ratelimit-Remaining", "many")
		if q := a.client.quota(answer); q != nil {
			t.Errorf("%s: %+v is believed", host, q)
		}
	}
	if len(logged) != 1 {
		t.Errorf("%q is logged, want one line", logged)
	}
}

// What a limiter writes is what is read, in every spelling.
func TestParseQuota_ReadsAllSpellings(t *testing.T) {
	now := time.Date(2024, 6, 11, 10, 0, 0, 0, time.UTC)
	for _, spelling := range emulator.QuotaSpellings() {
		l := limiterOf(t, emulator.RateLimit{Requests: 20, Window: time.Minute, QuotaHeaders: spelling})
		for range 17 {
			l.Take(now)
		}
		got, err := parseQuota(l.QuotaHeader(now.Add(20*time.Second)), now.Add(20*time.Second), time.Hour)
		if err != nil || got == nil || got.Limit != 20 || got.Remaining != 3 || got.Reset != 40 {
			t.Errorf("%s: got %+v, %v", spelling, got, err)
		}
	}
}

func FuzzParseQuota(f *testing.F) {
	f.Add("RateLimit", `"default";r=3;t=40`, "RateLimit-Policy", `"default";q=20;w=60`)
	f.Add("RateLimit", "limit=20, remaining=3, reset=40", "RateLimit-Policy", "20;w=60")
	f.Add("X-RateLimit-Remaining", "1e309", "X-RateLimit-Reset", "1700000000000")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		h := http.Header{}
		h.Set(a, b)
		h.Set(c, d)
		q, err := parseQuota(h, time.UnixMilli(1_700_000_000_000), time.Hour)
		if q == nil {
			return
		}
		if err != nil || !(q.Limit >= q.Remaining && q.Remaining >= 0 && q.Reset >= 0 && q.Reset <= 3600 && q.Window >= 0) {
			t.Errorf("%q: %q, %q: %q: got %+v, %v", a, b, c, d, *q, err)
		}
	})
}

func limiterOf(t *testing.T, l emulator.RateLimit) *emulator.Limiter {
	t.Helper()
	limiter, err := emulator.NewLimiter(l)
	if err != nil {
		t.Fatal(err)
	}
	return limiter
}

// obey lets workers send requests to a limiter through a governor, for so long, and returns how many were accepted and
// throttled.
func obey(t *testing.T, limiter *emulator.Limiter, rtt, length time.Duration, log func(string)) (accepted, throttled int64) {
	limiter.Start(time.Now())
	s := governor.NewSwitch()
	g := governor.New(governor.Options{
		Auto: true, MaxPause: time.Hour, MaxOutage: time.Minute, MaxAttempts: 6, Observer: pipeline.Observers(nil), Log: log,
	}, s)
	var taken, refused atomic.Int64
	done := make(chan struct{})
	for range 32 {
		go func() {
			defer func() { done <- struct{}{} }()
			for {
				ticket, err := g.Admit(t.Context(), nil)
				if err != nil {
					return
				}
				time.Sleep(rtt / 2)
				wait := limiter.Take(time.Now())
				header := limiter.QuotaHeader(time.Now())
				time.Sleep(rtt / 2)
				q, err := parseQuota(header, time.Now(), time.Hour)
				if err != nil {
					q = nil
				}
				if wait == 0 {
					taken.Add(1)
					ticket.Accepted(q)
					continue
				}
				refused.Add(1)
				own, err := ticket.Throttled(new(governor.Request), governor.Delay{Wait: wait.Seconds()}, q)
				if err != nil || s.Sleep(t.Context(), own) != nil {
					return
				}
			}
		}()
	}
	time.Sleep(length)
	accepted, throttled = taken.Load(), refused.Load()
	s.Stop()
	for range 32 {
		<-done
	}
	return accepted, throttled
}

// With headers that are right, the quota is used, and nothing is throttled.
func TestGovernor_QuotaHeaders_AreObeyed(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for _, l := range []emulator.RateLimit{
		{Requests: 20, Window: time.Minute}, {Requests: 600, Window: time.Minute}, {Requests: 10, Window: time.Second},
		{Requests: 100, Window: time.Second}, {Requests: 300, Window: time.Hour},
	} {
		for _, l.Kind = range emulator.LimitKinds() {
			for _, rtt := range []time.Duration{5 * time.Millisecond, 100 * time.Millisecond} {
				l.QuotaHeaders = emulator.QuotaIETF
				testObeyed(t, l, rtt)
			}
			if l.Requests == 600 && l.Kind != emulator.TokenBucket {
				// Without a window, that of a bucket cannot be told from a short one.
				l.QuotaHeaders = emulator.QuotaX
				testObeyed(t, l, 50*time.Millisecond)
			}
		}
	}
}

// unexpected fails the test if anything is logged.
func unexpected(t *testing.T) func(string) {
	return func(message string) { t.Errorf("logged: %s", message) }
}

func testObeyed(t *testing.T, l emulator.RateLimit, rtt time.Duration) {
	t.Run(fmt.Sprintf("%d in %v/%s/%s/%v", l.Requests, l.Window, l.Kind, l.QuotaHeaders, rtt), func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			length := max(6*l.Window, 40*time.Second)
			accepted, throttled := obey(t, limiterOf(t, l), rtt, length, unexpected(t))
			used := float64(accepted) / (float64(l.Requests) * length.Seconds() / l.Window.Seconds())
			if used < 0.97 || throttled > 0 {
				t.Errorf("used %.1f %% of the quota, %d throttled, want 97 %% and none", 100*used, throttled)
			}
		})
	})
}

// A job that fits into the quota is done at once.
func TestGovernor_QuotaHeaders_LetAJobBeDoneAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiterOf(t, emulator.RateLimit{Requests: 600, Window: time.Minute, QuotaHeaders: emulator.QuotaIETF})
		if accepted, throttled := obey(t, l, 50*time.Millisecond, 2*time.Second, unexpected(t)); accepted < 590 || throttled > 0 {
			t.Errorf("%d of 600 in two seconds, %d throttled, want all and none", accepted, throttled)
		}
	})
}

// Headers that lie do no lasting harm: the limit is found as if there were none. That they are wrong is logged where an answer
// contradicts them.
func TestGovernor_QuotaHeaders_ThatLie(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for _, l := range []emulator.RateLimit{{Requests: 100, Window: time.Second}, {Requests: 600, Window: time.Minute}} {
		for _, l.Lie = range emulator.QuotaLies() {
			l.QuotaHeaders = emulator.QuotaIETF
			testLie(t, l)
		}
	}
}

func testLie(t *testing.T, l emulator.RateLimit) {
	t.Run(fmt.Sprintf("%s/%v", l.Lie, l.Window), func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			const windows = 20
			length := windows * l.Window
			var logged []string
			accepted, throttled := obey(t, limiterOf(t, l), 50*time.Millisecond, length, func(message string) { logged = append(logged, message) })
			least := 0.8
			if l.Lie == emulator.LieLow {
				// Nobody can know that there is more.
				least = 0.3
			}
			if used := float64(accepted) / (windows * float64(l.Requests)); used < least || float64(throttled) > 0.05*float64(accepted) {
				t.Errorf("used %.1f %%, %d throttled", 100*used, throttled)
			}
			// A short window is spread, so that nothing is throttled.
			contradicted := l.Lie == emulator.LiePlenty && l.Window > time.Second
			if (len(logged) > 0) != contradicted {
				t.Errorf("logged %q, want a line: %v", logged, contradicted)
			}
		})
	})
}
