package simulate

import "fmt"

// strays are clients that ask for one request a second, of which one is throttled for no reason.
func strays() (cases []Case) {
	for _, c := range []struct {
		name   string
		client Client
	}{{"given 2", given(2, 8)}, {"given 20", given(20, 8)}, {"auto", auto(8)}, {"unlimited", Client{Workers: 8}}} {
		for _, wait := range []float64{0, 1, 60} {
			for _, rtt := range []float64{near, far} {
				c.client.Demand = 1
				cases = append(cases, strayCase(c.name, c.client, wait, rtt))
			}
		}
	}
	return cases
}

func strayCase(name string, c Client, wait, rtt float64) Case {
	return Case{fmt.Sprintf("%s, Retry-After %g, %g s away", name, wait, rtt), func(seed uint64) Verdict {
		const at, horizon = 200, 900
		scenario := Scenario{Limit: Limit{Kind: None}, RTT: rtt, Jitter: wobble, Horizon: horizon, StrayAt: at, StrayWait: wait,
			Clients: []Client{c}}
		r := Run(scenario, seed)
		scenario.StrayAt = 0
		// Requests that come at random queue now and then by themselves.
		queued := Run(scenario, seed).Clients[0].Late
		t := &r.Clients[0]
		before, after := t.RateAt(at-1), t.RateAt(horizon)
		late := t.Late - wait
		ok := late <= max(queued, 2)+1 && (after >= before || c.Auto && after >= 8) && t.Throttled == 1
		return verdict(r, c, ok, after/before, "late by %.1f s, of which %.1f without it, the stray one by %.1f s; %.1f a second, then %.1f",
			late, queued, t.StrayLate, before, after)
	}}
}

// sleeps are limits that are known when for an hour nothing is asked for.
func sleeps() (cases []Case) {
	for _, l := range []Limit{{N: 20, W: 60}, {N: 10, W: 1}, {N: 50, W: 1}, {N: 200, W: 1}} {
		for _, l.Kind = range kinds {
			for _, h := range []Header{Seconds, NoHeader} {
				cases = append(cases, sleepCase(l, h))
			}
		}
	}
	return cases
}

func sleepCase(l Limit, h Header) Case {
	return Case{l.name(h), func(seed uint64) Verdict {
		const idle = 3600
		span := max(120, 20*l.W)
		c := auto(32)
		c.IdleFrom = 3 * span
		c.IdleTo = c.IdleFrom + idle
		until := c.IdleTo + 2*span
		r := Run(Scenario{Limit: l, Header: h, RTT: near, Jitter: wobble, Horizon: until, Clients: []Client{c}}, seed)
		t := &r.Clients[0]
		before, after := t.AcceptedIn(c.IdleFrom-2*span, c.IdleFrom), t.AcceptedIn(c.IdleTo, until)
		bad, badAfter := t.ThrottledShare(c.IdleFrom-2*span, c.IdleFrom), t.ThrottledShare(c.IdleTo, until)
		return verdict(r, c, after >= 0.95*before && badAfter <= bad+0.01, after/before,
			"%.0f, then %.0f; throttled %.2f %%, then %.2f %%", before, after, 100*bad, 100*badAfter)
	}}
}
