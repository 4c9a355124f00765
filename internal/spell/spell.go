// Package spell finds what a name was meant to be. It imports nothing of this module.
package spell

// Longest is the longest name that is looked at, in bytes: no candidate comes near.
const Longest = 64

// Closest returns the candidate that a name was most likely meant to be: the one with the fewest other letters, of which one in four may be,
// and in a short name one. It is "" where there is none.
func Closest(name string, candidates []string) string {
	if name == "" || len(name) > Longest {
		return ""
	}
	best, least := "", 1+max(len(name), 4)/4
	for _, c := range candidates {
		if d := Distance(name, c); d < least && d < len(name) {
			best, least = c, d
		}
	}
	return best
}

// Distance returns the number of bytes to insert, delete, replace or exchange with the next one that turn a into b: the distance of
// optimal string alignment.
func Distance(a, b string) int {
	// The rows of the table for the letter of a before the last one, for the last one, and for this one.
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			replaced := last[j]
			if a[i] != b[j] {
				replaced++
			}
			row[j+1] = min(replaced, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
