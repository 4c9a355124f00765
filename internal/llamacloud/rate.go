package llamacloud

import (
	"fmt"
	"math"
)

// Rate says how many requests may be sent. The zero Rate sets no limit but that of the API, once it shows.
type Rate struct {
	// PerSecond is the most requests a second, as an average over any window; 0 for no limit. It may be a fraction:
	// 20 a minute is 1.0/3.
	PerSecond float64
	// Auto means that the API's own limit is to be found out: it begins with eight requests a second and doubles until the
	// API throttles. PerSecond, where given, still holds.
	Auto bool
}

func (r Rate) validate() error {
	if r.PerSecond < 0 || math.IsNaN(r.PerSecond) || math.IsInf(r.PerSecond, 0) {
		return fmt.Errorf("rate %v requests a second: must be positive, or 0 for no limit", r.PerSecond)
	}
	return nil
}
