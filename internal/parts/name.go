package parts

import (
	"fmt"
	"path"
	"strconv"
	"strings"
)

const (
	// Dir is the folder of an export that has its parts.
	Dir = "parts"
	// Levels is how many folders below its export a part is.
	Levels = 2
	// Most is how many parts an export may have.
	Most = 100_000
	// NamePrefix is what the name of the folder of a numbered part begins with: readers of tables take it for a column of its own.
	NamePrefix = "part="
	// digits is how many digits the number in a name has at least.
	digits = 4
)

// Name returns the name of the folder of a part, counted from 0, as in part=0003.
func Name(index int) string { return fmt.Sprintf("%s%0*d", NamePrefix, digits, index) }

// ParseName returns the number that Name made a name of. Others, such as part=3, are no names of numbered parts.
func ParseName(name string) (index int, ok bool) {
	text, ok := strings.CutPrefix(name, NamePrefix)
	if !ok {
		return 0, false
	}
	index, err := strconv.Atoi(text)
	if err != nil || index < 0 || index >= Most || Name(index) != name {
		return 0, false
	}
	return index, true
}

// Path returns the path of the folder of a part within its export, as in parts/part=0003.
func Path(index int) string { return path.Join(Dir, Name(index)) }
