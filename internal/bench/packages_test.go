package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The packages that are raced against are pinned as those are that the exports are read with.
func TestPeers_ArePinnedAsElsewhere(t *testing.T) {
	pins := func(file string) map[string]string {
		text, err := os.ReadFile(filepath.FromSlash(file))
		if err != nil {
			t.Fatal(err)
		}
		of := map[string]string{}
		if strings.HasSuffix(file, ".json") {
			var described struct{ Dependencies map[string]string }
			if err := json.Unmarshal(text, &described); err != nil {
				t.Fatal(err)
			}
			return described.Dependencies
		}
		for line := range strings.Lines(string(text)) {
			if name, version, found := strings.Cut(strings.TrimSpace(line), "=="); found {
				of[name] = version
			}
		}
		return of
	}
	for own, other := range map[string]string{
		"peers/requirements.txt": "../interop/python/requirements.txt", "peers/package.json": "../interop/tsclient/package.json",
	} {
		others, same := pins(other), 0
		for name, version := range pins(own) {
			if want, pinned := others[name]; pinned && version != want {
				t.Errorf("%s has %s %s, %s has %s", own, name, version, other, want)
			} else if pinned {
				same++
			}
		}
		if same == 0 {
			t.Errorf("%s and %s have no package in common", own, other)
		}
	}
}

// A dataset of img2dataset that lacks blobs, or their bytes, is no contestant's.
func TestCheckImageDataset_Rejects(t *testing.T) {
	c := newCorpus(3, 100)
	for name, test := range map[string]struct {
		stats string
		size  int
		ok    bool
	}{
		"whole":       {`{"count": 3, "successes": 3}`, 300, true},
		"one failed":  {`{"count": 3, "successes": 2}`, 300, false},
		"fewer bytes": {`{"count": 3, "successes": 3}`, 200, false},
		"garbage":     {`{`, 300, false},
	} {
		out := t.TempDir()
		writeBlob(t, filepath.Join(out, "00000.tar"), test.size-len(test.stats))
		if err := os.WriteFile(filepath.Join(out, "00000_stats.json"), []byte(test.stats), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := checkImageDataset(c, out); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
