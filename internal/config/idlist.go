package config

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"exporter/pipeline"
)

// maxListLine is the longest line of a list of ids, in bytes.
const maxListLine = 64 << 10

// ReadIDs reads a list of ids, one a line, which is called name in errors. Empty lines do not count, and neither do those that begin with #.
func ReadIDs(r io.Reader, name string) (ids []pipeline.ID, err error) {
	name = printable(name)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxListLine)
	number := 0
	for lines.Scan() {
		number++
		text := strings.TrimSpace(lines.Text())
		if number == 1 {
			text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
		}
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		from := origin{text: fmt.Sprintf("%s:%d", name, number)}
		if holdsKey(text) {
			return nil, from.fail("", "this looks like an API key, which does not belong here", keyRemedy)
		}
		id, err := pipeline.ParseID(text)
		if err != nil {
			return nil, from.fail("", err.Error(), "write an id a line, and nothing beside it; lines that begin with # do not count")
		}
		ids = append(ids, id)
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, origin{text: fmt.Sprintf("%s:%d", name, number+1)}.fail("", "the line is too long for an id", "write an id a line")
	case err != nil:
		return nil, &Error{Origin: name, Problem: "cannot read the list of ids: " + err.Error(), Err: err}
	case len(ids) == 0:
		return nil, &Error{Origin: name, Problem: "the list has no id", Remedy: "write an id a line"}
	}
	return ids, nil
}
