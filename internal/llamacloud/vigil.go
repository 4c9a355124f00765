package llamacloud

import (
	"sync"
	"time"
)

// vigil calls stall when a body waits too long for a byte: for idle, and longer only where it is one of many on a thin line,
// or the machine stood still. It is safe for concurrent use.
type vigil struct {
	line *line
	idle time.Duration
	// cuts is that of the body's flow.
	cuts  int64
	stall func()

	mu    sync.Mutex
	timer *time.Timer
	// armed tells that the timer runs. It goes on between waits, so that not every read has to set it.
	armed bool
	// began is when the present wait began, and zero between waits; from is what the line had given before.
	began time.Time
	from  reading
	// allowed is how long the wait may last, and latest what the line had given when that was decided, idle before.
	allowed time.Duration
	latest  reading
}

// begin says that a wait begins.
func (v *vigil) begin(now time.Time, from reading) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.restart(now, from)
	if !v.armed {
		v.arm(v.idle)
	}
}

func (v *vigil) restart(now time.Time, from reading) {
	v.began, v.from, v.allowed, v.latest = now, from, v.idle, from
}

// end says that the wait is over, and returns how long it was. One that the timer should have ended long before is that of a
// machine that stood still, and counts nothing.
func (v *vigil) end(now time.Time) time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	waited := now.Sub(v.began)
	v.began = time.Time{}
	if waited >= v.allowed+v.idle {
		return 0
	}
	return waited
}

// close ends the vigil for good.
func (v *vigil) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.began = time.Time{}
	if v.timer != nil {
		v.timer.Stop()
	}
}

func (v *vigil) arm(d time.Duration) {
	v.armed = true
	if v.timer == nil {
		v.timer = time.AfterFunc(d, func() { v.expire(time.Now()) })
		return
	}
	v.timer.Reset(d)
}

// expire is called when the timer ends.
func (v *vigil) expire(now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.armed = false
	if v.began.IsZero() {
		return
	}
	waited := now.Sub(v.began)
	switch {
	case waited < v.allowed:
		// The timer was set for an earlier wait.
	case waited >= v.allowed+v.idle:
		v.restart(now, v.line.read())
		waited = 0
	case v.line.crowded(v.from, v.latest, v.idle):
		v.line.starve(v.cuts, v.line.since(v.from).came, waited)
		v.allowed, v.latest = waited+v.idle, v.line.read()
	default:
		v.stall()
		return
	}
	v.arm(v.allowed - waited)
}
