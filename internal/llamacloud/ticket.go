package llamacloud

import (
	"time"

	"exporter/pipeline"
)

// ticket is the permission to send one request. One of its methods is called, once, when it is known what came of it.
type ticket struct {
	governor *governor
	passage  passage
}

// accepted tells that the API took the request, whatever it answered otherwise.
func (t *ticket) accepted() {
	// There is no verdict that this could lead to.
	_ = t.governor.learn(func(r *regulator, now time.Time) (pipeline.Event, error) {
		return r.accepted(now, t.passage), nil
	})
}

// throttled tells that the API wants fewer requests. It returns an error if that cannot be waited for: then nothing is
// sent any more.
func (t *ticket) throttled(d delay) error {
	return t.governor.learn(func(r *regulator, now time.Time) (pipeline.Event, error) {
		return r.throttled(now, t.passage, d)
	})
}

// failed tells that no answer came, or that of a gateway that cannot reach the API. It returns an error if that has lasted
// too long: then nothing is sent any more.
func (t *ticket) failed(cause error) error {
	return t.governor.learn(func(r *regulator, now time.Time) (pipeline.Event, error) {
		return r.failed(now, t.passage, cause)
	})
}

// untold tells that nothing came of the request that says anything about the API.
func (t *ticket) untold() {
	_ = t.governor.learn(func(r *regulator, _ time.Time) (pipeline.Event, error) {
		r.untold(t.passage)
		return nil, nil
	})
}

// learn changes the regulator, wakes those who wait for it, and halts on its verdict.
func (g *governor) learn(change func(*regulator, time.Time) (pipeline.Event, error)) (verdict error) {
	g.mu.Lock()
	before := g.regulator.gate
	event, verdict := change(&g.regulator, time.Now())
	if g.regulator.gate != before {
		close(g.changed)
		g.changed = make(chan struct{})
	}
	g.mu.Unlock()
	if verdict != nil {
		g.halt(verdict)
	}
	if event != nil {
		g.observer.Observe(event)
	}
	return verdict
}
