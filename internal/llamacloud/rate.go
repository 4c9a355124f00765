package llamacloud

import (
	"fmt"
	"math"

	"golang.org/x/time/rate"
)

// Rate says how many requests may be sent. The zero Rate sets no limit.
type Rate struct {
	// PerSecond is the most requests a second, as an average over any window; 0 for no limit. It may be a fraction:
	// 20 a minute is 1.0/3.
	PerSecond float64
	// Auto means that the API's own limit is to be found out; PerSecond, where given, still holds. At present it sends
	// as fast as the workers go, and obeys what the API says about when to come back.
	Auto bool
}

func (r Rate) validate() error {
	if r.PerSecond < 0 || math.IsNaN(r.PerSecond) || math.IsInf(r.PerSecond, 0) {
		return fmt.Errorf("rate %v requests a second: must be positive, or 0 for no limit", r.PerSecond)
	}
	return nil
}

// bucket returns the token bucket for the rate, or nil where there is no limit. It holds a twentieth of a second's
// tokens, and one at least, so that requests are spread evenly.
func (r Rate) bucket() *rate.Limiter {
	if r.PerSecond == 0 {
		return nil
	}
	const most = 1 << 20
	return rate.NewLimiter(rate.Limit(r.PerSecond), max(1, int(min(most, r.PerSecond/20))))
}
