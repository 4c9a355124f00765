// Package inventory says what an export holds: its files and assets with their state, what of them failed and why, and sums. It reads the
// tables of an export that is finished, or under way, and no more of their columns and rows than what is asked for needs.
//
// It prints nothing, and changes nothing.
package inventory
