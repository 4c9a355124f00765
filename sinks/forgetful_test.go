package sinks

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/pipeline"
)

// moved lets an export that a killed run left in a directory go on where nothing is kept that is unfinished, as one that was copied to a
// bucket does. It has one shard that is partial, with something behind what is committed.
func moved(t *testing.T, compress bool) *fixture {
	f := newFixture(t, archiveUnderTest(t, compress))
	for i := range 3 {
		f.mustPut(screenshot("f", i), noise(i, 5_000))
		f.checkpoint()
	}
	f.mustPut(screenshot("lost", 0), noise(9, 5_000))
	if err := f.sync(); err != nil {
		t.Fatal(err)
	}
	f.sink.forgets = true
	return f
}

func TestArchive_PartialShardInABucket_IsSealed(t *testing.T) {
	for _, compress := range []bool{true, false} {
		f := moved(t, compress)
		f.crash()
		first := shardPath(0, compress)
		if got := shardFiles(t, f.dir); !slices.Equal(got, []string{first}) {
			t.Fatalf("shards are %q, want %s", got, first)
		}
		f.check()
		before := readAll(t, f.dir, first)
		f.mustPut(screenshot("f", 3), noise(3, 5_000))
		f.checkpoint()
		f.seal()
		f.checkNothingElse()
		if f.mustBeSound() != 2 || !bytes.Equal(readAll(t, f.dir, first), before) {
			t.Errorf("%s was gone on with", first)
		}
	}
}

// Of a partial shard that holds less than its rows say, nothing is sealed nor removed.
func TestArchive_PartialShardInABucket_DamagedStays(t *testing.T) {
	f := moved(t, true)
	partial := shardPath(0, true) + store.PartialSuffix
	short := readAll(t, f.dir, partial)[:3_000]
	if err := store.PutBytes(t.Context(), f.store, partial, short); err != nil {
		t.Fatal(err)
	}
	bucket := f.sink.storeOn(f.dir)
	_, err := f.sink.open(bucket, f.rows)
	if damage, ok := errors.AsType[*pipeline.DamageError](err); !ok || damage.Path != partial {
		t.Errorf("got error %v, want damage of %s", err, partial)
	}
	if got := shardFiles(t, f.dir); !slices.Equal(got, []string{partial}) {
		t.Errorf("shards are %q, want %s", got, partial)
	}
	if err := GiveUpShard(t.Context(), bucket, shardPath(0, true)); err != nil {
		t.Fatal(err)
	}
	if got := shardFiles(t, f.dir); !slices.Equal(got, []string{shardPath(0, true)}) || !bytes.Equal(readAll(t, f.dir, got[0]), short) {
		t.Errorf("given up, shards are %q", got)
	}
}

// Where it is copied, a crash may leave both a sealed shard and the partial one that it was made of.
func TestGiveUpShard_SealedAndPartial_LeavesTheSealedOne(t *testing.T) {
	s, name := storetest.Forgetful(storetest.NewMemory(nil)), shardPath(0, true)
	for key, content := range map[string]string{name: "sealed", name + store.PartialSuffix: "partial"} {
		if err := store.PutBytes(t.Context(), s, key, []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := GiveUpShard(t.Context(), s, name); err != nil {
		t.Fatal(err)
	}
	for e, err := range s.List(t.Context(), "") {
		if err != nil || e.Key != name || e.Size != int64(len("sealed")) {
			t.Errorf("there is %+v, %v, want %s as it was", e, err, name)
		}
	}
}
