package buckettest

// Moment is when a request is held.
type Moment int

const (
	// BeforeActing is when a request has come whole, and nothing was done.
	BeforeActing Moment = iota
	// BeforeReplying is when all is done, and nobody knows it.
	BeforeReplying
)

// Held is a request that is stopped midway.
type Held struct {
	// Reached is closed when the request is there.
	Reached <-chan struct{}

	at       Moment
	match    func(Received) bool
	reached  chan struct{}
	released chan struct{}
}

// Release lets the request go on. It is called once.
func (h *Held) Release() { close(h.released) }

// Hold stops the next request that matches. A request that is held when the test ends goes on.
func (s *Server) Hold(at Moment, match func(Received) bool) *Held {
	h := &Held{at: at, match: match, reached: make(chan struct{}), released: make(chan struct{})}
	h.Reached = h.reached
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holds = append(s.holds, h)
	return h
}

// hold stops a request if it is to be held at this moment.
func (s *Server) hold(r Received, at Moment) {
	s.mu.Lock()
	var found *Held
	for n, h := range s.holds {
		if h.at == at && h.match(r) {
			found = h
			s.holds = append(s.holds[:n:n], s.holds[n+1:]...)
			break
		}
	}
	s.mu.Unlock()
	if found == nil {
		return
	}
	close(found.reached)
	select {
	case <-found.released:
	case <-s.ended:
	}
}
