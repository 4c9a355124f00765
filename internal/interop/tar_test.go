package interop

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTar_Shards_HoldTheCorpus(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		layout layout
		args   []string
		// shards is the least number of shards that the recorded corpus needs.
		shards int
	}{
		{"small shards", compressedShards, layouts()[compressedShards], 4},
		{"plain shards", plainShards, layouts()[plainShards], 4},
		{"defaults", compressedShards, []string{"--sink", "archive"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := exported(t, recordedCorpus(t), tt.args...)
			if shards := e.checkTar(t, tt.layout); shards < tt.shards {
				t.Errorf("%d shards, want at least %d", shards, tt.shards)
			}
		})
		t.Run(tt.name+", hostile", func(t *testing.T) {
			exported(t, hostileCorpus(t), tt.args...).checkTar(t, tt.layout)
		})
	}
}

// checkTar lists and extracts every shard with GNU tar and compares what comes out with the corpus. It returns the
// number of shards.
func (e *export) checkTar(t *testing.T, l layout) int {
	t.Helper()
	assets := e.wholeManifest(t, l)
	members := map[string][]string{}
	target := t.TempDir()
	for _, a := range assets {
		members[*a.Shard] = append(members[*a.Shard], *a.Member)
	}
	shards, err := fs.Glob(os.DirFS(e.out), "shards/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, shard := range shards {
		var compression []string
		if strings.HasSuffix(shard, ".zst") {
			compression = []string{"--zstd"}
		}
		archive := append(compression, "--file", e.path(shard))
		e.checkListing(t, shard, archive, members[shard])
		output(t, program(t, "tar", append(archive, "--extract", "--directory", target)...))
		delete(members, shard)
	}
	if len(members) > 0 {
		t.Errorf("the manifest names shards that are not there: %v", members)
	}
	for _, a := range assets {
		got, err := os.ReadFile(filepath.Join(target, filepath.FromSlash(*a.Member)))
		if err != nil || !bytes.Equal(got, e.read(t, e.blobs[a.key()])) {
			t.Errorf("%v: the extracted file is not the blob: %v", a.key(), err)
		}
	}
	return len(shards)
}

// checkListing compares the members that GNU tar lists with those of the manifest, and their attributes.
func (e *export) checkListing(t *testing.T, shard string, archive, want []string) {
	t.Helper()
	const seconds = "2006-01-02 15:04:05"
	from, to := e.started.UTC().Format(seconds), e.ended.UTC().Format(seconds)
	list := append(archive, "--list", "--verbose", "--numeric-owner", "--full-time", "--utc", "--quoting-style=literal",
		"--block-number")
	lines := strings.Split(strings.TrimSuffix(string(output(t, program(t, "tar", list...))), "\n"), "\n")
	if end := lines[len(lines)-1]; !strings.HasSuffix(end, ": ** Block of NULs **") {
		t.Errorf("%s: tar ends its list with %q, want the blocks that end an archive", shard, end)
	}
	var got []string
	for _, line := range lines[:len(lines)-1] {
		// "block", its number, mode, owner, size, date, time and name, which has no spaces.
		columns := strings.Fields(line)
		if len(columns) != 8 || columns[2] != "-rw-r--r--" {
			t.Errorf("%s: tar lists %q, want a regular file of mode 0644", shard, line)
			continue
		}
		if at := columns[5] + " " + columns[6]; at < from || at > to {
			t.Errorf("%s: %s is of %s, want a time from %s to %s", shard, columns[7], at, from, to)
		}
		got = append(got, columns[7])
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("members of %s (-manifest +tar):\n%s", shard, head(diff))
	}
}
