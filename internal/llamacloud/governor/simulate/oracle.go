package simulate

import "math"

// greedy returns how many requests a client gets within a time that asks the limiter itself, at a given rate at most
// unless that is 0.
func greedy(l Limit, rate, horizon float64) (n float64) {
	lim := newLimiter(l)
	var next float64
	for now := 0.0; now <= horizon; {
		if rate > 0 && next > now+1e-9 {
			now = next
			continue
		}
		if wait := lim.take(now); wait > 0 {
			now += max(wait, 1e-6)
			continue
		}
		n++
		if rate > 0 {
			next = max(next, now-max(0, math.Floor(rate/20)-1)/rate) + 1/rate
		}
	}
	return n
}

// obedient returns what one client is let through that knows the rate and never learns, but obeys every answer, in the
// same scenario.
func obedient(s Scenario, rate float64, seed uint64) float64 {
	const unbounded = 1e9
	if rate == 0 {
		rate = unbounded
	}
	c := s.Clients[0]
	c.Oracle = rate
	s.Clients = []Client{c}
	return float64(Run(s, seed).Clients[0].Accepted)
}

// mix returns a number that looks random.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
