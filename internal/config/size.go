package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Size is a number of bytes.
type Size int64

// sizeUnit is what a size counts by.
type sizeUnit struct {
	suffix string
	bytes  int64
}

// sizeUnits come with larger ones first.
func sizeUnits() []sizeUnit {
	return []sizeUnit{
		{"TiB", 1 << 40}, {"TB", 1e12}, {"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6},
		{"KiB", 1 << 10}, {"KB", 1e3}, {"B", 1},
	}
}

// ParseSize parses a whole number of bytes with a unit, such as "256MiB" or "64 KB", or without one, such as "1000".
// Units are B, KB, MB, GB and TB (powers of 1000) and KiB, MiB, GiB and TiB (powers of 1024), in any case. A size is at
// most 8 EiB less one byte.
func ParseSize(text string) (Size, error) {
	suffix := strings.TrimLeft(text, "0123456789")
	digits := strings.TrimSuffix(text, suffix)
	if suffix == "" {
		suffix = "B"
	}
	suffix = strings.TrimLeft(suffix, " ")
	units := sizeUnits()
	i := slices.IndexFunc(units, func(u sizeUnit) bool { return strings.EqualFold(u.suffix, suffix) })
	if digits == "" || i < 0 {
		return 0, fmt.Errorf("%s is not a size", quote(text))
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n > math.MaxInt64/units[i].bytes {
		return 0, fmt.Errorf("the size %s is too large", quote(text))
	}
	return Size(n * units[i].bytes), nil
}

// String returns the size in the largest unit that divides it, in a form that ParseSize reads back.
func (s Size) String() string {
	for _, u := range sizeUnits() {
		if n := int64(s); n != 0 && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.suffix
		}
	}
	return "0B"
}
