package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"exporter/internal/durable"
	"exporter/internal/durable/durabletest"
	"exporter/internal/emulator"
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
	a.wrapFS = func(fsys durable.FS) durable.FS { return durabletest.Hook(fsys, durabletest.Hooks{After: count}) }
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

// measureCost exports files of a hundred assets of 50,000 bytes.
func measureCost(t *testing.T, sink string, files int) cost {
	t.Helper()
	corpus := emulator.Synthetic(emulator.SyntheticOptions{Files: files, AssetsPerFile: 100, BlobSize: 50_000})
	_, url := startEmulator(t, emulator.Options{Corpus: corpus})
	child := startChild(t, url, childOptions{Cost: true}, "run", "--directory", emulator.SyntheticDirectory,
		"--out", filepath.Join(t.TempDir(), "out"), "--sink", sink)
	code, stdout, stderr := child.wait()
	if code != 0 {
		t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
	}
	c := cost{}
	if err := json.Unmarshal([]byte(stdout[strings.LastIndexByte(stdout, '\n'):]), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// measureAsset returns the cost of an asset, besides what a run costs that has few.
func measureAsset(t *testing.T, sink string) cost {
	t.Helper()
	const few, many = 4, 16
	before, after := measureCost(t, sink, few), measureCost(t, sink, many)
	each := cost{}
	for name := range after {
		each[name] = (after[name] - before[name]) / (100 * (many - few))
	}
	return each
}

// What an asset costs, besides what a run costs that has few. Who passes a bound has found something to look at, or has a
// reason to raise it: most bounds are a quarter above what it was when they were set. Files and directories are synced one by
// one only where a file system cannot be synced as a whole.
//
// How often the network is read depends on what else the machine does: bytes that come late are asked for twice. So the least
// of a few measurements counts.
func TestRun_AnAsset_CostsLittle(t *testing.T) {
	for sink, most := range map[string]cost{
		"local": {
			"create": 1, "write": 1, "close": 1, "rename": 1, "mkdir": 0.7, "sync": 1, "syncdir": 0.7,
			"system calls": 7, "allocations": 190, "allocated bytes": 50_000,
		},
		"archive": {"write": 1, "system calls": 6, "allocations": 160, "allocated bytes": 50_000},
	} {
		t.Run(sink, func(t *testing.T) {
			const little, often = 0.05, 3
			each := measureAsset(t, sink)
			for n := 1; n < often && each["system calls"] > most["system calls"]+little; n++ {
				each["system calls"] = min(each["system calls"], measureAsset(t, sink)["system calls"])
			}
			for _, name := range slices.Sorted(maps.Keys(each)) {
				t.Logf("%s: %.2f an asset", name, each[name])
				if each[name] > most[name]+little {
					t.Errorf("%s: %.2f an asset, want at most %.2f", name, each[name], most[name])
				}
			}
		})
	}
}
