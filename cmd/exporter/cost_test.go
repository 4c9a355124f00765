package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"

	"exporter/internal/durable"
	"exporter/internal/durable/durabletest"
)

// cost is what a run takes that does not depend on how fast the machine is, by name: memory that was allocated, operations
// on files and system calls.
type cost map[string]float64

// runAtCost runs the command line and prints its cost as the last line.
func runAtCost(ctx context.Context, a *app) (code int) {
	var mu sync.Mutex
	c := cost{}
	count := func(o durabletest.Operation) {
		mu.Lock()
		defer mu.Unlock()
		c[o.Kind]++
	}
	a.own = ownWrapped(func(fsys durable.FS) durable.FS { return durabletest.Hook(fsys, durabletest.Hooks{After: count}) })
	code = run(ctx, a, os.Args[1:])
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	c["allocations"], c["allocated bytes"] = float64(memory.Mallocs), float64(memory.TotalAlloc)
	// Only Linux says how often read and write were called, the network's included.
	if text, err := os.ReadFile("/proc/self/io"); err == nil {
		for line := range strings.Lines(string(text)) {
			var name string
			var value float64
			if _, err := fmt.Sscan(line, &name, &value); err == nil && (name == "syscr:" || name == "syscw:") {
				c["system calls"] += value
			}
		}
	}
	printed, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	fmt.Printf("\n%s", printed)
	return code
}
