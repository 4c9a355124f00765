package simulate

import (
	"math"

	"exporter/internal/llamacloud/governor"
)

// Noise throttles a share of the requests at random, before the limit is asked.
type Noise struct{ Share, Wait float64 }

// Client is one program. Times are in seconds, rates in requests a second.
type Client struct {
	// Rate is the given rate, 0 if there is none; Auto finds it.
	Rate float64
	Auto bool
	// Workers send one request after the other, unless Demand asks for so many a second at random.
	Workers int
	Demand  float64
	Joins   float64
	// From IdleFrom to IdleTo nothing is asked for.
	IdleFrom, IdleTo float64
	// Poison is how many requests are throttled always, with PoisonWait.
	Poison     int
	PoisonWait float64
	// Oracle, if it isn't 0, is a rate that is kept whatever is learnt.
	Oracle float64
}

// Scenario is what happens to clients.
type Scenario struct {
	Limit Limit
	// From ChangeAt on the limit is ChangeTo, unless that is 0.
	ChangeAt float64
	ChangeTo int
	Header   Header
	Noise    Noise
	// StrayAt, if it isn't 0, is when one request is throttled, with StrayWait.
	StrayAt, StrayWait float64
	// RTT is the round trip, of which each half varies by a share of Jitter.
	RTT, Jitter float64
	Clients     []Client
	// Horizon ends it, or the Requests that are accepted, unless that is 0.
	Horizon  float64
	Requests int
	// Step is the width of the bins that answers are counted in; 0 is a second.
	Step float64
}

// Result is what came of a scenario, which took Took seconds.
type Result struct {
	Clients []Track
	Took    float64
}

// Track is what came of one client.
type Track struct {
	Accepted, Throttled int
	accepted, throttled bins
	rates               []float64
	step                float64
	// Late is the longest time from asking for a request to its answer, StrayLate that of one which was throttled,
	// less what its answers demanded.
	Late, StrayLate float64
	// Failed is the number of poisoned requests that were given up.
	Failed int
	// Over is true if the given rate was passed in any window: checked by the generic cell rate algorithm, with a
	// twentieth of a second's requests at once.
	Over bool
	next float64
}

// bins counts answers by time.
type bins []int

func (b bins) between(step, from, to float64) (n float64) {
	for i := int(from / step); i < int(to/step) && i < len(b); i++ {
		n += float64(b[i])
	}
	return n
}

// AcceptedIn and ThrottledIn count answers between two times.
func (t *Track) AcceptedIn(from, to float64) float64  { return t.accepted.between(t.step, from, to) }
func (t *Track) ThrottledIn(from, to float64) float64 { return t.throttled.between(t.step, from, to) }

// ThrottledShare returns the share of throttled answers between two times.
func (t *Track) ThrottledShare(from, to float64) float64 {
	bad := t.ThrottledIn(from, to)
	return bad / max(1, bad+t.AcceptedIn(from, to))
}

// RateAt returns the rate at which a request was sent last before a time; 0 if none was.
func (t *Track) RateAt(at float64) float64 {
	for i := min(int(at/t.step), len(t.rates)-1); i >= 0; i-- {
		if t.rates[i] > 0 {
			return t.rates[i]
		}
	}
	return 0
}

func newTrack(s *Scenario) Track {
	n := int(s.Horizon/s.Step) + 2
	return Track{accepted: make(bins, n), throttled: make(bins, n), rates: make([]float64, n), step: s.Step}
}

// check tells on a request that passes a given rate.
func (t *Track) check(now, rate float64) {
	const rounding = 1e-6
	burst := max(1, math.Floor(rate/20))
	t.next = max(t.next, now) + 1/rate
	if t.next-now > burst/rate+rounding {
		t.Over = true
	}
}

// request is one that a client wants to be accepted.
type request struct {
	// sent is how many its client had sent when it was throttled.
	sent int

	tries     governor.Tries
	passage   governor.Passage
	asked     float64
	demanded  float64
	throttled bool
	delay     governor.Delay
	poison    bool
	parked    bool
}
