//go:build clock

package interop

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"exporter/internal/emulator"
)

// jumpingExporter builds the program with a time.Now whose wall clock jumps an hour forward, and back, ten times a second.
func jumpingExporter(t *testing.T) (binary string) {
	t.Helper()
	dir := t.TempDir()
	root := strings.TrimSpace(string(output(t, exec.Command("go", "env", "GOROOT"))))
	original := filepath.Join(root, "src", "time", "time.go")
	source, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	const now = "\tsec, nsec, mono := runtimeNow()\n"
	head, tail, found := strings.Cut(string(source), "func Now() Time {\n"+now)
	if !found {
		t.Fatalf("%s has another time.Now than this test knows", original)
	}
	const jump = "\tsec += (mono / 100_000_000 % 2) * 3600\n"
	write(t, dir, "time.go", []byte(head+"func Now() Time {\n"+now+jump+tail))
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{original: filepath.Join(dir, "time.go")}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "overlay.json", overlay)
	binary = filepath.Join(dir, "exporter")
	build := exec.Command("go", "build", "-C", filepath.Join("..", ".."), "-overlay", filepath.Join(dir, "overlay.json"),
		"-o", binary, "./cmd/exporter")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build exporter: %v\n%s", err, out)
	}
	return binary
}

// The machine's clock jumps all the time. Timeouts, pauses and the rate are as they should be, as if it did not.
func TestClock_Jumps_HaveNoEffect(t *testing.T) {
	binary := jumpingExporter(t)
	const files, each, perSecond = 2, 40, 40
	e := serve(t, nil, emulator.Options{
		Corpus: emulator.Synthetic(emulator.SyntheticOptions{Files: files, AssetsPerFile: each, BlobSize: 500}),
		Faults: emulator.Faults{
			Rate: 0.2, Kinds: []emulator.FaultKind{emulator.FaultStatus429, emulator.FaultStatus500}, RetryAfter: "1",
		},
	})
	// A run that waits for the clock would take an hour.
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c, stderr := e.exporter(ctx, "run", "--directory", emulator.SyntheticDirectory, "--out", e.out, "--rate", "40/s",
		"--header-timeout", "10s", "--idle-timeout", "10s", "--max-pause", "1m", "--max-outage", "1m", "--checkpoint", "300ms")
	c.Path = binary
	e.finish(t, c, stderr, 0)
	blobs, err := filepath.Glob(e.path("blobs/*/*/*/*"))
	if err != nil || len(blobs) != files*each {
		t.Errorf("%d blobs are stored, want %d: %v", len(blobs), files*each, err)
	}
	output(t, program(t, "exporter", "verify", "--out", e.out))
	// The bucket holds a twentieth of a second's tokens, two here; what is sent at once may arrive a little later.
	var arrivals []time.Time
	for _, r := range e.emulator.Requests() {
		arrivals = append(arrivals, r.Time)
	}
	slices.SortFunc(arrivals, time.Time.Compare)
	for i := range arrivals {
		if j := i + perSecond + 10; j < len(arrivals) && arrivals[j].Sub(arrivals[i]) < time.Second {
			t.Fatalf("%d requests in %v at a rate of %d/s", j-i, arrivals[j].Sub(arrivals[i]), perSecond)
		}
	}
}
