package config

import (
	"strconv"
	"strings"

	"exporter/pipeline"
)

// Reference names something of the API by its id, or by its name.
type Reference string

// IsID tells whether it may be an id. A name may look like one.
func (r Reference) IsID() bool {
	_, err := pipeline.ParseID(string(r))
	return err == nil
}

// IDs returns references that are all ids.
func IDs(references []Reference) []pipeline.ID {
	ids := make([]pipeline.ID, len(references))
	for i, r := range references {
		ids[i] = pipeline.ID(r)
	}
	return ids
}

// maxName is the longest name that is taken for one, in bytes.
const maxName = 512

// ParseReference takes an id or a name. What cannot be shown on a line is no name, and neither is what could be taken for a path.
func ParseReference(text string) (Reference, error) {
	hidden := func(r rune) bool { return !strconv.IsPrint(r) || r == '/' || r == '\\' }
	isName := strings.Trim(text, ". ") != "" && len(text) <= maxName && !strings.ContainsFunc(text, hidden)
	if _, err := parseID(text); err != nil && !isName {
		return "", err
	}
	return Reference(text), nil
}

// referencesField takes ids and names.
func referencesField(p *[]Reference) field {
	return listField(field{placeholder: "ID"}, p, ParseReference, func(r Reference) string { return string(r) })
}
