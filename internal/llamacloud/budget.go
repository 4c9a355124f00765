package llamacloud

import "time"

const (
	// budgetShare is how many retries each request earns.
	budgetShare = 0.2
	// budgetFloor is how many retries a second are earned besides, and budgetCap how many can be saved up.
	budgetFloor = 10.0
	budgetCap   = 100.0
)

// budget bounds how often requests are sent again, so that an API in trouble is not hammered: a fifth of all requests, and
// ten a second. Retries beyond wait.
type budget struct {
	// saved is how many retries may be made at once; below 0 it is what was promised to those that wait.
	saved float64
	asOf  time.Time
}

// earn is called for every request that is not a retry.
func (b *budget) earn() { b.saved = min(budgetCap, b.saved+budgetShare) }

// spend takes a retry from the budget, and returns how long it has to wait.
func (b *budget) spend(now time.Time) time.Duration {
	if b.asOf.IsZero() {
		b.saved = budgetCap / 2
	} else {
		b.saved = min(budgetCap, b.saved+budgetFloor*now.Sub(b.asOf).Seconds())
	}
	b.asOf = now
	b.saved--
	return max(0, time.Duration(-b.saved/budgetFloor*float64(time.Second)))
}
