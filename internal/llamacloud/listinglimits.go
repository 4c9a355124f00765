package llamacloud

import "sync"

// listingLimits is what was learnt of the listings of a route.
type listingLimits struct {
	// most is the most items that a page may have; 0 where nothing was refused. unordered tells that no order may be asked for.
	most      int
	unordered bool
}

// knownLimits keeps them for the next listing.
type knownLimits struct {
	mu     sync.Mutex
	routes map[string]listingLimits
}

func (k *knownLimits) of(route string) listingLimits {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.routes[route]
}

func (k *knownLimits) note(route string, change func(*listingLimits)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.routes == nil {
		k.routes = map[string]listingLimits{}
	}
	known := k.routes[route]
	change(&known)
	k.routes[route] = known
}
