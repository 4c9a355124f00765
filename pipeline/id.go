package pipeline

import (
	"errors"
	"fmt"
	"strings"
)

// maxIDLength is the longest identifier that is accepted, in bytes.
const maxIDLength = 128

// ErrBadID is wrapped by every error of ParseID.
var ErrBadID = errors.New("not a valid id")

// ID is an identifier of the API that has been checked by ParseID: it is opaque, but known to be harmless as one
// segment of a URL path.
type ID string

// ParseID accepts identifiers of 1 to 128 bytes from [A-Za-z0-9._-], other than "." and "..". It looks no further:
// some identifiers are UUIDs, some look like "dir-abc123".
func ParseID(s string) (ID, error) {
	switch {
	case s == "":
		return "", fmt.Errorf("%w: it is empty", ErrBadID)
	case len(s) > maxIDLength:
		return "", fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrBadID, len(s), maxIDLength)
	case s == "." || s == "..":
		return "", fmt.Errorf("%w: %q", ErrBadID, s)
	}
	if i := strings.IndexFunc(s, func(r rune) bool { return !isIDRune(r) }); i >= 0 {
		return "", fmt.Errorf("%w: %q (letters, digits, '.', '_' and '-' are allowed)", ErrBadID, s)
	}
	return ID(s), nil
}

func isIDRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '.' || r == '_' || r == '-'
}
