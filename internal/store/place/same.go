package place

import (
	"os"
	"path/filepath"
	"strings"
)

// Same tells whether two texts name one place, or the paths of one file, neither of which need exist.
func Same(a, b string) bool {
	if IsBucket(a) || IsBucket(b) {
		return canonical(a) == canonical(b)
	}
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	absoluteA, errA := filepath.Abs(a)
	absoluteB, errB := filepath.Abs(b)
	if errA == nil && errB == nil && absoluteA == absoluteB {
		return true
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// canonical returns the text of a place without what means nothing; one that names none as it is.
func canonical(text string) string {
	p, err := Parse(text)
	if err != nil {
		return text
	}
	return p.String()
}

// Within tells whether a place is another one, or below it. Neither need exist.
func Within(inner, outer string) bool {
	if IsBucket(inner) != IsBucket(outer) {
		return false
	}
	if IsBucket(inner) {
		return strings.HasPrefix(canonical(inner)+"/", canonical(outer)+"/")
	}
	between, err := filepath.Rel(resolved(outer), resolved(inner))
	return err == nil && between != ".." && !strings.HasPrefix(between, ".."+string(filepath.Separator))
}

// resolved returns a path without symbolic links, as far as it exists.
func resolved(name string) string {
	name, err := filepath.Abs(name)
	if err != nil {
		return name
	}
	if real, err := filepath.EvalSymlinks(name); err == nil {
		return real
	}
	if parent := filepath.Dir(name); parent != name {
		return filepath.Join(resolved(parent), filepath.Base(name))
	}
	return name
}
