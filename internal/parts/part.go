package parts

import (
	"fmt"
	"strconv"
	"strings"
)

// Part is one of some parts: Index counts from 0, and is less than Count. The zero value is none.
type Part struct{ Index, Count int }

// IsZero tells whether it is none.
func (p Part) IsZero() bool { return p == Part{} }

// String returns a part as ParsePart reads it, as in 3/8; that of none is empty.
func (p Part) String() string {
	if p.IsZero() {
		return ""
	}
	return fmt.Sprintf("%d/%d", p.Index, p.Count)
}

// ParsePart reads I/N: part I of N, counted from 0.
func ParsePart(text string) (Part, error) {
	before, after, ok := strings.Cut(text, "/")
	index, errIndex := parseNumber(before)
	count, errCount := parseNumber(after)
	if !ok || errIndex != nil || errCount != nil {
		return Part{}, fmt.Errorf("%.40q is no part: write I/N, as in 0/8 for the first of eight, or auto", text)
	}
	return NewPart(index, count)
}

// NewPart returns a part, and refuses one that is none of those.
func NewPart(index, count int) (Part, error) {
	switch {
	case count < 1 || count > Most:
		return Part{}, fmt.Errorf("there are %d parts, want 1 to %d", count, Most)
	case index < 0 || index >= count:
		return Part{}, fmt.Errorf("there is no part %d of %d: they are counted from 0 to %d", index, count, count-1)
	}
	return Part{index, count}, nil
}

// parseNumber reads digits alone: no sign, no space.
func parseNumber(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	return int(n), err
}
