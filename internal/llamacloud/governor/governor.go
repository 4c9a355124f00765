package governor

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"exporter/pipeline"
)

// Options configure a Governor.
type Options struct {
	// PerSecond is the rate in requests a second that is never passed; 0 for none.
	PerSecond float64
	// Auto begins with a few requests a second and finds the origin's limit. Without it and without PerSecond, requests are
	// sent as they come until the origin throttles.
	Auto bool
	// MaxPause is the longest pause that is obeyed, MaxOutage the longest outage that is waited for; 0 for as long as it takes.
	MaxPause, MaxOutage time.Duration
	// MaxAttempts is how often a request is sent before it is given up. The outage is known before.
	MaxAttempts int
	// Elsewhere tells that it is no origin of the API's own: its failures are no outage.
	Elsewhere bool
	// Observer is told of pauses and of the rate; Log of what is wrong with quota headers. Neither is nil.
	Observer pipeline.Observer
	Log      func(message string)
}

// Governor decides when a request may be sent to one origin. It is safe for concurrent use, and knows nothing of HTTP.
//
// Whoever was admitted says what came of the request through its ticket.
type Governor struct {
	*Switch
	options Options
	// began is when time 0 was.
	began time.Time
	// turn holds one value. Who has it is the next to be admitted; the others wait for it.
	turn chan struct{}
	// woken has a value when what the next one waits for may have changed.
	woken chan struct{}

	mu        sync.Mutex
	regulator *Regulator
	breaker   breaker
	quota     quota
	// admitted counts what was sent, waiting who waits to be admitted. yielding are those who let them go first.
	admitted, waiting int
	yielding          []chan struct{}
	// fresh counts the requests that were throttled, each once.
	fresh int
	// taken is when the request was sent, of those that were accepted, that was sent last.
	taken float64
	// paced is the rate of which the observer was told last, whole the time at which it was told that a quota is whole again.
	paced pipeline.Paced
	whole float64
	// pause is the sum of the pauses since the gate shut, in seconds, each as long as it was to be: time for which the process
	// stands still does not count.
	pause float64
}

// New returns a governor that nothing was sent through yet.
func New(o Options, s *Switch) *Governor {
	rnd := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	g := &Governor{
		Switch: s, options: o, began: time.Now(), turn: make(chan struct{}, 1), woken: make(chan struct{}, 1),
		regulator: NewRegulator(o.PerSecond, o.Auto, rnd),
		breaker: breaker{
			rnd: rnd, after: max(1, min(outageAfter, o.MaxAttempts-1)), most: longest(o.MaxOutage),
		},
	}
	g.turn <- struct{}{}
	return g
}

// longest returns a longest time in seconds; 0 stands for none.
func longest(d time.Duration) float64 {
	if d == 0 {
		return math.Inf(1)
	}
	return d.Seconds()
}

// now returns the time in seconds since the governor was made.
func (g *Governor) now() float64 { return time.Since(g.began).Seconds() }

// OthersFirst is how many others are admitted before a request that was throttled, where others wait: one that always is must
// not be the probe for which all wait, and a gate that hears of it again must know that others are accepted.
const OthersFirst = 25

// Admit waits until one request may be sent. The errors are those of Sleep. The request is nil, or what this governor keeps of
// it.
func (g *Governor) Admit(ctx context.Context, r *Request) (*Ticket, error) {
	if r.Throttled() > 0 {
		if err := g.yield(ctx, r); err != nil {
			return nil, err
		}
	}
	g.join(1)
	defer g.join(-1)
	select {
	case <-g.turn:
		defer func() { g.turn <- struct{}{} }()
	case <-ctx.Done():
	case <-g.stopped:
	case <-g.halted:
	}
	for waited := false; ; waited = true {
		if err := g.refusal(ctx); err != nil {
			return nil, err
		}
		ticket, left := g.issue(waited)
		if ticket != nil {
			return ticket, nil
		}
		if err := g.tooLong(); err != nil {
			return nil, err
		}
		if err := g.await(ctx, left); err != nil {
			return nil, err
		}
	}
}

