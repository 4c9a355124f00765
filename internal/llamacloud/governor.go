package llamacloud

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"exporter/pipeline"
)

// pauseJitter is the most by which the end of a pause differs between workers.
const pauseJitter = 250 * time.Millisecond

// governor decides when a request may be sent. It is safe for concurrent use, and knows nothing of HTTP.
type governor struct {
	bucket   *rate.Limiter
	maxPause time.Duration
	observer pipeline.Observer

	// turn holds one value. Who has it waits for the bucket's next token: with a single reservation outstanding, a pause
	// costs one token and not one of each worker, and no burst of overdue reservations follows it.
	turn chan struct{}
	// stopped is closed by stop, halted by halt.
	stopped, halted chan struct{}

	mu sync.Mutex
	// until is when the pause ends.
	until time.Time
	// verdict is why sending was halted; nil while it is not.
	verdict error
	// stopping tells that stopped is closed.
	stopping bool
}

func newGovernor(r Rate, maxPause time.Duration, observer pipeline.Observer) *governor {
	g := &governor{
		bucket:   r.bucket(),
		maxPause: maxPause,
		observer: observer,
		turn:     make(chan struct{}, 1),
		stopped:  make(chan struct{}),
		halted:   make(chan struct{}),
	}
	g.turn <- struct{}{}
	return g
}

// admit waits until one request may be sent. It returns an error that wraps pipeline.ErrStopped after stop, the verdict
// after halt, and the cause of ctx after its end, all of them at once.
func (g *governor) admit(ctx context.Context) error {
	if g.bucket == nil {
		return g.waitPause(ctx)
	}
	if err := g.takeTurn(ctx); err != nil {
		return err
	}
	defer func() { g.turn <- struct{}{} }()
	for {
		if err := g.waitPause(ctx); err != nil {
			return err
		}
		token := g.bucket.Reserve()
		if err := g.sleep(ctx, token.Delay()); err != nil {
			token.Cancel()
			return err
		}
		if g.pauseLeft() == 0 {
			return nil
		}
	}
}

// takeTurn returns nil when the caller has the turn, which it gives back to the channel.
func (g *governor) takeTurn(ctx context.Context) error {
	select {
	case <-g.turn:
		return nil
	case <-ctx.Done():
	case <-g.stopped:
	case <-g.halted:
	}
	return g.refusal(ctx)
}

// waitPause waits for the end of the pause.
func (g *governor) waitPause(ctx context.Context) error {
	for {
		left := g.pauseLeft()
		if left == 0 {
			return g.refusal(ctx)
		}
		if err := g.sleep(ctx, left+rand.N(pauseJitter)); err != nil {
			return err
		}
	}
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

func (g *governor) pauseLeft() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(0, time.Until(g.until))
}

// pause keeps all requests from being sent for d, or for as long as an earlier pause lasts. If d is longer than allowed,
// nothing is sent any more: it returns a *PauseError, and so does admit from then on.
func (g *governor) pause(d time.Duration) error {
	if d > g.maxPause {
		err := &PauseError{For: d, Max: g.maxPause}
		g.halt(err)
		return err
	}
	g.mu.Lock()
	until := time.Now().Add(d)
	longer := until.Sub(g.until)
	if longer > 0 {
		g.until = until
	}
	g.mu.Unlock()
	// The workers' answers of one throttling window lengthen the pause by very little each: that is no news.
	if longer > pauseJitter {
		g.observer.Observe(pipeline.Paused{For: d})
	}
	return nil
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
