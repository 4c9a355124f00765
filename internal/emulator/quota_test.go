package emulator

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// quotaTime is when all quotas of these tests are asked for: 39.2 s before the minute ends in which 17 of 20 were used.
var quotaTime = time.Date(2024, 6, 11, 10, 0, 20, int(800*ms), time.UTC)

func quotaLimit(headers QuotaHeaders, lie QuotaLie) RateLimit {
	return RateLimit{
		Requests: 20, Window: time.Minute, Used: 17, Age: 20800 * ms, QuotaHeaders: headers, Lie: lie,
	}
}

func quotaHeader(values ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(values); i += 2 {
		h.Set(values[i], values[i+1])
	}
	return h
}

func TestLimiter_QuotaHeader_Spellings(t *testing.T) {
	tests := map[QuotaHeaders]http.Header{
		QuotaNone: {},
		QuotaIETF: quotaHeader("RateLimit-Policy", `"default";q=20;w=60`, "RateLimit", `"default";r=3;t=40`),
		QuotaIETF07: quotaHeader("RateLimit-Policy", "20;w=60",
			"RateLimit", "limit=20, remaining=3, reset=40"),
		QuotaIETF06: quotaHeader("RateLimit-Policy", "20;w=60",
			"RateLimit-Limit", "20", "RateLimit-Remaining", "3", "RateLimit-Reset", "40"),
		QuotaIETF03: quotaHeader("RateLimit-Limit", "20, 20;w=60", "RateLimit-Remaining", "3", "RateLimit-Reset", "40"),
		QuotaX:      quotaHeader("X-RateLimit-Limit", "20", "X-RateLimit-Remaining", "3", "X-RateLimit-Reset", "40"),
		// 2024-06-11T10:01:00Z.
		QuotaXUnix: quotaHeader("X-RateLimit-Limit", "20", "X-RateLimit-Remaining", "3", "X-RateLimit-Reset", "1718100060"),
		QuotaXMillis: quotaHeader("X-RateLimit-Limit", "20", "X-RateLimit-Remaining", "3",
			"X-RateLimit-Reset", "1718100060000"),
	}
	for _, spelling := range append(QuotaSpellings(), QuotaNone) {
		got := newLimiter(t, quotaLimit(spelling, LieNone)).QuotaHeader(quotaTime)
		if diff := cmp.Diff(tests[spelling], got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", spelling, diff)
		}
	}
}

func TestLimiter_QuotaHeader_Lies(t *testing.T) {
	tests := map[QuotaLie][2]http.Header{
		LiePlenty:    {rateLimit("20", "20", "40"), xUnix("20", "20", "1718100060")},
		LieLow:       {rateLimit("20", "0", "40"), xUnix("20", "0", "1718100060")},
		LieLimitZero: {rateLimit("0", "3", "40"), xUnix("0", "3", "1718100060")},
		LieResetPast: {rateLimit("20", "3", "-60"), xUnix("20", "3", "1718099961")},
		LieResetYear: {rateLimit("20", "3", "31536000"), xUnix("20", "3", "1749636021")},
		LieGarbage:   {rateLimit("20", "many", "soon"), xUnix("20", "many", "soon")},
	}
	for _, lie := range QuotaLies() {
		for i, spelling := range []QuotaHeaders{QuotaIETF, QuotaXUnix} {
			got := newLimiter(t, quotaLimit(spelling, lie)).QuotaHeader(quotaTime)
			if diff := cmp.Diff(tests[lie][i], got); diff != "" {
				t.Errorf("%q, %q (-want +got):\n%s", lie, spelling, diff)
			}
		}
	}
}

func rateLimit(limit, remaining, reset string) http.Header {
	return quotaHeader("RateLimit-Policy", `"default";q=`+limit+";w=60", "RateLimit", `"default";r=`+remaining+";t="+reset)
}

func xUnix(limit, remaining, reset string) http.Header {
	return quotaHeader("X-RateLimit-Limit", limit, "X-RateLimit-Remaining", remaining, "X-RateLimit-Reset", reset)
}

// Every answer to a request that the limit has seen tells the quota, whatever else it says; others tell none.
func TestServer_QuotaHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{
			Limit:  &RateLimit{Requests: 3, Window: time.Minute, RetryAfter: RetryAfterSeconds, QuotaHeaders: QuotaIETF},
			Faults: Faults{Rate: 1, Kinds: []FaultKind{FaultStatus500}},
		})
		for _, test := range []struct {
			path   string
			status int
			want   string
		}{
			{listPath, 200, `"default";r=2;t=60`},
			{blobPath, 500, `"default";r=1;t=59`},
			{"/api/v1/files/nothing/page-figures", 404, `"default";r=0;t=58`},
			{listPath, 429, `"default";r=0;t=57`},
			{"/nowhere", 404, ""},
		} {
			w := ask(s, test.path)
			if got := w.Header().Get("RateLimit"); w.Code != test.status || got != test.want {
				t.Errorf("%s: status %d, RateLimit %q, want %d, %q", test.path, w.Code, got, test.status, test.want)
			}
			if got := w.Header().Get("RateLimit-Policy"); (got == `"default";q=3;w=60`) != (test.want != "") {
				t.Errorf("%s: RateLimit-Policy %q", test.path, got)
			}
			if got := w.Header().Get("Retry-After"); (got == "57") != (test.status == 429) {
				t.Errorf("%s: Retry-After %q", test.path, got)
			}
			time.Sleep(time.Second)
		}
	})
}

// Without a key, nobody learns the quota.
func TestServer_QuotaHeaders_Unauthorized(t *testing.T) {
	a := serve(t, Options{Limit: &RateLimit{Requests: 3, Window: time.Minute, QuotaHeaders: QuotaX}})
	got, err := a.try("GET", listPath, http.Header{"Authorization": {"Bearer wrong"}}, nil)
	check(t, err)
	for name := range got.want(t, 401).header {
		if strings.Contains(name, "Ratelimit") {
			t.Errorf("the answer has the header %s", name)
		}
	}
	if got := a.get(listPath).want(t, 200).header.Get("X-RateLimit-Remaining"); got != "2" {
		t.Errorf("%s remain after one request, want 2 of 3", got)
	}
}
