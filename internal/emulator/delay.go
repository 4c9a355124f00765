package emulator

import (
	"sync"
	"time"
)

// Delay is how long something is not yet what it will be: until it was looked at so often, and until a time. The zero value
// is no delay.
type Delay struct {
	// Looks is how many requests still see it as it was; negative: all do.
	Looks int
	// Until is when it ends at the earliest.
	Until time.Time
}

// over tells whether the delay has ended, after so many looks.
func (d Delay) over(looks int, now time.Time) bool {
	return d.Looks >= 0 && looks >= d.Looks && !now.Before(d.Until)
}

// Status is that of a parse job or a batch.
type Status string

// The statuses. StatusThrottled is a batch's only, and not its last one.
const (
	StatusPending   Status = "PENDING"
	StatusRunning   Status = "RUNNING"
	StatusThrottled Status = "THROTTLED"
	StatusCompleted Status = "COMPLETED"
	StatusFailed    Status = "FAILED"
	StatusCancelled Status = "CANCELLED"
)

func jobStatuses() []Status {
	return []Status{StatusPending, StatusRunning, StatusCompleted, StatusFailed, StatusCancelled}
}

func batchStatuses() []Status { return append(jobStatuses(), StatusThrottled) }

// Stage is a status that lasts until a delay has ended.
type Stage struct {
	Status Status
	Delay
}

// progress is where something stands in its stages. It is safe for concurrent use.
type progress struct {
	mu     sync.Mutex
	stages []Stage
	looks  int // at the first of stages
	last   Status
}

// look counts a look, and returns the status that it sees.
func (p *progress) look(now time.Time) Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	status := p.status(now)
	p.looks++
	return status
}

// peek returns the status without counting a look.
func (p *progress) peek(now time.Time) Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status(now)
}

func (p *progress) status(now time.Time) Status {
	for len(p.stages) > 0 && p.stages[0].over(p.looks, now) {
		p.stages, p.looks = p.stages[1:], 0
	}
	if len(p.stages) == 0 {
		return p.last
	}
	return p.stages[0].Status
}
