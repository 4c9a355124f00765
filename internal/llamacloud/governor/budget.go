package governor

import (
	"sync"
	"time"
)

const (
	// budgetShare is how many retries each request earns.
	budgetShare = 0.2
	// budgetFloor is how many retries a second are earned besides, and budgetCap how many can be saved up.
	budgetFloor = 10.0
	budgetCap   = 100.0
)

// Budget bounds how often requests are sent again, so that an API in trouble is not hammered: a fifth of all requests, and
// ten a second. Retries beyond wait. It is safe for concurrent use, and its zero value has half of what can be saved up.
type Budget struct {
	mu sync.Mutex
	// saved is how many retries may be made at once; below 0 it is what was promised to those that wait.
	saved float64
	asOf  time.Time
}

// Earn is called for every request that is not a retry.
func (b *Budget) Earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.saved = min(budgetCap, b.saved+budgetShare)
}

// Spend takes a retry from the budget, and returns how long it has to wait.
func (b *Budget) Spend() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.asOf.IsZero() {
		b.saved = budgetCap / 2
	} else {
		b.saved = min(budgetCap, b.saved+budgetFloor*now.Sub(b.asOf).Seconds())
	}
	b.asOf = now
	b.saved--
	return max(0, time.Duration(-b.saved/budgetFloor*float64(time.Second)))
}
