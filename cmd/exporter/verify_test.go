//go:build !race

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exporter/internal/export"
	"exporter/internal/store"
	"exporter/internal/testmain"
	"exporter/manifest"
	"exporter/pipeline"
)

// A bit flips anywhere in manifest.parquet: each asset whose row is lost is named, by its key or, where not even that can
// be read, by its blob.
func TestExport_AnyFlipInManifest_NamesEveryLostAsset(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for _, sink := range []string{"local", "archive"} {
		t.Run(sink, func(t *testing.T) {
			n := newNightly(t, 10, sink)
			n.night()
			rows := readExport(t, n.out).rows
			name := filepath.Join(n.out, manifest.AssetsName)
			sound, err := os.ReadFile(name)
			n.must(err)
			byKey, byBlob := 0, 0
			for at := 0; at < len(sound); at += 101 {
				damaged := append([]byte(nil), sound...)
				damaged[at] ^= 0x10
				n.must(os.WriteFile(name, damaged, 0o644))
				code, stdout, stderr := n.run("verify", "--out", n.out)
				if code != exitDamage {
					t.Fatalf("byte %d flipped: exit %d, want %d\n%s%s", at, code, exitDamage, stdout, stderr)
				}
				left := salvagedRows(t, n.out)
				for key, row := range rows {
					blob := row.Location.Path
					if row.Location.Shard != nil {
						blob = row.Location.Shard.Member
					}
					switch {
					case left[key]:
					case strings.Contains(stdout, fmt.Sprintf("%s of file %q", export.Describe(key), key.FileID)):
						byKey++
					case strings.Contains(stdout, fmt.Sprintf("orphan   %q", blob)):
						byBlob++
					default:
						t.Fatalf("byte %d flipped: %v is lost, but not named\n%s", at, key, stdout)
					}
				}
			}
			if byKey == 0 || byBlob == 0 {
				t.Errorf("%d assets were named by their keys and %d by their blobs, want some of both", byKey, byBlob)
			}
		})
	}
}

// salvagedRows returns the keys of the rows that are left of a damaged export.
func salvagedRows(t *testing.T, out string) map[pipeline.AssetKey]bool {
	t.Helper()
	dir, err := store.OpenDir(out)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	snapshot, _, err := manifest.Salvage(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	keys := map[pipeline.AssetKey]bool{}
	for row, err := range snapshot.Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		keys[row.Key()] = true
	}
	return keys
}
