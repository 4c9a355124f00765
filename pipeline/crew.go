package pipeline

import (
	"context"
	"sync"
)

// maxParked is how many assets may wait for a while, as a multiple of those that are fetched at once. Beyond that they keep
// their places.
const maxParked = 4

// crew are the goroutines that fetch. As many as it has places fetch at once; the others wait for a place, or are parked. It
// is safe for concurrent use.
type crew struct {
	places chan struct{}
	// hire starts one more goroutine.
	hire func()

	mu sync.Mutex
	// members is how many goroutines there are, parked how many of them are parked.
	members, parked int
}

func newCrew(size int, hire func()) *crew {
	c := &crew{places: make(chan struct{}, size), hire: hire}
	for range size {
		c.places <- struct{}{}
	}
	return c
}

// start starts as many goroutines as there are places.
func (c *crew) start() {
	c.members = cap(c.places)
	for range cap(c.places) {
		c.hire()
	}
}

// enter waits for a place.
func (c *crew) enter(ctx context.Context) error {
	select {
	case <-c.places:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// leave gives the place back.
func (c *crew) leave() { c.places <- struct{}{} }

// park gives the place to another asset until unpark is called, unless too many are parked already. Where all other
// goroutines are busy or parked, it hires one.
func (c *crew) park() (parked bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parked >= maxParked*cap(c.places) {
		return false
	}
	c.parked++
	if c.members-c.parked < cap(c.places) {
		c.members++
		c.hire()
	}
	c.leave()
	return true
}

// unpark waits for a place again. Those who have one leave it in time, also when the run ends.
func (c *crew) unpark() {
	<-c.places
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parked--
}

// whileParked waits, and for a place after that, also where the wait panics: every place is left once.
func (c *crew) whileParked(wait func() error) error {
	defer c.unpark()
	return wait()
}

// hold is the memory that the asset of a job is charged.
type hold struct {
	run    *run
	weight int64
	held   bool
}

func (h *hold) acquire() error {
	if err := h.run.memory.takeBlob(h.run.work, h.weight); err != nil {
		return err
	}
	h.held = true
	return nil
}

func (h *hold) release() {
	if h.held {
		h.held = false
		h.run.memory.freeBlob(h.weight)
	}
}

// pause implements Pause: while the asset waits, another one has its place and its memory.
func (h *hold) pause(wait func() error) error {
	if !h.run.crew.park() {
		return wait()
	}
	h.release()
	if err := h.run.crew.whileParked(wait); err != nil {
		return err
	}
	// A place is taken before memory, as every job does: who holds memory never waits for a place.
	return h.acquire()
}
