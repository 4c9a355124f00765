package simulate

import "fmt"

// rivalries are several programs on one limit, by the length of its window.
type rivalries struct{ seconds, minutes []Case }

func rivals(rtt float64) (all rivalries) {
	for _, l := range []Limit{{N: 100, W: 1}, {N: 20, W: 1}, {N: 600, W: 60}} {
		for _, n := range []int{2, 5} {
			for _, l.Kind = range kinds {
				for _, h := range headers {
					if c := rivalCase(l, h, n, rtt); l.W > 1 {
						all.minutes = append(all.minutes, c)
					} else {
						all.seconds = append(all.seconds, c)
					}
				}
			}
		}
	}
	return all
}

func rivalCase(l Limit, h Header, n int, rtt float64) Case {
	apart := 60.0
	if n == 2 {
		apart = 120
	}
	var clients []Client
	for i := range n {
		c := auto(32)
		c.Joins = apart * float64(i)
		clients = append(clients, c)
	}
	from := clients[n-1].Joins + 300
	if l.W > 1 {
		from = clients[n-1].Joins + 60*l.W
	}
	until := from + max(120, 10*l.W)
	return Case{fmt.Sprintf("%d on %s", n, l.name(h)), func(seed uint64) Verdict {
		r := Run(Scenario{Limit: l, Header: h, RTT: rtt, Jitter: wobble, Horizon: until, Clients: clients}, seed)
		var sum, squares float64
		var rates []float64
		for i := range r.Clients {
			x := r.Clients[i].AcceptedIn(from, until) / (until - from)
			sum += x
			squares += x * x
			rates = append(rates, x)
		}
		jain := sum * sum / (float64(n) * squares)
		used := sum / l.PerSecond()
		return verdict(r, clients[0], jain >= 0.8 && used >= 0.9, min(jain/0.8, used/0.9), "Jain %.2f, used %.2f: %.1f", jain, used, rates)
	}}
}
