package export

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

// collectorState returns how the garbage collector of this process is set.
func collectorState() (goal, percent uint64) {
	samples := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}, {Name: "/gc/gogc:percent"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64(), samples[1].Value.Uint64()
}

func TestKeepHeapFloor_Goal_IsTheFloorOrHalfAsMuchAgain(t *testing.T) {
	const floor = 48 << 20
	_, before := collectorState()
	restore := keepHeapFloor(nil, floor)
	for _, tt := range []struct {
		live               int
		leastGoal, percent uint64
	}{
		{live: 0, leastGoal: floor * 9 / 10},
		{live: 16 << 20, leastGoal: floor * 9 / 10},
		{live: 64 << 20, leastGoal: 96 << 20, percent: leastPercent},
		{live: 0, leastGoal: floor * 9 / 10},
	} {
		live := make([]byte, tt.live)
		// The percentage follows a collection a little later.
		for deadline := time.Now().Add(10 * time.Second); ; {
			runtime.GC()
			time.Sleep(time.Millisecond)
			goal, percent := collectorState()
			if goal >= tt.leastGoal && (percent == tt.percent || tt.percent == 0 && goal <= floor*11/10) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d bytes live: goal %d at %d%%, want %d or more", tt.live, goal, percent, tt.leastGoal)
			}
		}
		runtime.KeepAlive(live)
	}
	restore()
	for range 5 {
		runtime.GC()
		time.Sleep(time.Millisecond)
		if _, percent := collectorState(); percent != before {
			t.Fatalf("afterwards the percentage is %d, want %d", percent, before)
		}
	}
}

func TestLimitMemory_AnySize_Counts(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	for blobs, want := range map[int64]int64{1 << 20: 129 << 20, math.MaxInt64: math.MaxInt64} {
		restore := LimitMemory([]string{"GOMEMLIMIT="}, blobs, math.MaxInt64)
		if got := debug.SetMemoryLimit(-1); got != want {
			t.Errorf("%d bytes of blobs: the limit is %d, want %d", blobs, got, want)
		}
		restore()
	}
	restore := LimitMemory(nil, 256<<20, 200<<20)
	if got := debug.SetMemoryLimit(-1); got >= 200<<20 || got < 150<<20 {
		t.Errorf("of 200 MiB in all, the limit is %d", got)
	}
	restore()
	LimitMemory([]string{"GOMEMLIMIT=1GiB"}, 1, 1<<30)
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("with GOMEMLIMIT, the limit is %d, want %d", got, before)
	}
}
