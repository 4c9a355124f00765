package config

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// Pattern is a pattern of names: * stands for any characters, ? for one, [a-z] for one of some, and \ takes the meaning from what follows it.
type Pattern string

// noSlash takes the place of slashes: in a name they are characters like others.
const noSlash = "\x00"

// Matches tells whether all of a name is like the pattern.
func (p Pattern) Matches(name string) bool {
	ok, err := path.Match(strings.ReplaceAll(string(p), "/", noSlash), strings.ReplaceAll(name, "/", noSlash))
	return ok && err == nil
}

// patternsField takes patterns.
func patternsField(p *[]Pattern) field {
	parse := func(text string) (Pattern, error) {
		switch _, err := path.Match(text, ""); {
		case text == "":
			return "", errors.New("the pattern is empty, and so is no name")
		case strings.Contains(text, ","):
			return "", fmt.Errorf("%s has a comma, which separates patterns: ? stands for any character", quote(text))
		case err != nil:
			return "", fmt.Errorf("%s is no pattern: a bracket is not closed, or is empty, or a backslash ends it", quote(text))
		}
		return Pattern(text), nil
	}
	const allowed = "such as *.pdf: * stands for any characters, ? for one, [a-z] for one of some"
	return listField(field{placeholder: "PATTERN", allowed: allowed}, p, parse, func(g Pattern) string { return string(g) })
}

// TakesName tells whether Include and Exclude leave a file of a display name, which may be nil.
func (s *Source) TakesName(name *string) bool {
	like := func(patterns []Pattern) bool {
		for _, p := range patterns {
			if name != nil && p.Matches(*name) {
				return true
			}
		}
		return false
	}
	return (len(s.Include) == 0 || like(s.Include)) && !like(s.Exclude)
}
