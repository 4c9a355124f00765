package main

import (
	"math"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"exporter/internal/durable"
	"exporter/internal/emulator"
	"exporter/internal/emulator/sample"
)

// collectorState returns how the garbage collector of this process is set.
func collectorState() (goal, percent, limit uint64) {
	samples := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}, {Name: "/gc/gogc:percent"}, {Name: "/gc/gomemlimit:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64(), samples[1].Value.Uint64(), samples[2].Value.Uint64()
}

func TestKeepHeapFloor_Goal_IsTheFloorOrHalfAsMuchAgain(t *testing.T) {
	const floor = 48 << 20
	_, before, _ := collectorState()
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
			goal, percent, _ := collectorState()
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
		if _, percent, _ := collectorState(); percent != before {
			t.Fatalf("afterwards the percentage is %d, want %d", percent, before)
		}
	}
}

// A run tunes the memory of its process, and leaves it as it was.
func TestRun_OwnProcess_TunesMemory(t *testing.T) {
	_, url := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, sample.FS())})
	_, percentBefore, limitBefore := collectorState()
	var percent, limit uint64
	c := newCLI(t, url)
	c.ownProcess = true
	c.wrapFS = func(fsys durable.FS) durable.FS {
		_, percent, limit = collectorState()
		return fsys
	}
	c.mustRun("run", "--project", "--out", filepath.Join(t.TempDir(), "out"), "--memory", "512MiB")
	if want := uint64(512+128) << 20; limit != want || percent == percentBefore {
		t.Errorf("while it runs, the limit is %d and the percentage %d, want %d and another than %d", limit, percent, want, percentBefore)
	}
	if _, percent, limit := collectorState(); percent != percentBefore || limit != limitBefore {
		t.Errorf("afterwards the limit is %d and the percentage %d, want %d and %d", limit, percent, limitBefore, percentBefore)
	}
}

func TestLimitMemory_AnySize_Counts(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	for blobs, want := range map[int64]int64{1 << 20: 129 << 20, math.MaxInt64: math.MaxInt64} {
		restore := limitMemory([]string{"GOMEMLIMIT="}, blobs)
		if got := debug.SetMemoryLimit(-1); got != want {
			t.Errorf("%d bytes of blobs: the limit is %d, want %d", blobs, got, want)
		}
		restore()
	}
	limitMemory([]string{"GOMEMLIMIT=1GiB"}, 1)
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("with GOMEMLIMIT, the limit is %d, want %d", got, before)
	}
}
