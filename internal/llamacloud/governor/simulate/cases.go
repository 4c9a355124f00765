package simulate

import "fmt"

var (
	headers = []Header{Millis, Seconds, Date, NoHeader}
	kinds   = []Kind{Fixed, Sliding, Bucket}
)

const (
	near, far = 0.005, 0.1 // round trips, in seconds
	wobble    = 0.1        // jitter of a round trip
)

func (l Limit) name(h Header) string { return fmt.Sprintf("%d/%gs %s %s", l.N, l.W, l.Kind, h) }

func auto(workers int) Client { return Client{Auto: true, Workers: workers} }

func given(rate float64, workers int) Client { return Client{Rate: rate, Workers: workers} }

// verdict returns one with what is known of a given rate.
func verdict(r Result, c Client, ok bool, figure float64, more string, args ...any) Verdict {
	v := Verdict{OK: ok, Figure: figure, More: fmt.Sprintf(more, args...), Given: c.Rate > 0}
	for i := range r.Clients {
		v.Over = v.Over || r.Clients[i].Over
	}
	return v
}

// fresh are limits that nobody has used before, which are to be found.
func fresh() (cases []Case) {
	for _, l := range []Limit{{N: 20, W: 60}, {N: 10, W: 1}, {N: 50, W: 1}, {N: 200, W: 1}, {N: 1000, W: 1}} {
		for _, l.Kind = range kinds {
			for _, h := range headers {
				for _, workers := range []int{8, 32, 128} {
					cases = append(cases, freshCase(l, h, workers))
				}
			}
		}
	}
	return cases
}

func freshCase(l Limit, h Header, workers int) Case {
	return Case{fmt.Sprintf("%s, %d workers", l.name(h), workers), func(seed uint64) Verdict {
		n := max(8000, 300*l.N)
		c := auto(workers)
		r := Run(Scenario{Limit: l, Header: h, RTT: near, Horizon: 3 * float64(n) / l.PerSecond(), Requests: n,
			Clients: []Client{c}, Step: l.W}, seed)
		t := &r.Clients[0]
		used := float64(t.Accepted) / (r.Took * l.PerSecond())
		share := float64(t.Throttled) / float64(t.Throttled+t.Accepted)
		twenty := float64(t.Throttled) / (r.Took / l.W / 20)
		return verdict(r, c, used >= 0.9 && (share <= 0.01 || twenty <= 3), used,
			"throttled %.2f %%, %.1f in twenty windows", 100*share, twenty)
	}}
}

// quotas are partly used when a client begins.
func quotas() (cases []Case) {
	limits := []Limit{{N: 10, W: 1}, {N: 100, W: 1}, {N: 20, W: 60}, {N: 600, W: 60}, {N: 20, W: 3600}, {N: 1000, W: 3600}}
	for _, l := range limits {
		for _, l.Kind = range []Kind{Fixed, Aligned, Sliding, Bucket} {
			for _, h := range headers {
				for _, l.Used = range []int{0, l.N / 2, l.N - 1, l.N} {
					cases = append(cases, quotaCase("auto", l, h, auto(32)),
						quotaCase("given", l, h, given(l.PerSecond(), 32)))
				}
			}
		}
	}
	return cases
}

func quotaCase(name string, l Limit, h Header, c Client) Case {
	return Case{fmt.Sprintf("%s, %d used, %s", l.name(h), l.Used, name), func(seed uint64) Verdict {
		l := l
		l.Phase = float64(mix(seed)%1000) / 1000
		horizon := max(300, 20*l.W)
		r := Run(Scenario{Limit: l, Header: h, RTT: near, Jitter: wobble, Horizon: horizon, Clients: []Client{c}, Step: l.W}, seed)
		t := &r.Clients[0]
		best := greedy(l, c.Rate, horizon)
		used := float64(t.Accepted) / best
		return verdict(r, c, used >= 0.9, used, "%d of %.0f, %d throttled", t.Accepted, best, t.Throttled)
	}}
}

// changes are limits that change once they are known.
func changes() (cases []Case) {
	for _, ch := range []struct {
		from, to int
		w        float64
	}{{100, 400, 1}, {400, 100, 1}, {100, 25, 1}, {10, 40, 1}, {40, 10, 1}, {20, 80, 60}, {80, 20, 60}, {600, 2400, 60}, {2400, 600, 60}} {
		for _, kind := range kinds {
			for _, h := range headers {
				for _, rtt := range []float64{near, far} {
					cases = append(cases, changeCase(Limit{Kind: kind, N: ch.from, W: ch.w}, ch.to, h, rtt))
				}
			}
		}
	}
	return cases
}

func changeCase(l Limit, to int, h Header, rtt float64) Case {
	return Case{fmt.Sprintf("%s, then %d, %g s away", l.name(h), to, rtt), func(seed uint64) Verdict {
		at := max(120, 20*l.W)
		from := 2 * at
		until := from + max(60, 10*l.W)
		c := auto(64)
		r := Run(Scenario{Limit: l, Header: h, RTT: rtt, Jitter: wobble, Horizon: until, ChangeAt: at, ChangeTo: to,
			Clients: []Client{c}}, seed)
		t := &r.Clients[0]
		used := t.AcceptedIn(from, until) / ((until - from) * float64(to) / l.W)
		share := t.ThrottledShare(from, until)
		return verdict(r, c, used >= 0.9 && share <= 0.1, used, "throttled %.2f %%", 100*share)
	}}
}
