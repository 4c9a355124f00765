package interop

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"exporter/internal/emulator"
)

func TestZstd_Shards_AreWholeAndChecked(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"small": layouts()[compressedShards], "defaults": {"--sink", "archive"}} {
		t.Run(name, func(t *testing.T) {
			e := exported(t, recordedCorpus(t), args...)
			assets := e.wholeManifest(t, compressedShards)
			members, framesOf := map[string]int{}, map[string]map[int64]bool{}
			for _, a := range assets {
				if framesOf[*a.Shard] == nil {
					framesOf[*a.Shard] = map[int64]bool{}
				}
				framesOf[*a.Shard][*a.FrameOffset] = true
				members[*a.Shard]++
			}
			for shard, frames := range framesOf {
				output(t, program(t, "zstd", "--test", "--quiet", e.path(shard)))
				// One frame more ends the archive, and the skippable one is the seek table.
				e.checkZstdList(t, shard, len(frames)+1, 1)
				pipe := program(t, "sh", "-c", `zstd -d -c "$1" | tar -t`, "sh", e.path(shard))
				if n := strings.Count(string(output(t, pipe)), "\n"); n != members[shard] {
					t.Errorf("zstd -d %s | tar -t lists %d members, the manifest has %d", shard, n, members[shard])
				}
			}
		})
	}
}

// checkZstdList checks what zstd -lv says of a shard: how many frames it has, and that they have checksums.
func (e *export) checkZstdList(t *testing.T, shard string, frames, skippable int) {
	t.Helper()
	// The program names itself on standard error, so that this is no warning.
	list, err := program(t, "zstd", "-lv", e.path(shard)).Output()
	if err != nil {
		t.Fatalf("zstd -lv %s: %v", shard, err)
	}
	for pattern, want := range map[string]string{
		`# Zstandard Frames: (\d+)`: strconv.Itoa(frames),
		`# Skippable Frames: (\d+)`: strconv.Itoa(skippable),
		`Check: (\w+)`:              "XXH64",
	} {
		if found := regexp.MustCompile(pattern).FindStringSubmatch(string(list)); found == nil || found[1] != want {
			t.Errorf("zstd -lv %s: %q, want %s", shard, found, want)
		}
	}
}

func TestZstd_Frame_HoldsTheBlobsOfTheManifest(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"small": layouts()[compressedShards], "defaults": {"--sink", "archive"}} {
		t.Run(name, func(t *testing.T) {
			e := exported(t, recordedCorpus(t), args...)
			assets := e.wholeManifest(t, compressedShards)
			e.frames().checkBlobs(t, assets)
		})
	}
}

// One blob, as somebody would take it out who has a shell, coreutils, the zstd program and the row.
func TestShell_Frame_HoldsTheBlob(t *testing.T) {
	t.Parallel()
	const script = `set -eu
tail -c +$(($2 + 1)) "$1" | head -c "$3" >frame.zst
zstd -d -q frame.zst
dd if=frame of=blob iflag=skip_bytes,count_bytes skip=$(($4 - $5)) count="$6" status=none
sha256sum blob`
	e := exported(t, recordedCorpus(t), layouts()[compressedShards]...)
	assets := e.wholeManifest(t, compressedShards)
	a := largest(assets)
	if a == nil {
		t.Fatal("every shard has one frame")
	}
	sh := program(t, "sh", "-c", script, "sh", e.path(*a.Shard), fmt.Sprint(*a.FrameOffset), fmt.Sprint(*a.FrameSize),
		fmt.Sprint(*a.MemberOffset), fmt.Sprint(*a.FrameStart), fmt.Sprint(*a.Size))
	sh.Dir = t.TempDir()
	if got, want := string(output(t, sh)), *a.SHA256+"  blob\n"; got != want {
		t.Errorf("sha256sum says %q, want %q", got, want)
	}
}

// largest returns the largest blob behind the first frame of its shard, or nil.
func largest(assets []asset) *asset {
	var found *asset
	for i := range assets {
		if a := &assets[i]; *a.FrameOffset > 0 && (found == nil || *a.Size > *found.Size) {
			found = a
		}
	}
	return found
}

// Blobs that compression makes no smaller lie in frames of raw blocks.
func TestZstd_RawFrames_AreWholeAndChecked(t *testing.T) {
	t.Parallel()
	const blobs, size = 60, 200_000
	synthetic := emulator.Synthetic(emulator.SyntheticOptions{Files: 1, AssetsPerFile: blobs, BlobSize: size})
	e := serve(t, nil, emulator.Options{Corpus: synthetic})
	e.corpus = &corpus{directories: []string{emulator.SyntheticDirectory}}
	e.run(t, 0, "--sink", "archive")
	const shard = "shards/shard-000000.tar.zst"
	output(t, program(t, "zstd", "--test", "--quiet", e.path(shard)))
	pipe := program(t, "sh", "-c", `zstd -d -c "$1" | tar -t`, "sh", e.path(shard))
	if n := strings.Count(string(output(t, pipe)), "\n"); n != blobs {
		t.Errorf("zstd -d | tar -t lists %d members, want %d", n, blobs)
	}
	assets, _ := e.readDuckDB(t)
	f := e.frames()
	f.checkBlobs(t, assets)
	raw := 0
	for _, a := range assets {
		// The sixth byte tells the window: 128 KiB, which no level of compression has.
		if f.cut(t, *a.Shard, *a.FrameOffset, 6)[5] == (17-10)<<3 {
			raw++
		}
	}
	if raw == 0 || raw == blobs {
		t.Errorf("%d of %d blobs are in frames of raw blocks, want some", raw, blobs)
	}
}
