package dataset

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// plainYAML is what YAML takes for a text without quotes, unless it is a word of its own.
var plainYAML = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_./-]*$`)

// yamlText returns a text as YAML has it. What might be anything else is in double quotes, in which Go's escapes mean the same.
func yamlText(text string) string {
	words := []string{"true", "false", "yes", "no", "on", "off", "y", "n", "null"}
	if plainYAML.MatchString(text) && !slices.Contains(words, strings.ToLower(text)) {
		return text
	}
	return strconv.Quote(strings.ToValidUTF8(text, "\uFFFD"))
}
