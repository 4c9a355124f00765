package parts

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFolder is the longest name of a folder, in bytes, that every file system takes.
const maxFolder = 143

// CheckFolder says what is wrong with the name of a folder in parts/: Name makes others, or it is that of an export which was moved there. A name with
// '=' that Name does not make is none of either: readers of tables would take it for a value of some column.
func CheckFolder(name string) error {
	_, isNumbered := ParseName(name)
	switch {
	case isNumbered:
		return nil
	case name == "" || len(name) > maxFolder || !utf8.ValidString(name):
		return fmt.Errorf("it has %d bytes, want 1 to %d of text", len(name), maxFolder)
	case strings.HasPrefix(name, "."):
		return errors.New("it begins with a dot")
	case strings.Contains(name, "="):
		return fmt.Errorf("it has a =, and is not the name of a part as in %s", Name(3))
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune(`/\:*?"<>|`, r) }):
		return errors.New("it has a letter that not every file system takes")
	}
	return nil
}

// Prefix returns what the keys of all that is in a folder begin with, as in parts/before/.
func Prefix(folder string) string { return Dir + "/" + folder + "/" }

// Cut splits a key into the prefix of the folder in parts/ that it is in and the rest, which is its key in that export. A key that is in none has no prefix.
func Cut(key string) (prefix, rest string) {
	below, ok := strings.CutPrefix(key, Dir+"/")
	folder, _, hasMore := strings.Cut(below, "/")
	if !ok || !hasMore || CheckFolder(folder) != nil {
		return "", key
	}
	prefix = Prefix(folder)
	return prefix, key[len(prefix):]
}
