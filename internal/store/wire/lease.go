package wire

import (
	"context"
	"sync"
	"time"
)

const (
	// beforeEnd is how long before its end a lease is not used any more, and renewAgain after how long a renewal that has failed is tried
	// again as long as the old one holds.
	beforeEnd, renewAgain = time.Minute, 30 * time.Second
)

// Lease is what holds for a time, such as credentials, and is renewed when four fifths of that have passed. It is safe for concurrent use.
type Lease[T any] struct {
	// Get returns one, and when it ends; the zero time is never. It is called by one goroutine at a time.
	Get func(ctx context.Context) (T, time.Time, error)

	mu      sync.Mutex
	now     T
	holds   bool
	end     time.Time
	renewAt time.Time
}

// Value returns one that holds. Where a renewal fails, the old one is good to its end.
func (l *Lease[T]) Value(ctx context.Context) (T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.holds && (l.end.IsZero() || time.Now().Before(l.renewAt)) {
		return l.now, nil
	}
	v, end, err := l.Get(ctx)
	if err != nil {
		if l.holds && time.Until(l.end) > beforeEnd {
			l.renewAt = time.Now().Add(renewAgain)
			return l.now, nil
		}
		var none T
		return none, err
	}
	l.now, l.end, l.holds = v, end, true
	l.renewAt = time.Now().Add(time.Until(end) * 4 / 5)
	return v, nil
}

// Drop has the next call ask for another one, if the present one is as is says.
func (l *Lease[T]) Drop(is func(T) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.holds && is(l.now) {
		l.holds = false
	}
}