// Try returns the ticket of a request that may be sent at once; nil if it would have to wait, or nothing is sent any more.
func (g *Governor) Try() *Ticket {
	if g.refusal(context.Background()) != nil {
		return nil
	}
	t, _ := g.issue(false)
	return t
}

// Follow returns at once the ticket of a request that needs no token, since it goes on with one that was admitted.
func (g *Governor) Follow(ctx context.Context) (*Ticket, error) {
	if err := g.refusal(ctx); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	g.quota.send(now)
	return &Ticket{governor: g, passage: g.regulator.Follow(now)}, nil
}

// join says that so many more wait to be admitted.
func (g *Governor) join(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.waiting += n; g.waiting == 0 {
		g.letGo()
	}
}

// letGo wakes those who yield to others.
func (g *Governor) letGo() {
	for _, r := range g.yielding {
		close(r)
	}
	g.yielding = nil
}

// yield waits until enough others have been admitted, or nobody else waits.
func (g *Governor) yield(ctx context.Context, r *Request) error {
	for {
		g.mu.Lock()
		if g.waiting == 0 || g.admitted-r.admitted >= OthersFirst {
			g.mu.Unlock()
			return nil
		}
		turn := make(chan struct{})
		g.yielding = append(g.yielding, turn)
		g.mu.Unlock()
		if err := g.wait(ctx, nil, turn); err != nil {
			return err
		}
	}
}

// await waits for a time in seconds, which may be infinite, or until something has changed.
func (g *Governor) await(ctx context.Context, left float64) error {
	if math.IsInf(left, 1) {
		return g.wait(ctx, nil, g.woken)
	}
	timer := time.NewTimer(duration(min(left, 1e9)) + 1)
	defer timer.Stop()
	return g.wait(ctx, timer.C, g.woken)
}

// tooLong returns an error where an origin that is not the API's own has accepted nothing for so long that nobody waits for it
// any more: only probes are sent then.
func (g *Governor) tooLong() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.options.Elsewhere || !g.regulator.gate.shut {
		return nil
	}
	return g.pauseError()
}

// pauseError returns an error where the pause is longer than is obeyed.
func (g *Governor) pauseError() error {
	if longest := g.options.MaxPause; longest > 0 && g.pause > longest.Seconds() {
		return &PauseError{For: duration(g.pause), Max: longest, Elsewhere: g.options.Elsewhere}
	}
	return nil
}

// issue returns a ticket, or how long it is until there may be one.
func (g *Governor) issue(waited bool) (*Ticket, float64) {
	g.mu.Lock()
	now := g.now()
	if at := g.next(now); at > now {
		event := g.usedUp(now)
		g.mu.Unlock()
		if event != nil {
			g.options.Observer.Observe(event)
		}
		return nil, at - now
	}
	defer g.mu.Unlock()
	t := &Ticket{governor: g, passage: g.regulator.Admit(now, waited)}
	t.outage = g.breaker.pass(now)
	g.quota.send(now)
	if g.admitted++; g.admitted%OthersFirst == 0 {
		g.letGo()
	}
	return t, 0
}

// usedUp returns the event that tells of a quota that is used up, once for each time that it is, and nil otherwise, or where it
// will be whole again in less than a second.
func (g *Governor) usedUp(now float64) pipeline.Event {
	at := g.quota.next(now)
	if math.IsInf(at, 1) || at-now < rounding || at-g.whole < rounding {
		return nil
	}
	g.whole = at
	left := duration(at - now)
	return pipeline.Paused{For: left, Until: time.Now().Add(left), Quota: true, Elsewhere: g.options.Elsewhere}
}

// next returns when the next request may be sent; infinite where an answer has to come first.
func (g *Governor) next(now float64) float64 {
	return max(g.breaker.next(now), g.quota.next(now), g.regulator.Next(now))
}
