package governor

import (
	"context"
	"sync"
	"time"

	"exporter/pipeline"
)

// Switch ends all waiting and sending of the governors that share it. It is safe for concurrent use.
type Switch struct {
	// stopped is closed by Stop and made anew by Resume, halted is closed by Halt.
	stopped, halted chan struct{}

	mu       sync.Mutex
	stopping bool
	// verdict is why sending was halted; nil while it is not.
	verdict error
}

// NewSwitch returns a switch that is on.
func NewSwitch() *Switch { return &Switch{stopped: make(chan struct{}), halted: make(chan struct{})} }

// Stop ends all waiting: from now on it ends with an error that wraps pipeline.ErrStopped.
func (s *Switch) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopping {
		s.stopping = true
		close(s.stopped)
	}
}

// Resume undoes Stop. Nobody may be waiting.
func (s *Switch) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		s.stopping = false
		s.stopped = make(chan struct{})
	}
}

// Halt ends all waiting with a verdict, that of the first call.
func (s *Switch) Halt(verdict error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.verdict == nil {
		s.verdict = verdict
		close(s.halted)
	}
}

// refusal returns why nothing may be sent now or later; nil if it may.
func (s *Switch) refusal(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.verdict != nil:
		return s.verdict
	case s.stopping:
		return pipeline.ErrStopped
	}
	return context.Cause(ctx)
}

// Sleep waits for d. It returns an error that wraps pipeline.ErrStopped after Stop, the verdict after Halt, and the cause of
// ctx after its end, all of them at once.
func (s *Switch) Sleep(ctx context.Context, d time.Duration) error {
	if err := s.refusal(ctx); err != nil || d <= 0 {
		return err
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	return s.wait(ctx, timer.C, nil)
}

// Wait waits until woken is closed or has a value, with the errors of Sleep.
func (s *Switch) Wait(ctx context.Context, woken <-chan struct{}) error {
	return s.wait(ctx, nil, woken)
}

// wait waits for either channel, with the errors of Sleep.
func (s *Switch) wait(ctx context.Context, timer <-chan time.Time, woken <-chan struct{}) error {
	select {
	case <-timer:
	case <-woken:
	case <-ctx.Done():
	case <-s.stopped:
	case <-s.halted:
	}
	return s.refusal(ctx)
}
