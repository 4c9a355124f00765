package phash_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"exporter/internal/phash"
	"exporter/internal/testmain"
)

var benchHashes = flag.Int("hashes", 10_000, "how many hashes benchmarks group")

// groupSlowly compares every two hashes.
func groupSlowly(hashes []uint64, distance int) []int32 {
	groups := make([]int32, len(hashes))
	for i := range groups {
		groups[i] = phash.Alone
	}
	for i := range hashes {
		if groups[i] != phash.Alone {
			continue
		}
		for next := []int{i}; len(next) > 0; {
			h := hashes[next[0]]
			next = next[1:]
			for j, other := range hashes {
				if j != i && groups[j] == phash.Alone && bits.OnesCount64(h^other) <= distance {
					groups[i], groups[j] = int32(i), int32(i)
					next = append(next, j)
				}
			}
		}
	}
	return groups
}

// hashesOf returns hashes of a kind.
func hashesOf(kind string, count int, random *rand.Rand) []uint64 {
	hashes := make([]uint64, count)
	flip := func(h uint64, most int) uint64 {
		for range random.IntN(most + 1) {
			h ^= 1 << random.IntN(64)
		}
		return h
	}
	for i := range hashes {
		switch kind {
		case "random":
			hashes[i] = random.Uint64()
		case "clustered":
			hashes[i] = random.Uint64()
			if i > 0 && random.IntN(3) > 0 {
				hashes[i] = flip(hashes[random.IntN(i)], 20)
			}
		case "chained":
			if i > 0 {
				hashes[i] = flip(hashes[i-1], 6)
			}
		case "equal":
			hashes[i] = flip(0xf0f0<<32, 1) &^ 0xffff
		case "narrow":
			// Bits that are alike in all leave few to tell them apart.
			hashes[i] = 0xabcd<<48 | random.Uint64()&0xf0000f0f00ff
		}
	}
	return hashes
}

func TestGroup_EqualsComparingAll(t *testing.T) {
	testmain.Long(t)
	for _, kind := range []string{"random", "clustered", "chained", "equal", "narrow"} {
		random := rand.New(rand.NewPCG(1, 2))
		for _, count := range []int{0, 1, 2, 3, 50, 400} {
			hashes := hashesOf(kind, count, random)
			before := slices.Clone(hashes)
			for distance := range phash.MaxDistance + 1 {
				got, err := phash.Group(t.Context(), hashes, distance)
				if err != nil {
					t.Fatal(err)
				}
				if want := groupSlowly(hashes, distance); !slices.Equal(got, want) {
					t.Fatalf("%d %s hashes, distance %d: %v, want %v", count, kind, distance, got, want)
				}
			}
			if !slices.Equal(hashes, before) {
				t.Fatal("the hashes were changed")
			}
		}
	}
}

// Of two hashes, each bit counts.
func TestGroup_EveryDistance_IsExact(t *testing.T) {
	testmain.Long(t)
	random := rand.New(rand.NewPCG(3, 4))
	for distance := range phash.MaxDistance + 1 {
		for range 4 {
			h := random.Uint64()
			near, far := h, h
			for n, bit := range random.Perm(64)[:distance+1] {
				far ^= 1 << bit
				if n < distance {
					near ^= 1 << bit
				}
			}
			for other, want := range map[uint64][]int32{near: {0, 0}, far: {phash.Alone, phash.Alone}} {
				if got, err := phash.Group(t.Context(), []uint64{h, other}, distance); err != nil || !slices.Equal(got, want) {
					t.Fatalf("%016x and %016x, distance %d: %v, %v, want %v", h, other, distance, got, err, want)
				}
			}
		}
	}
}

// Where buckets are full, and most of what is in them is in one group already, nothing is missed. Here are all hashes that differ in 14 bits, twice:
// with 5 bits between the one half and the other.
func TestGroup_FullBuckets_AreExact(t *testing.T) {
	testmain.Long(t)
	const half = 1 << 14
	hashes := make([]uint64, 0, 2*half)
	for _, apart := range []uint64{0, 0x1f << 40} {
		for i := range uint64(half) {
			hashes = append(hashes, i<<20|apart|1<<63)
		}
	}
	for distance, second := range map[int]int32{0: phash.Alone, 1: half, 4: half, 5: 0, 9: 0} {
		groups, err := phash.Group(t.Context(), hashes, distance)
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range groups {
			want := min(second, 0)
			if i >= half {
				want = second
			}
			if got != want {
				t.Fatalf("distance %d: hash %d is in group %d, want %d", distance, i, got, want)
			}
		}
	}
}

func TestGroup_BadDistance_IsRefused(t *testing.T) {
	for _, distance := range []int{-1, phash.MaxDistance + 1} {
		if _, err := phash.Group(t.Context(), nil, distance); err == nil {
			t.Errorf("distance %d is taken", distance)
		}
	}
}

func TestGroup_Cancelled_Ends(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	if groups, err := phash.Group(ctx, []uint64{1, 2}, 4); !errors.Is(err, cause) || groups != nil {
		t.Errorf("%v, %v, want the cause of the end", groups, err)
	}
}

func BenchmarkGroup(b *testing.B) {
	for _, kind := range []string{"random", "clustered", "narrow"} {
		hashes := hashesOf(kind, *benchHashes, rand.New(rand.NewPCG(1, 2)))
		for _, distance := range []int{0, 4, 8, 10, 16} {
			b.Run(fmt.Sprintf("%s/%d", kind, distance), func(b *testing.B) {
				for b.Loop() {
					if _, err := phash.Group(b.Context(), hashes, distance); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
