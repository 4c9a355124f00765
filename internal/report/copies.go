package report

import (
	"cmp"
	"math"
	"slices"
	"strconv"
)

// mostSeen is how many pictures are remembered to find copies among them.
const mostSeen = 1 << 20

// copies finds pictures of the same bytes. Of more than it remembers, it looks at those whose hashes are below a bound, which are a fair sample: as many of
// all pictures as the bound is of all hashes.
type copies struct {
	bound uint64
	seen  []seen
	// most is how many are remembered at most.
	most int
}

// seen is a picture: the beginning of its SHA-256, and its size in bytes.
type seen struct {
	hash uint64
	size int64
}

func newCopies(most int) copies { return copies{bound: math.MaxUint64, most: most} }

// add adds a picture, by its SHA-256 as hexadecimal digits.
func (c *copies) add(sum string, size int64) {
	if len(sum) < 16 {
		return
	}
	hash, err := strconv.ParseUint(sum[:16], 16, 64)
	if err != nil || hash > c.bound {
		return
	}
	if len(c.seen) == c.most {
		c.bound /= 2
		c.seen = slices.DeleteFunc(c.seen, func(s seen) bool { return s.hash > c.bound })
	}
	if hash <= c.bound {
		c.seen = append(c.seen, seen{hash, size})
	}
}

// found is what was found: how many pictures have the bytes of another one, and how many bytes these have.
type found struct {
	distinct, copies, bytes int64
	// isExact is false where it is an estimate.
	isExact bool
}

// count counts the copies.
func (c *copies) count() found {
	slices.SortFunc(c.seen, func(a, b seen) int { return cmp.Compare(a.hash, b.hash) })
	f := found{isExact: c.bound == math.MaxUint64}
	for i, s := range c.seen {
		if i > 0 && c.seen[i-1].hash == s.hash {
			f.copies++
			f.bytes += s.size
			continue
		}
		f.distinct++
	}
	factor := float64(math.MaxUint64) / float64(c.bound)
	for _, n := range []*int64{&f.distinct, &f.copies, &f.bytes} {
		*n = int64(math.Round(float64(*n) * factor))
	}
	return f
}
