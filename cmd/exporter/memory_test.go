package main

import (
	"path/filepath"
	"runtime/metrics"
	"strings"
	"testing"
	"testing/fstest"

	"exporter/internal/durable"
	"exporter/internal/emulator"
	"exporter/internal/emulator/sample"
	"exporter/internal/testmain"
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

// In a container, a run takes what fits, and says where what it was given does not.
func TestRun_Container_FitsItself(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	_, url := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, sample.FS())})
	c := newCLI(t, url)
	c.ownProcess = true
	c.system = fstest.MapFS{
		"proc/self/cgroup": {Data: []byte("0::/pod/1\n")}, "sys/fs/cgroup/pod/1/memory.max": {Data: []byte("max\n")},
		"sys/fs/cgroup/pod/memory.max": {Data: []byte("209715200\n")},
	}
	var limit uint64
	c.wrapFS = func(fsys durable.FS) durable.FS {
		_, limit = collectorState()
		return fsys
	}
	const warning = "limits.memory does not fit"
	for _, args := range [][]string{nil, {"--memory", "100MiB"}, {"--memory", "256MiB"}} {
		args = append([]string{"run", "--project", "--out", filepath.Join(t.TempDir(), "out")}, args...)
		_, _, stderr := c.run(args...)
		if most := uint64(200) << 20; limit == 0 || limit >= most {
			t.Errorf("%q: in 200 MiB, the heap may have %d bytes", args, limit)
		}
		if warned, want := strings.Count(stderr, warning), len(args) > 4 && args[5] == "256MiB"; (warned == 1) != want || warned > 1 {
			t.Errorf("%q: warned %d times\n%s", args, warned, stderr)
		}
	}
}
