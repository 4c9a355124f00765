package simulate

import "fmt"

// noises are origins that throttle at random.
func noises(trips ...float64) (cases []Case) {
	hundred := func(k Kind) Limit { return Limit{Kind: k, N: 100, W: 1} }
	for _, c := range []struct {
		name   string
		limit  Limit
		client Client
		oracle float64
	}{
		{"given 95, fixed", hundred(Fixed), given(95, 64), 95},
		{"given 95, bucket", hundred(Bucket), given(95, 64), 95},
		{"auto, fixed", hundred(Fixed), auto(64), 100},
		{"auto, sliding", hundred(Sliding), auto(64), 100},
		{"auto, bucket", hundred(Bucket), auto(64), 100},
		{"auto, no limit", Limit{Kind: None}, auto(64), 0},
		{"unlimited, no limit", Limit{Kind: None}, Client{Workers: 64}, 0},
	} {
		for _, share := range []float64{0.001, 0.01, 0.03} {
			for _, wait := range []float64{0, 1, 60} {
				for _, rtt := range trips {
					name := fmt.Sprintf("%s, %g %%, Retry-After %g, %g s away", c.name, 100*share, wait, rtt)
					s := Scenario{Limit: c.limit, Header: Millis, Noise: Noise{share, wait}, RTT: rtt, Jitter: wobble,
						Clients: []Client{c.client}}
					cases = append(cases, noiseCase(name, s, c.oracle))
				}
			}
		}
	}
	return cases
}

func noiseCase(name string, s Scenario, oracle float64) Case {
	switch {
	case s.Limit.Kind == None && s.Noise.Wait == 60 && s.Noise.Share >= 0.01:
		s.Horizon = 600 // one pause must not decide
	case s.Limit.Kind == None:
		s.Horizon = 120
	case s.Noise.Wait == 60:
		s.Horizon = 3600
	default:
		s.Horizon = 600
	}
	least := 0.8
	if s.RTT < 0.05 {
		least = 0.5 // hardly anything is under way that could contradict
	}
	return Case{name, func(seed uint64) Verdict {
		r := Run(s, seed)
		got, best := float64(r.Clients[0].Accepted), obedient(s, oracle, seed+1000)
		return verdict(r, s.Clients[0], got >= least*best, got/best, "%.1f a second of %.1f", got/s.Horizon, best/s.Horizon)
	}}
}

// poisonings are single requests that are always throttled.
func poisonings() (cases []Case) {
	for _, rate := range []float64{2, 20, 100} {
		for _, n := range []int{1, 3} {
			for _, wait := range []float64{0, 1, 60} {
				for _, rtt := range []float64{near, far} {
					c := given(rate, 32)
					c.Poison, c.PoisonWait = n, wait
					cases = append(cases, poisonCase(c, rtt))
				}
			}
		}
	}
	return cases
}

func poisonCase(c Client, rtt float64) Case {
	name := fmt.Sprintf("%d poisoned, %g a second, Retry-After %g, %g s away", c.Poison, c.Rate, c.PoisonWait, rtt)
	return Case{name, func(seed uint64) Verdict {
		horizon := 8*c.PoisonWait + 600
		r := Run(Scenario{Limit: Limit{Kind: None}, RTT: rtt, Jitter: wobble, Horizon: horizon, Clients: []Client{c}}, seed)
		t := &r.Clients[0]
		all := c.Rate * horizon
		lost := all - float64(t.Accepted)
		// A pause for each, the requests themselves, and a hundredth.
		n := float64(c.Poison)
		allowed := n*c.Rate*(max(c.PoisonWait, 0.1)+1) + n + all/100
		return verdict(r, c, lost <= allowed && t.Failed == c.Poison, 1-lost/all,
			"lost %.0f of %.0f, %.0f are allowed; %d given up", lost, all, allowed, t.Failed)
	}}
}
