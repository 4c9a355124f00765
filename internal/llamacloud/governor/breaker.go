package governor

import (
	"math"
	"math/rand/v2"
)

const (
	// outageAfter is how many requests in a row may fail before all others wait for a probe.
	outageAfter = 5
	// firstProbe and maxProbe bound the jittered wait in seconds between two probes of an outage.
	firstProbe, maxProbe = 0.5, 30
)

// breaker knows whether the origin can be reached at all. Its zero value with after set is closed: requests may be sent.
type breaker struct {
	rnd *rand.Rand
	// after is how many requests in a row may fail. It is lower than the number of attempts after which a request is given up:
	// an outage is known before.
	after int
	// most is the longest time in seconds that an outage is waited for.
	most float64

	// failures counts the requests in a row that failed; failing is when the first of them did, or when the last pause among
	// them ended, and last when the last one was sent or failed.
	failures      int
	failing, last float64
	// open tells that requests wait for a probe, which may be sent from until on and is under way where probing is set.
	open, probing bool
	until         float64
	// probes counts those that were in vain.
	probes int
}

// next returns when a request may be sent: at once, at a time, or when the probe has come back.
func (b *breaker) next(now float64) float64 {
	switch {
	case !b.open:
		return now
	case b.probing:
		return math.Inf(1)
	}
	return max(now, b.until)
}

// pass takes note of a request that is sent, and tells whether it is the probe.
func (b *breaker) pass(now float64) (probe bool) {
	if b.failures > 0 && now-b.last > b.most {
		// For so long nothing was tried: the machine may have stood still.
		b.failing = now
	}
	b.last = now
	b.probing = b.open
	return b.open
}

// answered takes note of a request that an answer came to, whatever it says: any ends the outage.
func (b *breaker) answered() { b.failures, b.open, b.probing, b.probes = 0, false, false, 0 }

// failed takes note of a request that no answer came to, or that of a gateway that cannot reach the origin. Until paused, the
// origin wanted no request. It returns how long to wait for the next probe, 0 where nothing has changed, and whether the
// outage has lasted too long.
func (b *breaker) failed(now float64, probe bool, paused float64) (pause float64, over bool) {
	if b.failures++; b.failures == 1 {
		b.failing = now
	}
	b.failing, b.last = max(b.failing, min(paused, now)), now
	switch {
	case probe && b.open:
		b.probing = false
		longest := min(maxProbe, firstProbe*math.Pow(2, float64(b.probes)))
		b.probes++
		pause = longest/2 + b.rnd.Float64()*longest/2
		b.until = now + pause
		return pause, b.until-b.failing > b.most
	case !b.open && b.failures >= b.after:
		// The first probe goes at once: it may be that only some requests fail.
		b.open, b.probing, b.until, b.probes = true, false, now, 0
	}
	return 0, false
}

// untold takes note of a probe of which nothing came that says anything.
func (b *breaker) untold(probe bool) {
	if probe {
		b.probing = false
	}
}
