package phash

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// MaxDistance is the largest distance that Group takes. A quarter of the bits is more than pictures that look alike differ in, and the search
// takes longer with every bit.
const MaxDistance = 16

// Alone is the group of a hash that is in none.
const Alone = -1

// Group finds the hashes of pictures that look alike. Two are in one group when they differ in at most distance bits, or when a chain of others
// leads from one to the other by such steps. The group of a hash is the index of the first one that is in it, or Alone where no other is.
//
// It takes about 40 bytes of memory for each hash. A million take seconds with distances up to 10, and some two minutes with 16. It fails when
// the distance is none from 0 to MaxDistance, and with the cause of ctx when that ends.
func Group(ctx context.Context, hashes []uint64, distance int) ([]int32, error) {
	if distance < 0 || distance > MaxDistance {
		return nil, fmt.Errorf("group hashes: a distance of %d bits, want 0 to %d", distance, MaxDistance)
	}
	if len(hashes) > math.MaxInt32 {
		return nil, fmt.Errorf("group hashes: %d of them, want %d at most", len(hashes), math.MaxInt32)
	}
	order, distinct := collapse(hashes)
	f := newForest(len(distinct))
	if distance > 0 {
		if err := join(ctx, f, distinct, distance); err != nil {
			return nil, fmt.Errorf("group hashes: %w", err)
		}
	}
	return groups(hashes, order, f), nil
}

// collapse returns the indexes of hashes in the order of these, and the hashes in the same order, each once.
func collapse(hashes []uint64) (order []int32, distinct []uint64) {
	order = make([]int32, len(hashes))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(hashes[a], hashes[b]) })
	for i, index := range order {
		if i == 0 || hashes[index] != hashes[order[i-1]] {
			distinct = append(distinct, hashes[index])
		}
	}
	return order, distinct
}

// groups tells for each hash which group it is in. The trees of f are of distinct hashes, as collapse returns them.
func groups(hashes []uint64, order []int32, f forest) []int32 {
	// first is the first index of each tree, and number where the hash is among the distinct ones.
	first, sizes := make([]int32, len(f)), make([]int32, len(f))
	of := make([]int32, len(hashes))
	number := int32(-1)
	for i, index := range order {
		if i == 0 || hashes[index] != hashes[order[i-1]] {
			number++
		}
		root := f.root(number)
		of[index] = root
		if sizes[root] == 0 || index < first[root] {
			first[root] = index
		}
		sizes[root]++
	}
	for i, root := range of {
		of[i] = Alone
		if sizes[root] > 1 {
			of[i] = first[root]
		}
	}
	return of
}

// forest has the parent of each node; that of a root is itself.
type forest []int32

func newForest(nodes int) forest {
	f := make(forest, nodes)
	for i := range f {
		f[i] = int32(i)
	}
	return f
}

// root returns the root of a node's tree, and halves the way to it.
func (f forest) root(node int32) int32 {
	for f[node] != node {
		f[node] = f[f[node]]
		node = f[node]
	}
	return node
}

// unite makes one tree of two. The lower root stays one, so that trees depend on nothing but what was united.
func (f forest) unite(a, b int32) {
	a, b = f.root(a), f.root(b)
	f[max(a, b)] = min(a, b)
}

// spread orders the bits of hashes so that those that tell little, because they are nearly always alike, are distributed evenly over the bands.
// It changes no distance.
func spread(hashes []uint64) {
	var ones [64]int
	for _, h := range hashes {
		for ; h != 0; h &= h - 1 {
			ones[bits.TrailingZeros64(h)]++
		}
	}
	order := make([]int, 64)
	for i := range order {
		order[i] = i
	}
	unevenness := func(bit int) int { return max(2*ones[bit]-len(hashes), len(hashes)-2*ones[bit]) }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(unevenness(a), unevenness(b)) })
	for i, h := range hashes {
		var moved uint64
		for place, bit := range order {
			moved |= h >> bit & 1 << (place%bands*bandBits + place/bands)
		}
		hashes[i] = moved
	}
}
