//go:build !race

package simulate_test

// Every fifth case of each group is run with one seed, and judged by how many pass; the whole table takes minutes.
const (
	every  = 5
	judged = true
)
