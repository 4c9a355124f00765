package config

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// keyNames are the names under which people try to hand over an API key.
func keyNames() []string {
	return []string{"api_key", "apikey", "key", "token", "api_token", "llama_cloud_api_key"}
}

// isKeyName tells whether name, however it is written, is one of keyNames.
func isKeyName(name string) bool {
	return slices.Contains(keyNames(), strings.ToLower(strings.ReplaceAll(name, "-", "_")))
}

// closest returns the candidate that name was most likely meant to be, or "". The only candidate that ends in tail,
// which is the last part of name, wins over one that is spelt alike.
func closest(name, tail string, candidates []string) string {
	const longest = 64 // no candidate comes near
	if len(name) > longest {
		return ""
	}
	var ending []string
	for _, c := range candidates {
		if strings.HasSuffix(c, tail) {
			ending = append(ending, c)
		}
	}
	if len(ending) == 1 {
		return ending[0]
	}
	best, least := "", 1+len(name)/4
	for _, c := range candidates {
		if d := editDistance(name, c); d < least {
			best, least = c, d
		}
	}
	return best
}

// editDistance returns the number of bytes to insert, delete or replace that turn a into b (Levenshtein's distance).
func editDistance(a, b string) int {
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

// printable returns a name as it is, or quoted where it holds what a terminal might not show.
func printable(name string) string {
	hidden := func(r rune) bool { return !strconv.IsPrint(r) }
	if name == "" || !utf8.ValidString(name) || strings.ContainsFunc(name, hidden) {
		return strconv.Quote(name)
	}
	return name
}
