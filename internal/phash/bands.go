package phash

import (
	"context"
	"math/bits"
)

// Hashes have four bands of 16 bits. Of two that differ in few bits, one band differs in a quarter of these at most: so all are sorted by each
// band in turn, and only those are compared of which the bands are close (multi-index hashing; Norouzi, Punjani and Fleet, 2012).
const (
	bands    = 4
	bandBits = 64 / bands
	buckets  = 1 << bandBits
)

// radius returns in how many bits a band may differ for its turn to find two hashes; negative where it has no turn. Were a pair found by no band,
// it would differ in at least the sum of all radii and one more bit for each band, which is more than the distance.
func radius(band, distance int) int {
	r := distance / bands
	if band > distance%bands {
		r--
	}
	return r
}

// join unites all hashes that differ in at most distance bits. The hashes are distinct.
func join(ctx context.Context, f forest, hashes []uint64, distance int) error {
	moved := append([]uint64(nil), hashes...)
	spread(moved)
	b := newBand(len(moved))
	for n := range bands {
		r := radius(n, distance)
		if r < 0 {
			continue
		}
		b.sort(moved, n*bandBits)
		if err := b.joinClose(ctx, f, masks(r), distance); err != nil {
			return err
		}
	}
	return nil
}

// masks returns what a band may differ by: up to so many bits.
func masks(radius int) []int {
	var all []int
	for m := range buckets {
		if bits.OnesCount(uint(m)) <= radius {
			all = append(all, m)
		}
	}
	return all
}

// band has hashes in buckets, by a band of theirs.
type band struct {
	// starts are where the buckets begin in hashes, with the end of the last one, and numbers are those of the hashes.
	starts  []int32
	hashes  []uint64
	numbers []int32
}

func newBand(count int) *band {
	return &band{make([]int32, buckets+1), make([]uint64, count), make([]int32, count)}
}

// sort puts hashes into buckets by the band that is behind so many bits, each bucket in their order.
func (b *band) sort(hashes []uint64, shift int) {
	clear(b.starts)
	for _, h := range hashes {
		b.starts[h>>shift%buckets+1]++
	}
	for i := range buckets {
		b.starts[i+1] += b.starts[i]
	}
	next := append([]int32(nil), b.starts[:buckets]...)
	for i, h := range hashes {
		bucket := h >> shift % buckets
		b.hashes[next[bucket]], b.numbers[next[bucket]] = h, int32(i)
		next[bucket]++
	}
}

// joinClose compares every two buckets that differ by a mask.
func (b *band) joinClose(ctx context.Context, f forest, masks []int, distance int) error {
	for one := range buckets {
		if b.starts[one] == b.starts[one+1] {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		for _, m := range masks {
			if other := one ^ m; other >= one {
				b.compare(f, b.bucket(one), b.bucket(other), distance)
			}
		}
	}
	return nil
}

// some are hashes of a bucket, from one to before another.
type some struct{ from, to int32 }

func (b *band) bucket(n int) some { return some{b.starts[n], b.starts[n+1]} }

// blockSize is how many hashes of a bucket are compared with as many others at a time.
const blockSize = 1024

// compare compares the hashes of two buckets, or of one with itself.
func (b *band) compare(f forest, one, other some, distance int) {
	for i := one.from; i < one.to; i += blockSize {
		first := other.from
		if one == other {
			first = i
		}
		for j := first; j < other.to; j += blockSize {
			b.compareBlocks(f, some{i, min(i+blockSize, one.to)}, some{j, min(j+blockSize, other.to)}, distance)
		}
	}
}

// worthLooking is from how many comparisons on, for each hash, it is worth a look whether they are all in one tree already: where buckets are full,
// pictures are alike.
const worthLooking = 16

func (b *band) compareBlocks(f forest, one, other some, distance int) {
	count, others := int(one.to-one.from), int(other.to-other.from)
	if count*others > worthLooking*(count+others) && b.isOneTree(f, one, other) {
		return
	}
	for i := one.from; i < one.to; i++ {
		first := other.from
		if one == other {
			first = i + 1
		}
		h := b.hashes[i]
		for j, o := range b.hashes[first:other.to] {
			if bits.OnesCount64(h^o) <= distance {
				f.unite(b.numbers[i], b.numbers[first+int32(j)])
			}
		}
	}
}

// isOneTree tells whether all hashes of two blocks are in one tree.
func (b *band) isOneTree(f forest, one, other some) bool {
	root := f.root(b.numbers[one.from])
	for _, block := range []some{one, other} {
		for _, number := range b.numbers[block.from:block.to] {
			if f.root(number) != root {
				return false
			}
		}
	}
	return true
}
