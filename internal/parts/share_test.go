package parts_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"exporter/internal/parts"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// Each part has its share of a million files within 2 % where there are 8 of them, and within 3.5 % where there are 64. By chance the number of
// files of a part differs from its share by the root of the share, as docs/clusters.md says: 0.3 % with 8 parts and 0.8 % with 64, of which
// the worst of 64 has some three times as much.
func TestPlan_Of_DividesAMillionFiles(t *testing.T) {
	testmain.Long(t)
	const files = 1_000_000
	for count, most := range map[int]float64{8: 0.02, 64: 0.035} {
		plan := parts.Plan{Count: count, Salt: "0123456789abcdef"}
		random := rand.New(rand.NewPCG(1, uint64(count)))
		shares := make([]int, count)
		for range files {
			shares[plan.Of(pipeline.FileKey{FileID: uuid(random)})]++
		}
		share := float64(files) / float64(count)
		square := 0.0
		for part, got := range shares {
			off := (float64(got) - share) / share
			square += off * off
			if math.Abs(off) > most {
				t.Errorf("part %d of %d has %d files: %.2f %% off its share, want %.1f %% at most", part, count, got, 100*off, 100*most)
			}
		}
		// A hash that is none shows in that parts differ by more than chance has them differ, or by less.
		deviation, chance := math.Sqrt(square/float64(count)), 1/math.Sqrt(share)
		if deviation > 2*chance || deviation < chance/3 {
			t.Errorf("%d parts differ by %.3f %%, want about %.3f %%", count, 100*deviation, 100*chance)
		}
	}
}

// uuid returns a random UUID of version 4.
func uuid(random *rand.Rand) string {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], random.Uint64())
	binary.LittleEndian.PutUint64(b[8:], random.Uint64())
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func BenchmarkPlan_Of(b *testing.B) {
	plan, key := parts.New(1000), pipeline.FileKey{FileID: "182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e"}
	b.ReportAllocs()
	for b.Loop() {
		plan.Of(key)
	}
}
