// Package spell finds what a name was meant to be. It imports nothing of this module.
package spell

// Longest is the longest name that is looked at, in bytes: no candidate comes near.
const Longest = 64

// Closest returns the candidate that a name was most likely meant to be: the one with the fewest other letters, of which one in four may be.
// It is "" where there is none.
func Closest(name string, candidates []string) string {
	if len(name) > Longest {
		return ""
	}
	best, least := "", 1+len(name)/4
	for _, c := range candidates {
		if d := Distance(name, c); d < least {
			best, least = c, d
		}
	}
	return best
}

// Distance returns the number of bytes to insert, delete or replace that turn a into b (Levenshtein's distance).
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
