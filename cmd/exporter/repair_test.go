//go:build !race

package main

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// damagedSummary verifies an export and returns the summary.
func (n *nightly) damagedSummary(wantCode int) (s verifySummary) {
	n.t.Helper()
	code, stdout, stderr := n.run("verify", "--out", n.out, "--json")
	if code != wantCode {
		n.t.Fatalf("verify: exit %d, want %d\n%s%s", code, wantCode, stdout, stderr)
	}
	lines := bytes.Split(bytes.TrimSpace([]byte(stdout)), []byte("\n"))
	n.must(json.Unmarshal(lines[len(lines)-1], &s))
	return s
}

// blobFile returns a random one of the files that hold blobs, with its content.
func (n *nightly) blobFile(random *rand.Rand) (string, []byte) {
	n.t.Helper()
	var names []string
	for _, pattern := range []string{"blobs/*/*/*/*", "blobs/*/*/*/*/*", "shards/*"} {
		found, err := filepath.Glob(filepath.Join(n.out, pattern))
		n.must(err)
		for _, name := range found {
			if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() && info.Size() > 0 {
				names = append(names, name)
			}
		}
	}
	name := names[random.IntN(len(names))]
	content, err := os.ReadFile(name)
	n.must(err)
	return name, content
}

// Bits flip anywhere in an export, and each time it is repaired: as many blobs are fetched as verify says are lost, and
// then it is what an undisturbed export is.
func TestExport_Repair_FetchesWhatIsLost(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for name, args := range map[string][]string{
		"local":                {"local"},
		"archive":              {"archive", "--shard-size", "8KB", "--frame-size", "2KB"},
		"archive uncompressed": {"archive", "--shard-size", "16KB", "--compression", "none"},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNightly(t, 10, args[0])
			n.args = append(n.args, args[1:]...)
			n.night()
			undisturbed := readExport(t, n.out)
			random := rand.New(rand.NewPCG(1, 2))
			lost := int64(0)
			for range 12 {
				name, content := n.blobFile(random)
				content[random.IntN(len(content))] ^= 1 << random.IntN(8)
				n.must(os.WriteFile(name, content, 0o644))
				code, _, _ := n.run("verify", "--out", n.out)
				if code == 0 {
					// A bit that no reader looks at.
					continue
				}
				s := n.damagedSummary(exitDamage)
				lost += s.Lost
				n.night("--repair")
				if _, blobs := n.requests(); int64(blobs) != s.Lost {
					t.Errorf("%s: %d blobs were fetched, want %d: %+v", name, blobs, s.Lost, s)
				}
				n.damagedSummary(0)
				repaired := readExport(t, n.out)
				if len(repaired.rows) != len(undisturbed.rows) {
					t.Fatalf("%d rows, want %d", len(repaired.rows), len(undisturbed.rows))
				}
				for key, row := range undisturbed.rows {
					if got := repaired.rows[key]; got == nil || got.Status != row.Status || got.Content.SHA256 != row.Content.SHA256 {
						t.Errorf("%v is %+v, want %+v", key, got, row)
					}
				}
			}
			if lost == 0 {
				t.Error("no flip cost a blob")
			}
		})
	}
}

// What vanished upstream cannot be fetched again: it is said to be lost, and costs no request.
func TestExport_RepairOfVanished_IsFailed(t *testing.T) {
	t.Parallel()
	n := newNightly(t, 3, "local")
	n.night()
	var gone *pipeline.Row
	for key, row := range readExport(t, n.out).rows {
		if key.Kind == pipeline.Screenshot {
			gone = row
		}
	}
	fileID := string(gone.FileID)
	n.must(n.corpus.RemoveAsset(fileID, emulator.Screenshot, int64(gone.PageIndex), ""))
	n.must(n.corpus.Touch(fileID, gone.File.UpdatedAt.Add(time.Hour)))
	n.night()
	n.night()
	n.must(os.Remove(filepath.Join(n.out, gone.Location.Path)))
	n.night("--repair")
	n.wantRequests("repair", perDirectory, 0)
	row := readExport(t, n.out).rows[gone.Key()]
	if row.Status != pipeline.Failed || !strings.HasPrefix(row.Reason, pipeline.ClassDamaged+": ") || row.VanishedAt.IsZero() {
		t.Errorf("got %s (%s), vanished at %v, want it failed, damaged and vanished", row.Status, row.Reason, row.VanishedAt)
	}
	n.damagedSummary(0)
}
