package emulator

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

const ms = time.Millisecond

// step is a request to a limiter; wait is 0 where it is let through.
type step struct{ at, wait time.Duration }

func newLimiter(t *testing.T, l RateLimit) *Limiter {
	t.Helper()
	limiter, err := NewLimiter(l)
	check(t, err)
	return limiter
}

func checkSteps(t *testing.T, l *Limiter, start time.Time, steps []step) {
	t.Helper()
	for i, s := range steps {
		if got := l.Take(start.Add(s.at)); got != s.wait {
			t.Errorf("request %d, at %v: wait %v, want %v", i, s.at, got, s.wait)
		}
	}
}

// Each kind of limit lets through what it says, and tells how long to wait for the next one.
func TestLimiter_Take_Kinds(t *testing.T) {
	for _, test := range []struct {
		name  string
		limit RateLimit
		steps []step
	}{
		{"fixed", RateLimit{Requests: 2, Window: time.Second}, []step{
			{0, 0}, {900 * ms, 0}, {950 * ms, 50 * ms}, {1000 * ms, 0}, {1010 * ms, 0}, {1020 * ms, 980 * ms}, {5000 * ms, 0},
			{5900 * ms, 0}, {5999 * ms, ms},
		}},
		{"aligned", RateLimit{Kind: AlignedWindow, Requests: 2, Window: time.Second}, []step{
			{0, 0}, {900 * ms, 0}, {950 * ms, 50 * ms}, {1000 * ms, 0}, {1010 * ms, 0}, {1020 * ms, 980 * ms}, {5600 * ms, 0},
			{5900 * ms, 0}, {5999 * ms, ms}, {6000 * ms, 0},
		}},
		{"aligned with an age", RateLimit{Kind: AlignedWindow, Requests: 1, Window: time.Second, Age: 300 * ms}, []step{
			{0, 0}, {100 * ms, 600 * ms}, {700 * ms, 0}, {800 * ms, 900 * ms}, {9600 * ms, 0}, {9699 * ms, ms}, {9700 * ms, 0},
		}},
		{"sliding", RateLimit{Kind: SlidingWindow, Requests: 2, Window: time.Second}, []step{
			{0, 0}, {900 * ms, 0}, {950 * ms, 50 * ms}, {1000 * ms, 0}, {1010 * ms, 890 * ms}, {1900 * ms, 0}, {1910 * ms, 90 * ms},
		}},
		{"bucket", RateLimit{Kind: TokenBucket, Requests: 2, Window: time.Second}, []step{
			{0, 0}, {0, 0}, {0, 500 * ms}, {100 * ms, 400 * ms}, {500 * ms, 0}, {600 * ms, 400 * ms},
			// However long nothing was asked for, the bucket holds two.
			{time.Hour, 0}, {time.Hour, 0}, {time.Hour, 500 * ms},
		}},
		// Requests overtake each other on their way to the limiter: time that went back is no time.
		{"bucket and time that goes back", RateLimit{Kind: TokenBucket, Requests: 1, Window: time.Second}, []step{
			{500 * ms, 0}, {400 * ms, time.Second}, {1499 * ms, ms}, {1500 * ms, 0},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			checkSteps(t, newLimiter(t, test.limit), time.Now(), test.steps)
		})
	}
}

// The same K of N used before the start leave to each kind what it would have left had it seen them.
func TestLimiter_Take_Used(t *testing.T) {
	for _, test := range []struct {
		name  string
		limit RateLimit
		steps []step
	}{
		{"fixed, all used just now", RateLimit{Requests: 4, Window: time.Minute, Used: 4}, []step{
			{0, time.Minute}, {59 * time.Second, time.Second}, {time.Minute, 0}, {time.Minute, 0}, {time.Minute, 0},
			{time.Minute, 0}, {time.Minute, time.Minute},
		}},
		{"fixed, three used since 40s", RateLimit{Requests: 4, Window: time.Minute, Used: 3, Age: 40 * time.Second}, []step{
			{0, 0}, {0, 20 * time.Second}, {20 * time.Second, 0},
		}},
		{"aligned, three used since 40s",
			RateLimit{Kind: AlignedWindow, Requests: 4, Window: time.Minute, Used: 3, Age: 40 * time.Second}, []step{
				{0, 0}, {0, 20 * time.Second}, {70 * time.Second, 0}, {71 * time.Second, 0}, {72 * time.Second, 0},
				{73 * time.Second, 0}, {74 * time.Second, 6 * time.Second},
			}},
		// They were let through 40, 30, 20 and 10 seconds ago.
		{"sliding, all used since 40s",
			RateLimit{Kind: SlidingWindow, Requests: 4, Window: time.Minute, Used: 4, Age: 40 * time.Second}, []step{
				{0, 20 * time.Second}, {20 * time.Second, 0}, {20 * time.Second, 10 * time.Second}, {30 * time.Second, 0},
				{50 * time.Second, 0}, {50 * time.Second, 0}, {50 * time.Second, 30 * time.Second},
			}},
		{"bucket, three used just now", RateLimit{Kind: TokenBucket, Requests: 4, Window: time.Minute, Used: 3}, []step{
			{0, 0}, {0, 15 * time.Second}, {15 * time.Second, 0}, {15 * time.Second, 15 * time.Second},
		}},
		// Its four tokens went 40, 30, 20 and 10 seconds ago, and 40 of every 60 parts of the first two have come since.
		{"bucket, all used since 40s",
			RateLimit{Kind: TokenBucket, Requests: 4, Window: time.Minute, Used: 4, Age: 40 * time.Second}, []step{
				{0, 0}, {0, 0}, {0, 5 * time.Second},
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			checkSteps(t, newLimiter(t, test.limit), time.Now(), test.steps)
		})
	}
}

