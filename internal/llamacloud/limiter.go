package llamacloud

import (
	"context"
	"sync"
	"time"

	"exporter/internal/llamacloud/governor"
)

// limiter keeps requests of one kind apart. It is safe for concurrent use; nil keeps nothing apart.
type limiter struct {
	// apart is the least time from one request to the next.
	apart time.Duration

	mu   sync.Mutex
	next time.Time
}

// wait waits for the turn of a request, with the errors of Switch.Sleep.
func (l *limiter) wait(ctx context.Context, s *governor.Switch) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	now := time.Now()
	turn := l.next
	if turn.Before(now) {
		turn = now
	}
	l.next = turn.Add(l.apart)
	l.mu.Unlock()
	return s.Sleep(ctx, turn.Sub(now))
}
