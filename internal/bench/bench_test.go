package main

import (
	"bytes"
	"encoding/xml"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"exporter/internal/testmain"
)

// TestMain lets the test binary be the loop in Go, and what makes and merges tables, as it is this program that the benchmark starts for that.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && slices.Contains([]string{fetchCommand, makePartsCommand, compactCommand}, os.Args[1]) {
		main()
		return
	}
	testmain.Quick()
	m.Run()
}

// All measurements, with next to nothing to measure.
func TestRun_Tiny(t *testing.T) {
	testmain.Long(t)
	var out, log bytes.Buffer
	svg := filepath.Join(t.TempDir(), "nights.svg")
	err := run(t.Context(), []string{
		"-all", "-svg", svg, "-rounds", "2", "-blobs", "40", "-size", "2000", "-small", "500", "-workers", "8", "-scale", "0.0001", "-tmpfs", t.TempDir(), "-disk", "",
	}, &out, &log)
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out.Bytes(), log.Bytes())
	}
	for _, row := range []string{
		`bound +\| +[0-9.]+ \| [0-9.]+\.\.[0-9.]+ \| +1\.00 \|`,
		`loop +\| +[0-9.]+ \|`,
		`curl +\| +([0-9.]+|missing) \|`,
		`llama-cloud, Python, a loop +\| +missing \|`,
		`aria2c +\| +([0-9.]+|missing) \|`,
		`exporter, local +\| +[0-9.]+ \|`,
		`exporter, archive +\| +[0-9.]+ \|`,
	} {
		if !regexp.MustCompile(`(?m)^\| ` + row).Match(out.Bytes()) {
			t.Errorf("no row %s in\n%s", row, out.Bytes())
		}
	}
	for _, text := range []string{
		"disk: left out", "the emulator's ceiling", "### memory file system: 40 blobs of 2000 bytes", "### memory file system: 160 blobs of 500 bytes",
		"### memory file system, TLS 1.3: 40 blobs", "CPU of exporter, local: ", "× loop, hashing; at most 1.00", "### Start", "- version: ",
		"- CPU of a run with nothing to do: ", "### Slow", "### Many: 100 blobs of 1000 bytes", "### Verification: 100 blobs of 100000 bytes, files", "### Peak of resident memory", "### Latency", "### Growth",
		"### Nothing to do", "### Rate of", "### Limits", "programs on one limit",
		"### Files", "### Skipped assets", "### Prune", "### One file", "### Metadata: 16 files", "One blob with `cat`", "`verify` of",
		"### Nights: 2 with 20 new pictures", "- CPU time of night 2: ", "- 1 shards for", "### Datasets of 40 blobs", "| webdataset, archive", "dataset of 100 blobs",
		"### Buckets: left out", "### 4 tasks of one export", "without a limit: one program", "### Parts: 100 with 1000 rows", "- CPU time of the merge of parts ÷ that of a run: ",
	} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("no %q in\n%s", text, out.Bytes())
		}
	}
	drawn, err := os.ReadFile(svg)
	if dots := bytes.Count(drawn, []byte("<circle")); err != nil || dots != 4 || xml.Unmarshal(drawn, new(struct{})) != nil {
		t.Errorf("%d dots for 2 nights and 2 plots, %v, in\n%s", dots, err, drawn)
	}
}

func TestRun_Rejects(t *testing.T) {
	for _, args := range [][]string{
		{"-rounds", "1"}, {"-blobs", "0"}, {"-workers", "0"}, {"-size", "66"}, {"-small", "66"}, {"-scale", "0"}, {"-tmpfs", "", "-disk", ""}, {"x"},
	} {
		if err := run(t.Context(), args, t.Output(), t.Output()); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}
