package sinks

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"slices"
	"testing"
	"unsafe"

	"exporter/internal/durable"
	"exporter/internal/durable/durabletest"
	"exporter/internal/store"
	"exporter/pipeline"
)

func TestMissingShards_FillsGaps(t *testing.T) {
	for _, tt := range []struct{ shards, want []string }{
		{nil, nil},
		{[]string{shardPath(0, true), shardPath(1, true)}, nil},
		{[]string{shardPath(2, true)}, []string{shardPath(0, true), shardPath(1, true)}},
		{[]string{shardPath(0, false), shardPath(3, true), "shards/other"}, []string{shardPath(1, true), shardPath(2, true)}},
		// Nobody lists what a name that no run gave would ask for.
		{[]string{shardPath(math.MaxInt, true)}, firstShards(maxMissing)},
	} {
		if got := missingShards(tt.shards, nil); !slices.Equal(got, tt.want) {
			t.Errorf("missingShards(%q) = %q, want %q", tt.shards, got, tt.want)
		}
	}
}

func firstShards(count int) []string {
	var names []string
	for number := range count {
		names = append(names, shardPath(number, true))
	}
	return names
}

func TestListShards_NamesThemAsSealed(t *testing.T) {
	fsys := durabletest.NewMemory(nil)
	if err := durable.Prepare(fsys); err != nil {
		t.Fatal(err)
	}
	s := store.OnFS(fsys)
	for _, base := range []string{"shard-000001.tar.zst.partial", "shard-000000.tar", "shard-1.tar", "x", "shard-000002.tar.gz"} {
		if err := store.PutBytes(t.Context(), s, ShardDir+"/"+base, nil); err != nil {
			t.Fatal(err)
		}
	}
	shards, others, err := ListShards(t.Context(), s)
	if want := []string{shardPath(0, false), shardPath(1, true)}; err != nil || !slices.Equal(shards, want) {
		t.Errorf("got shards %q, %v, want %q", shards, err, want)
	}
	if want := []string{"shards/shard-000002.tar.gz", "shards/shard-1.tar", "shards/x"}; !slices.Equal(others, want) {
		t.Errorf("got others %q, want %q", others, want)
	}
}

func TestWriteEmptyShard_IsASealedShardWithoutMembers(t *testing.T) {
	for _, compressed := range []bool{true, false} {
		fsys := durabletest.NewMemory(nil)
		if err := durable.Prepare(fsys); err != nil {
			t.Fatal(err)
		}
		name := shardPath(3, compressed)
		if err := WriteEmptyShard(t.Context(), store.OnFS(fsys), name); err != nil {
			t.Fatal(err)
		}
		if members := readTar(t, fsys, name); len(members) != 0 {
			t.Errorf("%s has members %q", name, members)
		}
		if got := readAll(t, fsys.Recover(durabletest.DropAll, 1), name); len(got) == 0 {
			t.Errorf("%s has no bytes after a crash", name)
		}
	}
}

func TestGiveUpShard_GivesItsName(t *testing.T) {
	f := newFixture(t, archiveUnderTest(t, true))
	f.mustPut(screenshot("f", 0), noise(0, 500))
	f.checkpoint()
	name := shardPath(0, true)
	for range 2 {
		if err := GiveUpShard(t.Context(), f.store, name); err != nil {
			t.Fatal(err)
		}
		f.check()
	}
	if err := GiveUpShard(t.Context(), f.store, shardPath(1, true)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v for a missing shard, want %v", err, fs.ErrNotExist)
	}
}

func TestClaim_Size_IsSmall(t *testing.T) {
	if got := unsafe.Sizeof(Claim{}); got != 80 {
		t.Errorf("a claim takes %d bytes, want 80", got)
	}
}

func TestNewClaim_Nonsense_IsRefused(t *testing.T) {
	row := func(change func(*pipeline.Row)) *pipeline.Row {
		r := &pipeline.Row{Location: pipeline.Location{
			Path:  shardPath(0, true),
			Shard: &pipeline.ShardLocation{Offset: 1024, Frame: &pipeline.Frame{Offset: 10, Size: 20, Start: 512}},
		}}
		r.Content.Size = 5
		change(r)
		return r
	}
	if _, err := NewClaim(1, row(func(*pipeline.Row) {})); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*pipeline.Row){
		"no shard":             func(r *pipeline.Row) { r.Location.Path = "manifest.parquet" },
		"partial shard":        func(r *pipeline.Row) { r.Location.Path += store.PartialSuffix },
		"elsewhere":            func(r *pipeline.Row) { r.Location.Path = "../" + r.Location.Path },
		"plain with frame":     func(r *pipeline.Row) { r.Location.Path = shardPath(0, false) },
		"no frame":             func(r *pipeline.Row) { r.Location.Shard.Frame = nil },
		"negative offset":      func(r *pipeline.Row) { r.Location.Shard.Offset = -1 },
		"negative size":        func(r *pipeline.Row) { r.Content.Size = -1 },
		"size that overflows":  func(r *pipeline.Row) { r.Content.Size = math.MaxInt64 - 1024 },
		"frame behind blob":    func(r *pipeline.Row) { r.Location.Shard.Frame.Start = 1024 },
		"empty frame":          func(r *pipeline.Row) { r.Location.Shard.Frame.Size = 0 },
		"frame beyond a table": func(r *pipeline.Row) { r.Location.Shard.Frame.Size = math.MaxUint32 + 1 },
	} {
		if _, err := NewClaim(1, row(change)); err == nil {
			t.Errorf("%s: a claim was made", name)
		}
	}
}

// Whatever of a frame can be decoded can be read, also where its checksum is wrong.
func TestUnpacker_DamagedFrame_LeavesWhatIsSound(t *testing.T) {
	f := newFixture(t, archiveUnderTest(t, true))
	for i := range 3 {
		f.mustPut(screenshot("f", i), noise(i, 3_000))
	}
	f.checkpoint()
	f.seal()
	name := shardPath(0, true)
	content := readAll(t, f.dir, name)
	second := f.committed[1]
	at := bytes.Index(content, f.bytes[second.Key()][100:200])
	if at < 0 {
		t.Fatal("the noise is not in the shard as it is")
	}
	content[at] ^= 1
	if err := store.PutBytes(t.Context(), f.store, name, content); err != nil {
		t.Fatal(err)
	}
	u, err := NewUnpacker(t.Context(), f.store, name)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range f.committed {
		blob, err := u.Blob(row.Location.Shard, row.Content.Size)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(blob)
		if sound := err == nil && bytes.Equal(got, f.bytes[row.Key()]); sound != (row != second) {
			t.Errorf("%v: sound is %t, %v", row.Key(), sound, err)
		}
	}
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	if entries, err := f.dir.ReadDir(durable.TempDir); err != nil || len(entries) > 0 {
		t.Errorf("%s holds %v, %v", durable.TempDir, entries, err)
	}
}

func TestIsShard_KnowsSealedNames(t *testing.T) {
	for name, want := range map[string]bool{
		shardPath(0, true): true, shardPath(1_234_567, false): true, "shards/shard-000000.tar.zst.partial": false,
		"shard-000000.tar": false, "blobs/shard-000000.tar": false, "shards/x/shard-000000.tar": false, "": false,
	} {
		if got := IsShard(name); got != want {
			t.Errorf("IsShard(%q) = %t, want %t", name, got, want)
		}
	}
}
