package simulate

import (
	"math"
	"math/rand/v2"

	"exporter/internal/llamacloud/governor"
)

const (
	// maxAttempts is after how many throttled answers a poisoned request is given up.
	maxAttempts = 6
	// parkedMost is how many throttled requests may wait for each worker without holding it.
	parkedMost = 4
)

// client is a program that runs.
type client struct {
	Client
	reg          *governor.Regulator
	track        *Track
	free, parked int
	waiting      []*request // to be sent again
	asked        []*request // of an open loop
	wakeAt       float64
	blocked      bool
	made, sent   int
}

// world is a scenario that runs.
type world struct {
	Scenario
	queue
	rnd      *rand.Rand
	lim      *limiter
	now      float64
	clock    float64 // the server's, less now
	accepted int
	spare    []*request
}

// Run simulates.
func Run(s Scenario, seed uint64) Result {
	if s.Step == 0 {
		s.Step = 1
	}
	w := &world{Scenario: s, rnd: rand.New(rand.NewPCG(seed, 77)), lim: newLimiter(s.Limit)}
	w.clock = w.rnd.Float64()
	res := Result{Clients: make([]Track, len(s.Clients))}
	for i, c := range s.Clients {
		res.Clients[i] = newTrack(&s)
		w.join(c, &res.Clients[i], rand.New(rand.NewPCG(seed, uint64(1000+i))))
	}
	for len(w.heap) > 0 {
		e := w.pop()
		if e.at > s.Horizon || s.Requests > 0 && w.accepted >= s.Requests {
			break
		}
		w.now = e.at
		if w.ChangeTo > 0 && w.now >= w.ChangeAt {
			w.lim.change(w.ChangeTo, w.now)
			w.ChangeTo = 0
		}
		w.handle(e)
	}
	res.Took = w.now
	return res
}

func (w *world) join(c Client, t *Track, rnd *rand.Rand) {
	rate, auto := c.Rate, c.Auto
	if c.Oracle > 0 {
		rate, auto = c.Oracle, false
	}
	cl := &client{Client: c, track: t, free: c.Workers, wakeAt: math.Inf(1)}
	cl.reg = governor.NewRegulator(rate, auto, rnd)
	cl.reg.Fixed = c.Oracle > 0
	if c.Demand > 0 {
		cl.free = math.MaxInt32
		w.push(event{at: c.Joins + w.rnd.ExpFloat64()/c.Demand, kind: ask, client: cl})
	} else {
		w.push(event{at: c.Joins, kind: wake, client: cl})
	}
	if c.IdleTo > 0 {
		w.push(event{at: c.IdleTo, kind: wake, client: cl})
	}
}

func (w *world) handle(e event) {
	c := e.client
	switch e.kind {
	case wake:
		if c.wakeAt <= w.now {
			c.wakeAt = math.Inf(1)
		}
	case ask:
		c.asked = append(c.asked, w.request())
		w.push(event{at: w.now + w.rnd.ExpFloat64()/c.Demand, kind: ask, client: c})
	case arrive:
		w.arrive(c, e.r)
		return
	case answer:
		w.answer(c, e.r)
	case ready:
		if e.r.parked {
			c.parked--
		} else {
			c.free++
		}
		c.waiting = append(c.waiting, e.r)
	}
	w.send(c)
}

func (w *world) request() *request {
	if n := len(w.spare); n > 0 {
		r := w.spare[n-1]
		w.spare = w.spare[:n-1]
		*r = request{asked: w.now}
		return r
	}
	return &request{asked: w.now}
}

