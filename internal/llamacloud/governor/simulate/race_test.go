//go:build race

package simulate_test

// The race detector makes a case ten times as long: few are run, in which no given rate may be passed.
const (
	every  = 40
	judged = false
)
