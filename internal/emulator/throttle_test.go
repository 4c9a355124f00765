package emulator

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// statuses asks for one path again and again, and writes T for what is throttled with that status, O for what is not.
func statuses(s *Server, path string, n, throttled int) string {
	var b strings.Builder
	for range n {
		b.WriteString(map[int]string{200: "O", throttled: "T"}[ask(s, path).Code])
	}
	return b.String()
}

// Requests are throttled one by one: the same resource is, and is not; the same seed throttles the same ones.
func TestThrottle_Share(t *testing.T) {
	throttled := func(seed uint64, share float64) string {
		return statuses(newServer(t, Options{Seed: seed, Throttle: Throttle{Share: share}}), blobPath, 4000, 429)
	}
	got := throttled(1, 0.05)
	if n := strings.Count(got, "T"); len(got) != 4000 || n < 150 || n > 250 {
		t.Errorf("%d of %d requests were throttled, want about 200 of 4000", n, len(got))
	}
	if again := throttled(1, 0.05); again != got {
		t.Error("the same seed throttles other requests")
	}
	if other := throttled(2, 0.05); other == got {
		t.Error("two seeds throttle the same requests")
	}
	if n := strings.Count(throttled(1, 0), "T"); n != 0 {
		t.Errorf("%d requests were throttled with share 0", n)
	}
	if n := strings.Count(throttled(1, 1), "T"); n != 4000 {
		t.Errorf("%d requests were throttled with share 1, want all of 4000", n)
	}
}

func TestThrottle_Answers(t *testing.T) {
	for _, test := range []struct {
		throttle     Throttle
		status       int
		header, want string
	}{
		{Throttle{Share: 1}, 429, "Retry-After", ""},
		{Throttle{Share: 1, Status: 503}, 503, "Retry-After", ""},
		{Throttle{Share: 1, Wait: time.Second, RetryAfter: RetryAfterSeconds}, 429, "Retry-After", "1"},
		{Throttle{Share: 1, Status: 503, Wait: time.Minute, RetryAfter: RetryAfterDate}, 503, "Retry-After",
			"Sat, 01 Jan 2000 00:01:00 GMT"},
		{Throttle{Share: 1, Wait: 1500 * ms, RetryAfter: RetryAfterMillis}, 429, "Retry-After-Ms", "1500"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := ask(newServer(t, Options{Throttle: test.throttle}), listPath)
			if w.Code != test.status || !strings.HasPrefix(w.Body.String(), `{"detail":"`) {
				t.Errorf("%+v: status %d, body %s; want %d", test.throttle, w.Code, w.Body, test.status)
			}
			if got := w.Header().Get(test.header); got != test.want {
				t.Errorf("%+v: %s %q, want %q", test.throttle, test.header, got, test.want)
			}
		})
	}
}

// What is throttled at random never reaches the limit: it is not counted, and tells no quota.
func TestThrottle_BeforeTheLimit(t *testing.T) {
	s := newServer(t, Options{
		Throttle: Throttle{Share: 0.5, Status: 503},
		Limit:    &RateLimit{Requests: 10, Window: time.Hour, QuotaHeaders: QuotaX},
	})
	through, throttled := 0, 0
	for range 100 {
		w := ask(s, listPath)
		told := w.Header().Get("X-RateLimit-Limit") != ""
		switch w.Code {
		case 200:
			through++
		case 503:
			throttled++
		}
		if told != (w.Code != 503) {
			t.Errorf("status %d with a quota: %t", w.Code, told)
		}
	}
	if through != 10 || throttled < 30 || throttled > 70 {
		t.Errorf("%d let through, %d throttled at random, want 10 and about 50", through, throttled)
	}
}

// The key comes first: a wrong one is refused, never throttled.
func TestThrottle_AfterTheKey(t *testing.T) {
	a := serve(t, Options{Throttle: Throttle{Share: 1}})
	got, err := a.try("GET", listPath, http.Header{"Authorization": {"Bearer wrong"}}, nil)
	check(t, err)
	got.want(t, 401)
	a.get(listPath).want(t, 429)
}