// A limit starts when it is told to, not with its first request.
func TestLimiter_Start(t *testing.T) {
	l := newLimiter(t, RateLimit{Requests: 1, Window: time.Minute, Used: 1})
	start := time.Now()
	l.Start(start)
	l.Start(start.Add(10 * time.Second))
	checkSteps(t, l, start, []step{{50 * time.Second, 10 * time.Second}, {time.Minute, 0}})
}

// A bucket gains no more and no less than it says, also where a token takes no whole number of nanoseconds.
func TestLimiter_Take_BucketIsExact(t *testing.T) {
	l := newLimiter(t, RateLimit{Kind: TokenBucket, Requests: 70_000, Window: time.Second, Used: 69_998})
	start, now, n := time.Now(), time.Duration(0), 0
	for now < 10*time.Second {
		wait := l.Take(start.Add(now))
		now += wait
		if wait == 0 {
			n++
		}
	}
	// Every wait is rounded up to a nanosecond, and what is gained in the rest of it is kept.
	if want := 700_001; n != want {
		t.Errorf("%d requests were let through in ten seconds, want %d", n, want)
	}
}

// Quota tells what Take does: as many as remain are let through at once, and the next one waits for the reset. It counts
// nothing itself.
func TestLimiter_Quota_IsWhatTakeDoes(t *testing.T) {
	for _, kind := range LimitKinds() {
		t.Run(string(kind), func(t *testing.T) {
			limit := RateLimit{
				Kind: kind, Requests: 7, Window: time.Second, Used: 3, Age: 500 * ms,
				Rival: Rival{Requests: 2, Window: time.Second},
			}
			random := rand.New(rand.NewPCG(1, 2))
			asked, silent := newLimiter(t, limit), newLimiter(t, limit)
			now := time.Now()
			least, most := 7, 0
			for range 2000 {
				now = now.Add(time.Duration(random.Int64N(int64(150 * ms))))
				q := asked.Quota(now)
				least, most = min(least, q.Remaining), max(most, q.Remaining)
				if q.Limit != 7 || q.Window != time.Second {
					t.Fatalf("limit %d in %v, want 7 in 1s", q.Limit, q.Window)
				}
				if random.IntN(5) > 0 {
					if got, want := asked.Take(now), silent.Take(now); got != want {
						t.Fatalf("wait %v, want %v as without a call of Quota", got, want)
					}
					continue
				}
				for range q.Remaining {
					silent.Take(now)
					if wait := asked.Take(now); wait > 0 {
						t.Fatalf("one of the %d that remain has to wait for %v", q.Remaining, wait)
					}
				}
				if wait := asked.Take(now); wait != q.Reset {
					t.Fatalf("when none remains, the wait is %v, want the reset, %v", wait, q.Reset)
				}
			}
			if least != 0 || most < 4 {
				t.Errorf("from %d to %d remained, want from 0 to 4 at least", least, most)
			}
		})
	}
}

// A rival takes its share of each kind of limit, whatever the other client does.
func TestLimiter_Take_Rival(t *testing.T) {
	for _, kind := range LimitKinds() {
		t.Run(string(kind), func(t *testing.T) {
			l := newLimiter(t, RateLimit{
				Kind: kind, Requests: 100, Window: time.Second, Rival: Rival{Requests: 1800, Window: time.Minute},
			})
			start, through := time.Now(), 0
			const seconds = 20
			// 70 a second are what 30 of 100 leave, evenly.
			for i := range 70 * seconds {
				if l.Take(start.Add(time.Duration(i)*time.Second/70)) == 0 {
					through++
				}
			}
			if least := 69 * seconds; through < least {
				t.Errorf("%d of 1400 requests were let through beside the rival, want %d at least", through, least)
			}
			// Ten windows later, the rival alone has used what is missing.
			q := l.Quota(start.Add((seconds+10)*time.Second + 500*ms))
			if kind != TokenBucket && (q.Remaining < 100-31 || q.Remaining > 100-1) {
				t.Errorf("%d remain beside a rival of 30, want 69 to 99", q.Remaining)
			}
		})
	}
}

