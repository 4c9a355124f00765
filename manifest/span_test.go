package manifest

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Spans are compared with the sets of places that they stand for.
func TestSpans_Random_AreSets(t *testing.T) {
	const places = 40
	rng := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		some := make([]span, rng.IntN(6))
		set := [places]bool{}
		for i := range some {
			first := rng.Int64N(places)
			some[i] = span{first, rng.Int64N(places - first)}
			for at := some[i].first; at < some[i].end(); at++ {
				set[at] = true
			}
		}
		some = slices.DeleteFunc(some, func(s span) bool { return s.count == 0 })
		united := union(slices.Clone(some))
		for i, s := range united[min(1, len(united)):] {
			if s.first <= united[i].end() {
				t.Fatalf("union of %v: got %v, of which two touch", some, united)
			}
		}
		first := rng.Int64N(places)
		whole := span{first, rng.Int64N(places - first + 1)}
		next, held := whole.first, int64(0)
		for piece, inside := range united.split(whole) {
			if piece.first != next || piece.count <= 0 {
				t.Fatalf("%v split %v: got piece %v, want one that begins at %d", united, whole, piece, next)
			}
			for at := piece.first; at < piece.end(); at++ {
				if set[at] != inside {
					t.Fatalf("%v split %v: got inside %t for %v, want %t at %d", united, whole, inside, piece, set[at], at)
				}
			}
			next = piece.end()
			if inside {
				held += piece.count
			}
		}
		if next != whole.end() {
			t.Fatalf("%v split %v: the pieces end at %d", united, whole, next)
		}
		if united.touch(whole) != (held > 0) {
			t.Fatalf("%v touch %v: got %t", united, whole, held == 0)
		}
		if whole.count == places && united.count() != held {
			t.Fatalf("%v: got count %d, want %d", united, united.count(), held)
		}
	}
}
