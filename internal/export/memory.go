package export

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
)

const (
	// heapFloor is how large the heap may grow, in bytes, before garbage is collected, however little of it is live. Go
	// collects at twice what is live, so that the peak would depend on how much is live when a collection happens to run.
	heapFloor = 24 << 20
	// leastPercent is how much the heap may grow beyond what is live where that is more than the floor has room for.
	leastPercent = 50
	// besidesBlobs is what the heap of a run may have besides limits.memory, in bytes.
	besidesBlobs = 128 << 20
	// limitPercent is how much of what this process may take its heap may have: the rest is what is none, such as stacks, buffers of
	// the kernel, and the program's own code.
	limitPercent = 85
	// leastGoal is the least goal of the heap that the runtime sets where the percentage is 100, in bytes.
	leastGoal = 4 << 20
)

// LimitMemory bounds the memory of this process to what a run needs with limits.memory, and to what it may take in all, until restore is
// called. GOMEMLIMIT in the environment comes first.
func LimitMemory(environ []string, memory, limit int64) (restore func()) {
	if isSet(environ, "GOMEMLIMIT") {
		return func() {}
	}
	heap := min(memory, math.MaxInt64-besidesBlobs) + besidesBlobs
	if limit < math.MaxInt64 {
		heap = min(heap, limit/100*limitPercent)
	}
	before := debug.SetMemoryLimit(heap)
	return func() { debug.SetMemoryLimit(before) }
}

// KeepHeapFloor lets the heap of this process grow to the floor before garbage is collected, and beyond it to half as much
// again as is live, until restore is called. GOGC in the environment comes first.
func KeepHeapFloor(environ []string) (restore func()) { return keepHeapFloor(environ, heapFloor) }

func keepHeapFloor(environ []string, floor uint64) (restore func()) {
	if isSet(environ, "GOGC") {
		return func() {}
	}
	k := &heapKeeper{floor: floor}
	before := debug.SetGCPercent(gcPercent(floor))
	k.watch()
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.stopped = true
		debug.SetGCPercent(before)
	}
}

// heapKeeper sets the percentage anew after every collection.
type heapKeeper struct {
	floor uint64

	mu      sync.Mutex
	stopped bool
}

// watch has the next collection call collected: it finds the new object dead. As that has a pointer in it, it shares its
// memory with no other.
func (k *heapKeeper) watch() { runtime.AddCleanup(new(*heapKeeper), (*heapKeeper).collected, k) }

func (k *heapKeeper) collected() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.stopped {
		debug.SetGCPercent(gcPercent(k.floor))
		k.watch()
	}
}

// gcPercent returns the percentage with which the heap's next goal is the floor, or leastPercent where that leads beyond it.
// The runtime's goal is the larger of live + (live + stacks + globals) · percent / 100 and leastGoal · percent / 100: see
// https://go.dev/doc/gc-guide and (*gcControllerState).commit in the runtime.
func gcPercent(floor uint64) int {
	samples := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"},
	}
	metrics.Read(samples)
	live := samples[0].Value.Uint64()
	scanned := live + samples[1].Value.Uint64() + samples[2].Value.Uint64()
	room := floor - min(live, floor)
	return int(max(leastPercent, min(floor*100/leastGoal, room*100/max(scanned, 1))))
}

func isSet(environ []string, name string) bool {
	return slices.ContainsFunc(environ, func(variable string) bool {
		value, ok := strings.CutPrefix(variable, name+"=")
		return ok && value != ""
	})
}
