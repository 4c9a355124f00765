package testmain

import (
	"flag"
	"testing"
)

var faultsApart = flag.Int("faults-apart", 0, "tests of faults at every step try one of so many steps, and never fewer than they do by themselves; 0 leaves it to them")

// Apart returns of how many steps a test of faults tries one: it says of how many by itself, and 1 is all of them, as "make crashes" has it.
func Apart(byItself int) int {
	if *faultsApart > 0 {
		return min(*faultsApart, byItself)
	}
	return byItself
}

// Long leaves a test to runs without -short. Those are the ones that crash, kill or fail something again and again, compare with a model for
// long, or wait.
func Long(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("left out by -short")
	}
}