// send sends what may be sent.
func (w *world) send(c *client) {
	if w.now < c.Joins || c.IdleTo > 0 && w.now >= c.IdleFrom && w.now < c.IdleTo {
		return
	}
	for c.free > 0 && (c.Demand == 0 || len(c.waiting)+len(c.asked) > 0) {
		const rounding = 1e-9
		if at := c.reg.Next(w.now); at > w.now+rounding {
			c.blocked = true
			if at < c.wakeAt {
				c.wakeAt = at
				w.push(event{at: at, kind: wake, client: c})
			}
			return
		}
		r := w.take(c)
		c.free--
		passage := c.reg.Admit(w.now, c.blocked)
		if passage.Probe && r.tries.Throttled > 0 {
			// In its place one is sent that was answered before, as the client does.
			c.waiting = append([]*request{r}, c.waiting...)
			r = w.request()
		}
		r.passage = passage
		c.sent++
		c.blocked = false
		c.track.rates[int(w.now/w.Step)] = c.reg.Rate()
		if c.Rate > 0 && c.Oracle == 0 {
			c.track.check(w.now, c.Rate)
		}
		w.push(event{at: w.now + w.half(), kind: arrive, client: c, r: r})
	}
	c.blocked = false
}

// take returns the request to be sent next: one that was throttled, once enough others have been sent, before a new one.
func (w *world) take(c *client) (r *request) {
	const every, nth = 7, 3 // a poisoned one among so many
	others := c.Demand == 0 || len(c.asked) > 0
	switch {
	case len(c.waiting) > 0 && (!others || c.sent-c.waiting[0].sent >= governor.OthersFirst):
		r, c.waiting = c.waiting[0], c.waiting[1:]
	case len(c.asked) > 0:
		r, c.asked = c.asked[0], c.asked[1:]
	default:
		r = w.request()
		c.made++
		if c.Poison > 0 && c.made%every == nth {
			r.poison = true
			c.Poison--
		}
	}
	return r
}

// half returns half a round trip.
func (w *world) half() float64 {
	h := w.RTT / 2
	if w.Jitter > 0 {
		h *= 1 + w.Jitter*(2*w.rnd.Float64()-1)
	}
	return h
}

// arrive decides what becomes of a request.
func (w *world) arrive(c *client, r *request) {
	r.throttled, r.delay = true, governor.Delay{}
	switch {
	case r.poison:
		r.delay = said(c.PoisonWait)
	case w.StrayAt > 0 && w.now >= w.StrayAt:
		r.delay, w.StrayAt = said(w.StrayWait), 0
	case w.Noise.Share > 0 && w.rnd.Float64() < w.Noise.Share:
		r.delay = said(w.Noise.Wait)
	default:
		wait := w.lim.take(w.now)
		if r.throttled = wait > 0; r.throttled {
			r.delay = w.Header.demand(w.now+w.clock, wait)
		}
	}
	w.push(event{at: w.now + w.half(), kind: answer, client: c, r: r})
}

// said returns whole seconds of a header.
func said(wait float64) governor.Delay {
	if wait == 0 {
		return governor.Delay{}
	}
	return governor.Delay{Wait: wait, Unit: 1}
}

func (w *world) answer(c *client, r *request) {
	t, bin := c.track, int(w.now/w.Step)
	if !r.throttled {
		t.accepted[bin]++
		t.Accepted++
		w.accepted++
		c.reg.Accepted(w.now, r.passage)
		c.free++
		if late := w.now - r.asked - r.demanded; r.tries.Throttled > 0 {
			t.StrayLate = max(t.StrayLate, late)
		} else {
			t.Late = max(t.Late, late)
		}
		w.spare = append(w.spare, r)
		return
	}
	if !r.poison {
		t.throttled[bin]++
		t.Throttled++
	}
	own := c.reg.Throttled(w.now, r.passage, &r.tries, r.delay)
	r.demanded += r.delay.Wait
	r.sent = c.sent
	if r.poison && r.tries.Throttled >= maxAttempts {
		t.Failed++
		c.free++
		return
	}
	r.parked = c.parked < parkedMost*c.Workers
	if r.parked {
		c.parked++
		c.free++
	}
	w.push(event{at: w.now + own, kind: ready, client: c, r: r})
}
