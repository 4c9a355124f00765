//go:build !race

package main

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"exporter/internal/emulator"
	"exporter/internal/testmain"
)

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
// reason to raise it: most bounds are a quarter above what it was when they were set, that of system calls a fiftieth. Files and
// directories are synced one by one only where a file system cannot be synced as a whole.
//
// How often the network is read depends on how fast the emulator answers: with the race detector in it, once or twice more.
func TestExport_AnAsset_CostsLittle(t *testing.T) {
	testmain.Long(t)
	for sink, most := range map[string]cost{
		"local": {
			"create": 1, "write": 1, "close": 1, "rename": 1, "mkdir": 0.7, "sync": 1, "syncdir": 0.7,
			"system calls": 5.2, "allocations": 152, "allocated bytes": 20_000,
		},
		"archive": {"write": 1, "system calls": 5, "allocations": 122, "allocated bytes": 20_000},
	} {
		t.Run(sink, func(t *testing.T) {
			const little = 0.05
			each := measureAsset(t, sink)
			for _, name := range slices.Sorted(maps.Keys(each)) {
				t.Logf("%s: %.2f an asset", name, each[name])
				if each[name] > most[name]+little {
					t.Errorf("%s: %.2f an asset, want at most %.2f", name, each[name], most[name])
				}
			}
		})
	}
}
