package simulate

import (
	"math"

	"exporter/internal/llamacloud/governor"
)

// Kind is how an origin counts.
type Kind string

// A window is fixed from the first request after the last one, or aligned to a clock; it slides where every request is
// remembered; a bucket holds N tokens and fills at N in W. Throttled requests don't count.
const (
	Fixed   Kind = "fixed"
	Aligned Kind = "aligned"
	Sliding Kind = "sliding"
	Bucket  Kind = "bucket"
	None    Kind = "none"
)

// Header is how a throttled answer says when to come back.
type Header string

const (
	NoHeader Header = "none"
	Millis   Header = "ms"
	Seconds  Header = "seconds"
	Date     Header = "date"
)

// Limit is N requests in W seconds.
type Limit struct {
	Kind Kind
	N    int
	W    float64
	// Used is how many are used up at time 0.
	Used int
	// Phase is where in a window time 0 lies, in [0, 1).
	Phase float64
}

// PerSecond returns the rate in requests a second; infinite without a limit.
func (l Limit) PerSecond() float64 {
	if l.Kind == None {
		return math.Inf(1)
	}
	return float64(l.N) / l.W
}

// limiter is a limit with what has been used of it.
type limiter struct {
	Limit
	ends   float64 // of the window
	used   int     // in the window
	ring   []float64
	next   int
	tokens float64
	filled float64
}

func newLimiter(l Limit) *limiter {
	s := &limiter{Limit: l, ends: -1}
	switch l.Kind {
	case Fixed, Aligned:
		s.used = l.Used
		if l.Used > 0 || l.Kind == Aligned {
			s.ends = l.W * (1 - l.Phase)
		}
	case Sliding:
		s.ring = emptyRing(l.N)
		for i := range l.Used {
			s.ring[l.N-l.Used+i] = -l.W + l.W*(float64(i)+l.Phase)/float64(l.Used)
		}
	case Bucket:
		s.tokens = float64(l.N - l.Used)
	}
	return s
}

func emptyRing(n int) []float64 {
	ring := make([]float64, n)
	for i := range ring {
		ring[i] = math.Inf(-1)
	}
	return ring
}

// change sets another number.
func (s *limiter) change(n int, now float64) {
	switch s.Kind {
	case Sliding:
		kept := append(append([]float64{}, s.ring[s.next:]...), s.ring[:s.next]...)
		if len(kept) > n {
			kept = kept[len(kept)-n:]
		}
		s.ring, s.next = append(emptyRing(n-len(kept)), kept...), 0
	case Bucket:
		s.fill(now)
		s.tokens = min(s.tokens, float64(n))
	}
	s.N = n
}

func (s *limiter) fill(now float64) {
	s.tokens = min(float64(s.N), s.tokens+(now-s.filled)*float64(s.N)/s.W)
	s.filled = now
}

// take returns 0 for a request that is let through, else how many seconds it is too early.
func (s *limiter) take(now float64) (wait float64) {
	switch s.Kind {
	case None:
		return 0
	case Sliding:
		if d := now - s.ring[s.next]; d < s.W {
			return s.W - d
		}
		s.ring[s.next] = now
		s.next = (s.next + 1) % len(s.ring)
		return 0
	case Bucket:
		const rounding = 1e-9
		s.fill(now)
		if s.tokens < 1-rounding {
			return (1 - s.tokens) * s.W / float64(s.N)
		}
		s.tokens--
		return 0
	}
	return s.takeWindow(now)
}

func (s *limiter) takeWindow(now float64) (wait float64) {
	if now >= s.ends {
		if s.Kind == Aligned {
			s.ends += s.W * (math.Floor((now-s.ends)/s.W) + 1)
		} else {
			s.ends = now + s.W
		}
		s.used = 0
	}
	if s.used >= s.N {
		return s.ends - now
	}
	s.used++
	return 0
}

// demand returns what a header says of a wait. Now is the server's clock, of which a date shows whole seconds.
func (h Header) demand(now, wait float64) governor.Delay {
	switch h {
	case Millis:
		return governor.Delay{Wait: math.Ceil(wait*1000) / 1000, Unit: 0.001}
	case Seconds:
		return governor.Delay{Wait: math.Ceil(wait), Unit: 1}
	case Date:
		return governor.Delay{Wait: math.Ceil(now+wait) - math.Floor(now), Unit: 2}
	}
	return governor.Delay{}
}
