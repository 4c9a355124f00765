package llamacloud

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"exporter/pipeline"
)

// governor decides when a request may be sent. It is safe for concurrent use, and knows nothing of HTTP.
//
// A request is sent when the regulator lets it pass and the token bucket, which is filled at the regulator's pace, has a
// token. Whoever was admitted says what came of the request through its ticket.
type governor struct {
	observer pipeline.Observer

	// turn holds one value. Who has it waits for the gate and for the bucket's next token: with a single reservation
	// outstanding, a pause costs one token and not one of each worker, and no burst of overdue reservations follows it.
	turn   chan struct{}
	bucket *rate.Limiter
	// stopped is closed by stop, halted by halt.
	stopped, halted chan struct{}

	mu        sync.Mutex
	regulator regulator
	budget    budget
	// changed is closed, and made anew, when the regulator's gate has changed.
	changed chan struct{}
	// verdict is why sending was halted; nil while it is not.
	verdict error
	// stopping tells that stopped is closed.
	stopping bool
}

// newGovernor returns a governor for options that have no zero fields.
func newGovernor(o Options) *governor {
	g := &governor{
		observer:  o.Observer,
		turn:      make(chan struct{}, 1),
		bucket:    rate.NewLimiter(0, 1),
		stopped:   make(chan struct{}),
		halted:    make(chan struct{}),
		regulator: newRegulator(o),
		changed:   make(chan struct{}),
	}
	g.turn <- struct{}{}
	return g
}

// admit waits until one request may be sent. It returns an error that wraps pipeline.ErrStopped after stop, the verdict
// after halt, and the cause of ctx after its end, all of them at once.
func (g *governor) admit(ctx context.Context) (*ticket, error) {
	select {
	case <-g.turn:
		defer func() { g.turn <- struct{}{} }()
	case <-ctx.Done():
	case <-g.stopped:
	case <-g.halted:
	}
	for {
		if err := g.waitGate(ctx); err != nil {
			return nil, err
		}
		token := g.reserve()
		if err := g.sleep(ctx, token.Delay()); err != nil {
			token.Cancel()
			return nil, err
		}
		if t := g.issue(); t != nil {
			return t, nil
		}
	}
}

// waitGate waits until the gate is open or half open.
func (g *governor) waitGate(ctx context.Context) error {
	for {
		if err := g.refusal(ctx); err != nil {
			return err
		}
		g.mu.Lock()
		left, probing, changed := time.Until(g.regulator.gate.until), g.regulator.gate.probing, g.changed
		g.mu.Unlock()
		var err error
		switch {
		case probing:
			err = g.wait(ctx, changed)
		case left > 0:
			err = g.sleep(ctx, left)
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// reserve takes the next token at the present pace.
func (g *governor) reserve() *rate.Reservation {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	perSecond := g.regulator.pace.rate(now)
	g.bucket.SetLimitAt(now, rate.Limit(perSecond))
	g.bucket.SetBurstAt(now, bucketSize(perSecond))
	return g.bucket.ReserveN(now, 1)
}

// issue returns a ticket, or nil if the gate does not let the request through.
func (g *governor) issue() *ticket {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p, ok := g.regulator.pass(time.Now()); ok {
		return &ticket{governor: g, passage: p}
	}
	return nil
}

// sleep waits for d, with the same errors as admit.
func (g *governor) sleep(ctx context.Context, d time.Duration) error {
	if err := g.refusal(ctx); err != nil || d <= 0 {
		return err
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-g.stopped:
	case <-g.halted:
	}
	return g.refusal(ctx)
}

// wait waits until changed is closed, with the same errors as admit.
func (g *governor) wait(ctx context.Context, changed <-chan struct{}) error {
	select {
	case <-changed:
	case <-ctx.Done():
	case <-g.stopped:
	case <-g.halted:
	}
	return g.refusal(ctx)
}

// refusal returns why nothing may be sent now or later; nil if it may.
func (g *governor) refusal(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.verdict != nil:
		return g.verdict
	case g.stopping:
		return pipeline.ErrStopped
	}
	return context.Cause(ctx)
}

// first is called for every request that is not a retry.
func (g *governor) first() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.budget.earn()
}

// retry returns how long the retry budget makes a retry wait.
func (g *governor) retry() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.budget.spend(time.Now())
}

// halt ends all sending: from now on admit and sleep return the error of the first call.
func (g *governor) halt(verdict error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.verdict == nil {
		g.verdict = verdict
		close(g.halted)
	}
}

// stop ends all waiting: from now on admit and sleep return an error that wraps pipeline.ErrStopped.
func (g *governor) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.stopping {
		g.stopping = true
		close(g.stopped)
	}
}
