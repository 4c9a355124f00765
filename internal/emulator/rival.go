package emulator

import (
	"fmt"
	"time"
)

// Rival is another client of a limit. It asks at even distances from the start of the limit on, and goes on as before
// when it is throttled. The zero value is no rival.
type Rival struct {
	// Requests is how many it sends in each Window.
	Requests int
	Window   time.Duration
}

func (r Rival) validate() error {
	if r == (Rival{}) || r.Requests > 0 && r.Window > 0 {
		return nil
	}
	return fmt.Errorf("a rival of %d requests in %v, both must be positive", r.Requests, r.Window)
}

// after returns when its nth request comes, from the start on.
func (r Rival) after(n int64) time.Duration {
	windows, rest := n/int64(r.Requests), float64(n%int64(r.Requests))
	return time.Duration(windows)*r.Window + time.Duration(rest*float64(r.Window)/float64(r.Requests))
}

// by returns how many of its requests come until then, from the start on: those at that very time included.
func (r Rival) by(d time.Duration) int64 {
	n := int64(d/r.Window) * int64(r.Requests)
	n += int64(float64(d%r.Window) * float64(r.Requests) / float64(r.Window))
	for r.after(n+1) <= d {
		n++
	}
	for n > 0 && r.after(n) > d {
		n--
	}
	return n
}
