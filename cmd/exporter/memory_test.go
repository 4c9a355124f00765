package main

import (
	"path/filepath"
	"runtime/metrics"
	"testing"

	"exporter/internal/durable"
	"exporter/internal/emulator"
	"exporter/internal/emulator/sample"
)

// collectorState returns how the garbage collector of this process is set.
func collectorState() (percent, limit uint64) {
	samples := []metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/gc/gomemlimit:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64(), samples[1].Value.Uint64()
}

// A run tunes the memory of its process, and leaves it as it was.
func TestRun_OwnProcess_TunesMemory(t *testing.T) {
	_, url := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, sample.FS())})
	percentBefore, limitBefore := collectorState()
	var percent, limit uint64
	c := newCLI(t, url)
	c.ownProcess = true
	c.wrapFS = func(fsys durable.FS) durable.FS {
		percent, limit = collectorState()
		return fsys
	}
	c.mustRun("run", "--project", "--out", filepath.Join(t.TempDir(), "out"), "--memory", "512MiB")
	if want := uint64(512+128) << 20; limit != want || percent == percentBefore {
		t.Errorf("while it runs, the limit is %d and the percentage %d, want %d and another than %d", limit, percent, want, percentBefore)
	}
	if percent, limit := collectorState(); percent != percentBefore || limit != limitBefore {
		t.Errorf("afterwards the limit is %d and the percentage %d, want %d and %d", limit, percent, limitBefore, percentBefore)
	}
}