// A rival that asks for more than there is leaves nothing, and comes at even distances.
func TestLimiter_Take_GreedyRival(t *testing.T) {
	l := newLimiter(t, RateLimit{Requests: 3, Window: time.Second, Rival: Rival{Requests: 10, Window: time.Second}})
	// The rival comes at 100, 200 and 300 ms, and from then on first in every window.
	checkSteps(t, l, time.Now(), []step{{0, 0}, {150 * ms, 0}, {250 * ms, 750 * ms}, {1350 * ms, 650 * ms}})
}

// countingCounter counts how often it is asked.
type countingCounter struct {
	counter
	taken int
}

func (c *countingCounter) take(now time.Time) time.Duration {
	c.taken++
	return c.counter.take(now)
}

// However long nobody asked, and however often the rival did, no more is counted than the limit lets through in a few windows.
func TestLimiter_Take_RivalOfAnIdleTime_CostsLittle(t *testing.T) {
	second, hour := RateLimit{Requests: 1000, Window: time.Second}, RateLimit{Requests: 20, Window: time.Hour}
	for _, kind := range LimitKinds() {
		for _, l := range []RateLimit{second, hour} {
			for _, perSecond := range []int{900, 100_000, 1_000_000} {
				l.Kind, l.Rival = kind, Rival{Requests: perSecond, Window: time.Second}
				limiter, start := newLimiter(t, l), time.Now()
				limiter.Start(start)
				counted := &countingCounter{counter: limiter.counter}
				limiter.counter = counted
				limiter.Take(start.Add(10 * time.Minute))
				// A bucket lets through what it holds, too, and each that is refused is followed by one that is not.
				if most := 2*(rivalWindows+1)*l.Requests + 2; counted.taken > most {
					t.Errorf("%s, %d in %v, rival %d/s: %d were counted, want %d at most",
						kind, l.Requests, l.Window, perSecond, counted.taken, most)
				}
			}
		}
	}
}

// An idle time leaves what is left had somebody looked on.
func TestLimiter_Take_RivalOfAnIdleTime_LeavesTheSame(t *testing.T) {
	for _, kind := range LimitKinds() {
		for _, rival := range []int{30, 99, 101, 250} {
			l := RateLimit{Kind: kind, Requests: 100, Window: time.Second, Rival: Rival{Requests: rival, Window: time.Second}}
			idle, watched, start := newLimiter(t, l), newLimiter(t, l), time.Now()
			idle.Start(start)
			for _, after := range []time.Duration{10 * time.Second, 73 * time.Second, 10*time.Minute + 3*ms} {
				idle.Take(start.Add(after))
				for at := time.Duration(0); at < after; at += 700 * ms {
					watched.Quota(start.Add(at))
				}
				watched.Take(start.Add(after))
				// The windows of the one begin at other times than those of the other.
				if kind == FixedWindow || kind == SlidingWindow && rival > 100 {
					continue
				}
				got, want := idle.Quota(start.Add(after+400*ms)), watched.Quota(start.Add(after+400*ms))
				if d := got.Remaining - want.Remaining; d < -1 || d > 1 || kind != TokenBucket && got != want {
					t.Errorf("%s, rival %d/s, after %v: %+v, want %+v", kind, rival, after, got, want)
				}
			}
		}
	}
}

func TestRival_By(t *testing.T) {
	for _, r := range []Rival{{1, time.Second}, {7, time.Second}, {1_000_000, time.Second}, {20, time.Minute}, {1001, time.Hour}} {
		for _, n := range []int64{1, 2, 6, 7, 8, 999, 123_456_789} {
			at := r.after(n)
			if got, before := r.by(at), r.by(at-1); got != n || before != n-1 {
				t.Errorf("%+v: %d by the time of request %d, %d just before", r, got, n, before)
			}
		}
	}
}

func TestNewLimiter_Rejects(t *testing.T) {
	for want, l := range map[string]RateLimit{
		`no limit "tide"`:                  {Kind: "tide", Requests: 1, Window: 1},
		"0 requests in 1s":                 {Window: time.Second},
		"1 requests in 0s":                 {Requests: 1},
		"2562048, which is too many in 1h": {Kind: TokenBucket, Requests: 2562048, Window: time.Hour},
		"10000001, which is too many in":   {Kind: SlidingWindow, Requests: 10_000_001, Window: time.Hour},
		`no style "never"`:                 {Requests: 1, Window: 1, RetryAfter: "never"},
		"Used is 5, it must be from 0":     {Requests: 4, Window: 1, Used: 5},
		"Used is -1":                       {Requests: 4, Window: 1, Used: -1},
		"Age is 1m0s, it must be from 0":   {Requests: 4, Window: time.Minute, Age: time.Minute},
		"Age is -1ns":                      {Requests: 4, Window: time.Minute, Age: -1},
		"a rival of -1 requests in 1s":     {Requests: 1, Window: 1, Rival: Rival{-1, time.Second}},
		"a rival of 1 requests in 0s":      {Requests: 1, Window: 1, Rival: Rival{Requests: 1}},
		`there is no spelling "cuneiform"`: {Requests: 1, Window: 1, QuotaHeaders: "cuneiform"},
		`there is no lie "white"`:          {Requests: 1, Window: 1, Lie: "white"},
	} {
		if _, err := NewLimiter(l); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}
