package place

import "strings"

// Same tells whether two texts name one place, or the paths of one file, neither of which need exist.
func Same(a, b string) bool {
	if IsBucket(a) || IsBucket(b) {
		return canonical(a) == canonical(b)
	}
	return samePath(a, b)
}

// IsWithin tells whether a place, or the path of a file, is another one, or below it. Neither need exist.
func IsWithin(inner, outer string) bool {
	if IsBucket(inner) != IsBucket(outer) {
		return false
	}
	if IsBucket(inner) {
		return strings.HasPrefix(canonical(inner)+"/", canonical(outer)+"/")
	}
	return isWithinPath(inner, outer)
}

// Real returns the text of a place, or the path of a file, without symbolic links, as far as it exists: that of a path names it from everywhere.
func Real(text string) string {
	if IsBucket(text) {
		return canonical(text)
	}
	return resolved(text)
}

// canonical returns the text of a place without what means nothing; one that names none as it is.
func canonical(text string) string {
	p, err := Parse(text)
	if err != nil {
		return text
	}
	return p.String()
}
